//! Random plans, customers and weeks: what is held is not let through too early, and no rule is ever broken.
//!
//! The rules are checked from outside, by counting in every window, and not as the crate itself does it.

use courier::{
    Account, Accounts, Address, Budget, Calendar, Candidate, Cap, Carried, Gap, Limit, Of, Plan, Quiet,
    Rules, Ruling, Scope, Standing, Step, Tally, TimeOfDay, Window, Zone,
};
use model::{Ability, Carriage, Identity, Instant, Intent};
use proptest::prelude::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const SCENES: [&str; 4] = ["direct-message", "moments", "coupon", "welcome"];
/// Some hours before something happens to the clocks, or to the calendar: Shanghai's week and month, Berlin's spring and
/// autumn, São Paulo's midnights.
const STARTS: [(&str, Instant); 5] = [
    // 2026-11-29T10:00Z, a Sunday: week and, on Monday, month end.
    ("Asia/Shanghai", 1_795_946_400_000),
    // 2026-03-28T16:00Z and 2026-10-24T16:00Z.
    ("Europe/Berlin", 1_774_713_600_000),
    ("Europe/Berlin", 1_792_857_600_000),
    // 2018-11-03T18:00Z and 2018-02-17T18:00Z.
    ("America/Sao_Paulo", 1_541_268_000_000),
    ("America/Sao_Paulo", 1_518_890_400_000),
];

#[derive(Clone, Debug)]
struct World {
    plan: Plan,
    start: Instant,
    accounts: Accounts,
    intents: Vec<(Intent, Instant)>,
    /// Carried before: scene, connection, minutes before the start.
    before: Vec<(usize, usize, u64)>,
}

fn scope() -> impl Strategy<Value = Scope> {
    let scenes = proptest::sample::subsequence(SCENES.to_vec(), 0..=2);
    let except = proptest::sample::subsequence(SCENES.to_vec(), 0..=1);
    let channels = proptest::sample::subsequence(vec!["wecom", "bridge-1"], 0..=1);
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    (scenes, except, channels).prop_map(move |(scenes, except, channels)| Scope {
        scenes: owned(scenes),
        except: owned(except),
        channels: owned(channels),
    })
}

fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        Just(Window::Calendar(Calendar::Day)),
        Just(Window::Calendar(Calendar::Week)),
        Just(Window::Calendar(Calendar::Month)),
        (1..40_u64).prop_map(|hours| Window::Sliding(hours * HOUR - 1)),
    ]
}

fn plan(zone: Zone) -> impl Strategy<Value = Plan> {
    let own = zone.clone();
    let cap = (scope(), window(), 1..4_u32).prop_map(move |(scope, window, count)| Cap {
        name: None,
        scope,
        limit: Limit::Count(count),
        window,
        zone: own.clone(),
    });
    let gap = (scope(), 1..600_u64).prop_map(|(scope, minutes)| Gap { scope, ms: minutes * MINUTE });
    let times = proptest::sample::subsequence(vec!["00:00", "01:30", "02:30", "08:00", "22:00", "23:30"], 2)
        .prop_shuffle();
    let own = zone.clone();
    let quiet = (scope(), times).prop_map(move |(scope, times)| {
        let time = |place: usize| TimeOfDay::parse(times[place]).expect("because each of them is a time");
        Quiet { scope, from: time(0), to: time(1), zone: own.clone() }
    });
    let of = prop_oneof![Just(Of::Connection), Just(Of::Staff)];
    let budget = (scope(), of, 0..3_u32, 1..4_u32).prop_map(|(scope, of, first, second)| {
        let steps = vec![Step { day: 0, budget: first }, Step { day: 2, budget: second }];
        Budget { scope, of, steps }
    });
    let many = |max| proptest::collection::SizeRange::from(0..=max);
    (
        proptest::collection::vec(cap, many(3)),
        proptest::collection::vec(gap, many(2)),
        proptest::collection::vec(quiet, many(1)),
        proptest::collection::vec(budget, many(1)),
    )
        .prop_map(move |(caps, gaps, quiet, budgets)| Plan {
            zone: zone.clone(),
            caps,
            gaps,
            quiet,
            budgets,
            ..Plan::default()
        })
}

fn accounts(start: Instant) -> Accounts {
    let account = |connection: &str, channel: &str| Account {
        connection: connection.to_owned(),
        channel: channel.to_owned(),
        abilities: SCENES
            .map(|scene| Ability { scene: scene.to_owned(), carriage: Carriage::Sends })
            .to_vec(),
        addresses: vec![Address { scheme: "id".to_owned(), scope: None }],
        strangers: Vec::new(),
        since: Some(start - 12 * HOUR),
        sent_today: Tally::default(),
        staff: Vec::new(),
    };
    Accounts { connections: vec![account("wecom-main", "wecom"), account("bridge-1", "bridge")] }
}

fn intent() -> impl Strategy<Value = (Intent, u64, Option<u64>, Option<u64>)> {
    let minutes = || proptest::option::of(0..4_000_u64);
    (0..SCENES.len(), 0..2_000_u64, minutes(), minutes(), any::<bool>()).prop_map(
        |(scene, cause, not_before, not_after, named)| {
            let intent = Intent {
                key: String::new(),
                scene: SCENES[scene].to_owned(),
                text: None,
                content: None,
                detail: named.then(|| r#"{"staff":"lin"}"#.to_owned()),
                not_before: None,
                not_after: None,
            };
            (intent, cause, not_before, not_after)
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    proptest::sample::select(STARTS.to_vec()).prop_flat_map(|(name, start)| {
        let zone = Zone::named(name).expect("because each of them is a zone");
        let intents = proptest::collection::vec(intent(), 1..14);
        let before = proptest::collection::vec((0..SCENES.len(), 0..2_usize, 0..3_000_u64), 0..4);
        (plan(zone), intents, before).prop_map(move |(plan, intents, before)| {
            let intents =
                intents.into_iter().enumerate().map(|(place, (intent, cause, not_before, not_after))| {
                    let later = |minutes: Option<u64>| minutes.map(|minutes| start + minutes * MINUTE);
                    let (not_before, not_after) = (later(not_before), later(not_after));
                    (
                        Intent { key: format!("k{place:02}"), not_before, not_after, ..intent },
                        start + cause * MINUTE,
                    )
                });
            World { plan, start, accounts: accounts(start), intents: intents.collect(), before }
        })
    })
}

/// Somebody who does what is ruled, and keeps what was carried.
struct Driver<'a> {
    rules: Rules,
    world: &'a World,
    accounts: Accounts,
    today: Instant,
    handle: Identity,
    ids: Vec<String>,
    carried: Vec<Carried<'a>>,
    /// Of each thing carried here, the member of staff.
    staff: Vec<Option<String>>,
    /// Which still wait.
    open: Vec<usize>,
}

/// Nothing is sent on it yet.
fn new_day(accounts: &mut Accounts) {
    for account in &mut accounts.connections {
        account.sent_today = Tally::default();
        account.staff.iter_mut().for_each(|staff| staff.sent_today = Tally::default());
    }
}

impl<'a> Driver<'a> {
    fn new(world: &'a World) -> Driver<'a> {
        let carried = world.before.iter().map(|&(scene, connection, minutes)| {
            let account = &world.accounts.connections[connection];
            Carried {
                binding: "before",
                key: "before",
                scene: SCENES[scene],
                connection: &account.connection,
                channel: &account.channel,
                at: world.start - minutes * MINUTE,
            }
        });
        Driver {
            rules: Rules::new(world.plan.clone()),
            world,
            accounts: world.accounts.clone(),
            today: 0,
            handle: Identity { scheme: "id".to_owned(), scope: String::new(), value: "1".to_owned() },
            ids: (0..world.intents.len()).map(|place| format!("int_{place:02}")).collect(),
            carried: carried.collect(),
            staff: Vec::new(),
            open: (0..world.intents.len()).collect(),
        }
    }

    /// Those whose cause has come.
    fn waiting(&self, now: Instant) -> Vec<usize> {
        self.open.iter().copied().filter(|&place| self.world.intents[place].1 <= now).collect()
    }

    fn judge(&self, now: Instant, places: &[usize]) -> Vec<Ruling> {
        let waiting: Vec<_> = places
            .iter()
            .map(|&place| {
                let (intent, cause) = &self.world.intents[place];
                let id = self.ids[place].as_str();
                Candidate { id, binding: "policy", intent, cause: *cause, again: None }
            })
            .collect();
        let customer = Standing { carried: &self.carried, handles: &[&self.handle], ..Standing::default() };
        self.rules.judge(now, &customer, &waiting, &self.accounts)
    }

    /// One round: judges, and does what was ruled. Gives what is held, and until when.
    fn round(&mut self, now: Instant) -> Vec<(usize, Option<Instant>)> {
        let today = self.rules.today(now).from;
        if today != self.today {
            self.today = today;
            new_day(&mut self.accounts);
        }
        let places = self.waiting(now);
        let mut held = Vec::new();
        for (place, ruling) in places.iter().copied().zip(self.judge(now, &places)) {
            match ruling {
                Ruling::Carry { connection, staff, carriage: _ } => {
                    let world = self.world;
                    let (intent, _) = &world.intents[place];
                    self.accounts.carried(&connection, staff.as_deref(), &intent.scene);
                    let account = world
                        .accounts
                        .connections
                        .iter()
                        .find(|account| account.connection == connection)
                        .expect("because it was chosen among them");
                    self.carried.push(Carried {
                        binding: "policy",
                        key: &intent.key,
                        scene: &intent.scene,
                        connection: &account.connection,
                        channel: &account.channel,
                        at: now,
                    });
                    self.staff.push(staff);
                    self.open.retain(|&open| open != place);
                }
                Ruling::Hold { until, reason: _ } => held.push((place, until)),
                Ruling::Drop { .. } | Ruling::Expire { .. } => self.open.retain(|&open| open != place),
            }
        }
        held
    }
}

/// Does the scope cover it? Said again in other words than the crate's.
fn covers(scope: &Scope, carried: &Carried<'_>) -> bool {
    let named = scope.scenes.iter().any(|scene| scene == carried.scene);
    let scene = named || (scope.scenes.is_empty() && carried.scene != "welcome");
    let channel = scope.channels.is_empty()
        || scope.channels.iter().any(|name| name == carried.channel || name == carried.connection);
    scene && channel && !scope.except.iter().any(|scene| scene == carried.scene)
}

/// Is every rule kept by what the driver carried? What stood there before may have broken them already, and then nothing may
/// be added to it.
fn keeps_all(driver: &Driver<'_>) -> Result<(), TestCaseError> {
    let first_own = driver.world.before.len();
    let plan = &driver.world.plan;
    for (place, last) in driver.carried.iter().enumerate().skip(first_own) {
        let until_here = &driver.carried[..=place];
        for cap in plan.caps.iter().filter(|cap| covers(&cap.scope, last)) {
            let inside = until_here.iter().filter(|carried| covers(&cap.scope, carried)).filter(|carried| {
                match cap.window {
                    Window::Calendar(calendar) => cap.zone.span(calendar, last.at).holds(carried.at),
                    Window::Sliding(ms) => last.at - carried.at < ms,
                }
            });
            let Limit::Count(limit) = cap.limit else { panic!("not made here") };
            prop_assert!(inside.count() <= limit as usize, "{cap:?} at {}", cap.zone.say(last.at));
        }
        for gap in plan.gaps.iter().filter(|gap| covers(&gap.scope, last)) {
            let mut others = until_here[..place].iter().filter(|carried| covers(&gap.scope, carried));
            prop_assert!(others.all(|carried| last.at - carried.at >= gap.ms), "{gap:?}");
        }
        for quiet in plan.quiet.iter().filter(|quiet| covers(&quiet.scope, last)) {
            prop_assert_eq!(quiet.zone.end_of(quiet.from, quiet.to, last.at), None);
        }
        for budget in plan.budgets.iter().filter(|budget| covers(&budget.scope, last)) {
            let staff = &driver.staff[place - first_own];
            let day = plan.zone.span(Calendar::Day, last.at);
            let same = driver.carried[first_own..=place].iter().zip(&driver.staff).filter(|(carried, by)| {
                carried.connection == last.connection
                    && day.holds(carried.at)
                    && covers(&budget.scope, carried)
                    && (budget.of == Of::Connection || *by == staff)
            });
            let age = match budget.of {
                Of::Connection => plan.zone.days_between(driver.world.start - 12 * HOUR, last.at),
                Of::Staff => 0,
            };
            let limit = if age >= 2 { budget.steps[1].budget } else { budget.steps[0].budget };
            let free = budget.of == Of::Staff && staff.is_none();
            prop_assert!(free || same.count() <= limit as usize, "{budget:?} at {}", plan.zone.say(last.at));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Two days and a half, every minute.
    #[test]
    fn judging_every_minute_never_breaks_a_rule_and_never_carries_what_was_held_longer(world in world()) {
        let mut driver = Driver::new(&world);
        let mut promised: Vec<Option<Instant>> = vec![None; world.intents.len()];
        for minute in 0..3_600 {
            let now = world.start + minute * MINUTE;
            let before = driver.carried.len();
            let held = driver.round(now);
            for carried in &driver.carried[before..] {
                let place: usize = carried.key[1..].parse().unwrap();
                let until = promised[place].unwrap_or(0);
                prop_assert!(until <= now, "{} was held until {until}, and carried at {now}", carried.key);
            }
            for (place, until) in held {
                prop_assert!(until.is_none_or(|until| until > now), "held until a time that has come");
                promised[place] = Some(until.unwrap_or(Instant::MAX));
            }
            if driver.open.is_empty() {
                break;
            }
        }
        keeps_all(&driver)?;
    }

    /// With what stands after a round, nothing that was held is carried before its time, and at its time the rules that
    /// held it are over: alone, it is carried, or its end has come.
    #[test]
    fn until_is_neither_too_late_nor_too_early(world in world(), minute in 0..3_000_u64, picks in proptest::collection::vec(0.0..1.0_f64, 8)) {
        let mut driver = Driver::new(&world);
        let now = world.start + minute * MINUTE;
        let held = driver.round(now);
        for (place, until) in held {
            let end = until.unwrap_or(now + 400 * 24 * HOUR);
            let early = picks.iter().map(|pick| now + ((end - 1 - now) as f64 * pick) as u64).chain([now, end - 1]);
            let today = driver.rules.today(now);
            for at in early {
                let mut asked = Driver::new(&world);
                asked.carried = driver.carried.clone();
                asked.accounts = driver.accounts.clone();
                if !today.holds(at) {
                    new_day(&mut asked.accounts);
                }
                let ruling = asked.judge(at, &[place]).remove(0);
                prop_assert!(!matches!(ruling, Ruling::Carry { .. }), "{place} at {at}, before {until:?}: {ruling:?}");
            }
            let Some(until) = until else { continue };
            let mut asked = Driver::new(&world);
            asked.carried = driver.carried.clone();
            asked.accounts = driver.accounts.clone();
            if !today.holds(until) {
                new_day(&mut asked.accounts);
            }
            let ruling = asked.judge(until, &[place]).remove(0);
            prop_assert!(!matches!(ruling, Ruling::Hold { .. } | Ruling::Drop { .. }), "{place} at {until}: {ruling:?}");
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer_in_any_order(world in world(), minute in 0..3_000_u64) {
        let driver = Driver::new(&world);
        let now = world.start + minute * MINUTE;
        let mut places = driver.waiting(now);
        let rulings = driver.judge(now, &places);
        prop_assert_eq!(rulings.len(), places.len());
        places.reverse();
        let mut reversed = driver.judge(now, &places);
        reversed.reverse();
        prop_assert_eq!(rulings, reversed);
    }
}
