//! What the accounts sent today, and how old they are: what budgets are judged by.
//!
//! Counted in memory, and at the start out of the journal: today's steps, and each account's first record.

use std::collections::{BTreeMap, HashMap};

use courier::{Account, Accounts, Of, Plan, Rules, StaffAccount, Tally};
use journal::{Journal, JournalError};
use model::{CustomerId, Entry, Instant, IntentState, Position, Progress};
use store::{Store, StoreError};

/// Records that are read at a time.
const PAGE_RECORDS: usize = 4_096;

/// Records from the beginning among which the accounts' first ones are looked for. An account that shows itself later is
/// taken for new until the configuration says since when it works.
const FIRST_RECORDS_MAX: u64 = 2_000_000;

/// Members of staff of whom it is known since when they work.
const STAFF_MAX: usize = 50_000;

/// Whose it is: a connection's, or that of a member of staff in it.
type Whose = (String, Option<String>);

#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// When the day that is counted ends.
    until: Instant,
    today: BTreeMap<Whose, BTreeMap<String, u32>>,
    since: BTreeMap<Whose, Instant>,
}

impl Sent {
    /// Reads what the plan's budgets need. Nothing where there are none.
    pub(crate) fn restore(
        journal: &dyn Journal,
        store: &dyn Store,
        rules: &Rules,
        now: Instant,
    ) -> anyhow::Result<Sent> {
        let today = rules.today(now);
        let mut sent = Sent { until: today.until, ..Sent::default() };
        if rules.plan().budgets.is_empty() {
            return Ok(sent);
        }
        let head = journal.head()?.position;
        let mut position = journal::before(journal, today.from)?;
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
            sent.read(store, &steps)?;
        }
        sent.first_records(journal, rules.plan(), head)?;
        Ok(sent)
    }

    /// Counts what was handed over, and takes off what came back. The scenes stand in the ledgers.
    fn read(&mut self, store: &dyn Store, steps: &[&Progress]) -> Result<(), StoreError> {
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
            match step.state {
                IntentState::Due => self.add(connection, step.staff.as_deref(), scene),
                IntentState::Held => self.take_back(connection, step.staff.as_deref(), scene),
                IntentState::Proposed
                | IntentState::Past
                | IntentState::Dropped
                | IntentState::Carried
                | IntentState::AwaitingStaff
                | IntentState::Sent
                | IntentState::Confirmed
                | IntentState::Failed
                | IntentState::Expired => {}
            }
        }
        Ok(())
    }

    /// Since when each account works: its first record.
    fn first_records(
        &mut self,
        journal: &dyn Journal,
        plan: &Plan,
        head: Position,
    ) -> Result<(), JournalError> {
        let staff = plan.budgets.iter().any(|budget| budget.of == Of::Staff);
        let mut position = 0;
        while position < head.min(FIRST_RECORDS_MAX) {
            let records = journal.read(position, PAGE_RECORDS)?;
            let Some(last) = records.last() else { break };
            position = last.position;
            for record in &records {
                let Entry::Event(event) = &record.entry else { continue };
                let since = self.since.entry((event.connection.clone(), None)).or_insert(record.now);
                *since = (*since).min(record.now);
                if let Some(name) = event.event.staff.as_ref().filter(|_| staff) {
                    let whose = (event.connection.clone(), Some(name.clone()));
                    if self.since.len() < STAFF_MAX || self.since.contains_key(&whose) {
                        self.since.entry(whose).or_insert(record.now);
                    }
                }
            }
        }
        Ok(())
    }

    /// Another day may have begun: nothing is sent on it yet.
    pub(crate) fn day(&mut self, rules: &Rules, now: Instant) {
        if now >= self.until {
            self.today.clear();
            self.until = rules.today(now).until;
        }
    }

    pub(crate) fn add(&mut self, connection: &str, staff: Option<&str>, scene: &str) {
        for whose in whose(connection, staff) {
            *self.today.entry(whose).or_default().entry(scene.to_owned()).or_default() += 1;
        }
    }

    /// It was not sent after all.
    pub(crate) fn take_back(&mut self, connection: &str, staff: Option<&str>, scene: &str) {
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
