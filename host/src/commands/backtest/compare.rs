//! Two documents of one customer, compared; and the sums over all of them.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use model::{Customer, CustomerId, HeldIntent, Instant};
use router::Pair;

use super::limits::{Limits, at};
use crate::commands::calendar::Zone;

/// Customers that are shown one by one: those who change most.
pub(super) const MOST_CHANGED: usize = 10;

/// A tag, or a stage in its journey, on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) gained: u64,
    pub(super) lost: u64,
    /// As many as are to be named.
    pub(super) gaining: Vec<CustomerId>,
    pub(super) losing: Vec<CustomerId>,
}

/// Intents of one day and scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Intents {
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) added: u64,
    pub(super) dropped: u64,
    /// The same key, at another time or in another scene. Counted where it is after.
    pub(super) moved: u64,
}

/// One customer who changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Changed {
    pub(super) changes: usize,
    /// Of two with as many changes the older one is shown.
    pub(super) id: std::cmp::Reverse<CustomerId>,
    pub(super) what: Vec<String>,
}

/// What is compared, and how it is told.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) binding: &'a str,
    /// Intents that were decided before are not counted.
    pub(super) since: Instant,
    pub(super) zone: Zone,
    pub(super) limits: &'a Limits,
    /// Customers that are named for each tag and stage, at most: so many who gain it, and as many who lose it.
    pub(super) named: usize,
}

pub(super) struct Comparison<'a> {
    terms: Terms<'a>,
    pub(super) tags: BTreeMap<String, Held>,
    pub(super) stages: BTreeMap<(String, String), Held>,
    pub(super) intents: BTreeMap<(String, String), Intents>,
    /// By code: before, after.
    pub(super) limits_hit: BTreeMap<&'static str, [u64; 2]>,
    pub(super) tasks: [u64; 2],
    pub(super) changed: u64,
    most: BinaryHeap<std::cmp::Reverse<Changed>>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(terms: Terms<'a>) -> Comparison<'a> {
        Comparison {
            terms,
            tags: BTreeMap::new(),
            stages: BTreeMap::new(),
            intents: BTreeMap::new(),
            limits_hit: BTreeMap::new(),
            tasks: [0; 2],
            changed: 0,
            most: BinaryHeap::new(),
        }
    }

    /// Does it need to know what was really sent to her?
    pub(super) fn asks_ledger(&self, pair: &Pair) -> bool {
        let Pair { before, after } = pair;
        let Terms { binding, limits, .. } = self.terms;
        limits.look_back() && [before, after].into_iter().any(|side| !meant(side, binding, 0).is_empty())
    }

    /// `ledger`: her intents as the store has them, where [`Comparison::asks_ledger`].
    pub(super) fn take(&mut self, pair: &Pair, ledger: &[HeldIntent]) {
        let Pair { before, after } = pair;
        let mut what = Vec::new();
        self.tags(before, after, &mut what);
        self.stages(before, after, &mut what);
        self.intents(before, after, &mut what);
        self.limits(pair, ledger);
        for (sum, side) in self.tasks.iter_mut().zip([before, after]) {
            *sum += side.tasks.iter().filter(|held| held.binding == self.terms.binding).count() as u64;
        }
        if what.is_empty() {
            return;
        }
        self.changed += 1;
        let changed = Changed { changes: what.len(), id: std::cmp::Reverse(after.id), what };
        self.most.push(std::cmp::Reverse(changed));
        if self.most.len() > MOST_CHANGED {
            self.most.pop();
        }
    }

    /// Those who change most, most first.
    pub(super) fn most_changed(&self) -> Vec<Changed> {
        let mut most: Vec<Changed> = self.most.iter().map(|changed| changed.0.clone()).collect();
        most.sort_by(|a, b| b.cmp(a));
        most
    }

    fn tags(&mut self, before: &Customer, after: &Customer, what: &mut Vec<String>) {
        let names = |customer: &Customer| -> BTreeSet<String> {
            customer.tags.iter().map(|tag| tag.name.clone()).collect()
        };
        let (old, new) = (names(before), names(after));
        for name in old.union(&new) {
            let held = self.tags.entry(name.clone()).or_default();
            match held.count(old.contains(name), new.contains(name), after.id, self.terms.named) {
                Count::Same => {}
                Count::Gained => what.push(format!("gains the tag {name}")),
                Count::Lost => what.push(format!("loses the tag {name}")),
            }
        }
    }

    fn stages(&mut self, before: &Customer, after: &Customer, what: &mut Vec<String>) {
        let names = |customer: &Customer| -> BTreeSet<(String, String)> {
            customer.stages.iter().map(|held| (held.journey.clone(), held.stage.clone())).collect()
        };
        let (old, new) = (names(before), names(after));
        for name in old.union(&new) {
            let held = self.stages.entry(name.clone()).or_default();
            let (journey, stage) = name;
            match held.count(old.contains(name), new.contains(name), after.id, self.terms.named) {
                Count::Same => {}
                Count::Gained => what.push(format!("is at {stage} in {journey}")),
                // Where she is at another one, that is said.
                Count::Lost if new.iter().any(|(other, _)| other == journey) => {}
                Count::Lost => what.push(format!("is nowhere in {journey}")),
            }
        }
    }

    fn intents(&mut self, before: &Customer, after: &Customer, what: &mut Vec<String>) {
        let Terms { binding, since, zone, .. } = self.terms;
        let (old, new) = (meant(before, binding, since), meant(after, binding, since));
        let cell = |held: &HeldIntent| (When::of(held, zone).day, held.intent.scene.clone());
        for (key, held) in &old {
            let sum = self.intents.entry(cell(held)).or_default();
            sum.before += 1;
            if !new.contains_key(key) {
                sum.dropped += 1;
                what.push(format!("is not sent {} \"{key}\"", held.intent.scene));
            }
        }
        for (key, held) in &new {
            let sum = self.intents.entry(cell(held)).or_default();
            sum.after += 1;
            let scene = &held.intent.scene;
            match old.get(key) {
                None => {
                    sum.added += 1;
                    what.push(format!("is sent {scene} \"{key}\" on {}", When::of(held, zone).day));
                }
                Some(was) => {
                    if let Some(how) = moved(was, held, zone) {
                        sum.moved += 1;
                        what.push(format!("is sent {scene} \"{key}\" {how}"));
                    }
                }
            }
        }
    }

    fn limits(&mut self, pair: &Pair, ledger: &[HeldIntent]) {
        let Terms { binding, since, limits, .. } = self.terms;
        for (side, customer) in [&pair.before, &pair.after].into_iter().enumerate() {
            // What was decided earlier takes its places, too.
            let intents: Vec<&HeldIntent> = meant(customer, binding, 0).into_values().collect();
            for (code, count) in limits.hit(binding, &intents, ledger, since) {
                self.limits_hit.entry(code).or_default()[side] += count;
            }
        }
    }
}

/// When an intent may go out first.
struct When {
    day: String,
    time: String,
}

impl When {
    fn of(held: &HeldIntent, zone: Zone) -> When {
        let text = zone.text(at(held));
        let (day, time) = text.split_once(' ').unwrap_or((&text, ""));
        When { day: day.to_owned(), time: time.to_owned() }
    }
}

/// Where it is now and was not before. None: it is where it was.
fn moved(was: &HeldIntent, held: &HeldIntent, zone: Zone) -> Option<String> {
    let ([old, new], same_scene) =
        ([was, held].map(|it| When::of(it, zone)), was.intent.scene == held.intent.scene);
    if same_scene && at(was) == at(held) {
        return None;
    }
    Some(match (same_scene, new.day == old.day) {
        (true, true) => format!("on {} at {}, not at {}", new.day, new.time, old.time),
        (true, false) => format!("on {}, not {}", new.day, old.day),
        (false, _) => format!("on {}, not {} on {}", new.day, was.intent.scene, old.day),
    })
}

/// What a policy intends for her, decided from a time on, by key. What does not hold any more is not meant: a store keeps it.
fn meant<'c>(customer: &'c Customer, binding: &str, since: Instant) -> BTreeMap<&'c str, &'c HeldIntent> {
    let meant = |held: &&HeldIntent| held.binding == binding && !held.unfounded && held.cause.now >= since;
    customer.intents.iter().filter(meant).map(|held| (held.intent.key.as_str(), held)).collect()
}

enum Count {
    Gained,
    Lost,
    Same,
}

impl Held {
    /// One more customer, who held it before, or holds it after.
    fn count(&mut self, before: bool, after: bool, id: CustomerId, named_max: usize) -> Count {
        self.before += u64::from(before);
        self.after += u64::from(after);
        let (sum, named, count) = match (before, after) {
            (false, true) => (&mut self.gained, &mut self.gaining, Count::Gained),
            (true, false) => (&mut self.lost, &mut self.losing, Count::Lost),
            (true, true) | (false, false) => return Count::Same,
        };
        *sum += 1;
        if named.len() < named_max {
            named.push(id);
        }
        count
    }
}

#[cfg(test)]
mod tests;
