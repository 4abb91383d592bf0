//! `--at`, `heliu customer why` of more, `heliu customer why-not` and `heliu customer since`.

use model::Entry;
use serde_json::{Value as Json, json};

use super::{DAY_MS, Host, MARCH, did, event, person, setup, told};

fn json_of(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

/// The end of the first day, before anybody bought; on the second day, 小满 has bought and not lapsed.
const FIRST_DAY: &str = "2026-03-01 20:00";
const SECOND_DAY: &str = "2026-03-02T12:00:00+08:00";

#[test]
fn a_list_as_of_then_shows_who_they_were() {
    let host = Host::lived();
    let text = host.customer(&["list", "--at", "5"]).unwrap();
    assert_eq!(
        text,
        "as of position 5, 2026-03-02 08:00:00 (Beijing time)\n\
         cus_0000000002  小满       3 records  since 2026-03-01 08:00:00  buyer\n\
         cus_0000000003  小雪\u{fffd}[31m  1 records  since 2026-03-01 08:00:00\n"
    );
    let text = host.customer(&["list", "--at", SECOND_DAY, "--tag", "lapsed"]).unwrap();
    assert_eq!(text, "as of position 5, 2026-03-02 12:00:00 (Beijing time)\n");
    let page = json_of(&host.customer(&["list", "--json", "--at", FIRST_DAY]).unwrap());
    assert_eq!(page["at"]["position"], 3);
    assert_eq!(page["customers"][0]["tags"], json!([]));
    assert_eq!(page["customers"].as_array().unwrap().len(), 2);
}

#[test]
fn a_customer_as_of_then_is_who_bore_the_handle() {
    let host = Host::lived();
    let text =
        host.customer(&["show", "phone::19900000001", "--at", "2026-03-02 00:00:01", "--utc"]).unwrap();
    assert!(
        text.starts_with("as of position 5, 2026-03-02 00:00:01 (UTC)\ncus_0000000002  小满\n"),
        "{text}"
    );
    assert!(text.contains("\n  buyer  since 2026-03-02 00:00:00") && !text.contains("lapsed"), "{text}");
    assert!(
        text.contains("\nalarms\n  2026-05-01 00:00:00  revisit  asked for by repurchase at position 5"),
        "{text}"
    );
    let shown = json_of(&host.customer(&["show", "cus_2", "--at", "4", "--json"]).unwrap());
    assert_eq!((&shown["timeline"], &shown["tags"]), (&json!([2, 4]), &json!([])));
    assert_eq!(shown["at"], json!({"position": 4, "fired": MARCH + DAY_MS, "agrees": true}));
}

#[test]
fn two_who_are_one_now_are_shown_as_they_were() {
    let host = Host::lived();
    // A record that bears both unionids makes them one.
    let Entry::Event(mut channel) = event("e9", 1, told("小满")) else { panic!() };
    channel.event.who.push(person(2));
    host.append(MARCH + 80 * DAY_MS, vec![Entry::Event(channel)]);
    host.fold(MARCH + 80 * DAY_MS);
    let shown = json_of(&host.customer(&["show", "cus_3", "--json"]).unwrap());
    assert_eq!(shown["id"], "cus_0000000002");
    let then = json_of(&host.customer(&["show", "cus_3", "--json", "--at", "7"]).unwrap());
    assert_eq!((&then["id"], &then["at"]["agrees"]), (&json!("cus_0000000003"), &json!(true)));
    let then = json_of(&host.customer(&["show", "phone::19900000002", "--json", "--at", "7"]).unwrap());
    assert_eq!(then["id"], "cus_0000000003");
}

#[test]
fn segments_intents_tables_and_edges_are_of_then() {
    let host = Host::lived();
    let len = |text: &str, key: &str| json_of(text)[key].as_array().unwrap().len();
    let show = ["show", "lapsed", "--json"];
    assert_eq!(len(&host.segment(&show).unwrap(), "customers"), 1);
    let then = host.segment(&[&show[..], &["--at", "5"]].concat()).unwrap();
    assert_eq!((len(&then, "customers"), &json_of(&then)["at"]["position"]), (0, &json!(5)));
    let text = host.segment(&["count", "lapsed", "--at", "5", "--utc"]).unwrap();
    assert!(
        text.starts_with("as of position 5, 2026-03-02 00:00:00 (UTC)\nlapsed") && text.contains(" 0 "),
        "{text}"
    );

    assert!(len(&host.intent(&["list", "--json"]).unwrap(), "intents") > 0);
    assert_eq!(len(&host.intent(&["list", "--json", "--at", "3"]).unwrap(), "intents"), 0);
    assert!(host.intent(&["count"]).unwrap().contains("direct-message"));
    let none = host.intent(&["count", "--at", "3", "--utc"]).unwrap();
    assert_eq!(none, "as of position 3, 2026-03-01 00:00:00 (UTC)\n");

    assert!(host.export(&["tags"]).unwrap().contains("lapsed"));
    let then = host.export(&["tags", "--at", "5"]).unwrap();
    assert!(then.contains("buyer") && !then.contains("lapsed"), "{then}");
    let error = host.export(&["events", "--at", "5"]).unwrap_err().to_string();
    assert!(error.contains("--from"), "{error}");

    let Entry::Event(mut channel) = event("e9", 1, told("小满")) else { panic!() };
    channel.event.who.push(person(2));
    host.append(MARCH + 80 * DAY_MS, vec![Entry::Event(channel)]);
    host.fold(MARCH + 80 * DAY_MS);
    let edges =
        |rest: &[&str]| json_of(&host.identity(&[&["edges", "cus_3", "--json"], rest].concat()).unwrap());
    assert_eq!(edges(&[])["id"], "cus_0000000002");
    let then = edges(&["--at", "7"]);
    assert_eq!((&then["id"], &then["at"]["position"]), (&json!("cus_0000000003"), &json!(7)));
    assert!(host.identity(&["conflicts", "--at", "7"]).unwrap().starts_with("as of position 7"));
    let strays = json_of(&host.intent(&["strays", "--at", "7", "--json"]).unwrap());
    assert_eq!((&strays["strays"], &strays["at"]["position"]), (&json!([]), &json!(7)));
}

#[test]
fn what_is_not_there_yet_or_too_much_is_refused_with_the_mend() {
    let host = Host::lived();
    let error = |arguments: &[&str]| host.customer(arguments).unwrap_err().to_string();
    assert_eq!(
        error(&["show", "cus_2", "--at", "99"]),
        "position 99 is not folded yet: the store stands at position 7"
    );
    assert_eq!(
        error(&["show", "cus_3", "--at", "2"]),
        "there is no customer cus_0000000003 at position 2: her first record is at position 3"
    );
    assert!(error(&["list", "--at", "2027-01-01"]).contains("is not there yet"));
    assert!(error(&["list", "--at", "soon"]).starts_with("\"soon\" is no position and no time"));
    assert_eq!(
        error(&["list", "--at", "7", "--records-max", "6"]),
        "it would fold 7 records, more than 6: raise --records-max, if the machine has the memory"
    );
}

#[test]
fn counts_are_of_then() {
    let host = Host::lived();
    let now = json_of(&host.counts(&["--json"]).unwrap());
    let then = json_of(&host.counts(&["--json", "--at", "5"]).unwrap());
    assert_eq!(now["tags"][1], json!({"name": "helped", "customers": 1}));
    assert_eq!(then["tags"], json!([{"name": "buyer", "customers": 1}]));
    assert_eq!((&then["at"]["position"], &then["position"]), (&json!(5), &json!(5)));
}

#[test]
fn why_tells_what_the_turn_cost_and_goes_back_in_time() {
    let host = Host::lived();
    let text = host.customer(&["why", "cus_2", "tag", "lapsed"]).unwrap();
    let cost = "\n  fuel        4711, of a call with this turn alone\n";
    assert!(text.contains(cost), "{text}");
    for thing in [["stage", "lifecycle"], ["intent", "revisit-1"]] {
        let text = host.customer(&["why", "cus_2", thing[0], thing[1]]).unwrap();
        assert!(text.contains(cost), "{text}");
    }
    let text = host.customer(&["why", "cus_2", "trait", "name"]).unwrap();
    assert!(!text.contains("fuel"), "nobody decided: {text}");
    let error = host.customer(&["why", "cus_2", "tag", "lapsed", "--at", "5"]).unwrap_err().to_string();
    assert_eq!(error, "cus_0000000002 has no tag \"lapsed\"; there is: buyer");
    let why = json_of(&host.customer(&["why", "cus_2", "tag", "buyer", "--at", "5", "--json"]).unwrap());
    assert_eq!((&why["at"]["position"], &why["held"][0]["fuel"]), (&json!(5), &json!(4711)));
}

#[test]
fn why_explains_alarms_and_tasks() {
    let host = Host::lived();
    let text = host.customer(&["why", "cus_2", "alarm", "revisit", "--at", "6", "--utc"]).unwrap();
    for line in [
        "cus_0000000002: alarm \"revisit\"  (UTC)",
        "  due         2026-05-01 00:00:00",
        "  why         to look again",
        "  decided by  repurchase, \"The next order\", version 0 in force since position 1",
        "  record      position 5, 2026-03-02 00:00:00, from wecom-main",
        "  fuel        4711, of a call with this turn alone",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    host.append(MARCH + 71 * DAY_MS, vec![event("e7", 1, did("asked-staff", None))]);
    host.fold(MARCH + 71 * DAY_MS);
    let text = host.customer(&["why", "cus_2", "task", "call her"]).unwrap();
    assert!(
        text.contains("  why         she asked for a call\n") && text.contains("4711, of a call"),
        "{text}"
    );
    let error = host.customer(&["why", "cus_2", "alarm", "x"]).unwrap_err().to_string();
    assert_eq!(error, "cus_0000000002 has no alarm \"x\"; there is: none");
}

#[test]
fn why_follows_what_was_derived_from_what_was_derived() {
    let host = Host::lived();
    host.append(MARCH + 71 * DAY_MS, vec![event("e7", 3, told("小雨"))]);
    host.append(MARCH + 72 * DAY_MS, vec![event("e8", 1, did("began-chain", Some(person(2))))]);
    host.fold(MARCH + 72 * DAY_MS);
    let why = json_of(&host.customer(&["why", "cus_8", "tag", "helped", "--json"]).unwrap());
    let records = &why["held"][0]["records"];
    let position = |place: usize| records[place]["position"].as_u64().unwrap();
    assert_eq!(records.as_array().unwrap().len(), 3, "{records}");
    assert_eq!(records[0]["entry"]["derived"]["cause"], position(1));
    assert_eq!(records[1]["entry"]["derived"]["cause"], position(2));
    assert_eq!(records[2]["entry"]["event"]["event"]["id"], "e8", "the raw fact: {records}");
}

#[test]
fn why_not_lists_the_turns_and_answers() {
    let host = Host::lived();
    let text = host.customer(&["why-not", "cus_3", "--policy", "repurchase", "--tag", "buyer"]).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("cus_0000000003: what repurchase was shown, as of position 7, "), "{text}");
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[1].starts_with("  3  2026-03-01 08:00:00  is known by name") && lines[1].ends_with("nothing")
    );
    assert!(lines[2].ends_with("nothing  fuel 4711  tag helped (\"a friend helped her\")"), "{text}");
    assert_eq!(
        lines[3],
        "tag \"buyer\": decided-otherwise: the policy was shown 2 turn(s) of hers and decided something else; the last one \
         at position 7, 2026-03-03 08:00:00, by repurchase"
    );
    let told = host.customer(&["why-not", "phone::19900000001", "--policy", "repurchase", "--json"]).unwrap();
    let told = json_of(&told);
    assert_eq!(
        (&told["code"], &told["kind"], &told["lines_all"]),
        (&json!("decided-otherwise"), &Json::Null, &json!(5))
    );
    assert_eq!(told["lines"][4]["alarm"], "revisit");
    assert_eq!(told["lines"][2]["decisions"][0], json!({"what": "tag buyer", "why": "an order was paid"}));
    assert_eq!((&told["at"]["agrees"], &told["lines"][2]["fuel"]), (&json!(true), &json!(4711)));
    let few = host.customer(&["why-not", "cus_2", "--policy", "repurchase", "--limit", "1"]).unwrap();
    assert!(few.contains("\nthe last 1 of 5 lines\n"), "{few}");
}

#[test]
fn why_not_asks_for_stages_and_intents_and_as_of_then() {
    let host = Host::lived();
    let ask = |arguments: &[&str]| {
        let mut all = vec!["why-not", "cus_2", "--policy", "repurchase", "--json"];
        all.extend(arguments);
        json_of(&host.customer(&all).unwrap())["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(&["--stage", "lifecycle"]), "holds");
    assert_eq!(ask(&["--stage", "lifecycle=new"]), "decided-otherwise");
    assert_eq!(ask(&["--stage", "other"]), "undeclared");
    assert_eq!(ask(&["--intent", "revisit-1"]), "holds");
    assert_eq!(ask(&["--intent", "revisit-1", "--at", "6"]), "decided-otherwise");
    assert_eq!(ask(&["--tag", "lapsed"]), "holds");
    assert_eq!(ask(&["--tag", "lapsed", "--at", SECOND_DAY]), "decided-otherwise");
    let error = host.customer(&["why-not", "cus_2", "--policy", "x"]).unwrap_err().to_string();
    assert_eq!(error, "no policy \"x\" is in force there; there is: repurchase");
}

#[test]
fn since_names_the_alarm_the_record_or_the_setup() {
    let host = Host::lived();
    let text = host.customer(&["since", "cus_2", "--tag", "lapsed"]).unwrap();
    let expected = "cus_0000000002: tag \"lapsed\" since position 6, 2026-05-01 08:00:00 (Beijing time), without a break\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\n  by         the time came"), "{text}");
    assert!(text.contains("\n  policy     repurchase, version 0 in force since position 1\n"), "{text}");
    let since = |arguments: &[&str]| {
        let mut all = vec!["since", "cus_2", "--json"];
        all.extend(arguments);
        json_of(&host.customer(&all).unwrap())
    };
    let told = since(&["--tag", "buyer"]);
    assert_eq!(
        (&told["position"], &told["by"], &told["why"]),
        (&json!(5), &json!("record"), &json!("an order was paid"))
    );
    let told = since(&["--not-tag", "lapsed", "--at", "5"]);
    assert_eq!((&told["holds"], &told["position"], &told["looked_at"]), (&json!(true), &json!(2), &json!(4)));
    assert_eq!(since(&["--stage", "lifecycle=lapsed"])["by"], "time");
    assert_eq!(since(&["--tag", "vip"])["holds"], false);
    // Another version, which decides the same: everybody is folded again, and there is no break.
    let mut again = setup();
    again.policies[0].settings = "{\"days\":61}".to_owned();
    again.policies.insert(0, model::Binding { name: "first".to_owned(), ..again.policies[0].clone() });
    host.append(MARCH + 75 * DAY_MS, vec![Entry::Setup(again)]);
    host.fold(MARCH + 75 * DAY_MS);
    assert_eq!(since(&["--tag", "lapsed"])["by"], "time");
}

/// A conflict is a note from its record on, and none before it.
#[test]
fn notes_are_of_now_or_of_then() {
    let host = Host::lived();
    let mut setup = setup();
    let (name, lasting, one_per_person) = ("wechat.unionid".to_owned(), true, true);
    setup.schemes.push(model::Scheme { name, lasting, one_per_person });
    host.append(MARCH + 80 * DAY_MS, vec![Entry::Setup(setup)]);
    let Entry::Event(mut channel) = event("e9", 1, told("小满")) else { panic!() };
    let union = |value: &str| model::Identity {
        scheme: "wechat.unionid".to_owned(),
        scope: "wx".to_owned(),
        value: value.to_owned(),
    };
    channel.event.who.push(union("u1"));
    let Entry::Event(mut other) = event("e10", 2, told("小雨")) else { panic!() };
    other.event.who.push(union("u2"));
    let Entry::Event(mut both) = event("e11", 1, told("小满")) else { panic!() };
    both.event.who.push(person(2));
    let entries = [channel, other, both].map(Entry::Event).into();
    host.append(MARCH + 81 * DAY_MS, entries);
    host.fold(MARCH + 82 * DAY_MS);
    let text = host.identity(&["conflicts", "--utc"]).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "position 11, 2026-05-21 00:00:00, from wecom-main", "{text}");
    assert_eq!(lines[1], "  went to  cus_0000000011", "{text}");
    assert!(
        lines[2].starts_with("  shows    ") && lines[2].ends_with(", which cus_0000000002 keeps"),
        "{text}"
    );
    assert_eq!(lines[3], "  but      a person has one wechat.unionid, and there are two", "{text}");
    assert!(lines[4].starts_with("  if       ") && lines[5].contains("heliu "), "{text}");
    let now = json_of(&host.notes(&["--json"]).unwrap());
    let position = now["notes"][0]["note"]["conflict"]["position"].as_u64().unwrap();
    assert_eq!(now.get("at"), None, "{now}");
    let text = host.notes(&[]).unwrap();
    assert!(
        text.starts_with(&format!("position {position}: ")) && text.contains("wechat.unionid differs"),
        "{text}"
    );
    let then = json_of(&host.notes(&["--json", "--at", &(position - 1).to_string()]).unwrap());
    assert_eq!((&then["notes"], &then["at"]["position"]), (&json!([]), &json!(position - 1)));
    let then = host.notes(&["--at", &position.to_string()]).unwrap();
    assert!(then.starts_with("as of position") && then.contains("differs"), "{then}");
}
