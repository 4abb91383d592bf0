//! Tags in step with a channel: what staff put on her there is a tag here, and one of ours is put on her there.

use serde_json::Value;
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::tenant::Bound;
use tests::wecom::{Change, Contact, WecomEvent};

use crate::courier::{STAFF, add, her};
use crate::stage::Stage;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn tenant() -> Tenant {
    let mut tenant = Tenant::default();
    let settings =
        "look_every_hours = 24\n\n[[policy.settings.put]]\ntag = \"vip\"\nas = \"贵宾\"\n".to_owned();
    let (name, plugin) = ("tag-sync".to_owned(), "tag-sync".to_owned());
    tenant.policies.push(Bound { name, plugin, settings });
    tenant
}

/// Names of the corp's tags on her tie with the member of staff.
fn on_her_tie(stage: &Stage) -> Vec<String> {
    let corp = stage.on.wecom.corp();
    let Some((_, tie)) = corp.followers(&her(1)).next() else { return Vec::new() };
    let name = |id: &String| corp.tag(id).map(|(_, tag)| tag.name.clone());
    tie.tag_ids.iter().filter_map(name).collect()
}

fn tags_here(stage: &Stage, id: &str) -> Vec<String> {
    let shown = cli_json(&stage.config, &["customer", "show", id]).unwrap();
    let tags = shown["customer"]["tags"].as_array().or(shown["tags"].as_array()).cloned().unwrap_or_default();
    let names = tags.iter().map(|tag| tag["name"].as_str().unwrap_or_default().to_owned());
    names.filter(|name| name.starts_with("channel:")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_staff_are_tags_here_and_ours_are_put_on_her_there() {
    let stage = Stage::set(&tenant()).await;
    stage.advance(START_MS).await;
    add(&stage, 1, None).await;
    stage.advance(START_MS + MINUTE_MS).await;
    let listed = cli_json(&stage.config, &["customer", "list"]).unwrap();
    let id = listed["customers"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(tags_here(&stage, &id), [""; 0]);

    // Ours goes there: at the look of the day, since a tag by hand is no fact.
    cli_json(&stage.config, &["customer", "tag", &id, "vip", "--by", "li", "--why", "the founder's aunt"])
        .unwrap();
    stage.advance(START_MS + 2 * DAY_MS).await;
    stage.advance(START_MS + 2 * DAY_MS + MINUTE_MS).await;
    assert_eq!(on_her_tie(&stage), ["贵宾"]);

    // What stands there is read with the profile, and is a tag here that says who gave it.
    let edited = Change::ContactEdited { contact: Contact::new(STAFF, &her(1)) };
    let at_ms = START_MS + 2 * DAY_MS + 2 * MINUTE_MS;
    let event = WecomEvent { at_s: at_ms / 1000, change: edited };
    stage.on.wecom.push(&stage.host.hook("wecom"), &event).await.unwrap();
    stage.advance(at_ms + MINUTE_MS).await;
    stage.advance(at_ms + DAY_MS).await;
    assert_eq!(tags_here(&stage, &id), ["channel:贵宾"]);
    let why = cli_text(&stage.config, &["customer", "why", &id, "tag", "channel:贵宾"]).unwrap();
    assert!(why.contains(&format!("given to her in the channel by {STAFF}")), "{why}");

    // It goes here, and there.
    cli_json(&stage.config, &["customer", "untag", &id, "vip", "--by", "li", "--why", "no longer"]).unwrap();
    stage.advance(at_ms + 3 * DAY_MS).await;
    stage.advance(at_ms + 3 * DAY_MS + MINUTE_MS).await;
    assert_eq!(on_her_tie(&stage), [""; 0]);
    let same: Value = cli_json(&stage.config, &["rebuild", "--check"]).unwrap();
    assert_eq!(same["same"], true, "{same}");
    stage.host.stop().await.unwrap();
}
