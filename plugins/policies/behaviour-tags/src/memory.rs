//! What is remembered of a customer: for each rule, and each value that it tells apart, the newest facts that count.

use heliu_sdk::events::Instant;
use serde::{Deserialize, Serialize};

/// Counts that are kept of one customer, over all rules. Beyond, the one with the oldest facts is forgotten.
const TRACKS_MAX: usize = 64;
/// Orders given back whose payment may still be reported late.
const VOIDED_MAX: usize = 8;

#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    tracks: Vec<Track>,
    /// Fingerprints of orders that were cancelled or refunded, the latest last.
    voided: Vec<u64>,
}

/// The count of one rule for one value.
#[derive(Default, Serialize, Deserialize)]
pub struct Track {
    pub rule: u64,
    pub value: String,
    /// By time. No more than the rule needs.
    pub marks: Vec<Mark>,
    /// Facts up to here do not count: the count began anew. 0: it never did.
    since: Instant,
    /// 0: the tag was not given, or was taken off. The end of time: it has no end.
    pub tagged_until: Instant,
    /// When the alarm is due. 0: there is none.
    pub armed: Instant,
}

/// One fact that counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    pub at: Instant,
    /// Fingerprint of the order's id, or the event's.
    pub key: u64,
}

/// Which facts of too many are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Newest,
    Oldest,
}

impl Memory {
    pub fn find(&mut self, rule: u64, value: &str) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.rule == rule && track.value == value)
    }

    /// All counts of a rule.
    pub fn of_rule(&mut self, rule: u64) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut().filter(move |track| track.rule == rule)
    }

    /// The count, a new one if need be, and the one that had to make room for it.
    pub fn open(&mut self, rule: u64, value: &str) -> (&mut Track, Option<Track>) {
        let known = self.tracks.iter().position(|track| track.rule == rule && track.value == value);
        let mut forgotten = None;
        let place = known.unwrap_or_else(|| {
            if self.tracks.len() >= TRACKS_MAX {
                let oldest = self.tracks.iter().enumerate().min_by_key(|(_, track)| track.newest());
                forgotten = oldest.map(|(i, _)| i).map(|i| self.tracks.remove(i));
            }
            self.tracks.push(Track { rule, value: value.to_owned(), ..Track::default() });
            self.tracks.len() - 1
        });
        (&mut self.tracks[place], forgotten)
    }

    /// Forgets what holds nothing.
    pub fn tidy(&mut self) {
        self.tracks.retain(|track| !track.marks.is_empty() || track.since > 0 || track.tagged_until > 0);
    }

    /// Remembers that an order was given back.
    pub fn void(&mut self, order: u64) {
        if !self.voided.contains(&order) {
            if self.voided.len() >= VOIDED_MAX {
                self.voided.remove(0);
            }
            self.voided.push(order);
        }
    }

    pub fn is_void(&self, order: u64) -> bool {
        self.voided.contains(&order)
    }
}

impl Track {
    /// The time of the newest fact, or of the last new beginning.
    pub fn newest(&self) -> Instant {
        self.marks.last().map_or(self.since, |mark| mark.at)
    }

    /// Counts a fact. False: it is known, or too old to matter.
    pub fn mark(&mut self, mark: Mark, capacity: usize, keep: Keep) -> bool {
        let too_old = self.since > 0 && mark.at <= self.since;
        if too_old || self.marks.iter().any(|known| known.key == mark.key) {
            return false;
        }
        let place = self.marks.partition_point(|known| *known < mark);
        self.marks.insert(place, mark);
        if self.marks.len() > capacity {
            let dropped =
                if keep == Keep::Newest { self.marks.remove(0) } else { self.marks.remove(capacity) };
            return dropped != mark;
        }
        true
    }

    /// Begins anew: facts up to `at` count no more.
    pub fn end(&mut self, at: Instant) {
        self.since = self.since.max(at);
        self.marks.retain(|mark| mark.at > self.since);
    }

    /// Takes one fact back. False: it did not count.
    pub fn unmark(&mut self, key: u64) -> bool {
        let before = self.marks.len();
        self.marks.retain(|mark| mark.key != key);
        self.marks.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: Instant) -> Mark {
        Mark { at, key: at }
    }

    fn times(track: &Track) -> Vec<Instant> {
        track.marks.iter().map(|mark| mark.at).collect()
    }

    #[test]
    fn the_newest_facts_are_kept_whatever_the_order_of_arrival() {
        let mut track = Track::default();
        for (time, counts) in [(50, true), (20, true), (20, false), (40, true), (10, false), (60, true)] {
            assert_eq!(track.mark(at(time), 3, Keep::Newest), counts, "{time}");
        }
        assert_eq!(times(&track), [40, 50, 60]);
    }

    #[test]
    fn a_fact_before_a_new_beginning_does_not_count_even_if_it_comes_later() {
        let mut track = Track::default();
        track.end(30);
        assert!(!track.mark(at(30), 3, Keep::Newest));
        assert!(track.mark(at(31), 3, Keep::Newest));
        assert_eq!(times(&track), [31]);
    }

    #[test]
    fn a_memory_is_bounded_and_forgets_the_oldest() {
        let mut memory = Memory::default();
        for i in 0..TRACKS_MAX as u64 {
            let (track, forgotten) = memory.open(1, &i.to_string());
            assert!(track.mark(at(1000 - i), 1, Keep::Newest) && forgotten.is_none());
        }
        let (_, forgotten) = memory.open(2, "");
        assert_eq!(forgotten.map(|track| track.value), Some((TRACKS_MAX - 1).to_string()));
        assert_eq!(memory.tracks.len(), TRACKS_MAX);
        for order in 0..100 {
            memory.void(order);
        }
        assert!(memory.is_void(99) && !memory.is_void(0) && memory.voided.len() == VOIDED_MAX);
    }
}
