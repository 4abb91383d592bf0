//! Reasons of `heliu customer why-not`, and the chain of `why`, as they are told to people and to scripts.

use model::{CustomerId, Deed, Entry, HandUntag, OperatorAct, Pause};
use serde_json::{Value as Json, json};

use super::{DAY_MS, Host, MARCH, SILENT, bought, did, event, person, said, setup, told};

fn json_of(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

impl Host {
    fn happens(&self, day: u64, entries: Vec<Entry>) {
        self.append(MARCH + day * DAY_MS, entries);
        self.fold(MARCH + day * DAY_MS);
    }

    fn why_not(&self, arguments: &[&str]) -> String {
        self.customer(&[&["why-not", "cus_2", "--policy", "repurchase"], arguments].concat()).unwrap()
    }
}

#[test]
fn a_tag_taken_by_hand_names_the_operator() {
    let host = Host::lived();
    let deed = Deed::Untag(HandUntag { customer: CustomerId(2), name: "buyer".to_owned() });
    let (by, why) = ("li".to_owned(), "she asked for it".to_owned());
    host.happens(71, vec![Entry::Act(OperatorAct { id: "a1".to_owned(), by, why, deed })]);
    let text = host.why_not(&["--tag", "buyer", "--utc"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[lines.len() - 2].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>(),
        ["8", "2026-05-11 00:00:00", "by hand", "untag buyer, by li: she asked for it"]
    );
    assert_eq!(
        lines[lines.len() - 1],
        "tag \"buyer\": untagged: it was taken away at position 8, 2026-05-11 00:00:00, by hand, by li (\"she asked for it\")"
    );
    let told = json_of(&host.why_not(&["--tag", "buyer", "--json"]));
    assert_eq!(told["code"], "untagged");
    let hand = json!({"by": "li", "why": "she asked for it", "position": 8, "now": MARCH + 71 * DAY_MS});
    assert_eq!(told["reasons"][0]["hand"], hand, "{told}");
    let line = told["lines"].as_array().unwrap().last().unwrap();
    assert_eq!((&line["position"], &line["code"], &line["shown"]), (&json!(8), &json!("act"), &json!(false)));
    assert_eq!(line["text"], "untag buyer, by li: she asked for it");
}

#[test]
fn a_policy_that_is_paused_is_named_with_since_when() {
    let host = Host::lived();
    let mut paused = setup();
    paused.policies[0].paused = Some(Pause { behind: 7, fired: MARCH + 70 * DAY_MS, broke_off: None });
    host.append(MARCH + 71 * DAY_MS, vec![event("e8", 2, bought()), Entry::Setup(paused)]);
    host.fold(MARCH + 72 * DAY_MS);
    let asked = ["why-not", "cus_3", "--policy", "repurchase", "--tag", "buyer"];
    let text = host.customer(&asked).unwrap();
    assert!(text.contains("  not shown: paused"), "{text}");
    let answer = "tag \"buyer\": paused: the policy is paused behind position 7, as position 9, 2026-05-11 08:00:00, says, and \
                  was not shown 1 turn(s) of hers, the first at position 8; it is shown them when it decides again\n";
    assert!(text.ends_with(answer), "{text}");
    let told = json_of(&host.customer(&[&asked[..], &["--json"]].concat()).unwrap());
    assert_eq!(told["code"], "paused");
    let paused = json!({"behind": 7, "said": 9, "said_now": MARCH + 71 * DAY_MS, "turns": 1});
    assert_eq!(told["reasons"][0]["paused"], paused, "{told}");
}

#[test]
fn an_intent_that_nothing_intends_any_more_names_the_setup() {
    let host = Host::lived();
    assert_eq!(json_of(&host.why_not(&["--intent", "revisit-1", "--json"]))["code"], "holds");
    let mut silent = setup();
    silent.policies[0].settings = SILENT.to_owned();
    let (by, why) = ("li".to_owned(), "nothing for a while".to_owned());
    host.happens(71, vec![Entry::Configured(model::Configured { setup: silent, by, why })]);
    let told = json_of(&host.why_not(&["--intent", "revisit-1", "--json"]));
    assert_eq!((&told["code"], &told["reasons"][0]["ground"]), (&json!("withdrawn"), &json!(8)), "{told}");
    let text = host.why_not(&["--intent", "revisit-1"]);
    assert!(
        text.ends_with(
            "intent \"revisit-1\": withdrawn: it was intended at position 5, and nothing intends it any more: at position 8, \
             2026-05-11 08:00:00, where li changed the configuration: nothing for a while, her past was folded again; it is \
             not sent: it was proposed\n"
        ),
        "{text}"
    );
}

/// The policy tells of what she said last: a memory of some bytes, and one that is long.
#[test]
fn memory_is_shown_before_and_after() {
    let host = Host::lived();
    for (day, text) in [
        (71, "remember ab"),
        (72, "remember ac"),
        (73, "remember abcdefghijklmnop"),
        (74, "remember abcdefghijklmnoq!"),
    ] {
        host.happens(day, vec![event(text, 1, said(text))]);
    }
    let text = host.why_not(&[]);
    let cell = |position: usize| {
        let line = text.lines().rev().nth(5 - position).unwrap();
        let cells: Vec<&str> = line.split("  ").filter(|cell| !cell.is_empty()).collect();
        cells[3].trim().to_owned()
    };
    assert_eq!(cell(1), "nothing → 6162", "{text}");
    assert_eq!(cell(2), "6162 → 6163", "{text}");
    assert_eq!(cell(3), "6163 → 6162636465666768… (16 B)", "{text}");
    assert_eq!(cell(4), "…6f70 (16 B) → …6f7121 (17 B)", "{text}");
    let first = text.lines().nth(1).unwrap();
    assert!(first.split("  ").any(|cell| cell.trim() == "nothing"), "it remembered nothing: {text}");
}

#[test]
fn since_a_setup_names_the_versions_that_it_binds_also_those_that_were_known() {
    let host = Host::lived();
    let silent = || {
        let mut silent = setup();
        silent.policies[0].settings = SILENT.to_owned();
        Entry::Setup(silent)
    };
    host.happens(71, vec![silent()]);
    // What was told of another by the first version is told no longer, which is a record of its own.
    host.happens(72, vec![Entry::Setup(setup())]);
    let since = |arguments: &[&str]| {
        json_of(&host.customer(&[&["since", "cus_2", "--json"], arguments].concat()).unwrap())
    };
    let told = since(&["--tag", "buyer"]);
    assert_eq!((&told["by"], &told["position"]), (&json!("setup"), &json!(10)), "{told}");
    assert_eq!(told["versions"], json!([{"policy": "repurchase", "version": 0, "bound_at": 1}]), "{told}");
    let told = since(&["--not-tag", "buyer", "--at", "8"]);
    assert_eq!(told["versions"], json!([{"policy": "repurchase", "version": 1, "bound_at": 8}]), "{told}");
    // What is not changed is not named.
    let mut two = setup();
    two.policies.push(model::Binding { name: "second".to_owned(), ..setup().policies.remove(0) });
    host.happens(73, vec![silent()]);
    two.policies[0].settings = "{\"days\":60}".to_owned();
    host.happens(74, vec![Entry::Setup(two)]);
    let told = since(&["--tag", "buyer"]);
    let names: Vec<&Json> =
        told["versions"].as_array().unwrap().iter().map(|version| &version["policy"]).collect();
    assert_eq!(names, ["repurchase", "second"], "{told}");
}

#[test]
fn who_told_of_her_is_named_with_words_version_and_digests() {
    let host = Host::lived();
    host.append(MARCH + 71 * DAY_MS, vec![event("e7", 3, told("小雨"))]);
    host.happens(72, vec![event("e8", 1, did("began-chain", Some(person(2))))]);
    let why = json_of(&host.customer(&["why", "cus_8", "tag", "helped", "--json"]).unwrap());
    let held = &why["held"][0];
    let told = held["told"].as_array().unwrap();
    let of = |place: usize| {
        let one = &told[place];
        (
            one["teller"].clone(),
            one["cause"]["why"].clone(),
            one["cause"]["policy"].clone(),
            one["unknown"].clone(),
        )
    };
    let name = || json!("repurchase");
    assert_eq!(of(0), (json!("cus_0000000003"), json!("she helped a friend"), name(), Json::Null), "{held}");
    assert_eq!(of(1), (json!("cus_0000000002"), json!("she began a chain"), name(), Json::Null), "{held}");
    for (told, record) in told.iter().zip(held["records"].as_array().unwrap()) {
        assert_eq!(told["position"], record["position"]);
        assert_eq!(told["cause"]["position"], record["entry"]["derived"]["cause"]);
        assert_eq!((&told["cause"]["version"], &told["cause"]["bound_at"]), (&json!(0), &json!(1)));
        assert_eq!(told["cause"]["digest"], "07".repeat(32));
        assert_eq!(told["cause"]["settings_digest"].as_str().unwrap().len(), 64);
    }
    assert_eq!((told.len(), &held["cut_at"]), (2, &Json::Null), "the raw fact was told by nobody");
    let text = host.customer(&["why", "cus_8", "tag", "helped", "--utc"]).unwrap();
    let line =
        text.lines().position(|line| line.trim_end() == "  told          because of cus_0000000003").unwrap();
    let rest: Vec<&str> = text.lines().skip(line + 1).take(2).collect();
    assert_eq!(rest[0], "  why           she helped a friend", "{text}");
    assert!(rest[1].starts_with("  decided by    repurchase, \"The next order\", version 0"), "{text}");
}

#[test]
fn what_was_told_at_an_alarm_names_it() {
    let host = Host::lived();
    host.happens(71, vec![event("e7", 1, did("recommends-later", None))]);
    // What an alarm tells is folded by the next one.
    host.fold(MARCH + 75 * DAY_MS);
    host.fold(MARCH + 75 * DAY_MS);
    let why = json_of(&host.customer(&["why", "cus_3", "tag", "recommended", "--json"]).unwrap());
    let cause = &why["held"][0]["told"][0]["cause"];
    assert_eq!((&cause["alarm"], &cause["why"]), (&json!("recommend"), &json!("a day later")), "{why}");
    assert_eq!((&cause["now"], &cause["position"]), (&json!(MARCH + 72 * DAY_MS), &json!(8)), "{why}");
    let text = host.customer(&["why", "cus_3", "tag", "recommended", "--utc"]).unwrap();
    let alarm = "  alarm         \"recommend\", due 2026-05-12 00:00:00, asked for at position 8";
    assert!(text.lines().any(|line| line == alarm), "{text}");
}

#[test]
fn a_chain_that_is_cut_says_where_it_goes_on() {
    let host = Host::lived();
    // Each one tells of the next one, twenty times.
    let people = (10..=30).map(|number| event(&format!("p{number}"), number, told("小雨"))).collect();
    host.append(MARCH + 71 * DAY_MS, people);
    host.happens(72, vec![event("e9", 10, did("began-line", Some(person(11))))]);
    let last = host.customer(&["show", &format!("wechat.unionid:wx1:o6:{}", 30), "--json"]).unwrap();
    let id = json_of(&last)["id"].as_str().unwrap().to_owned();
    let why = json_of(&host.customer(&["why", &id, "tag", "in-line", "--json"]).unwrap());
    let held = &why["held"][0];
    let records = held["records"].as_array().unwrap();
    assert_eq!(records.len(), 16, "{held}");
    assert_eq!(held["cut_at"], records[15]["entry"]["derived"]["cause"], "{held}");
    let text = host.customer(&["why", &id, "tag", "in-line"]).unwrap();
    let cut = format!("  cut           after 16 records: it goes on at position {}", held["cut_at"]);
    assert!(text.lines().any(|line| line == cut), "{text}");
}

#[test]
fn why_names_the_digests_of_the_component_and_of_the_settings() {
    let host = Host::lived();
    let (_, state) = store::Store::standing(&*host.store).unwrap();
    let text = host.customer(&["why", "cus_2", "tag", "buyer"]).unwrap();
    for (label, digest) in [("component", state.versions[0].digest), ("settings", state.versions[0].settings)]
    {
        let line = text.lines().find(|line| line.trim_start().starts_with(label));
        assert!(line.is_some_and(|line| line.ends_with(&format!("  {digest}"))), "{label}: {text}");
    }
    let why = json_of(&host.customer(&["why", "cus_2", "tag", "buyer", "--json"]).unwrap());
    let cause = &why["held"][0]["cause"];
    assert_eq!(cause["settings_digest"], state.versions[0].settings.to_string());
}
