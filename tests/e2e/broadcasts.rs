//! A broadcast with a share held out and a schedule, through the real host and the real connector to a platform.

use serde_json::{Value, json};
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};

use crate::courier::{HOUR_MS, ONE_A_DAY, STAFF, TASK, add, fate, fates, her, set};
use crate::stage::Stage;

const CUSTOMERS: u32 = 20;

fn file(stage: &Stage, name: &str, from: &str, until: &str, text: &str) -> String {
    let path = stage.folder.path().join(format!("{name}.toml"));
    // The host's clock begins with the second of March in Beijing.
    let file = format!(
        "name = \"{name}\"\nfilter = 'size(staff) > 0'\nhold_out = 0.5\n\
         not_before = \"2026-03-02T{from}:00+08:00\"\nnot_after = \"2026-03-02T{until}:00+08:00\"\n\n\
         [[rendering]]\nscene = \"direct-message\"\ntext = \"{text}\"\n"
    );
    std::fs::write(&path, file).unwrap();
    path.to_str().unwrap().to_owned()
}

fn send(stage: &Stage, file: &str) -> Value {
    cli_json(&stage.config, &["broadcast", "send", file, "--by", "li", "--why", "a test"]).unwrap()
}

fn received(stage: &Stage, text: &str) -> usize {
    (1..=CUSTOMERS).filter(|&number| stage.on.wecom.corp().times_received(&her(number), text) == 1).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_are_held_out_and_the_others_get_it_once_and_not_before_its_time() {
    let stage = set(Tenant { rules: ONE_A_DAY.to_owned(), ..Tenant::default() }).await;
    for number in 1..=CUSTOMERS {
        add(&stage, number, None).await;
    }
    stage.advance(START_MS + 60_000).await;
    let spring = file(&stage, "spring", "01:00", "03:00", "春天");

    let tried = cli_json(
        &stage.config,
        &["broadcast", "send", &spring, "--dry-run", "--by", "li", "--why", "a test"],
    )
    .unwrap();
    let preview = cli_json(&stage.config, &["broadcast", "preview", &spring]).unwrap();
    assert_eq!(tried["fates"], preview["fates"], "{tried}");
    assert_eq!((&preview["at"], &preview["fates"][0]["fate"]), (&json!(START_MS + HOUR_MS), &json!("carry")));
    let audience = preview["audience"].as_u64().unwrap();
    let held_out = preview["held_out"].as_u64().unwrap();
    assert_eq!(audience + held_out, u64::from(CUSTOMERS), "{preview}");
    assert!((4..=16).contains(&held_out), "about half of them: {preview}");
    let audience = usize::try_from(audience).unwrap();
    assert!(fates(&stage, "spring").await.is_empty(), "neither of them proposes anything");

    let told = send(&stage, &spring);
    assert_eq!(
        (&told["proposed"], &told["known"], &told["held_out"]),
        (&json!(audience), &json!(0), &json!(held_out))
    );
    let again = send(&stage, &spring);
    assert_eq!((&again["proposed"], &again["known"]), (&json!(0), &json!(audience)), "{again}");

    stage.advance(START_MS + HOUR_MS - 1).await;
    assert_eq!(fates(&stage, "spring").await, vec![fate("held", "not-yet"); audience]);
    assert_eq!(stage.on.wecom.calls_of(TASK), 0);
    stage.advance(START_MS + HOUR_MS).await;
    assert_eq!(fates(&stage, "spring").await, vec![fate("awaiting_staff", ""); audience]);
    assert_eq!(stage.on.wecom.confirm_all(STAFF), audience);
    assert_eq!(received(&stage, "春天"), audience);

    // Those who got one today wait for tomorrow, and its time is over by then. Who is held out of it may get it.
    let autumn = file(&stage, "autumn", "02:00", "05:00", "秋天");
    assert_eq!(send(&stage, &autumn)["known"], 0);
    stage.advance(START_MS + 3 * HOUR_MS).await;
    let ends = fates(&stage, "autumn").await;
    let (waits, went) = (fate("held", "cap"), fate("awaiting_staff", ""));
    assert!(ends.iter().all(|end| [&waits, &went].contains(&end)) && ends.contains(&waits), "{ends:?}");
    let waiting = ends.iter().filter(|end| **end == waits).count();
    let calls = stage.on.wecom.calls_of(TASK);
    stage.advance(START_MS + 5 * HOUR_MS + 1).await;
    let over = fates(&stage, "autumn").await;
    assert_eq!(over.iter().filter(|end| **end == fate("expired", "too-late")).count(), waiting, "{over:?}");
    assert_eq!(stage.on.wecom.calls_of(TASK), calls);

    stage.advance(START_MS + 12 * HOUR_MS).await;
    let results = cli_json(&stage.config, &["broadcast", "results", &spring]).unwrap();
    assert_eq!(results["scenes"][0]["states"], json!({"confirmed": audience}), "{results}");
    let customers = |group: &str| results[group]["customers"].clone();
    assert_eq!([customers("proposed"), customers("reached")], [json!(audience), json!(audience)]);
    assert_eq!(customers("held_out"), json!(held_out), "{results}");
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}
