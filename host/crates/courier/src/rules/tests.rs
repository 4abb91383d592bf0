//! One rule at a time, at its edges.

use model::{Ability, Content, Identity, Intent, Value};

use super::*;
use crate::accounts::{Account, Address, StaffAccount, Tally};
use crate::plan::{
    Budget, Cap, Gap, Limit, Of, Preference, Priority, Quiet, Scope, Step, Suppression, Window,
};
use crate::standing::{Carried, Known, Purchase};
use crate::{Preset, TimeOfDay, Zone};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;
/// 2026-11-25 (a Wednesday) 12:00 in Shanghai.
const NOON: Instant = 1_795_579_200_000;

fn shanghai() -> Zone {
    Zone::named("Asia/Shanghai").unwrap()
}

fn plan() -> Plan {
    Plan { zone: shanghai(), ..Plan::default() }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn scenes(scenes: &[&str]) -> Scope {
    Scope { scenes: names(scenes), ..Scope::default() }
}

fn cap(scope: Scope, count: u32, window: Window) -> Cap {
    Cap { name: None, scope, limit: Limit::Count(count), window, zone: shanghai() }
}

fn account(connection: &str, channel: &str) -> Account {
    let played = ["direct-message", "moments", "welcome", "tag", "coupon"];
    let abilities = played.map(|scene| Ability { scene: scene.to_owned(), carriage: Carriage::AsksStaff });
    Account {
        connection: connection.to_owned(),
        channel: channel.to_owned(),
        abilities: abilities.to_vec(),
        addresses: vec![Address { scheme: format!("{channel}.id"), scope: None }],
        strangers: Vec::new(),
        since: Some(NOON - 3 * DAY),
        sent_today: Tally::default(),
        staff: Vec::new(),
    }
}

fn accounts() -> Accounts {
    Accounts { connections: vec![account("wecom-main", "wecom")] }
}

fn handle(channel: &str) -> Identity {
    Identity { scheme: format!("{channel}.id"), scope: "corp".to_owned(), value: "wm1".to_owned() }
}

fn intent(key: &str, scene: &str) -> Intent {
    Intent {
        key: key.to_owned(),
        scene: scene.to_owned(),
        text: Some("hello".to_owned()),
        content: None,
        detail: None,
        not_before: None,
        not_after: None,
    }
}

fn candidate<'a>(id: &'a str, intent: &'a Intent) -> Candidate<'a> {
    Candidate { id, binding: "repurchase", intent, cause: NOON, again: None }
}

fn carried<'a>(scene: &'a str, at: Instant) -> Carried<'a> {
    let (connection, channel) = ("wecom-main", "wecom");
    Carried { binding: "other", key: "old", scene, connection, channel, at }
}

/// Judges for a customer who has a handle in WeCom, and is otherwise as given.
fn judge(plan: Plan, now: Instant, customer: Standing<'_>, waiting: &[Candidate<'_>]) -> Vec<Ruling> {
    let wecom = handle("wecom");
    let customer = Standing { handles: &[&wecom], ..customer };
    Rules::new(plan).judge(now, &customer, waiting, &accounts())
}

fn one(plan: Plan, now: Instant, customer: Standing<'_>, intent: &Intent) -> Ruling {
    judge(plan, now, customer, &[candidate("int_1", intent)]).remove(0)
}

fn code(ruling: &Ruling) -> Option<Code> {
    match ruling {
        Ruling::Carry { .. } => None,
        Ruling::Hold { until: _, reason } | Ruling::Drop { reason } | Ruling::Expire { reason } => {
            Some(reason.code)
        }
    }
}

fn text(ruling: &Ruling) -> &str {
    match ruling {
        Ruling::Carry { connection, .. } => connection,
        Ruling::Hold { until: _, reason } | Ruling::Drop { reason } | Ruling::Expire { reason } => {
            &reason.text
        }
    }
}

fn held(ruling: &Ruling) -> (Code, Option<Instant>) {
    match ruling {
        Ruling::Hold { until, reason } => (reason.code, *until),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_friend_request_goes_to_whoever_is_no_friend_yet() {
    let phone = Identity { scheme: "phone".to_owned(), scope: String::new(), value: "+86199".to_owned() };
    let mut wecom = account("wecom-main", "wecom");
    assert!(!wecom.reaches("friend-request", &[&phone]) && !wecom.reaches("direct-message", &[&phone]));
    wecom.strangers = vec![Address { scheme: "phone".to_owned(), scope: None }];
    assert!(wecom.reaches("friend-request", &[&phone]) && !wecom.reaches("direct-message", &[&phone]));
}

#[test]
fn without_rules_an_intent_is_carried_by_the_one_connection_that_can() {
    let moments = intent("a", "moments");
    let ruling = one(plan(), NOON, Standing::default(), &moments);
    let connection = "wecom-main".to_owned();
    assert_eq!(ruling, Ruling::Carry { connection, staff: None, carriage: Carriage::AsksStaff });
}

#[test]
fn a_cap_of_the_calendar_holds_until_its_window_rolls_over() {
    let moments = intent("a", "moments");
    let three = |last| [carried("coupon", NOON - DAY), carried("moments", NOON - HOUR), last];
    let weekly = || {
        let caps = vec![cap(Scope::default(), 3, Window::Calendar(Calendar::Week))];
        Plan { caps, ..plan() }
    };
    let full = three(carried("direct-message", NOON));
    let ruling = one(weekly(), NOON, Standing { carried: &full, ..Standing::default() }, &moments);
    // Monday 2026-11-30 00:00 in Shanghai.
    assert_eq!(held(&ruling), (Code::Cap, Some(NOON + 4 * DAY + 12 * HOUR)));
    assert_eq!(
        text(&ruling),
        "at most 3 a week of all scenes to one customer, until 2026-11-30 00:00 in Asia/Shanghai"
    );
    // Sunday's last millisecond was last week; a welcome and a tag take no place.
    let sunday = NOON - 2 * DAY - 12 * HOUR - 1;
    for free in [carried("moments", sunday), carried("welcome", NOON), carried("tag", NOON)] {
        let carried = three(free);
        let customer = Standing { carried: &carried, ..Standing::default() };
        assert_eq!(code(&one(weekly(), NOON, customer, &moments)), None, "{free:?}");
    }
}

#[test]
fn a_sliding_cap_holds_until_enough_have_left_it() {
    let caps = vec![cap(scenes(&["direct-message"]), 2, Window::Sliding(DAY))];
    let message = intent("a", "direct-message");
    let at = [NOON - 20 * HOUR, NOON - 23 * HOUR, NOON - HOUR].map(|at| carried("direct-message", at));
    let customer = Standing { carried: &at, ..Standing::default() };
    let with = || Plan { caps: caps.clone(), ..plan() };
    // Of three the limit is two: the second oldest must leave as well.
    let ruling = one(with(), NOON, customer, &message);
    assert_eq!(held(&ruling), (Code::Cap, Some(NOON + 4 * HOUR)));
    assert!(text(&ruling).ends_with(", until 2026-11-25 16:00 in Asia/Shanghai"), "{}", text(&ruling));
    assert!(code(&one(with(), NOON + 4 * HOUR - 1, customer, &message)).is_some());
    assert_eq!(code(&one(with(), NOON + 4 * HOUR, customer, &message)), None);
    assert_eq!(code(&one(with(), NOON, customer, &intent("b", "moments"))), None, "another scene");
}

#[test]
fn a_gap_is_kept_to_the_millisecond() {
    let plan = || Plan { gaps: vec![Gap { scope: Scope::default(), ms: 4 * HOUR }], ..plan() };
    let before = [carried("moments", NOON - HOUR)];
    let customer = Standing { carried: &before, ..Standing::default() };
    let coupon = intent("a", "coupon");
    let ruling = one(plan(), NOON, customer, &coupon);
    assert_eq!(held(&ruling), (Code::Gap, Some(NOON + 3 * HOUR)));
    assert!(text(&ruling).starts_with("all scenes at least 4 hours apart"), "{}", text(&ruling));
    assert_eq!(code(&one(plan(), NOON + 3 * HOUR, customer, &coupon)), None);
}

fn nights() -> Plan {
    let time = |text| TimeOfDay::parse(text).unwrap();
    let (from, to) = (time("22:00"), time("08:00"));
    Plan { quiet: vec![Quiet { scope: Scope::default(), from, to, zone: shanghai() }], ..plan() }
}

#[test]
fn quiet_hours_hold_all_but_a_welcome_until_the_morning() {
    let night = NOON + 11 * HOUR;
    let (moments, welcome) = (intent("a", "moments"), intent("b", "welcome"));
    let waiting = [
        Candidate { cause: night, ..candidate("int_1", &moments) },
        Candidate { cause: night, ..candidate("int_2", &welcome) },
    ];
    let rulings = judge(nights(), night, Standing::default(), &waiting);
    assert_eq!(held(&rulings[0]), (Code::QuietHours, Some(NOON + 20 * HOUR)));
    assert_eq!(code(&rulings[1]), None);
    let mut named = nights();
    named.quiet[0].scope = scenes(&["welcome"]);
    let rulings = judge(named, night, Standing::default(), &waiting);
    assert_eq!(code(&rulings[0]), None);
    assert_eq!(held(&rulings[1]), (Code::QuietHours, Some(night + 20 * SECOND + 1)), "its end comes first");
}

#[test]
fn until_is_the_first_instant_at_which_no_rule_at_all_stops_it() {
    // The day's cap rolls over at midnight, in the middle of the night.
    let caps = vec![cap(Scope::default(), 1, Window::Calendar(Calendar::Day))];
    let before = [carried("moments", NOON)];
    let customer = Standing { carried: &before, ..Standing::default() };
    let ruling = one(Plan { caps, ..nights() }, NOON, customer, &intent("a", "moments"));
    assert_eq!(held(&ruling), (Code::Cap, Some(NOON + 20 * HOUR)));
}

#[test]
fn an_intent_waits_for_its_time_and_ends_with_it() {
    let mut moments = intent("a", "moments");
    (moments.not_before, moments.not_after) = (Some(NOON + HOUR), Some(NOON + 2 * HOUR));
    let at = |now| one(plan(), now, Standing::default(), &moments);
    assert_eq!(held(&at(NOON)), (Code::NotYet, Some(NOON + HOUR)));
    assert_eq!(code(&at(NOON + HOUR)), None);
    assert_eq!(code(&at(NOON + 2 * HOUR)), None);
    assert_eq!(code(&at(NOON + 2 * HOUR + 1)), Some(Code::TooLate));
    assert!(matches!(at(NOON + 2 * HOUR + 1), Ruling::Expire { .. }));
}

#[test]
fn an_intent_that_names_no_end_has_the_plans() {
    let moments = intent("a", "moments");
    let at = |now| code(&one(plan(), now, Standing::default(), &moments));
    assert_eq!((at(NOON + 30 * DAY), at(NOON + 30 * DAY + 1)), (None, Some(Code::TooLate)));
    let waits = Intent { not_before: Some(NOON + 40 * DAY), ..intent("a", "moments") };
    let rules = Rules::new(plan());
    assert_eq!(rules.deadline(&candidate("int_1", &waits)), NOON + 70 * DAY);
}

#[test]
fn a_welcome_has_twenty_seconds_and_goes_first() {
    let long = Intent { not_after: Some(NOON + DAY), ..intent("w", "welcome") };
    let at = |now| code(&one(plan(), now, Standing::default(), &long));
    assert_eq!((at(NOON + 20 * SECOND), at(NOON + 20 * SECOND + 1)), (None, Some(Code::TooLate)));
    let caps = vec![cap(scenes(&["welcome", "moments"]), 1, Window::Calendar(Calendar::Day))];
    let priorities = vec![Priority { scenes: names(&["moments"]), policies: Vec::new(), priority: 100 }];
    let (moments, welcome) = (intent("a", "moments"), intent("b", "welcome"));
    let waiting = [candidate("int_1", &moments), candidate("int_2", &welcome)];
    let rulings = judge(Plan { caps, priorities, ..plan() }, NOON, Standing::default(), &waiting);
    assert_eq!(rulings.iter().map(code).collect::<Vec<_>>(), [Some(Code::LostSlot), None]);
}

#[test]
fn of_those_who_compete_priority_then_age_then_id_decides_and_the_losers_name_the_winner() {
    let caps = vec![cap(Scope::default(), 1, Window::Calendar(Calendar::Day))];
    let priorities =
        vec![Priority { scenes: names(&["coupon"]), policies: names(&["repurchase"]), priority: 1 }];
    let plan = Plan { caps, priorities, ..plan() };
    let intents = ["a", "b", "c"].map(|key| intent(key, "moments"));
    let coupon = intent("d", "coupon");
    let older = Candidate { cause: NOON - 1, ..candidate("int_9", &intents[2]) };
    let mut waiting = vec![
        candidate("int_2", &intents[0]),
        candidate("int_1", &intents[1]),
        older,
        candidate("int_8", &coupon),
    ];
    for winner in ["int_8", "int_9", "int_1", "int_2"] {
        let rulings = judge(plan.clone(), NOON, Standing::default(), &waiting);
        for (candidate, ruling) in waiting.iter().zip(&rulings) {
            if candidate.id == winner {
                assert_eq!(code(ruling), None, "{winner}");
            } else {
                assert_eq!(held(ruling), (Code::LostSlot, Some(NOON + 12 * HOUR)));
                assert!(text(ruling).starts_with(&format!("{winner} (")), "{}", text(ruling));
                assert!(text(ruling).contains("at most 1 a day of all scenes"), "{}", text(ruling));
            }
        }
        waiting.retain(|candidate| candidate.id != winner);
    }
}

#[test]
fn a_key_of_a_policy_is_carried_once() {
    let moments = intent("a", "moments");
    let other = Candidate { binding: "another", ..candidate("int_3", &moments) };
    let waiting = [candidate("int_2", &moments), candidate("int_1", &moments), other];
    let rulings = judge(plan(), NOON, Standing::default(), &waiting);
    assert_eq!(rulings.iter().map(code).collect::<Vec<_>>(), [Some(Code::Duplicate), None, None]);
    assert!(text(&rulings[0]).starts_with("int_1 is the same \"a\" of repurchase"), "{}", text(&rulings[0]));
    let went = [Carried { binding: "repurchase", key: "a", ..carried("moments", NOON - 40 * DAY) }];
    let customer = Standing { carried: &went, ..Standing::default() };
    assert!(matches!(one(plan(), NOON, customer, &moments), Ruling::Drop { .. }));
    assert_eq!(code(&one(plan(), NOON, Standing::default(), &moments)), None);
}

#[test]
fn consent_is_needed_where_the_plan_says_so_and_an_opt_out_forbids() {
    let consents = vec![Consent {
        scope: scenes(&["direct-message"]),
        needs_trait: Some("consent.direct-message".to_owned()),
        needs_tag: None,
        forbids_tags: names(&["optout:*"]),
    }];
    let with = || Plan { consents: consents.clone(), ..plan() };
    let message = intent("a", "direct-message");
    let (yes, no, text_of_yes) = (Value::Truth(true), Value::Truth(false), Value::Text("true".to_owned()));
    for (said, tags, expected) in [
        (Some(&yes), &["vip"][..], None),
        (Some(&yes), &["optout:all"], Some(Code::Consent)),
        (Some(&no), &[], Some(Code::Consent)),
        (Some(&text_of_yes), &[], Some(Code::Consent)),
        (None, &[], Some(Code::Consent)),
    ] {
        let traits: Vec<_> = said.map(|said| ("consent.direct-message", said)).into_iter().collect();
        let customer = Standing { traits: &traits, tags, ..Standing::default() };
        let ruling = one(with(), NOON, customer, &message);
        assert_eq!(code(&ruling), expected, "{said:?} {tags:?}");
        assert!(expected.is_none() || matches!(ruling, Ruling::Drop { .. }));
        assert_eq!(code(&one(with(), NOON, customer, &intent("b", "moments"))), None);
    }
    let later = Intent { not_before: Some(NOON + DAY), ..message };
    assert_eq!(
        code(&one(with(), NOON, Standing::default(), &later)),
        Some(Code::NotYet),
        "she may consent yet"
    );
}

fn about(category: &str) -> Intent {
    let content = Content {
        id: "p1".to_owned(),
        kind: "poster".to_owned(),
        title: None,
        category: Some(category.to_owned()),
    };
    Intent { content: Some(content), ..intent("a", "moments") }
}

#[test]
fn nothing_is_said_about_what_she_just_bought() {
    let suppression = |then| Suppression {
        scope: scenes(&["moments", "direct-message"]),
        category: Some("*".to_owned()),
        kind: None,
        id: None,
        bought: None,
        ms: 60 * DAY,
        then,
    };
    let with = |then| Plan { suppressions: vec![suppression(then)], lifetime_ms: 365 * DAY, ..plan() };
    let purchases = [("cream", NOON - 70 * DAY), ("cream", NOON - 10 * DAY), ("soap", NOON - 61 * DAY)]
        .map(|(category, at)| Purchase { category, at });
    let customer = Standing { purchases: &purchases, ..Standing::default() };
    let ruling = one(with(Then::Drop), NOON, customer, &about("cream"));
    assert!(matches!(&ruling, Ruling::Drop { reason } if reason.code == Code::Suppressed), "{ruling:?}");
    assert!(text(&ruling).contains("cream") && text(&ruling).contains("60 days"), "{}", text(&ruling));
    let ruling = one(with(Then::Hold), NOON, customer, &about("cream"));
    assert_eq!(held(&ruling), (Code::Suppressed, Some(NOON + 50 * DAY)));
    for then in [Then::Drop, Then::Hold] {
        assert_eq!(
            code(&one(with(then), NOON + 50 * DAY - 1, customer, &about("cream"))),
            Some(Code::Suppressed)
        );
        assert_eq!(code(&one(with(then), NOON + 50 * DAY, customer, &about("cream"))), None);
        assert_eq!(code(&one(with(then), NOON, customer, &about("soap"))), None, "61 days ago");
        assert_eq!(code(&one(with(then), NOON, customer, &intent("b", "moments"))), None, "about nothing");
    }
}

fn step(day: u32, budget: u32) -> Step {
    Step { day, budget }
}

#[test]
fn an_accounts_budget_rises_with_its_age() {
    let steps = vec![step(0, 2), step(7, 5)];
    let budgets = vec![Budget { scope: Scope::default(), of: Of::Connection, steps }];
    let rules = Rules::new(Plan { budgets, ..plan() });
    let wecom = handle("wecom");
    let customer = Standing { handles: &[&wecom], ..Standing::default() };
    let moments = intent("a", "moments");
    let judge = |now, accounts: &Accounts| {
        rules.judge(now, &customer, &[candidate("int_1", &moments)], accounts).remove(0)
    };
    let mut accounts = accounts();
    for _ in 0..2 {
        assert_eq!(code(&judge(NOON, &accounts)), None);
        accounts.carried("wecom-main", None, "moments");
        accounts.carried("wecom-main", None, "welcome");
    }
    let ruling = judge(NOON, &accounts);
    assert_eq!(held(&ruling), (Code::Budget, Some(NOON + 12 * HOUR)));
    assert!(text(&ruling).starts_with("wecom-main has sent the 2 of its budget"), "{}", text(&ruling));
    // Three days old at noon: on the fourth day from here it is a week old.
    let week_old = NOON + 4 * DAY;
    for sent in 2..5 {
        assert_eq!(code(&judge(week_old, &accounts)), None, "{sent}");
        accounts.carried("wecom-main", None, "moments");
    }
    assert_eq!(code(&judge(week_old, &accounts)), Some(Code::Budget));
    accounts.connections[0].sent_today = Tally::default();
    assert_eq!(code(&judge(week_old, &accounts)), None);
}

#[test]
fn a_budget_of_nothing_waits_for_the_day_on_which_there_is_one() {
    let with = |steps| {
        let budgets = vec![Budget { scope: Scope::default(), of: Of::Connection, steps }];
        one(Plan { budgets, ..plan() }, NOON, Standing::default(), &intent("a", "moments"))
    };
    assert_eq!(held(&with(vec![step(5, 3)])), (Code::Budget, Some(NOON + DAY + 12 * HOUR)));
    // No time gives one: its own end is what comes.
    assert_eq!(held(&with(vec![step(0, 0)])), (Code::Budget, Some(NOON + 30 * DAY + 1)));
}

#[test]
fn each_member_of_staff_has_a_budget_of_their_own() {
    let budgets = vec![Budget { scope: Scope::default(), of: Of::Staff, steps: vec![step(0, 1)] }];
    let rules = Rules::new(Plan { budgets, ..plan() });
    let mut tally = Tally::default();
    tally.add("coupon", 1);
    let mut accounts = accounts();
    let lin = StaffAccount { staff: "lin".to_owned(), since: None, sent_today: tally };
    accounts.connections[0].staff = vec![lin];
    let wecom = handle("wecom");
    let judge = |staff: &[Known<'_>], detail: Option<&str>| {
        let customer = Standing { handles: &[&wecom], staff, ..Standing::default() };
        let intent = Intent { detail: detail.map(str::to_owned), ..intent("a", "moments") };
        rules.judge(NOON, &customer, &[candidate("int_1", &intent)], &accounts).remove(0)
    };
    let known = ["lin", "wang"].map(|staff| Known { staff, connection: None });
    let ruling = judge(&known, None);
    assert_eq!(code(&ruling), Some(Code::Budget));
    assert!(text(&ruling).starts_with("lin on wecom-main has sent the 1"), "{}", text(&ruling));
    let staff = |ruling| match ruling {
        Ruling::Carry { staff, .. } => staff,
        other => panic!("{other:?}"),
    };
    assert_eq!(staff(judge(&known, Some(r#"{"staff":"wang"}"#))).as_deref(), Some("wang"));
    let elsewhere = [Known { connection: Some("youzan-shop"), ..known[0] }, known[1]];
    assert_eq!(staff(judge(&elsewhere, Some("not json"))).as_deref(), Some("wang"));
    assert_eq!(staff(judge(&[], None)), None);
    // In one round, too, each has one of their own.
    let named = |key, staff| {
        let detail = Some(format!("{{\"staff\":\"{staff}\"}}"));
        Intent { detail, ..intent(key, "moments") }
    };
    let intents = [named("a", "wang"), named("b", "zhao"), named("c", "wang")];
    let waiting = [0, 1, 2].map(|place| candidate(["int_1", "int_2", "int_3"][place], &intents[place]));
    let customer = Standing { handles: &[&wecom], ..Standing::default() };
    let rulings = rules.judge(NOON, &customer, &waiting, &accounts);
    assert_eq!(rulings.iter().map(code).collect::<Vec<_>>(), [None, None, Some(Code::LostSlot)]);
}

#[test]
fn the_preferred_connection_that_reaches_her_plays_the_scene() {
    let mut second = account("wecom-second", "wecom");
    second.addresses[0].scope = Some("another corp".to_owned());
    let accounts = Accounts {
        connections: vec![
            account("youzan-shop", "youzan"),
            second,
            account("bridge", "bridge"),
            account("wecom-main", "wecom"),
        ],
    };
    let (wecom, bridge) = (handle("wecom"), handle("bridge"));
    let judge = |handles: &[&Identity], plan: Plan, scene| {
        let customer = Standing { handles, ..Standing::default() };
        let intent = intent("a", scene);
        let ruling =
            Rules::new(plan).judge(NOON, &customer, &[candidate("int_1", &intent)], &accounts).remove(0);
        (code(&ruling), text(&ruling).to_owned())
    };
    let prefer = |scenes: &[&str]| {
        let connections = names(&["wecom-main"]);
        Plan { preferences: vec![Preference { scenes: names(scenes), connections }], ..plan() }
    };
    assert_eq!(judge(&[&wecom, &bridge], plan(), "moments"), (None, "bridge".to_owned()), "by name");
    assert_eq!(judge(&[&wecom, &bridge], prefer(&[]), "moments"), (None, "wecom-main".to_owned()));
    assert_eq!(judge(&[&wecom, &bridge], prefer(&["coupon"]), "moments"), (None, "bridge".to_owned()));
    assert_eq!(judge(&[&wecom], plan(), "moments"), (None, "wecom-main".to_owned()), "not the other corp's");
    let none = (Some(Code::NoRoute), "no connection plays scene moments for her".to_owned());
    assert_eq!(judge(&[], plan(), "moments"), none);
    assert_eq!(judge(&[&wecom], plan(), "points").0, Some(Code::NoRoute));
}

#[test]
fn where_the_preferred_connection_is_full_the_next_one_carries() {
    let scope = Scope { channels: names(&["bridge"]), ..Scope::default() };
    let caps = vec![cap(scope, 1, Window::Calendar(Calendar::Day))];
    let accounts =
        Accounts { connections: vec![account("bridge", "bridge"), account("wecom-main", "wecom")] };
    let (wecom, bridge) = (handle("wecom"), handle("bridge"));
    let customer = Standing { handles: &[&wecom, &bridge], ..Standing::default() };
    let intents = ["a", "b"].map(|key| intent(key, "moments"));
    let waiting = [candidate("int_1", &intents[0]), candidate("int_2", &intents[1])];
    let rulings = Rules::new(Plan { caps, ..plan() }).judge(NOON, &customer, &waiting, &accounts);
    assert_eq!(rulings.iter().map(text).collect::<Vec<_>>(), ["bridge", "wecom-main"]);
}

#[test]
fn wecoms_own_limits_come_by_name() {
    let month = [carried("direct-message", NOON - DAY); 30];
    for (name, before, expected) in [
        ("wecom-mass-daily", 0, None),
        ("wecom-mass-weekly", 6, None),
        (
            "wecom-mass-weekly",
            7,
            Some("at most 7 a week of direct-message on wecom to one customer (wecom-mass-weekly)"),
        ),
        ("wecom-mass-monthly", 29, None),
        (
            "wecom-mass-monthly",
            30,
            Some("at most 30 a month of direct-message on wecom to one customer (wecom-mass-monthly)"),
        ),
    ] {
        let caps = vec![Preset::named(name).map(Preset::cap).unwrap()];
        let customer = Standing { carried: &month[..before], ..Standing::default() };
        let ruling = one(Plan { caps, ..plan() }, NOON, customer, &intent("a", "direct-message"));
        match expected {
            None => assert_eq!(code(&ruling), None, "{name} {before}"),
            Some(start) => assert!(text(&ruling).starts_with(start), "{}", text(&ruling)),
        }
    }
}

#[test]
fn what_failed_waits_for_its_next_try() {
    let moments = intent("a", "moments");
    let again = Candidate { again: Some(NOON + HOUR), ..candidate("int_1", &moments) };
    let at = |now| judge(plan(), now, Standing::default(), &[again]).remove(0);
    assert_eq!(held(&at(NOON)), (Code::Retry, Some(NOON + HOUR)));
    assert_eq!(code(&at(NOON + HOUR)), None);
}
