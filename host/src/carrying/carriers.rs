//! The connections that carry, for the judgements of one round: made once, and kept up with what is let through.

use courier::{Accounts, Candidate, Carried, Rules, Ruling};
use journal::Journal;
use model::{Customer, Instant};

use super::{Outlet, Seen, Sent, purchases};

pub(crate) struct Carriers<'a> {
    outlets: &'a [Outlet],
    accounts: Accounts,
}

impl<'a> Carriers<'a> {
    pub(crate) fn new(outlets: &'a [Outlet], sent: &Sent) -> Carriers<'a> {
        let accounts = outlets.iter().map(|outlet| outlet.account(outlets)).collect();
        Carriers { outlets, accounts: sent.fill(accounts) }
    }

    pub(crate) fn outlet(&self, connection: &str) -> Option<&'a Outlet> {
        self.outlets.iter().find(|outlet| outlet.connection == connection)
    }

    /// For which channel a connection speaks. Empty: it carries no more.
    pub(crate) fn channel(&self, connection: &str) -> &'a str {
        self.outlet(connection).map_or("", Outlet::channel)
    }

    /// One ruling for each candidate, in their order. `on_the_way` is what was let through for her and does not stand in her
    /// document yet.
    pub(crate) fn judge(
        &self,
        rules: &Rules,
        journal: &dyn Journal,
        customer: &Customer,
        on_the_way: Vec<Carried<'_>>,
        candidates: &[Candidate<'_>],
        now: Instant,
    ) -> anyhow::Result<Vec<Ruling>> {
        let bought = purchases(journal, rules.plan(), customer, now)?;
        let seen = Seen::new(customer, &bought, |connection| self.channel(connection), on_the_way);
        Ok(rules.judge(now, &seen.standing(), candidates, &self.accounts))
    }

    /// Whoever is judged next is judged with this one.
    pub(crate) fn carried(&mut self, connection: &str, staff: Option<&str>, scene: &str) {
        self.accounts.carried(connection, staff, scene);
    }
}
