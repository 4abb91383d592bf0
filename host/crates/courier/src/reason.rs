//! Why an intent waits, was dropped or expired, or how it went on its way: a word for machines and a sentence for people.

use std::fmt;

/// The word for machines. Stands in ledgers and answers: a released one never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Its own `not-before` has not come.
    NotYet,
    /// Its connection failed, and is tried again later.
    Retry,
    QuietHours,
    /// As many as she may get in a window.
    Cap,
    /// Too soon after the one before.
    Gap,
    /// As many as an account may send today.
    Budget,
    /// Another intent of hers took the place that there was.
    LostSlot,
    /// No connection plays the scene for her.
    NoRoute,
    /// She did not consent, or opted out.
    Consent,
    /// She bought what it is about.
    Suppressed,
    /// The same policy's same key, twice.
    Duplicate,
    /// Its time is over.
    TooLate,
    /// Its connection failed in a way that no time mends.
    Fault,
    /// Its connection failed as often as we try.
    TriesUsedUp,
    /// Its connection has more before it than it carries at once.
    Queue,
    /// Its connection failed, and rests.
    Resting,
    /// Its connection waits for an operator.
    Paused,
    /// It was being handed over when the host, or its plugin, broke off: it may have reached her.
    UnknownEnd,
    /// What led to it does not hold any more.
    Withdrawn,
    /// No rule stops it: it is handed to its connection.
    LetThrough,
    /// Its connection says that it was sent.
    Taken,
    /// Its connection has asked staff to confirm it.
    AsksStaff,
}

impl Code {
    pub const ALL: [Code; 22] = [
        Code::NotYet,
        Code::Retry,
        Code::QuietHours,
        Code::Cap,
        Code::Gap,
        Code::Budget,
        Code::LostSlot,
        Code::NoRoute,
        Code::Consent,
        Code::Suppressed,
        Code::Duplicate,
        Code::TooLate,
        Code::Fault,
        Code::TriesUsedUp,
        Code::Queue,
        Code::Resting,
        Code::Paused,
        Code::UnknownEnd,
        Code::Withdrawn,
        Code::LetThrough,
        Code::Taken,
        Code::AsksStaff,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::NotYet => "not-yet",
            Code::Retry => "retry",
            Code::QuietHours => "quiet-hours",
            Code::Cap => "cap",
            Code::Gap => "gap",
            Code::Budget => "budget",
            Code::LostSlot => "lost-slot",
            Code::NoRoute => "no-route",
            Code::Consent => "consent",
            Code::Suppressed => "suppressed",
            Code::Duplicate => "duplicate",
            Code::TooLate => "too-late",
            Code::Fault => "fault",
            Code::TriesUsedUp => "tries-used-up",
            Code::Queue => "queue",
            Code::Resting => "resting",
            Code::Paused => "paused",
            Code::UnknownEnd => "unknown-end",
            Code::Withdrawn => "withdrawn",
            Code::LetThrough => "let-through",
            Code::Taken => "taken",
            Code::AsksStaff => "asks-staff",
        }
    }
}

/// Why, in both tongues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: Code,
    /// A sentence with names and numbers, without a full stop.
    pub text: String,
}

impl Reason {
    pub fn new(code: Code, text: impl Into<String>) -> Reason {
        Reason { code, text: text.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.text)
    }
}
