//! Another version of a policy on the whole journal, or beside the live one: what it would send, what it would tag, where it
//! fails, in text, JSON and page; and that nothing of it reaches anybody.

use std::path::Path;

use serde_json::{Value, json};
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::tenant::Bound;
use tests::wecom::corp;

use crate::courier::{DAY_MS, STAFF, add, her};
use crate::outcomes::{is_known_in_the_shop, noted_down, pays};
use crate::stage::{Stage, eventually};

const MINUTE_MS: u64 = 60_000;
const MESSAGE: &str = "面霜用得怎么样?";
const NAME: &str = "<script>alert('小满')</script>";
const TASK: &str = "externalcontact/add_msg_template";

/// At most one of all scenes a day.
const ONE_A_DAY: &str = "\n[[courier.cap]]\nat_most = 1\neach = \"day\"\n";

/// `repurchase` for a shop that sells cream and asks after some days how it is: by a message, or by a post, too.
fn settings(after_days: u64, posts: bool) -> Value {
    let mut revisit = json!({"after_days": after_days, "waits_for_stock": false, "message": MESSAGE});
    if posts {
        revisit["moments"] = json!("面霜老客户专享");
        revisit["moments_tags"] = json!(["包裹卡"]);
    }
    let category = json!({"name": "cream", "days_per_unit": 30, "suppress_days": 2, "revisit": revisit});
    let product = json!({"sku": "cream-50", "category": "cream"});
    json!({"categories": [category], "products": [product]})
}

/// The same in `heliu.toml`, below the header.
fn toml(settings: &Value) -> String {
    let settings: toml::Table = serde_json::from_value(settings.clone()).unwrap();
    settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

fn bound(settings: String) -> Vec<Bound> {
    let name = "repurchase".to_owned();
    vec![Bound { plugin: name.clone(), name, settings }]
}

/// Somebody whom staff know, and who pays an order of cream in the shop.
async fn buyer(tenant: &Tenant) -> Stage {
    let stage = Stage::set(tenant).await;
    add(&stage, 1, None).await;
    stage.on.wecom.corp().meet(corp::Customer {
        external_userid: her(1),
        name: NAME.to_owned(),
        ..corp::Customer::default()
    });
    stage.advance(START_MS + MINUTE_MS).await;
    is_known_in_the_shop(&stage).await;
    pays(&stage, "E20261120101112000000001", START_MS + 20 * MINUTE_MS, None).await;
    stage
}

fn file(stage: &Stage, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = stage.folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// `day scene: before after added dropped moved`.
fn days(report: &Value) -> Vec<String> {
    let word = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let numbers = |row: &Value| {
        ["before", "after", "added", "dropped", "moved"].map(|key| row[key].to_string()).join(" ")
    };
    let rows = report["intents"].as_array().unwrap().iter();
    rows.map(|row| format!("{} {}: {}", word(row, "day"), word(row, "scene"), numbers(row))).collect()
}

fn run(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn loads_nothing(page: &Path) -> String {
    let page = std::fs::read_to_string(page).unwrap();
    for word in ["src=", "href=", "url(", "<script", "@import"] {
        assert!(!page.contains(word), "{word}: {page}");
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_tells_which_messages_would_be_sent_when() {
    let tenant = Tenant {
        policies: bound(toml(&settings(3, false))),
        rules: ONE_A_DAY.to_owned(),
        ..Tenant::default()
    };
    let stage = buyer(&tenant).await;
    stage.advance(START_MS + 8 * DAY_MS).await;
    let new = file(&stage, "new.json", settings(5, true).to_string());
    let arguments = ["backtest", "--policy", "repurchase", "--settings", &new];
    let report = cli_json(&stage.config, &arguments).unwrap();
    let (waited, added) = ("2026-03-07 direct-message: 0 1 0 0 1", "2026-03-07 moments: 0 1 1 0 0");
    assert_eq!(days(&report), ["2026-03-05 direct-message: 1 0 0 0 0", waited, added], "{report}");
    // The message and the post compete for the one place of that day.
    assert_eq!(report["limits"], json!([{"name": "lost-slot", "before": 0, "after": 1}]), "{report}");
    let changes = report["most_changed"][0]["changes"].as_array().unwrap();
    let said = |part: &str| changes.iter().any(|change| change.as_str().unwrap().contains(part));
    assert!(said("on 2026-03-07, not 2026-03-05") && said("is sent moments"), "{changes:?}");

    // From a time on behind which no record is, and up to one.
    let part = |bounds: [&str; 2]| cli_json(&stage.config, &[&arguments[..], &bounds].concat()).unwrap();
    let later = part(["--from", "2026-03-06T00:00:00+08:00"]);
    let anew = waited.replace("0 1 0 0 1", "0 1 1 0 0");
    assert_eq!(days(&later), [anew.as_str(), added], "{later}");
    let earlier = part(["--to", "2026-03-06T00:00:00+08:00"]);
    assert_eq!(days(&earlier), ["2026-03-05 direct-message: 1 0 0 1 0"], "{earlier}");
    let records = report["to"].as_u64().unwrap();
    assert_eq!(part(["--to", &(records + 1).to_string()])["intents"], report["intents"]);
    assert!(cli_text(&stage.config, &[&arguments[..], &["--from", "1000000"]].concat()).is_err());

    let page = stage.folder.path().join("report.html");
    let html = ["--html", page.to_str().unwrap(), "--by", "li", "--why", "the board wants to see it"];
    let text = cli_text(&stage.config, &[&arguments[..], &html].concat()).unwrap();
    assert!(text.contains("2026-03-07  direct-message  0 → 1  +0  -0  moved 1"), "{text}");
    assert!(
        text.contains("lost-slot  before 0  after 1") && text.contains("Not looked at: consent"),
        "{text}"
    );
    let page = loads_nothing(&page);
    for part in [
        "<title>Backtest of repurchase</title>",
        "<b>1</b> messages would be sent that were not, <b>0</b>",
        "<b>1</b> at another time",
        "<td>2026-03-07</td><td>moments</td>",
        "<td>lost-slot</td>",
        "<details open>",
        "Not looked at: consent",
        "&lt;script&gt;alert(&#39;小满&#39;)&lt;/script&gt;",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    stage.host.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_component_is_tried_in_the_place_of_the_bound_one() {
    let rule =
        "[[policy.settings.rules]]\nname = \"came\"\ntag = \"came\"\nwhen = { fact = \"met.added\" }\n";
    let (name, settings) = ("tags".to_owned(), rule.to_owned());
    let policies = vec![Bound { name, plugin: "behaviour-tags".to_owned(), settings }];
    let stage = Stage::set(&Tenant { policies, ..Tenant::default() }).await;
    for number in 1..=6 {
        add(&stage, number, None).await;
    }
    stage.advance(START_MS + MINUTE_MS).await;
    let empty = file(&stage, "empty.json", "{}");
    let digest = || cli_json(&stage.config, &["digest"]).unwrap()["digest"].clone();
    let before = digest();
    let tried = |component: &str| {
        ["backtest", "--policy", "tags", "--plugin", component, "--settings", &empty].map(str::to_owned)
    };

    // It gives another tag to everybody. JSON names all six of them.
    let healthy = tried(&file(&stage, "healthy.wasm", guests::healthy::policy()));
    let report = cli_json(&stage.config, &run(&healthy)).unwrap();
    let row = |name: &str| {
        report["tags"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let (vip, came) = (row("vip"), row("behaviour:came"));
    assert_eq!(
        (&vip["before"], &vip["gained"], &vip["not_named"]),
        (&json!(0), &json!(6), &json!(0)),
        "{vip}"
    );
    assert_eq!((&came["after"], &came["lost"]), (&json!(0), &json!(6)), "{came}");
    assert_eq!((vip["gaining"].as_array().unwrap().len(), &vip["gaining"]), (6, &came["losing"]));
    assert_ne!(report["before"]["digest"], report["after"]["digest"]);
    assert_eq!(report["after"]["dead"], json!({}), "{report}");

    // One that dies at every third turn.
    let dying = tried(&file(&stage, "dying.wasm", guests::named("dies_at_a_turn").file()));
    let report = cli_json(&stage.config, &run(&dying)).unwrap();
    assert_eq!(report["before"]["dead"], json!({}), "{report}");
    let dead = &report["after"]["dead"]["trap"];
    assert!(dead["turns"].as_u64().unwrap() > 0 && dead["example"]["policy"] == "tags", "{report}");
    let (customer, position) = (dead["example"]["customer"].as_str().unwrap(), &dead["example"]["position"]);
    let records = stage.records();
    assert!(position.as_u64().is_some_and(|at| at > 0 && at <= records.len() as u64), "{dead}");
    assert!(stage.host.get(&format!("customers/{customer}")).await.is_ok(), "{dead}");
    let text = cli_text(&stage.config, &run(&dying)).unwrap();
    let line = format!(
        "dead after: trap {}, the first of tags for {customer} at position {position}",
        dead["turns"]
    );
    assert!(text.contains(&line), "{line}: {text}");
    assert_eq!(digest(), before, "nothing of it is kept");
    stage.host.stop().await.unwrap();
}

/// The bound version sends one message. The one beside it means to send it later, and a post besides.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_shadow_intends_reaches_anybody() {
    let shadow = format!("\n[policy.shadow.settings]\n{}", toml(&settings(5, true)));
    let tenant = Tenant { policies: bound(toml(&settings(3, false)) + &shadow), ..Tenant::default() };
    let stage = buyer(&tenant).await;
    for day in 1..=8 {
        stage.advance(START_MS + day * DAY_MS).await;
    }
    // Her next record: what was due of her by then, in the shadow, too, fires before it.
    noted_down(&stage).await;
    stage.advance(START_MS + 8 * DAY_MS + MINUTE_MS).await;
    let mut report = Value::Null;
    eventually("the shadow follows", async || {
        // It follows on a thread of its own.
        let Ok(told) = cli_json(&stage.config, &["shadow", "repurchase"]) else { return false };
        report = told;
        report.get("behind").is_none() && days(&report).len() == 3
    })
    .await;
    let expected = [
        "2026-03-05 direct-message: 1 0 0 0 0",
        "2026-03-07 direct-message: 0 1 0 0 1",
        "2026-03-07 moments: 0 1 1 0 0",
    ];
    assert_eq!(days(&report), expected, "{report}");
    assert_eq!(report["live"]["position"], report["shadow"]["position"], "{report}");

    // What went out, and all that the ledger knows, is the bound version's message.
    assert_eq!(stage.on.wecom.calls_of(TASK), 1);
    assert_eq!(stage.on.wecom.corp().unconfirmed(STAFF).len(), 1);
    assert!(stage.on.wecom.corp().outbox.posts.is_empty());
    let intents = stage.host.get("intents").await.unwrap();
    let [sent] = intents["intents"].as_array().unwrap().as_slice() else { panic!("{intents}") };
    assert_eq!(
        (&sent["scene"], &sent["state"]),
        (&json!("direct-message"), &json!("awaiting_staff")),
        "{sent}"
    );
    let text = cli_text(&stage.config, &["shadow"]).unwrap();
    assert!(text.starts_with("shadow of policy repurchase: 1 of 1") && !text.contains("CAUTION"), "{text}");
    let page = stage.folder.path().join("shadow.html");
    let html = ["shadow", "repurchase", "--html", page.to_str().unwrap(), "--by", "li", "--why", "a look"];
    cli_text(&stage.config, &html).unwrap();
    assert!(loads_nothing(&page).contains("<title>Shadow of repurchase</title>"));
    stage.host.stop().await.unwrap();
    let rebuilt = cli_json(&stage.config, &["rebuild", "--check"]).unwrap();
    assert_eq!(rebuilt["same"], true, "{rebuilt}");
}
