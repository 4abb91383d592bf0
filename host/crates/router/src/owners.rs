//! Whose a handle is, as far as it is known at hand: a table of as many handles as fit, each in one text.
//!
//! A customer has a few, so there are more of them than of anything else that is kept between batches, and each record
//! asks several times.

use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};
use model::{CustomerId, Identity};

#[derive(Default)]
pub(crate) struct Owners {
    table: HashMap<Key, CustomerId, RandomState>,
}

/// Scheme, scope and value, one behind the other.
struct Key {
    text: Box<str>,
    /// Where the scope begins, and where the value does.
    scope: u32,
    value: u32,
}

/// What it is looked for by.
struct Sought<'a>(&'a Identity);

impl Owners {
    pub(crate) fn has(&self, handle: &Identity) -> bool {
        self.table.contains_key(&Sought(handle))
    }

    pub(crate) fn get(&self, handle: &Identity) -> Option<CustomerId> {
        self.table.get(&Sought(handle)).copied()
    }

    pub(crate) fn put(&mut self, handle: &Identity, owner: CustomerId) {
        match self.table.get_mut(&Sought(handle)) {
            Some(known) => *known = owner,
            None => drop(self.table.insert(Key::of(handle), owner)),
        }
    }
}

impl Key {
    fn of(Identity { scheme, scope, value }: &Identity) -> Key {
        let place = |length: usize| u32::try_from(length).expect("because a handle is bounded in bytes");
        let (from, to) = (place(scheme.len()), place(scheme.len() + scope.len()));
        Key { text: [scheme.as_str(), scope, value].concat().into(), scope: from, value: to }
    }

    fn parts(&self) -> [&str; 3] {
        let (scheme, rest) = self.text.split_at(self.scope as usize);
        let (scope, value) = rest.split_at((self.value - self.scope) as usize);
        [scheme, scope, value]
    }
}

impl Sought<'_> {
    fn parts(&self) -> [&str; 3] {
        let Sought(Identity { scheme, scope, value }) = self;
        [scheme, scope, value]
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.parts() == key.parts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(scheme: &str, scope: &str, value: &str) -> Identity {
        Identity { scheme: scheme.to_owned(), scope: scope.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn handles_of_the_same_letters_are_told_apart_and_each_has_its_latest_owner() {
        let handles = [
            handle("phone", "", "+8613900000000"),
            handle("phone", "+86", "13900000000"),
            handle("phone+86", "", "13900000000"),
            handle("", "phone", "+8613900000000"),
            handle("会员", "店", "号"),
            handle("会", "员店", "号"),
        ];
        let mut owners = Owners::default();
        for (number, handle) in (0..).zip(&handles) {
            assert!(!owners.has(handle), "{handle:?}");
            owners.put(handle, CustomerId(number));
        }
        owners.put(&handles[1], CustomerId(99));
        let found: Vec<_> = handles.iter().map(|handle| owners.get(handle).unwrap().0).collect();
        assert_eq!(found, [0, 99, 2, 3, 4, 5]);
        assert_eq!((owners.table.len(), owners.get(&handle("phone", "", ""))), (6, None));
    }
}
