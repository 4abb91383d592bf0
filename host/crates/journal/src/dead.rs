//! Dead letters: what could not be handled, kept as it came, until somebody tries it again or lets it go.

use model::{Deed, Digest, Dropped, Entry, Instant, OperatorAct, Request, Retry, Source};

use crate::{Journal, JournalError, fingerprint_of};

/// Something that a connector was given and could not handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRequest {
    pub what: DeadWhat,
    /// A stable word, by which letters are counted: `malformed`, `trap`, `limit`, `answer`, `bug`.
    pub reason: String,
    /// For people.
    pub why: String,
    /// The component that was asked, and what it calls itself.
    pub plugin: Digest,
    pub title: String,
    /// The last lines that it logged, secrets left out.
    pub log: Vec<String>,
    /// The functions that it was in, innermost first.
    pub backtrace: Option<String>,
    /// The request as it came: method, path, query, headers, body.
    pub request: Request,
}

/// What was asked of the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadWhat {
    /// A channel's request.
    Request,
    /// A page of its feed: the cursor is the body.
    Poll,
    /// A chore: its key is the path, its job the body.
    Chore,
}

/// A dead request in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub number: u64,
    pub connection: String,
    /// When it came first.
    pub now: Instant,
    /// When it came last.
    pub last: Instant,
    /// How often it came.
    pub times: u64,
    pub dead: DeadRequest,
    pub state: DeadState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadState {
    /// Somebody must look at it.
    Waiting,
    /// It was handled after all.
    Retried(Ended),
    /// An operator let it go.
    Dropped(Ended),
}

/// How a letter ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub now: Instant,
    pub by: String,
    pub why: String,
}

/// Ends letters, in the very commit of what was made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterEnd {
    pub letters: Letters,
    pub how: HowEnded,
    pub by: String,
    pub why: String,
}

impl LetterEnd {
    /// What the journal says of an end that an operator made. None: a whole feed's letters end by themselves.
    #[must_use]
    pub fn record(&self) -> Option<Entry> {
        let LetterEnd { letters, how, by, why } = self;
        // An alarm's key is any text, and what an act's id says cannot be taken out of the journal.
        let (letter, named) = match letters {
            Letters::One(number) => (number.to_string(), number.to_string()),
            Letters::Turn(key) => (key.clone(), fingerprint_of(Source::Operator, key).to_string()),
            Letters::Feed => return None,
        };
        let (id, deed) = match how {
            HowEnded::Retried => {
                (format!("dead/retry/{named}"), Deed::Retry(Retry { letter, customer: None }))
            }
            HowEnded::Dropped => (format!("dead/drop/{named}"), Deed::Drop(Dropped { letter })),
        };
        Some(Entry::Act(OperatorAct { id, by: by.clone(), why: why.clone(), deed }))
    }
}

/// What the journal says of an operator's try of a letter that waits on. Each try has a number: it is a record of its own.
///
/// # Errors
/// [`JournalError`] if the journal cannot be asked which of them it has.
pub fn retry_in_vain(journal: &dyn Journal, number: u64, by: &str, why: &str) -> Result<Entry, JournalError> {
    let mut tries = 1_u64;
    let id = loop {
        let id = format!("dead/retry/{number}/{tries}");
        match journal.locate(Source::Operator, &id)? {
            Some(_) => tries += 1,
            None => break id,
        }
    };
    let deed = Deed::Retry(Retry { letter: number.to_string(), customer: None });
    Ok(Entry::Act(OperatorAct { id, by: by.to_owned(), why: why.to_owned(), deed }))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Letters {
    /// The one with this number, whichever connection's it is.
    One(u64),
    /// Those of the feed of the batch's connection: it went on.
    Feed,
    /// The note with this key on a turn of a policy. Such a letter is part of the store, and only its end is kept here.
    Turn(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowEnded {
    Retried,
    Dropped,
}

/// Which letters are asked for. What is left out asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadQuery {
    /// Only those behind this number.
    pub after: u64,
    /// At most so many.
    pub limit: usize,
    /// Only those that wait.
    pub waiting: bool,
    pub connection: Option<String>,
    pub reason: Option<String>,
}

/// Letters that wait, and have all of this in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadCount {
    pub connection: String,
    pub what: DeadWhat,
    pub reason: String,
    pub plugin: Digest,
    pub title: String,
    pub letters: u64,
    /// How often they came in all.
    pub times: u64,
    /// The first one's number.
    pub first: u64,
    /// When one of them came last.
    pub last: Instant,
}

impl DeadWhat {
    /// As it is stored and printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DeadWhat::Request => "request",
            DeadWhat::Poll => "poll",
            DeadWhat::Chore => "chore",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<DeadWhat> {
        [DeadWhat::Request, DeadWhat::Poll, DeadWhat::Chore].into_iter().find(|what| what.name() == name)
    }
}

impl DeadRequest {
    /// Is it the same again? Headers and reasons may differ: a channel dates each delivery.
    #[must_use]
    pub fn is_again(&self, other: &DeadRequest) -> bool {
        let same = |one: &DeadRequest| {
            let Request { method, path, query, headers: _, body } = &one.request;
            (one.what, method.clone(), path.clone(), query.clone(), body.clone())
        };
        same(self) == same(other)
    }
}

impl DeadQuery {
    /// Those behind `after`, whatever became of them.
    #[must_use]
    pub fn all(after: u64, limit: usize) -> DeadQuery {
        DeadQuery { after, limit, ..DeadQuery::default() }
    }

    /// The one with this number.
    #[must_use]
    pub fn one(number: u64) -> DeadQuery {
        DeadQuery::all(number.saturating_sub(1), 1)
    }

    #[must_use]
    pub fn asks_for(&self, letter: &DeadLetter) -> bool {
        let DeadQuery { after, limit: _, waiting, connection, reason } = self;
        letter.number > *after
            && (!waiting || letter.state == DeadState::Waiting)
            && connection.as_ref().is_none_or(|name| *name == letter.connection)
            && reason.as_ref().is_none_or(|word| *word == letter.dead.reason)
    }
}

impl HowEnded {
    #[must_use]
    pub fn state(self, ended: Ended) -> DeadState {
        match self {
            HowEnded::Retried => DeadState::Retried(ended),
            HowEnded::Dropped => DeadState::Dropped(ended),
        }
    }
}

impl DeadState {
    /// As it is printed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            DeadState::Waiting => "waiting",
            DeadState::Retried(_) => "retried",
            DeadState::Dropped(_) => "dropped",
        }
    }

    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        match self {
            DeadState::Waiting => None,
            DeadState::Retried(ended) | DeadState::Dropped(ended) => Some(ended),
        }
    }
}
