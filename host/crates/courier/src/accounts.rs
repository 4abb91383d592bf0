//! The configured accounts of channels: what each can play, whom it can address, and what it has sent today.

use model::{Ability, Identity, Instant};

/// Every connection that can carry. Kept by the caller over many customers: see [`Accounts::carried`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    pub connections: Vec<Account>,
}

/// The scene of somebody who is no friend yet.
const FRIEND_REQUEST: &str = "friend-request";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub connection: String,
    pub channel: String,
    pub abilities: Vec<Ability>,
    /// The handles at which it reaches a customer.
    pub addresses: Vec<Address>,
    /// The handles by which it can have somebody looked for who does not know it yet: for a friend request.
    pub strangers: Vec<Address>,
    /// When the account began to work. None: not known, and treated as new.
    pub since: Option<Instant>,
    /// Of the day that [`crate::Rules::today`] tells.
    pub sent_today: Tally,
    /// Its members of staff. One that is missing is new and has sent nothing.
    pub staff: Vec<StaffAccount>,
}

/// A kind of handle that a connection can address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub scheme: String,
    /// Of the handles that are its own: a corp id, an app id. None: any.
    pub scope: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffAccount {
    pub staff: String,
    /// When it began to work. None: not known, and treated as new.
    pub since: Option<Instant>,
    /// Of the day that [`crate::Rules::today`] tells.
    pub sent_today: Tally,
}

/// How many of each scene.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Vec<(String, u32)>);

impl Tally {
    pub fn add(&mut self, scene: &str, count: u32) {
        match self.0.iter_mut().find(|(name, _)| name == scene) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => self.0.push((scene.to_owned(), count)),
        }
    }

    pub(crate) fn count(&self, counts: impl Fn(&str) -> bool) -> u32 {
        let counted = self.0.iter().filter(|(scene, _)| counts(scene));
        counted.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

impl Address {
    fn reaches(&self, handle: &Identity) -> bool {
        self.scheme == handle.scheme && self.scope.as_ref().is_none_or(|scope| *scope == handle.scope)
    }
}

impl Account {
    pub(crate) fn ability(&self, scene: &str) -> Option<&Ability> {
        self.abilities.iter().find(|ability| ability.scene == scene)
    }

    /// Can it play this scene?
    #[must_use]
    pub fn plays(&self, scene: &str) -> bool {
        self.ability(scene).is_some()
    }

    /// What it can play.
    pub fn scenes(&self) -> impl Iterator<Item = &str> {
        self.abilities.iter().map(|ability| ability.scene.as_str())
    }

    /// Is one of these handles an address of its own? A friend request goes to whoever is none yet.
    #[must_use]
    pub fn reaches(&self, scene: &str, handles: &[&Identity]) -> bool {
        let addresses = if scene == FRIEND_REQUEST { &self.strangers } else { &self.addresses };
        addresses.iter().any(|address| handles.iter().any(|handle| address.reaches(handle)))
    }

    pub(crate) fn staff(&self, staff: &str) -> Option<&StaffAccount> {
        self.staff.iter().find(|account| account.staff == staff)
    }
}

impl Accounts {
    /// Counts one that is carried, so that the next customer is judged with it. A connection that is not among them
    /// changes nothing.
    pub fn carried(&mut self, connection: &str, staff: Option<&str>, scene: &str) {
        let Some(account) = self.connections.iter_mut().find(|account| account.connection == connection)
        else {
            return;
        };
        account.sent_today.add(scene, 1);
        let Some(staff) = staff else { return };
        match account.staff.iter_mut().find(|account| account.staff == staff) {
            Some(account) => account.sent_today.add(scene, 1),
            None => {
                let mut sent_today = Tally::default();
                sent_today.add(scene, 1);
                account.staff.push(StaffAccount { staff: staff.to_owned(), since: None, sent_today });
            }
        }
    }
}
