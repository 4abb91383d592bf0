//! Something of which there is so much, shared among connections so that nobody takes it all: places for calls, bytes of memory.
//!
//! Each connection has a bound of its own, and a part is always left for each of the others, whatever anybody holds. What a part
//! is depends on how many are configured, and on nothing that they do.

use std::collections::BTreeMap;

/// How much is left for each connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Where there are few of them.
    pub(crate) each_max: usize,
    /// One of so many parts of everything is shared out, where there are many; the rest is whoever's comes first.
    pub(crate) of: usize,
}

pub(crate) struct Shares {
    all: usize,
    part: Part,
    taken: usize,
    /// By connection: those that are configured, and those that hold something.
    of: BTreeMap<String, Share>,
}

#[derive(Clone, Copy, Default)]
struct Share {
    held: usize,
    /// None: it is not configured, and nothing is left for it.
    most: Option<usize>,
}

impl Shares {
    pub(crate) fn new(all: usize, part: Part) -> Shares {
        Shares { all, part, taken: 0, of: BTreeMap::new() }
    }

    /// The connections that are configured from here on, each with the most that it may hold.
    pub(crate) fn share(&mut self, shares: impl IntoIterator<Item = (String, usize)>) {
        self.of.values_mut().for_each(|share| share.most = None);
        for (connection, most) in shares {
            self.of.entry(connection).or_default().most = Some(most);
        }
        self.of.retain(|_, share| share.held > 0 || share.most.is_some());
    }

    pub(crate) fn take(&mut self, connection: &str, count: usize) -> bool {
        let Share { held, most } = self.of.get(connection).copied().unwrap_or_default();
        let configured = self.of.values().filter(|share| share.most.is_some()).count().max(1);
        let left = self.part.each_max.min(self.all / self.part.of / configured);
        let owed = |(name, share): (&String, &Share)| match share.most {
            Some(_) if name != connection => left.saturating_sub(share.held),
            Some(_) | None => 0,
        };
        let for_others: usize = self.of.iter().map(owed).sum();
        let free = self.all.saturating_sub(self.taken);
        // What is more than its bound goes alone.
        let within = held == 0 || held + count <= most.unwrap_or(self.all);
        let is_its_own = most.is_some() && held + count <= left;
        if !within || count > free || !(is_its_own || count + for_others <= free) {
            return false;
        }
        self.taken += count;
        self.of.entry(connection.to_owned()).or_default().held += count;
        true
    }

    pub(crate) fn give_back(&mut self, connection: &str, count: usize) {
        self.taken = self.taken.saturating_sub(count);
        if let Some(share) = self.of.get_mut(connection) {
            share.held = share.held.saturating_sub(count);
            if share.held == 0 && share.most.is_none() {
                self.of.remove(connection);
            }
        }
    }

    /// What all of them hold.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Part = Part { each_max: 4, of: 1 };

    fn shared(all: usize, part: Part, shares: &[(&str, usize)]) -> Shares {
        let mut of = Shares::new(all, part);
        of.share(shares.iter().map(|(name, most)| ((*name).to_owned(), *most)));
        of
    }

    /// How often it gets so many.
    fn fill(shares: &mut Shares, connection: &str, count: usize) -> usize {
        (0..).take_while(|_| shares.take(connection, count)).count()
    }

    #[test]
    fn a_connection_has_its_bound_and_leaves_some_to_each_of_the_others() {
        let mut shares = shared(64, FEW, &[("a", 48), ("b", 48), ("c", 48), ("d", 48)]);
        assert_eq!(fill(&mut shares, "a", 1), 48);
        assert_eq!(fill(&mut shares, "b", 1), 8, "64 less 48, and four for each of c and d");
        // What is left for one is nobody else's, and it suffices for a guest that counts as three.
        assert_eq!(fill(&mut shares, "c", 3), 1);
        assert_eq!(fill(&mut shares, "d", 1), 4);
        for (name, held) in [("a", 48), ("b", 8), ("c", 3), ("d", 4)] {
            shares.give_back(name, held);
        }
        assert_eq!(shares.taken(), 0);
    }

    #[test]
    fn in_a_small_pool_each_has_its_part_and_what_is_too_large_goes_alone() {
        let mut shares = shared(4, FEW, &[("a", 9), ("b", 9), ("c", 1)]);
        assert_eq!(fill(&mut shares, "a", 1), 2);
        shares.give_back("a", 2);
        assert_eq!(fill(&mut shares, "c", 2), 1, "beyond its bound, and alone");
        // Nobody is configured: `heliu plugin run`.
        assert_eq!(fill(&mut Shares::new(3, FEW), "x", 1), 3);
    }

    #[test]
    fn one_that_is_configured_no_longer_is_left_nothing_and_gives_back_what_it_holds() {
        let mut shares = shared(8, FEW, &[("a", 8), ("b", 8)]);
        assert_eq!(fill(&mut shares, "b", 1), 4);
        shares.share([("a".to_owned(), 8)]);
        assert_eq!(fill(&mut shares, "a", 1), 4);
        shares.give_back("b", 4);
        assert!(!shares.of.contains_key("b"));
        assert_eq!(fill(&mut shares, "a", 1), 4);
    }

    #[test]
    fn however_many_are_greedy_a_part_of_what_is_shared_out_is_left_for_one_that_is_not() {
        // Half of it is shared out, 32 to each at most.
        let part = Part { each_max: 32, of: 2 };
        for count in 2..40_usize {
            let names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
            let mut shares = Shares::new(384, part);
            shares.share(names.iter().map(|name| (name.clone(), 192)));
            let left = 32.min(192 / count);
            for greedy in &names[1..] {
                assert!(fill(&mut shares, greedy, 1) >= left, "{count}");
            }
            let got = fill(&mut shares, &names[0], 1);
            assert!(got >= left && (count < 4 || got == left), "{count}: {got}, {left} are left");
        }
    }
}
