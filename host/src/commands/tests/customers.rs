//! `heliu customer` and `heliu digest`.

use journal::{Batch, DeadRequest, DeadWhat, Records as _};
use model::{Chore, Digest, Entry, Fact, MemoryCell, MemoryWrite, Request, Trait, Value};
use serde_json::Value as Json;
use store::Store as _;

use super::{Host, MARCH, event, setup};

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_list_shows_a_line_for_each() {
    let host = Host::lived();
    let text = host.customer(&["list"]).unwrap();
    assert_eq!(
        text,
        "cus_0000000002  小满       4 records  since 2026-03-01 08:00:00  buyer, lapsed\n\
         cus_0000000003  小雪\u{fffd}[31m  2 records  since 2026-03-01 08:00:00  helped\n"
    );
    let text = host.customer(&["list", "--limit", "1", "--utc"]).unwrap();
    assert!(
        text.contains("2026-03-01 00:00:00") && text.ends_with("more: --after cus_0000000002\n"),
        "{text}"
    );
    assert!(host.customer(&["list", "--after", "cus_2"]).unwrap().starts_with("cus_0000000003"));
    let page = json(&host.customer(&["list", "--json", "--tag", "helped"]).unwrap());
    assert_eq!((&page["customers"][0]["id"], &page["next"]), (&json("\"cus_0000000003\""), &Json::Null));
}

#[test]
fn a_customer_is_shown_on_one_screen() {
    let text = Host::lived().customer(&["show", "wechat.unionid:wx1:o6:1"]).unwrap();
    let expected = "\
cus_0000000002  小满
  first seen  2026-03-01 08:00:00 (Beijing time)

handles
  wechat.unionid:wx1:o6:1  since position 2
  phone::+8619900000001    since position 2

traits
  name  \"小满\"  told by wecom-main

stages
  lifecycle  lapsed  since 2026-05-01 08:00:00  60 days without an order (repurchase)

tags
  buyer   since 2026-03-02 08:00:00  an order was paid (repurchase)
  lapsed  since 2026-05-01 08:00:00  60 days without an order (repurchase)

intents
  revisit-1  direct-message  since 2026-05-01 08:00:00, proposed  60 days without an order (repurchase)

timeline
  2  2026-03-01 08:00:00  wecom-main  is known by name \"小满\" (direct message)
  4  2026-03-01 08:00:00  wecom-main  said \"面霜还有吗⏎在吗\" (direct message)
  5  2026-03-01 08:00:00  wecom-main  order E1 paid: 199.00 CNY, 2 × \"面霜 50g\" (direct message)
                                      → tag buyer
                                      → tag lapsed, by the alarm revisit
                                      → stage lifecycle: lapsed, by the alarm revisit
                                      → intent revisit-1: direct-message, by the alarm revisit
  6  2026-03-01 08:00:00  wecom-main  helped-friend, with wechat.unionid:wx1:o6:2 (direct message)
";
    assert_eq!(text, expected);
}

#[test]
fn json_is_what_the_api_answers() {
    let host = Host::lived();
    let shown = json(&host.customer(&["show", "cus_2", "--json"]).unwrap());
    assert_eq!(shown["tags"][1]["cause"]["policy"], "repurchase");
    assert_eq!(shown["timeline"], json("[2,4,5,6]"));
    let (digest, standing) = host.store.digest().unwrap();
    let told = json(&host.digest());
    assert_eq!((&told["digest"], &told["position"]), (&digest.to_string().into(), &standing.position.into()));
}

#[test]
fn why_goes_from_a_tag_to_the_event() {
    let host = Host::lived();
    let text = host.customer(&["why", "phone::19900000001", "tag", "lapsed", "--utc"]).unwrap();
    let digest = "07".repeat(32);
    for line in [
        "cus_0000000002: tag \"lapsed\"  (UTC)",
        "  since       2026-05-01 00:00:00",
        "  why         60 days without an order",
        "  decided by  repurchase, \"The next order\", version 0 in force since position 1",
        &format!("  component   {digest}"),
        "  alarm       \"revisit\", due 2026-05-01 00:00:00, asked for at position 5",
        "  record      position 5, 2026-03-02 00:00:00, from wecom-main",
        "              order E1 paid: 199.00 CNY, 2 × \"面霜 50g\" (direct message)",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    assert!(text.contains("  event       {\"id\":\"e4\""), "{text}");
    assert!(text.contains("{\"n\": 18446744073709551999}"), "{text}");
}

#[test]
fn why_follows_a_derived_event_to_its_cause() {
    let host = Host::lived();
    let text = host.customer(&["why", "cus_3", "tag", "helped"]).unwrap();
    assert!(text.contains("from policy repurchase\n"), "{text}");
    assert!(text.contains("derived from  position 6, 2026-03-03 08:00:00, from wecom-main\n"), "{text}");
    let why = json(&host.customer(&["why", "cus_3", "tag", "helped", "--json"]).unwrap());
    assert_eq!(why["id"], "cus_0000000003");
    let held = &why["held"][0];
    assert_eq!((&held["kind"], &held["cause"]["why"]), (&json("\"tag\""), &json("\"a friend helped her\"")));
    assert_eq!(held["records"][0]["entry"]["derived"]["cause"], 6);
    assert_eq!(held["records"][1]["entry"]["event"]["event"]["id"], "e5");
}

#[test]
fn why_explains_stages_traits_and_intents() {
    let host = Host::lived();
    for (what, shown) in [
        (["stage", "lifecycle"], "stage in the journey \"lifecycle\": lapsed"),
        (["trait", "name"], "trait \"name\": 小满"),
        (["intent", "revisit-1"], "intent \"revisit-1\": direct-message"),
    ] {
        let text = host.customer(&["why", "cus_2", what[0], what[1]]).unwrap();
        assert!(text.starts_with(&format!("cus_0000000002: {shown}")), "{text}");
    }
    let text = host.customer(&["why", "cus_2", "trait", "name"]).unwrap();
    assert!(text.contains("decided by  nobody: the record itself says it"), "{text}");
}

#[test]
fn what_is_not_there_is_named() {
    let host = Host::lived();
    let error = |arguments: &[&str]| host.customer(arguments).unwrap_err().to_string();
    assert_eq!(error(&["show", "cus_9"]), "there is no customer cus_9");
    assert_eq!(error(&["show", "9"]), "\"9\" is not a customer id like cus_0000000042");
    assert!(error(&["show", "phone:1"]).contains("is not a handle like"));
    assert_eq!(error(&["show", "phone::1"]), "there is no customer phone::1");
    let missing = error(&["why", "cus_2", "tag", "vip"]);
    assert_eq!(missing, "cus_0000000002 has no tag \"vip\"; there is: buyer, lapsed");
}

#[test]
fn who_is_more_than_a_document_holds_is_listed_with_what_and_from_where_on() {
    let host = Host::empty();
    let traits = |from: usize| {
        let one = |number: usize| Trait { name: format!("t{number:05}"), value: Value::Truth(true) };
        Fact::Told((from..from + 600).map(one).collect())
    };
    host.append(MARCH, vec![Entry::Setup(setup())]);
    let two = [1, 2]
        .into_iter()
        .flat_map(|who| [0, 600, 1200].map(move |from| event(&format!("{who}-{from}"), who, traits(from))));
    host.append(MARCH + 1, two.collect());
    host.fold(MARCH + 2);
    let text = host.customer(&["overflows"]).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("cus_0000000002: too many traits, from position 3 on: 1024 traits"),
        "{text}"
    );
    let page = json(&host.customer(&["overflows", "--limit", "1", "--json"]).unwrap());
    assert_eq!((&page["overflows"][0]["kind"], &page["next"]), (&"traits".into(), &3.into()), "{page}");
    let rest = json(&host.customer(&["overflows", "--after", "3", "--json"]).unwrap());
    assert_eq!((&rest["overflows"][0]["customer"], &rest["next"]), (&"cus_0000000005".into(), &Json::Null));
    let then = json(&host.customer(&["overflows", "--at", "4", "--json"]).unwrap());
    assert_eq!((&then["overflows"].as_array().unwrap().len(), &then["at"]["position"]), (&1, &4.into()));
}

/// All that is kept of her: what waits for her, too, however her number is written there, and nothing that waits for others.
#[test]
fn an_export_has_what_waits_and_names_her() {
    let host = Host::lived();
    let waiting = |number: &str| {
        let (key, job) = (format!("profile:{number}"), format!("{{\"of\":\"{number}\"}}"));
        let cell =
            MemoryCell { key: format!("of {number}"), value: number.as_bytes().to_vec(), expires: None };
        let request = Request {
            method: "POST".to_owned(),
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: format!("mobile={number}").into_bytes(),
        };
        let dead = DeadRequest {
            what: DeadWhat::Request,
            reason: "malformed".to_owned(),
            why: String::new(),
            plugin: Digest([7; 32]),
            title: "WeCom".to_owned(),
            log: Vec::new(),
            backtrace: None,
            request,
        };
        Batch {
            connection: "wecom-main".to_owned(),
            now: MARCH,
            chores: vec![Chore { key, due: None, job }],
            memory: vec![MemoryWrite::Set(cell)],
            dead: Some(dead),
            ..Batch::default()
        }
    };
    host.journal.append(&["19900000001", "19900000002"].map(waiting)).unwrap();
    let told = host.kept("cus_2", &[]).unwrap();
    let one = |list: &str| {
        let list = told[list].as_array().unwrap();
        assert_eq!(list.len(), 1, "{told}");
        list[0].clone()
    };
    let (chore, cell, dead) = (one("chores"), one("memory"), one("dead"));
    assert_eq!((&chore["key"], &chore["job"]["of"]), (&"profile:19900000001".into(), &"19900000001".into()));
    assert_eq!((&cell["key"], &cell["connection"]), (&"of 19900000001".into(), &"wecom-main".into()));
    assert_eq!((&dead["id"], &dead["reason"]), (&"1".into(), &"malformed".into()));
    assert_eq!(told["refused"], Json::Array(Vec::new()));
    // What waits has no past.
    let then = host.kept("cus_2", &["--at", "6"]).unwrap();
    assert_eq!((&then["dead"], &then["memory"]), (&Json::Array(Vec::new()), &Json::Array(Vec::new())));
}
