//! SIGHUP: another configuration takes over, and no request is lost by it.

use serde_json::Value;
use tests::brand::START_MS;
use tests::tenant::{Bound, WECOM};
use tests::{Host, Tenant};

use crate::stage::{Stage, added, event_ids, eventually};

fn group_rule(tag: &str) -> Tenant {
    let settings = format!(
        "[[policy.settings.rules]]\nname = \"new\"\ntag = \"{tag}\"\nwhen = {{ fact = \"met.added\" }}\n"
    );
    let bound = Bound { name: "tags".to_owned(), plugin: "behaviour-tags".to_owned(), settings };
    Tenant { clock: "system", policies: vec![bound], ..Tenant::default() }
}

async fn tagged(host: &Host, tag: &str) -> usize {
    let page = host.get(&format!("customers?limit=200&tag=behaviour:{tag}")).await.unwrap();
    page["customers"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_setting_tags_those_who_came_before_it_and_no_request_is_lost() {
    let stage = Stage::set(&group_rule("before")).await;
    let hook = stage.host.hook(WECOM);
    let pushing = {
        let (wecom, hook) = (stage.on.wecom.clone(), hook.clone());
        tokio::spawn(async move {
            for number in 0..120_u64 {
                let event = added(&format!("wmFabLe{number:025}"), START_MS / 1000 + number);
                let delivery = wecom.push(&hook, &event).await.unwrap();
                assert!(delivery.is_accepted() && delivery.attempts == 1, "{delivery:?}");
            }
        })
    };
    eventually("the first is tagged", async || tagged(&stage.host, "before").await > 0).await;
    group_rule("after").write(stage.folder.path(), &stage.on).unwrap();
    stage.host.signal("HUP").unwrap();
    pushing.await.unwrap();
    eventually("all have the new tag", async || tagged(&stage.host, "after").await == 120).await;
    assert_eq!(tagged(&stage.host, "before").await, 0);
    assert_eq!(event_ids(&stage.records(), WECOM).len(), 120);
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_does_not_hold_changes_nothing() {
    let stage = Stage::set(&group_rule("before")).await;
    std::fs::write(&stage.config, "listen = 7\n").unwrap();
    stage.host.signal("HUP").unwrap();
    let log = stage.config.with_extension("log");
    eventually("the log says so", async || {
        std::fs::read_to_string(&log).unwrap().contains("the old one stays")
    })
    .await;
    let event = added("wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", START_MS / 1000);
    assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    eventually("it goes on", async || tagged(&stage.host, "before").await == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_stands_in_the_configuration_is_told_with_who_changed_it_and_why() {
    let changed_by = |why: &str| format!("\n[change]\nby = \"li\"\nwhy = {why:?}\n");
    let with = |rules: String| Tenant { rules, ..group_rule("tag") };
    let stage = Stage::set(&with(changed_by("the first"))).await;
    let told = |behind: usize| {
        let acts = stage.records().into_iter().skip(behind).map(|record| record["entry"]["act"].clone());
        acts.filter(|act| act["deed"].get("configure").is_some()).collect::<Vec<Value>>()
    };
    let named = |acts: &[Value]| -> Vec<String> {
        acts.iter().map(|act| act["deed"]["configure"]["section"].as_str().unwrap().to_owned()).collect()
    };
    let first = told(0);
    let connections = ["connection wecom", "connection youzan", "connection tmall"];
    assert_eq!(named(&first), [&["change", "head"][..], &connections].concat());
    assert!(first.iter().all(|act| act["by"] == "config/li" && act["why"] == "the first"), "{first:?}");
    assert!(!format!("{first:?}").contains(tests::host::TOKEN));

    // Nobody says who wrote this.
    let reload = async |rules: String, behind: usize| {
        with(rules).write(stage.folder.path(), &stage.on).unwrap();
        stage.host.signal("HUP").unwrap();
        eventually("it is told", async || !told(behind).is_empty()).await;
        told(behind)
    };
    let segment = "\n[[segment]]\nname = \"everybody\"\nfilter = 'true'\n";
    let cap = "\n[[courier.cap]]\nscenes = [\"direct-message\"]\nat_most = 1\neach = \"day\"\n";
    let behind = stage.records().len();
    let acts = reload(format!("{}{segment}", changed_by("the first")), behind).await;
    assert_eq!(named(&acts), ["segment everybody"]);
    assert_eq!(acts[0]["by"], "config");
    assert!(acts[0]["why"].as_str().unwrap().contains("[change] was not renewed"), "{acts:?}");
    let text = acts[0]["deed"]["configure"]["text"].as_str().unwrap();
    assert_eq!(text, r#"{"filter":"true","name":"everybody"}"#);

    let behind = stage.records().len();
    let acts = reload(format!("{}{cap}", changed_by("one a day")), behind).await;
    assert_eq!(named(&acts), ["change", "courier", "segment everybody"]);
    assert!(acts.iter().all(|act| act["by"] == "config/li" && act["why"] == "one a day"), "{acts:?}");
    assert!(acts[2]["deed"]["configure"]["digest"].is_null());
    let shown = tests::host::cli_text(&stage.config, &["journal", "tail", "-n", "200"]).unwrap();
    assert!(shown.contains("config/li configured [courier]: {\"cap\""), "{shown}");
    assert!(shown.contains("config/li took [segment everybody] out of the configuration"), "{shown}");

    // The same file in another form, and a start anew, are nothing new.
    let text = std::fs::read_to_string(&stage.config).unwrap();
    std::fs::write(&stage.config, format!("# a word\n{text}\n\n")).unwrap();
    let count = stage.records().len();
    let Stage { host, config, on: _on, folder: _folder } = stage;
    host.stop().await.unwrap();
    let host = Host::start(&config).await.unwrap();
    assert_eq!(crate::stage::records(&config).len(), count);
    tests::host::cli_text(&config, &["rebuild", "--check"]).unwrap();
    host.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_connections_may_do_stands_in_the_journal_with_who_changed_it_and_why() {
    let stage = Stage::set(&group_rule("tag")).await;
    let grants = || {
        let records = stage.records();
        let acts = records.iter().map(|record| &record["entry"]["act"]);
        let acts = acts.filter(|act| act["deed"].get("grant").is_some()).cloned();
        acts.collect::<Vec<serde_json::Value>>()
    };
    let first = grants();
    let names: Vec<&str> =
        first.iter().map(|act| act["deed"]["grant"]["connection"].as_str().unwrap()).collect();
    assert_eq!(names, ["wecom", "youzan", "tmall"]);
    assert!(first.iter().all(|act| act["by"] == "config"), "{first:?}");
    assert_eq!(first[0]["deed"]["grant"]["inward"], true);
    let change = "\n[change]\nby = \"li\"\nwhy = \"tags may be set twice\"\n".to_owned();
    let tenant = Tenant { carry_again: vec!["tag"], rules: change, ..group_rule("tag") };
    tenant.write(stage.folder.path(), &stage.on).unwrap();
    stage.host.signal("HUP").unwrap();
    eventually("it is in the journal", async || grants().len() > 3).await;
    let last = grants().remove(3);
    assert_eq!((&last["by"], &last["why"]), (&"config/li".into(), &"tags may be set twice".into()));
    let grant = &last["deed"]["grant"];
    assert_eq!((&grant["connection"], &grant["carry_again"][0]), (&"wecom".into(), &"tag".into()));
    let told = tests::host::cli_text(&stage.config, &["journal", "tail"]).unwrap();
    assert!(told.contains("config/li lets the connection wecom"), "{told}");

    // So does what policies decide by.
    let policies = || -> Vec<Value> {
        let told = crate::stage::records(&stage.config).into_iter();
        told.filter_map(|record| record["entry"].get("configured").cloned()).collect()
    };
    let first = policies();
    assert_eq!((first.len(), &first[0]["by"]), (1, &"config".into()), "{first:?}");
    let change = "\n[change]\nby = \"li\"\nwhy = \"no policies today\"\n".to_owned();
    let tenant =
        Tenant { policies: Vec::new(), carry_again: vec!["tag"], rules: change, ..group_rule("tag") };
    tenant.write(stage.folder.path(), &stage.on).unwrap();
    stage.host.signal("HUP").unwrap();
    eventually("it is in the journal, too", async || policies().len() > 1).await;
    let last = policies().remove(1);
    assert_eq!((&last["by"], &last["why"]), (&"config/li".into(), &"no policies today".into()), "{last}");
    assert_eq!(last["setup"]["policies"], Value::Array(Vec::new()), "{last}");
    let now = stage.host.get("plugins").await.unwrap();
    assert_eq!((&now["setup"]["by"], &now["setup"]["why"]), (&last["by"], &last["why"]), "{now}");
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}
