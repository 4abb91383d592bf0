//! Segments that are kept, and a version of a policy that decides beside the bound one.

use serde_json::{Value, json};
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::tenant::Bound;

use crate::stage::{Stage, added, records};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

const SEGMENTS: &str = "\n[[segment]]\nname = \"newcomers\"\ntitle = \"New this week\"\nfilter = 'days.first_seen < 7'\n\
                        live = true\n\n[[segment]]\nname = \"everybody\"\nfilter = 'true'\n";

fn crossings(records: &[Value]) -> Vec<(String, String)> {
    let facts = records.iter().filter(|record| record["entry"]["event"]["connection"] == "segments");
    let act = |record: &Value| record["entry"]["event"]["event"]["fact"]["did"].clone();
    let texts = facts
        .map(act)
        .map(|act| (act["kind"].as_str().unwrap().to_owned(), act["object"].as_str().unwrap().to_owned()));
    texts.collect()
}

async fn push(stage: &Stage, external: &str, at_ms: u64) {
    stage.on.wecom.push(&stage.host.hook("wecom"), &added(external, at_ms / 1000)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_a_kept_segment_and_who_leaves_it_is_a_fact() {
    let mut tenant = Tenant { rules: SEGMENTS.to_owned(), ..Tenant::default() };
    // A policy that wants it hears of it as of anything else.
    tenant.policies[0] = Bound {
        name: "behaviour-tags".to_owned(),
        plugin: "behaviour-tags".to_owned(),
        settings: "[[policy.settings.rules]]\nname = \"seen\"\ntag = \"seen\"\nwhen = { fact = \"did.entered-segment\" }\n"
            .to_owned(),
    };
    let stage = Stage::set(&tenant).await;
    stage.advance(START_MS).await;
    push(&stage, "wmXiaoman000000000000000001", START_MS).await;
    stage.advance(START_MS + HOUR_MS).await;
    let entered = ("entered-segment".to_owned(), "newcomers".to_owned());
    assert_eq!(crossings(&records(&stage.config)), std::slice::from_ref(&entered));
    let of = |segment: &str| format!("customers?segment={segment}");
    let inside = stage.host.get(&of("newcomers")).await.unwrap();
    let id = inside["customers"][0]["id"].as_str().unwrap().to_owned();
    let shown = stage.host.get(&format!("customers/{id}")).await.unwrap();
    assert_eq!(shown["segments"][0]["inside"], true, "{shown}");
    assert_eq!(shown["tags"][0]["name"], "behaviour:seen", "{shown}");
    assert_eq!(
        cli_json(&stage.config, &["customer", "list", "--segment", "newcomers"]).unwrap()["customers"][0]["id"],
        id
    );
    // One that is not kept has no index, and says so.
    let refused = stage.host.get(&of("everybody")).await.unwrap_err().to_string();
    assert!(refused.contains("live = true"), "{refused}");

    // Time alone lets her out; another one comes.
    stage.advance(START_MS + 6 * DAY_MS).await;
    push(&stage, "wmXiaoxue000000000000000001", START_MS + 6 * DAY_MS).await;
    stage.advance(START_MS + 8 * DAY_MS).await;
    let left = ("left-segment".to_owned(), "newcomers".to_owned());
    let told = crossings(&records(&stage.config));
    assert_eq!(told.iter().filter(|one| **one == left).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|one| **one == entered).count(), 2, "{told:?}");
    let inside = stage.host.get(&of("newcomers")).await.unwrap();
    assert_eq!(inside["customers"].as_array().unwrap().len(), 1);
    assert_ne!(inside["customers"][0]["id"], json!(id));
    let rebuilt = cli_json(&stage.config, &["rebuild", "--check"]).unwrap();
    assert_eq!(rebuilt["same"], true, "{rebuilt}");

    // Kept no longer: whoever was in it is let out.
    let text = std::fs::read_to_string(&stage.config).unwrap();
    std::fs::write(&stage.config, text.replace("live = true", "live = false")).unwrap();
    stage.host.signal("HUP").unwrap();
    for hour in 1.. {
        stage.advance(START_MS + 8 * DAY_MS + hour * HOUR_MS).await;
        let told = crossings(&records(&stage.config));
        if told.iter().filter(|one| **one == left).count() == 2 {
            break;
        }
        assert!(hour < 100, "nobody was let out: {told:?}");
    }
    stage.host.stop().await.unwrap();
}

/// Nobody looks at everybody in between: a record that names her by her id alone is one that concerns her.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_given_by_hand_lets_her_in_at_once() {
    const SEGMENT: &str = "\n[[segment]]\nname = \"guests\"\nfilter = '\"guest\" in tags'\nlive = true\n";
    const MINUTE_MS: u64 = 60_000;
    let stage = Stage::set(&Tenant { rules: SEGMENT.to_owned(), ..Tenant::default() }).await;
    stage.advance(START_MS).await;
    push(&stage, "wmXiaoman000000000000000001", START_MS).await;
    stage.advance(START_MS + MINUTE_MS).await;
    let customers = cli_json(&stage.config, &["customer", "list"]).unwrap();
    let id = customers["customers"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(crossings(&records(&stage.config)), []);
    let give = ["customer", "tag", &id, "guest", "--by", "li", "--why", "invited"];
    cli_json(&stage.config, &give).unwrap();
    stage.advance(START_MS + 2 * MINUTE_MS).await;
    let take = ["customer", "untag", &id, "guest", "--by", "li", "--why", "by mistake"];
    cli_json(&stage.config, &take).unwrap();
    stage.advance(START_MS + 3 * MINUTE_MS).await;
    let crossing = |kind: &str| (kind.to_owned(), "guests".to_owned());
    assert_eq!(crossings(&records(&stage.config)), [crossing("entered-segment"), crossing("left-segment")]);
    stage.host.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_decides_beside_the_policy_and_nothing_of_it_is_kept_there() {
    let rule = |tag: &str| {
        format!(
            "[[policy.settings.rules]]\nname = {tag:?}\ntag = {tag:?}\nwhen = {{ fact = \"met.added\" }}\n"
        )
    };
    let shadow = rule("friend").replace("policy.settings", "policy.shadow.settings")
        + &rule("friend-of-staff").replace("policy.settings", "policy.shadow.settings");
    let mut tenant = Tenant::default();
    tenant.policies[0].settings = format!("{}\n[policy.shadow.settings]\n{shadow}", rule("friend"));
    let stage = Stage::set(&tenant).await;
    stage.advance(START_MS).await;
    for number in 1..=3 {
        push(&stage, &format!("wmXiaoman00000000000000000{number}"), START_MS).await;
    }
    stage.advance(START_MS + HOUR_MS).await;
    let report = loop {
        // The shadow follows on a thread of its own.
        match cli_json(&stage.config, &["shadow", "behaviour-tags"]) {
            Ok(report) if report["customers"] == 3 && report["changed"] == 3 => break report,
            Ok(_) | Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    };
    let rows = report["tags"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["name"] == "behaviour:friend-of-staff")
        .unwrap_or_else(|| panic!("{report}"));
    assert_eq!((&row["before"], &row["gained"]), (&json!(0), &json!(3)), "{report}");
    let text = cli_text(&stage.config, &["shadow"]).unwrap();
    assert!(text.contains("3 of 3 customers change"), "{text}");
    let tagged = stage.host.get("customers?tag=behaviour:friend-of-staff").await.unwrap();
    assert_eq!(tagged["customers"].as_array().unwrap().len(), 0, "{tagged}");
    let rebuilt = cli_json(&stage.config, &["rebuild", "--check"]).unwrap();
    assert_eq!(rebuilt["same"], true, "{rebuilt}");
    stage.host.stop().await.unwrap();
}
