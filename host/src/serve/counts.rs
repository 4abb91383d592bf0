//! What a connection was given, and what became of it: nothing is lost without a name.
//!
//! Two equations hold whenever nothing is under way. Of requests: received = answered + refused, by reason + dead, by reason. Of
//! events: yielded = stored + duplicates + unkept. They count from the start of the process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::dead::MALFORMED;

/// Why a request was sent away with nothing of it kept. The channel comes again, but for the first and the last.
pub(crate) mod refused {
    /// Its signature does not hold.
    pub(crate) const NOT_AUTHENTIC: &str = "not_authentic";
    /// Too many calls of the connection at once.
    pub(crate) const TOO_MANY: &str = "too_many";
    /// The breaker is open.
    pub(crate) const BREAKER: &str = "breaker_open";
    /// The sandbox had no room.
    pub(crate) const NO_ROOM: &str = "no_room";
    /// The journal did not take what came of it.
    pub(crate) const NOT_KEPT: &str = "not_kept";
    /// The connector takes no webhooks.
    pub(crate) const NOT_OFFERED: &str = "not_offered";

    pub(crate) const ALL: [&str; 6] = [NOT_AUTHENTIC, TOO_MANY, BREAKER, NO_ROOM, NOT_KEPT, NOT_OFFERED];
}

/// Why something becomes a dead letter: nobody understands it, or the plugin fails at it.
const DEAD: [&str; 5] = [MALFORMED, "limit", "trap", "answer", "bug"];

/// Why a plugin's request to the network was not made.
const HTTP_REFUSED: [&str; 2] = ["not_granted", "forbidden"];

/// Counters by a word out of a fixed set. Each is there from the beginning: of one that appears with 1 nobody sees that it grew.
#[derive(Debug)]
pub(crate) struct ByWord(Mutex<BTreeMap<&'static str, u64>>);

impl ByWord {
    fn of(words: &[&'static str]) -> ByWord {
        ByWord(Mutex::new(words.iter().map(|word| (*word, 0)).collect()))
    }

    /// Gives how many there are now.
    pub(crate) fn count(&self, word: &'static str) -> u64 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(word).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn get(&self, word: &'static str) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(word).copied().unwrap_or(0)
    }

    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
pub(crate) struct Counts {
    /// Calls of the connector, of all kinds, and those that failed.
    pub(crate) calls: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) requests: Requests,
    pub(crate) events: Events,
    /// Chores and pages of the feed that died, by reason.
    pub(crate) dead_chores: ByWord,
    pub(crate) dead_polls: ByWord,
    /// Requests of the plugin that nobody allowed, by reason.
    pub(crate) http_refused: ByWord,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            calls: AtomicU64::default(),
            faults: AtomicU64::default(),
            requests: Requests {
                received: AtomicU64::default(),
                answered: AtomicU64::default(),
                refused: ByWord::of(&refused::ALL),
                dead: ByWord::of(&DEAD),
            },
            events: Events::default(),
            dead_chores: ByWord::of(&DEAD),
            dead_polls: ByWord::of(&DEAD),
            http_refused: ByWord::of(&HTTP_REFUSED),
        }
    }
}

/// Of webhooks, from where they are taken off the queue.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) received: AtomicU64,
    /// With the connector's own answer, after all that came of it was durable.
    pub(crate) answered: AtomicU64,
    pub(crate) refused: ByWord,
    pub(crate) dead: ByWord,
}

/// Of all that a connector yields, whoever called it.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) yielded: AtomicU64,
    pub(crate) stored: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    /// The journal did not take them: they come again.
    pub(crate) unkept: AtomicU64,
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    Answered,
    Refused(&'static str),
    Dead(&'static str),
}

impl Requests {
    pub(crate) fn ended(&self, became: Became) {
        match became {
            Became::Answered => bump(&self.answered, 1),
            Became::Refused(why) => {
                self.refused.count(why);
            }
            Became::Dead(why) => {
                self.dead.count(why);
            }
        }
    }
}

pub(crate) fn bump(counter: &AtomicU64, by: usize) {
    counter.fetch_add(u64::try_from(by).unwrap_or(u64::MAX), Ordering::Relaxed);
}

pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use sandbox::FaultKind;

    use super::*;

    #[test]
    fn every_word_is_counted_from_the_beginning() {
        let counts = Counts::default();
        let Counts { calls: _, faults: _, requests, events: _, dead_chores, dead_polls, http_refused } =
            &counts;
        let zeros =
            |by: &ByWord| by.all().into_iter().map(|(word, count)| (word, count == 0)).collect::<Vec<_>>();
        assert_eq!(zeros(&requests.refused).len(), refused::ALL.len());
        assert_eq!(zeros(http_refused).len(), HTTP_REFUSED.len());
        for by in [&requests.dead, dead_chores, dead_polls] {
            assert_eq!(zeros(by).len(), DEAD.len());
            assert!(zeros(by).iter().all(|(_, is_zero)| *is_zero));
        }
        // What is refused, or tried again, never is one.
        let never = ["not_offered", "busy"];
        let kinds = FaultKind::NAMES.iter().filter(|kind| !never.contains(kind));
        assert!(kinds.clone().all(|kind| DEAD.contains(kind)) && kinds.count() + 1 == DEAD.len());
        requests.ended(Became::Refused(refused::TOO_MANY));
        assert_eq!((requests.refused.get(refused::TOO_MANY), requests.refused.all().len()), (1, 6));
    }
}
