//! What the courier's rules would have said of what either version intends, each intent judged at its own time, and again as
//! often as a rule holds it.
//!
//! Caps, gaps, quiet hours and the intents' own ends are judged. What her other policies and broadcasts really sent takes its
//! places beside what the version intends. The rest of the plan asks for what a backtest does not know: see [`NOT_JUDGED`].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use config::Config;
use courier::{Account, Accounts, Address, Candidate, Carried, Code, Plan, Rules, Ruling, Standing, Tally};
use heliu::signature::read_component;
use model::{HeldIntent, Identity, Instant};
use sandbox::{Grants, Plugin, Sandbox};

use crate::carrying;

/// The handle that every account can address here: a backtest asks what the rules say, not whom a channel knows.
const SCHEME: &str = "anybody";

/// Rules of the plan that are left out. Consent is a tag or a trait of hers as it was then, suppression needs her purchases, and
/// a budget is spent by everybody together, in the order of time: customers are compared one after the other.
pub(super) const NOT_JUDGED: [Code; 3] = [Code::Budget, Code::Consent, Code::Suppressed];

/// How often an intent that is held is judged again. A cap of one a day holds the last of a month's messages thirty times.
const JUDGED_AGAIN_MAX: usize = 100;

pub(super) struct Limits {
    rules: Rules,
    accounts: Accounts,
    anybody: Identity,
}

impl Limits {
    /// The rules and the connections of a configuration.
    pub(super) fn of(config: &Config, sandbox: &Sandbox) -> anyhow::Result<Limits> {
        let mut connections = Vec::new();
        for connection in &config.connections {
            let bytes = read_component(&connection.plugin, &config.plugins)?;
            let admitted = sandbox.admit(&bytes, &Grants::all());
            let admitted = admitted.with_context(|| connection.plugin.display().to_string())?;
            let Plugin::Connector(connector) = admitted else { continue };
            let descriptor = connector.descriptor();
            connections.push(Account {
                connection: connection.name.clone(),
                channel: descriptor.channel.clone(),
                abilities: descriptor.abilities.clone(),
                addresses: Vec::new(),
                strangers: Vec::new(),
                since: None,
                sent_today: Tally::default(),
                staff: Vec::new(),
            });
        }
        Ok(Limits::new(config.courier.clone(), connections))
    }

    pub(super) fn new(mut plan: Plan, mut connections: Vec<Account>) -> Limits {
        plan.budgets.clear();
        plan.consents.clear();
        plan.suppressions.clear();
        for account in &mut connections {
            account.addresses = vec![Address { scheme: SCHEME.to_owned(), scope: None }];
            account.strangers.clone_from(&account.addresses);
        }
        let anybody = Identity { scheme: SCHEME.to_owned(), scope: String::new(), value: "she".to_owned() };
        Limits { rules: Rules::new(plan), accounts: Accounts { connections }, anybody }
    }

    /// Does it matter to them what she got before?
    pub(super) fn look_back(&self) -> bool {
        let Plan { caps, gaps, .. } = self.rules.plan();
        !caps.is_empty() || !gaps.is_empty()
    }

    /// The codes of the rules that would have stopped or delayed one customer's intents, each with how many. Intents that were
    /// decided before `since` take their places, and are not counted. `ledger`: her intents as the store has them.
    pub(super) fn hit(
        &self,
        binding: &str,
        intents: &[&HeldIntent],
        ledger: &[HeldIntent],
        since: Instant,
    ) -> BTreeMap<&'static str, u64> {
        let mut run = Run {
            limits: self,
            since,
            others: self.others(binding, ledger),
            carried: Vec::new(),
            waiting: intents.iter().map(|held| ((at(held), held.id.as_str()), (*held, 0))).collect(),
            stopped: BTreeSet::new(),
        };
        while let Some((&(now, _), _)) = run.waiting.first_key_value() {
            run.judge(now);
        }
        let mut hits = BTreeMap::new();
        for (code, _) in run.stopped {
            *hits.entry(code).or_default() += 1;
        }
        hits
    }

    /// What really went out to her, but for what this policy sent: that is what is tried.
    fn others<'a>(&'a self, binding: &str, ledger: &'a [HeldIntent]) -> Vec<Carried<'a>> {
        let channel = |name: &str| self.account(name).map_or("", |account| account.channel.as_str());
        let others = ledger.iter().filter(|held| held.binding != binding);
        others.filter_map(|held| carrying::place_taken(held, &channel)).collect()
    }

    fn account(&self, connection: &str) -> Option<&Account> {
        self.accounts.connections.iter().find(|account| account.connection == connection)
    }
}

/// One customer's intents on their way, from judgement to judgement.
struct Run<'a> {
    limits: &'a Limits,
    since: Instant,
    others: Vec<Carried<'a>>,
    /// Of those that are judged.
    carried: Vec<Carried<'a>>,
    /// When it is judged next, and its id; how often it was judged again.
    waiting: BTreeMap<(Instant, &'a str), (&'a HeldIntent, usize)>,
    /// Each intent once for each code.
    stopped: BTreeSet<(&'static str, &'a str)>,
}

impl<'a> Run<'a> {
    /// Judges all that is due at the next instant, which is `now`.
    fn judge(&mut self, now: Instant) {
        let mut due = Vec::new();
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 == now
        {
            due.push(first.remove());
        }
        let limits = self.limits;
        let candidates: Vec<Candidate<'_>> = due.iter().map(|(held, _)| carrying::intent(held)).collect();
        let before = self.others.iter().filter(|other| other.at <= now);
        let carried: Vec<Carried<'_>> = before.chain(&self.carried).copied().collect();
        let handles = [&limits.anybody];
        let standing = Standing { carried: &carried, handles: &handles, ..Standing::default() };
        let rulings = limits.rules.judge(now, &standing, &candidates, &limits.accounts);
        for ((held, judged), ruling) in due.into_iter().zip(rulings) {
            match ruling {
                Ruling::Carry { connection, staff: _, carriage: _ } => self.carry(held, &connection, now),
                Ruling::Hold { until, reason } => {
                    self.stop(held, reason.code);
                    if let Some(until) = until.filter(|&until| until > now && judged < JUDGED_AGAIN_MAX) {
                        self.waiting.insert((until, &held.id), (held, judged + 1));
                    }
                }
                Ruling::Drop { reason } | Ruling::Expire { reason } => {
                    self.stop(held, reason.code);
                }
            }
        }
    }

    fn stop(&mut self, held: &'a HeldIntent, code: Code) {
        if held.cause.now >= self.since {
            self.stopped.insert((code.name(), &held.id));
        }
    }

    fn carry(&mut self, held: &'a HeldIntent, connection: &str, now: Instant) {
        let Some(Account { connection, channel, .. }) = self.limits.account(connection) else { return };
        self.carried.push(Carried {
            binding: &held.binding,
            key: &held.intent.key,
            scene: &held.intent.scene,
            connection,
            channel,
            at: now,
        });
    }
}

/// When it may go out first: not before its policy says, and not before it was decided.
pub(super) fn at(held: &HeldIntent) -> Instant {
    held.intent.not_before.map_or(held.cause.now, |start| start.max(held.cause.now))
}

#[cfg(test)]
mod tests {
    use courier::{
        Budget, Cap, Consent, Limit, Of, Quiet, Scope, Step, Suppression, Then, TimeOfDay, Window, Zone,
    };
    use model::{Ability, Carriage, Content, IntentState};

    use super::super::made::{DAY, HOUR, intent, sent};
    use super::*;

    /// Four in the afternoon of a Friday, in UTC.
    const FOUR: Instant = 1_777_651_200_000;

    const NONE: [(&str, u64); 0] = [];

    fn limits(plan: Plan) -> Limits {
        let plays = |scene: &str| Ability { scene: scene.to_owned(), carriage: Carriage::Sends };
        let account = Account {
            connection: "wecom-main".to_owned(),
            channel: "wecom".to_owned(),
            abilities: vec![plays("direct-message"), plays("moments")],
            addresses: Vec::new(),
            strangers: Vec::new(),
            since: None,
            sent_today: Tally::default(),
            staff: Vec::new(),
        };
        Limits::new(plan, vec![account])
    }

    /// So many of all scenes in a sliding window.
    fn cap(count: u32, ms: u64) -> Plan {
        let (scope, window) = (Scope::default(), Window::Sliding(ms));
        let caps = vec![Cap { name: None, scope, limit: Limit::Count(count), window, zone: Zone::utc() }];
        Plan { caps, ..Plan::default() }
    }

    fn quiet() -> Plan {
        let [from, to] = ["22:00", "08:00"].map(|time| TimeOfDay::parse(time).unwrap());
        Plan {
            quiet: vec![Quiet { scope: Scope::default(), from, to, zone: Zone::utc() }],
            ..Plan::default()
        }
    }

    fn hits(
        plan: Plan,
        intents: &[HeldIntent],
        ledger: &[HeldIntent],
        since: Instant,
    ) -> Vec<(&'static str, u64)> {
        let intents: Vec<&HeldIntent> = intents.iter().collect();
        limits(plan).hit("p", &intents, ledger, since).into_iter().collect()
    }

    /// One each hour, from four on.
    fn hourly(count: u64) -> Vec<HeldIntent> {
        (0..count).map(|n| intent(&format!("k{n}"), "direct-message", FOUR + n * HOUR)).collect()
    }

    #[test]
    fn what_a_rule_holds_is_counted_once_for_each_rule_and_what_none_holds_is_not() {
        let late = |ms: u64| vec![intent("late", "direct-message", FOUR + ms)];
        let both =
            [hourly(1), late(5 * HOUR), vec![intent("later", "direct-message", FOUR + 7 * HOUR)]].concat();
        let quiet_and_cap = Plan { caps: cap(1, 12 * HOUR).caps, ..quiet() };
        let mut ended = hourly(1);
        ended[0].intent.not_after = Some(FOUR - 1);
        type Case<'a> = (&'a str, Plan, Vec<HeldIntent>, &'a [(&'a str, u64)]);
        let cases: [Case<'_>; 8] = [
            ("no rule", Plan::default(), hourly(3), &[]),
            // A day later there is place for one of the two.
            ("one of three has a place", cap(1, DAY), hourly(3), &[("cap", 2), ("lost-slot", 1)]),
            ("all have one", cap(3, DAY), hourly(3), &[]),
            ("by day", quiet(), late(0), &[]),
            ("by night", quiet(), late(7 * HOUR), &[("quiet-hours", 1)]),
            (
                "nobody plays it",
                Plan::default(),
                vec![intent("k", "coupon", FOUR)],
                &[("no-route", 1), ("too-late", 1)],
            ),
            ("its time was over", Plan::default(), ended, &[("too-late", 1)]),
            // The second waits for the cap, the third for the morning; then there is place for one of them.
            ("both rules", quiet_and_cap, both, &[("cap", 1), ("lost-slot", 1), ("quiet-hours", 1)]),
        ];
        for (name, plan, intents, expected) in cases {
            assert_eq!(hits(plan, &intents, &[], 0), expected, "{name}");
        }
    }

    /// The first is held until eight, and has the place then that the second needs at nine.
    #[test]
    fn what_was_held_takes_its_place_when_it_goes_out() {
        let plan = Plan { caps: cap(1, 4 * HOUR).caps, ..quiet() };
        let night = intent("night", "direct-message", FOUR + 7 * HOUR);
        let morning = intent("morning", "direct-message", FOUR + 17 * HOUR);
        let both = [night.clone(), morning.clone()];
        assert_eq!(hits(plan.clone(), &both, &[], 0), [("cap", 1), ("quiet-hours", 1)]);
        assert_eq!(hits(plan.clone(), std::slice::from_ref(&morning), &[], 0), NONE);
        // One that is over by eight takes none.
        let mut ended = night;
        ended.intent.not_after = Some(FOUR + 10 * HOUR);
        assert_eq!(hits(plan, &[ended, morning], &[], 0), [("quiet-hours", 1), ("too-late", 1)]);
    }

    #[test]
    fn what_others_sent_her_takes_a_place_from_when_it_reached_her() {
        let mine = hourly(1);
        let other = |binding: &str, at| sent(binding, "moments", "wecom-main", at);
        assert_eq!(hits(cap(1, DAY), &mine, &[other("q", FOUR - HOUR)], 0), [("cap", 1)]);
        assert_eq!(hits(cap(1, DAY), &mine, &[other("q", FOUR + HOUR)], 0), NONE, "after it");
        assert_eq!(
            hits(cap(1, DAY), &mine, &[other("p", FOUR - HOUR)], 0),
            NONE,
            "what the policy itself sent is tried anew"
        );
        let dropped = HeldIntent { state: IntentState::Dropped, ..other("q", FOUR - HOUR) };
        assert_eq!(hits(cap(1, DAY), &mine, &[dropped], 0), NONE, "it did not go out");
        let mut by_channel = cap(1, DAY);
        by_channel.caps[0].scope.channels = vec!["wecom".to_owned()];
        let by = |connection| [sent("q", "moments", connection, FOUR - HOUR)];
        assert_eq!(hits(by_channel.clone(), &mine, &by("wecom-main"), 0), [("cap", 1)]);
        assert_eq!(hits(by_channel, &mine, &by("shop"), 0), NONE, "by another channel");
    }

    #[test]
    fn what_was_decided_before_the_first_day_takes_its_place_and_is_not_counted() {
        assert_eq!(hits(cap(1, DAY), &hourly(3), &[], FOUR + 2 * HOUR), [("cap", 1), ("lost-slot", 1)]);
        assert_eq!(hits(cap(1, DAY), &hourly(2), &[], FOUR + 2 * HOUR), NONE);
    }

    /// Each would stop every intent, if it were judged by what is known here.
    #[test]
    fn budgets_consent_and_suppression_are_not_judged() {
        let scope = Scope::default();
        let budgets = vec![Budget {
            scope: scope.clone(),
            of: Of::Connection,
            steps: vec![Step { day: 0, budget: 0 }],
        }];
        let needs = Consent {
            scope: scope.clone(),
            needs_trait: Some("agreed".to_owned()),
            needs_tag: None,
            forbids_tags: Vec::new(),
        };
        let bought = Suppression {
            scope,
            category: None,
            kind: None,
            id: None,
            bought: Some("*".to_owned()),
            ms: DAY,
            then: Then::Hold,
        };
        let mut about = hourly(1);
        let (id, kind, category) = ("1".to_owned(), "poster".to_owned(), Some("cream".to_owned()));
        about[0].intent.content = Some(Content { id, kind, title: None, category });
        for (name, plan) in [
            ("budget", Plan { budgets, ..Plan::default() }),
            ("consent", Plan { consents: vec![needs], ..Plan::default() }),
            ("suppressed", Plan { suppressions: vec![bought], ..Plan::default() }),
        ] {
            assert_eq!(hits(plan, &about, &[], 0), NONE, "{name}");
            assert!(NOT_JUDGED.iter().any(|code| code.name() == name), "{name} is said to be left out");
        }
    }

    #[test]
    fn an_intent_that_is_held_for_ever_ends() {
        let mut never = intent("k", "direct-message", FOUR);
        never.intent.not_after = Some(Instant::MAX);
        assert_eq!(hits(cap(0, 1), &[never.clone()], &[], 0), [("cap", 1)]);
        never.intent.not_before = Some(Instant::MAX);
        assert_eq!(hits(Plan::default(), &[never], &[], 0), NONE);
    }
}
