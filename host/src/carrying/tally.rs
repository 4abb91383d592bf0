//! What the accounts sent today, and how old they are: what budgets are judged by.
//!
//! Counted in memory, and at the start out of the journal: today's steps. Each account's first record is looked for in all that
//! the journal has, and in what is appended later.
//!
//! Invariant: what was counted while a host ran is what its journal gives at the next start.

use std::collections::{BTreeMap, HashMap, HashSet};

use courier::{Account, Accounts, Budget, Code, Plan, Rules, Span, StaffAccount, Tally};
use journal::{Journal, JournalError};
use model::{ChannelEvent, CustomerId, Entry, Instant, IntentState, Position, Progress};
use store::{Store, StoreError};

/// Records that are read at a time.
const PAGE_RECORDS: usize = 4_096;

/// Pages in which first records are looked for in one go: what bounds the time until a welcome is seen.
const PAGES_MAX: usize = 16;

/// Accounts and members of staff of whom it is known since when they work: what bounds the memory. Whoever comes later stays new.
const ACCOUNTS_MAX: usize = 50_000;

/// Whose it is: a connection's, or that of a member of staff in it.
type Whose = (String, Option<String>);

#[derive(Debug)]
pub(crate) struct Sent {
    /// The day that is counted.
    day: Span,
    today: BTreeMap<Whose, BTreeMap<String, u32>>,
    /// Each account's first record.
    since: BTreeMap<Whose, Instant>,
    /// Up to where first records were looked for.
    read: Position,
}

/// Does this step say that an errand which had been handed over did not go out? Then it takes no place of the day's.
pub(crate) fn came_back(state: IntentState, code: &str) -> bool {
    match state {
        IntentState::Held | IntentState::Dropped | IntentState::Expired => true,
        // Nobody knows: it is counted, so that the account does not send too much.
        IntentState::Failed => code != Code::UnknownEnd.name(),
        IntentState::Proposed
        | IntentState::Past
        | IntentState::Due
        | IntentState::Carried
        | IntentState::AwaitingStaff
        | IntentState::Sent
        | IntentState::Confirmed => false,
    }
}

impl Sent {
    /// Reads all that the plan's budgets need. Nothing where there are none.
    pub(crate) fn restore(
        journal: &dyn Journal,
        store: &dyn Store,
        rules: &Rules,
        now: Instant,
    ) -> anyhow::Result<Sent> {
        let mut sent = Sent::today(journal, store, rules, now)?;
        while !sent.keep_up(journal, rules.plan())? {}
        Ok(sent)
    }

    /// Reads what was sent today. How old the accounts are is not known before [`Sent::keep_up`] says so.
    pub(crate) fn today(
        journal: &dyn Journal,
        store: &dyn Store,
        rules: &Rules,
        now: Instant,
    ) -> anyhow::Result<Sent> {
        let day = rules.today(now);
        let mut sent = Sent { day, today: BTreeMap::new(), since: BTreeMap::new(), read: 0 };
        if rules.plan().budgets.is_empty() {
            return Ok(sent);
        }
        let head = journal.head()?.position;
        let mut position = journal::before(journal, day.from)?;
        let mut handed = HashSet::new();
        while position < head {
            let records = journal.read(position, PAGE_RECORDS)?;
            let Some(last) = records.last() else { break };
            position = last.position;
            let steps: Vec<&Progress> = records
                .iter()
                .filter_map(|record| match &record.entry {
                    Entry::Progress(progress) => Some(progress),
                    Entry::Event(_)
                    | Entry::Derived(_)
                    | Entry::Setup(_)
                    | Entry::Configured(_)
                    | Entry::Retelling(_)
                    | Entry::Act(_)
                    | Entry::Erased(_) => None,
                })
                .collect();
            sent.count_steps(store, &steps, &mut handed)?;
        }
        Ok(sent)
    }

    /// Counts what was handed over, and takes off what came back. The scenes stand in the ledgers. `handed` are the intents
    /// that are counted: what was handed over on another day is not taken off this one.
    fn count_steps(
        &mut self,
        store: &dyn Store,
        steps: &[&Progress],
        handed: &mut HashSet<String>,
    ) -> Result<(), StoreError> {
        let mut customers: Vec<CustomerId> = steps.iter().map(|step| step.customer).collect();
        customers.sort_unstable();
        customers.dedup();
        let loaded = store.load(&customers)?;
        let intents = loaded.iter().flatten().flat_map(|customer| &customer.intents);
        let scenes: HashMap<&str, &str> =
            intents.map(|held| (held.id.as_str(), held.intent.scene.as_str())).collect();
        for step in steps {
            let (Some(connection), Some(scene)) = (&step.connection, scenes.get(step.intent.as_str())) else {
                continue;
            };
            let staff = step.staff.as_deref();
            if step.state == IntentState::Due {
                handed.insert(step.intent.clone());
                self.add(connection, staff, scene);
            } else if came_back(step.state, &step.code) && handed.remove(&step.intent) {
                self.take_back(connection, staff, scene, self.day.from);
            }
        }
        Ok(())
    }

    /// Looks for the accounts' first records in what the journal has got since, so much of it in one go. False: there is more.
    pub(crate) fn keep_up(&mut self, journal: &dyn Journal, plan: &Plan) -> Result<bool, JournalError> {
        if !plan.budgets.iter().any(Budget::rises) {
            return Ok(true);
        }
        let head = journal.head()?.position;
        for _ in 0..PAGES_MAX {
            if self.read >= head {
                return Ok(true);
            }
            let records = journal.read(self.read, PAGE_RECORDS)?;
            let Some(last) = records.last() else { return Ok(true) };
            self.read = last.position;
            for record in &records {
                if let Entry::Event(event) = &record.entry {
                    self.shows(event, record.now);
                }
            }
        }
        Ok(self.read >= head)
    }

    /// An account shows itself, and a member of its staff, perhaps for the first time.
    fn shows(&mut self, ChannelEvent { connection, event }: &ChannelEvent, now: Instant) {
        for whose in whose(connection, event.staff.as_deref()) {
            if self.since.len() < ACCOUNTS_MAX {
                self.since.entry(whose).or_insert(now);
            }
        }
    }

    /// Has another day begun than that which is counted?
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.day.until
    }

    /// Counts another day, if it has begun: nothing is sent on it yet.
    pub(crate) fn turn_to(&mut self, rules: &Rules, now: Instant) {
        if self.is_over(now) {
            self.today.clear();
            self.day = rules.today(now);
        }
    }

    pub(crate) fn add(&mut self, connection: &str, staff: Option<&str>, scene: &str) {
        for whose in whose(connection, staff) {
            *self.today.entry(whose).or_default().entry(scene.to_owned()).or_default() += 1;
        }
    }

    /// It was not sent after all. `counted` is when it was added: what another day counted is none of this one's.
    pub(crate) fn take_back(&mut self, connection: &str, staff: Option<&str>, scene: &str, counted: Instant) {
        if !self.day.holds(counted) {
            return;
        }
        for whose in whose(connection, staff) {
            if let Some(count) = self.today.get_mut(&whose).and_then(|scenes| scenes.get_mut(scene)) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// What the configuration says of an account goes before what its records say.
    pub(crate) fn fill(&self, accounts: Vec<Account>) -> Accounts {
        let tally = |scenes: &BTreeMap<String, u32>| {
            let mut tally = Tally::default();
            scenes.iter().for_each(|(scene, count)| tally.add(scene, *count));
            tally
        };
        let fill = |mut account: Account| {
            let own = (account.connection.clone(), None);
            account.since = account.since.or_else(|| self.since.get(&own).copied());
            account.sent_today = self.today.get(&own).map(tally).unwrap_or_default();
            let names = self.since.keys().chain(self.today.keys());
            let mut names: Vec<&String> = names
                .filter(|(connection, _)| *connection == account.connection)
                .filter_map(|(_, staff)| staff.as_ref())
                .collect();
            names.sort_unstable();
            names.dedup();
            let one = |staff: &String| {
                let whose = (account.connection.clone(), Some(staff.clone()));
                StaffAccount {
                    staff: staff.clone(),
                    since: self.since.get(&whose).copied(),
                    sent_today: self.today.get(&whose).map(tally).unwrap_or_default(),
                }
            };
            account.staff = names.into_iter().map(one).collect();
            account
        };
        Accounts { connections: accounts.into_iter().map(fill).collect() }
    }
}

/// The account itself, and its member of staff.
fn whose(connection: &str, staff: Option<&str>) -> impl Iterator<Item = Whose> {
    let of_staff = staff.map(|staff| (connection.to_owned(), Some(staff.to_owned())));
    [(connection.to_owned(), None)].into_iter().chain(of_staff)
}
