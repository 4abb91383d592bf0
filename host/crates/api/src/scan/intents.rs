//! Goes through everybody's intents: which there are, and how many in each state.

use std::collections::BTreeMap;

use model::{Customer, CustomerId, HeldIntent, IntentState};
use store::Query;

use super::{NAMES_MAX, Named, PAGE_CUSTOMERS, Scan, ScanError};

/// Which intents are meant. None: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntentFilter {
    pub state: Option<IntentState>,
    pub scene: Option<String>,
    /// Who carries it, or did.
    pub connection: Option<String>,
    /// The word for why it is where it is.
    pub code: Option<String>,
    /// Of the policy, or `broadcast.NAME`.
    pub binding: Option<String>,
    /// What she made of it: `replied`.
    pub reaction: Option<String>,
}

/// Intents, by customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intents {
    pub intents: Vec<(CustomerId, HeldIntent)>,
    /// Behind whom to go on. None: there are no more.
    pub next: Option<CustomerId>,
}

/// How many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntentCounts {
    /// Of each scene, state and word for why.
    pub states: Named<(String, IntentState, String)>,
    /// By scene and by what she made of them. Of scenes that are not counted there, none.
    pub reactions: BTreeMap<(String, String), Reacted>,
}

/// Intents of which she made one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reacted {
    pub intents: u64,
    /// Of which no channel says so.
    pub joined: u64,
}

impl IntentCounts {
    fn add(&mut self, held: &HeldIntent) {
        let scene = &held.intent.scene;
        self.states.add((scene.clone(), held.state, last_code(held).to_owned()));
        let mut kinds: Vec<&str> = held.reactions.iter().map(|reaction| reaction.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let key = (scene.clone(), kind.to_owned());
            if self.reactions.len() >= NAMES_MAX && !self.reactions.contains_key(&key) {
                continue;
            }
            let told = held.reactions.iter().any(|reaction| reaction.kind == kind && !reaction.joined);
            let reacted = self.reactions.entry(key).or_default();
            reacted.intents += 1;
            reacted.joined += u64::from(!told);
        }
    }
}

impl IntentFilter {
    #[must_use]
    pub fn holds(&self, held: &HeldIntent) -> bool {
        let IntentFilter { state, scene, connection, code, binding, reaction } = self;
        state.is_none_or(|state| state == held.state)
            && scene.as_ref().is_none_or(|scene| *scene == held.intent.scene)
            && binding.as_ref().is_none_or(|binding| *binding == held.binding)
            && connection.as_ref().is_none_or(|name| carrier(held) == Some(name.as_str()))
            && code.as_ref().is_none_or(|code| last_code(held) == code.as_str())
            && reaction.as_ref().is_none_or(|kind| held.reactions.iter().any(|one| one.kind == *kind))
    }
}

/// The connection of the last step that names one.
#[must_use]
pub fn carrier(held: &HeldIntent) -> Option<&str> {
    held.steps.iter().rev().find_map(|step| step.connection.as_deref())
}

/// The word for why it is where it is. Empty where its state says it all.
#[must_use]
pub fn last_code(held: &HeldIntent) -> &str {
    held.steps.last().map_or("", |step| step.code.as_str())
}

impl Scan<'_> {
    /// At least `limit` intents behind the customer `after`, unless there are fewer: all of a customer's stand on one page.
    /// When the time is over there may be fewer, and `next` is whoever was looked at last.
    ///
    /// # Errors
    /// [`ScanError`], but for `TooLong`.
    pub fn intents(
        &self,
        filter: &IntentFilter,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Intents, ScanError> {
        let mut found = Intents { intents: Vec::new(), next: after };
        loop {
            let query = Query { after: found.next, limit: PAGE_CUSTOMERS, ..Query::default() };
            let page = self.store.page(&query)?;
            let ended = page.len() < PAGE_CUSTOMERS;
            for Customer { id, intents, .. } in page {
                let hers = intents.into_iter().filter(|held| filter.holds(held));
                found.intents.extend(hers.map(|held| (id, held)));
                found.next = Some(id);
                if found.intents.len() >= limit || self.is_over() {
                    return Ok(found);
                }
            }
            if ended {
                return Ok(Intents { next: None, ..found });
            }
        }
    }

    /// Counts everybody's intents.
    ///
    /// # Errors
    /// [`ScanError`].
    pub fn intent_counts(&self, filter: &IntentFilter) -> Result<IntentCounts, ScanError> {
        let mut counts = IntentCounts::default();
        self.each::<ScanError>(|customer| {
            customer.intents.iter().filter(|held| filter.holds(held)).for_each(|held| counts.add(held));
            Ok(())
        })?;
        Ok(counts)
    }
}
