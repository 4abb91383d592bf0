//! Named places at which a process can be told to die, as if by SIGKILL: nothing is unwound, nothing flushed.
//!
//! They are in every binary, so that what is tested is what runs. Nothing arms one but whoever starts the process, by an
//! argument of `heliu serve`: no environment, no file and no request can. Unarmed, a point costs the look at one atomic.
//! See decision 019.

use std::io::Write as _;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest time after a point at which a process can be told to die, in microseconds.
const AFTER_US_MAX: u64 = 60_000_000;

macro_rules! points {
    ($($(#[doc = $about:literal])+ $point:ident = $name:literal,)+) => {
        /// Between two steps, of which only the first is done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($(#[doc = $about])+ $point,)+
        }

        impl Point {
            /// All there are: the list that tests go through.
            pub const ALL: &[Point] = &[$(Point::$point,)+];

            /// As `--die-at` names it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Point::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// A file got the tables of a newer schema; they are not committed.
    MigrationWritten = "migration-written",
    /// They are; the next ones are not there.
    Migrated = "migrated",
    /// An append is written; nothing of it is committed.
    AppendWritten = "append-written",
    /// It is durable; nobody was told.
    AppendDone = "append-done",
    /// A webhook's events are durable; the channel was not answered.
    AnswerOwed = "answer-owed",
    /// A feed gave a page; nothing of it was kept.
    PageRead = "page-read",
    /// Its events and the next cursor are durable.
    PageKept = "page-kept",
    /// A chore was worked on; nothing of it was kept.
    ChoreWorked = "chore-worked",
    /// What it yielded and its end are durable.
    ChoreKept = "chore-kept",
    /// A commit of the fold is written; nothing of it is committed.
    CommitWritten = "commit-written",
    /// It is committed; the fold was not told.
    CommitDone = "commit-done",
    /// The journal takes nothing older than now; no alarm has fired.
    FloorRaised = "floor-raised",
    /// Some customers are folded again by a new setup, others are not.
    PageRefolded = "page-refolded",
    /// The journal knows that errands are handed over now; they are not.
    DueTold = "due-told",
    /// The channel has them; the journal does not know.
    ErrandCarried = "errand-carried",
    /// What the channel made of them is durable.
    OutcomeKept = "outcome-kept",
    /// The write-ahead log of a file is to be copied into it.
    CheckpointBegun = "checkpoint-begun",
    /// It is copied.
    CheckpointDone = "checkpoint-done",
}

/// When a process is to die: `chore-kept`, `chore-kept:3` the third time, `chore-kept:3+250` so many microseconds after that,
/// wherever it is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    pub at: Point,
    /// 1: the first time.
    pub nth: u64,
    pub after_us: u64,
}

/// Why a text names no death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchDeath(String);

impl std::fmt::Display for NoSuchDeath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSuchDeath {}

impl FromStr for Death {
    type Err = NoSuchDeath;

    fn from_str(text: &str) -> Result<Death, NoSuchDeath> {
        let number =
            |text: &str| text.parse::<u64>().map_err(|_| NoSuchDeath(format!("\"{text}\" is no number")));
        let (text, after_us) = match text.split_once('+') {
            Some((text, after)) => (text, number(after)?.min(AFTER_US_MAX)),
            None => (text, 0),
        };
        let (name, nth) = match text.split_once(':') {
            Some((name, nth)) => (name, number(nth)?.max(1)),
            None => (text, 1),
        };
        let at = Point::ALL.iter().find(|point| point.name() == name).copied();
        let names = || Point::ALL.iter().map(|point| point.name()).collect::<Vec<_>>().join(", ");
        let at = at.ok_or_else(|| NoSuchDeath(format!("no point \"{name}\"; there are: {}", names())))?;
        Ok(Death { at, nth, after_us })
    }
}

static ARMED: OnceLock<(Death, AtomicU64)> = OnceLock::new();

/// From now on this process dies there. The first call counts.
pub fn arm(death: Death) {
    let _first = ARMED.set((death, AtomicU64::new(0)));
}

impl Point {
    /// The process is here.
    #[inline]
    pub fn reached(self) {
        if let Some((death, times)) = ARMED.get()
            && death.at == self
            && times.fetch_add(1, Ordering::Relaxed) + 1 == death.nth
        {
            death.come();
        }
    }
}

impl Death {
    #[cold]
    fn come(self) {
        if self.after_us == 0 {
            self.die();
        }
        // On another thread, so that this one goes on into whatever is to be broken off.
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(self.after_us));
            self.die()
        });
    }

    /// The line says that the point was reached, to whoever reads the process's standard error.
    fn die(self) -> ! {
        let _heard = writeln!(std::io::stderr(), "failpoint: died at {}", self.at.name());
        std::process::abort()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_a_point_a_time_and_a_delay() {
        let death = |at, nth, after_us| Ok(Death { at, nth, after_us });
        assert_eq!("chore-kept".parse(), death(Point::ChoreKept, 1, 0));
        assert_eq!("answer-owed:3".parse(), death(Point::AnswerOwed, 3, 0));
        assert_eq!("checkpoint-begun:2+250".parse(), death(Point::CheckpointBegun, 2, 250));
        let error = "nowhere".parse::<Death>().unwrap_err().to_string();
        assert!(error.starts_with("no point \"nowhere\"; there are: migration-written, "), "{error}");
        assert!("chore-kept:x".parse::<Death>().is_err());
    }

    #[test]
    fn names_differ() {
        let mut names: Vec<_> = Point::ALL.iter().map(|point| point.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Point::ALL.len());
    }

    #[test]
    fn an_unarmed_process_lives() {
        Point::ALL.iter().for_each(|point| point.reached());
    }
}
