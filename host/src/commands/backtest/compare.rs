//! Two documents of one customer, compared; and the sums over all of them.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use model::{Customer, CustomerId, HeldIntent, Instant};
use router::Pair;

use super::limits::Limits;
use crate::commands::calendar::Zone;

/// Customers that are shown one by one: those who change most.
pub(super) const MOST_CHANGED: usize = 10;
/// Customers that are named for each tag.
const NAMED: usize = 5;

/// A tag, or a stage in its journey, on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) gained: u64,
    pub(super) lost: u64,
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

pub(super) struct Comparison<'a> {
    binding: &'a str,
    since: Instant,
    zone: Zone,
    limits: &'a Limits,
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
    pub(super) fn new(binding: &'a str, since: Instant, zone: Zone, limits: &'a Limits) -> Comparison<'a> {
        Comparison {
            binding,
            since,
            zone,
            limits,
            tags: BTreeMap::new(),
            stages: BTreeMap::new(),
            intents: BTreeMap::new(),
            limits_hit: BTreeMap::new(),
            tasks: [0; 2],
            changed: 0,
            most: BinaryHeap::new(),
        }
    }

    pub(super) fn take(&mut self, pair: &Pair) {
        let Pair { before, after } = pair;
        let mut what = Vec::new();
        self.tags(before, after, &mut what);
        self.stages(before, after, &mut what);
        self.intents(before, after, &mut what);
        for (sum, side) in self.tasks.iter_mut().zip([before, after]) {
            *sum += side.tasks.iter().filter(|held| held.binding == self.binding).count() as u64;
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
            match count(held, old.contains(name), new.contains(name), after.id) {
                0 => {}
                1 => what.push(format!("gains the tag {name}")),
                _ => what.push(format!("loses the tag {name}")),
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
            if count(held, old.contains(name), new.contains(name), after.id) == 1 {
                what.push(format!("is at {} in {}", name.1, name.0));
            } else if !new.contains(name) && !new.iter().any(|(journey, _)| *journey == name.0) {
                what.push(format!("is nowhere in {}", name.0));
            }
        }
    }

    fn intents(&mut self, before: &Customer, after: &Customer, what: &mut Vec<String>) {
        let zone = self.zone;
        let old = meant(before, self.binding, self.since);
        let new = meant(after, self.binding, self.since);
        let day = |held: &HeldIntent| zone.text(held.cause.now)[..10].to_owned();
        let cell = |held: &HeldIntent| (day(held), held.intent.scene.clone());
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
            match old.get(key) {
                None => {
                    sum.added += 1;
                    what.push(format!("is sent {} \"{key}\" on {}", held.intent.scene, day(held)));
                }
                Some(was) if cell(was) != cell(held) => {
                    sum.moved += 1;
                    what.push(format!(
                        "is sent {} \"{key}\" on {}, not {}",
                        held.intent.scene,
                        day(held),
                        day(was)
                    ));
                }
                Some(_) => {}
            }
        }
        for (side, intents) in [&old, &new].into_iter().enumerate() {
            let intents: Vec<&HeldIntent> = intents.values().copied().collect();
            for code in self.limits.hit(&intents) {
                self.limits_hit.entry(code).or_default()[side] += 1;
            }
        }
    }
}

/// What a policy intends for her from a time on, by key.
fn meant<'c>(customer: &'c Customer, binding: &str, since: Instant) -> BTreeMap<&'c str, &'c HeldIntent> {
    let meant = |held: &&HeldIntent| held.binding == binding && held.cause.now >= since;
    customer.intents.iter().filter(meant).map(|held| (held.intent.key.as_str(), held)).collect()
}

/// 1: gained, 2: lost, 0: as before.
fn count(held: &mut Held, before: bool, after: bool, id: CustomerId) -> u8 {
    held.before += u64::from(before);
    held.after += u64::from(after);
    let (sum, named, change) = match (before, after) {
        (false, true) => (&mut held.gained, &mut held.gaining, 1),
        (true, false) => (&mut held.lost, &mut held.losing, 2),
        (true, true) | (false, false) => return 0,
    };
    *sum += 1;
    if named.len() < NAMED {
        named.push(id);
    }
    change
}
