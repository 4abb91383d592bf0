//! `--at` of what is no list of customers: the state hash, one person's data, turns that failed, a broadcast.

use journal::{Batch, HowEnded, LetterEnd, Letters, Records};
use model::{CustomerId, Deed, Entry, Intent, OperatorAct, Proposal};
use serde_json::{Value as Json, json};

use super::{DAY_MS, Host, MARCH, did, event, setup, told};

fn json_of(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_digest_as_of_then_is_the_one_that_was() {
    let host = Host::empty();
    host.append(MARCH, vec![Entry::Setup(setup()), event("e1", 1, told("小满"))]);
    host.fold(MARCH);
    let was = json_of(&host.digest());
    host.append(MARCH + DAY_MS, vec![event("e2", 2, told("小雨"))]);
    host.fold(MARCH + DAY_MS);
    let now = json_of(&host.digest());
    assert_ne!(was["digest"], now["digest"]);
    let then = json_of(&host.digest_of(&["--at", "2", "--json"]).unwrap());
    assert_eq!((&then["digest"], &then["position"]), (&was["digest"], &json!(2)), "{then}");
    assert_eq!(then["at"], json!({"position": 2, "fired": MARCH, "agrees": null}));
    let text = host.digest_of(&["--at", "2", "--utc"]).unwrap();
    assert!(text.ends_with("2026-03-01 00:00:00 UTC\n"), "{text}");
    assert!(host.digest_of(&["--at", "9"]).is_err());
}

#[test]
fn what_is_kept_of_her_is_of_then() {
    let host = Host::lived();
    let now = host.kept("cus_2", &[]).unwrap();
    let tags = |kept: &Json| kept["customer"]["tags"].as_array().unwrap().len();
    assert_eq!((tags(&now), now["records"].as_array().unwrap().len(), now.get("at")), (2, 4, None), "{now}");
    let then = host.kept("phone::19900000001", &["--at", "5"]).unwrap();
    assert_eq!((tags(&then), then["records"].as_array().unwrap().len()), (1, 3), "{then}");
    assert_eq!(
        (&then["at"]["position"], &then["id"], &then["position"]),
        (&json!(5), &json!("cus_0000000002"), &json!(9))
    );
    assert!(host.kept("cus_3", &["--at", "2"]).is_err(), "she was not there");
}

#[test]
fn turns_that_failed_are_of_then_and_waited_until_they_ended() {
    let host = Host::lived();
    host.append(MARCH + 71 * DAY_MS, vec![event("e8", 1, did("boom", None))]);
    host.fold(MARCH + 71 * DAY_MS);
    let list = |rest: &[&str]| host.dead(&[&["list", "--turns", "--json"], rest].concat()).unwrap();
    let turns = |text: &str| json_of(text)["turns"].as_array().unwrap().len();
    assert_eq!((turns(&list(&[])), turns(&list(&["--at", "8"])), turns(&list(&["--at", "7"]))), (1, 1, 0));
    assert_eq!(json_of(&list(&["--at", "7"]))["at"]["position"], 7);
    let text = host.dead(&["list", "--turns", "--at", "8", "--utc"]).unwrap();
    assert!(text.starts_with("as of position 8, 2026-05-11 00:00:00 (UTC)\nturn:8:0:"), "{text}");
    // Let go on the next day.
    let notes = store::Store::notes(&*host.store, "", 9).unwrap();
    let letters = Letters::Turn(notes[0].key());
    let (by, why) = ("li".to_owned(), "seen".to_owned());
    let ends = vec![LetterEnd { letters, how: HowEnded::Dropped, by, why }];
    let now = MARCH + 72 * DAY_MS;
    host.journal.append(&[Batch { now, ends, ..Batch::default() }]).unwrap();
    assert_eq!((turns(&list(&[])), turns(&list(&["--at", "8"]))), (0, 1));
    let ended = json_of(&list(&["--all"]));
    assert_eq!(ended["turns"][0]["state"], "dropped", "{ended}");
    for without in [&["list", "--at", "7"][..], &["list", "--each", "--at", "7"]] {
        let error = host.dead(without).unwrap_err().to_string();
        assert!(error.contains("--at goes with --turns"), "{error}");
    }
}

#[test]
fn a_broadcast_came_as_far_as_it_had_come_then() {
    let host = Host::lived();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spring.toml");
    let text =
        "name = \"spring\"\nfilter = \"true\"\n[[rendering]]\nscene = \"direct-message\"\ntext = \"春天\"\n";
    std::fs::write(&file, text).unwrap();
    let (key, scene) = ("direct-message".to_owned(), "direct-message".to_owned());
    let (text, content, detail, not_before, not_after) = (None, None, None, None, None);
    let intent = Intent { key, scene, text, content, detail, not_before, not_after };
    let deed =
        Deed::Propose(Proposal { customer: CustomerId(2), binding: "broadcast.spring".to_owned(), intent });
    let (id, by, why) = ("b1".to_owned(), "li".to_owned(), "spring".to_owned());
    host.append(MARCH + 71 * DAY_MS, vec![Entry::Act(OperatorAct { id, by, why, deed })]);
    host.fold(MARCH + 71 * DAY_MS);
    let results =
        |rest: &[&str]| host.broadcast(&[&["results", file.to_str().unwrap()], rest].concat()).unwrap();
    assert_eq!(json_of(&results(&["--json"]))["proposed"]["customers"], 1);
    let then = json_of(&results(&["--json", "--at", "7"]));
    assert_eq!((&then["proposed"]["customers"], &then["since"]), (&json!(0), &Json::Null), "{then}");
    assert_eq!(then["at"]["position"], 7);
    let text = results(&["--at", "7", "--utc"]);
    assert!(text.ends_with(" (UTC)\nspring was proposed to nobody\n"), "{text}");
}

/// It was Beijing's, whatever was asked for.
#[test]
fn counts_are_told_in_the_zone_that_is_asked_for() {
    let host = Host::lived();
    assert!(host.counts(&[]).unwrap().lines().next().unwrap().ends_with("08:00:00 (Beijing time)"));
    assert!(host.counts(&["--utc"]).unwrap().lines().next().unwrap().ends_with("00:00:00 (UTC)"));
}
