//! A broadcast as it stands in its file.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use chrono::DateTime;
use model::{Content, CustomerId, Instant, Intent};
use segment::Segment;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::commands::segment::Asked;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Lower-case letters, digits and dashes. Proposals bear it as `broadcast.NAME`; another name is another broadcast.
    name: String,
    /// A segment of the configuration.
    segment: Option<String>,
    /// Or a condition of its own, in the language of segments.
    filter: Option<String>,
    /// The share of the segment that gets nothing, to be compared with: from 0 to 1.
    #[serde(default)]
    hold_out: f64,
    /// Not sooner than this: `"2026-11-27T10:00:00+08:00"`.
    not_before: Option<String>,
    not_after: Option<String>,
    content: Option<ContentPart>,
    /// Which of the renderings a customer gets.
    #[serde(default)]
    play: Play,
    /// One for each scene in which it is played.
    #[serde(default)]
    rendering: Vec<Rendering>,
}

/// Which of the renderings a customer gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Play {
    /// Every one, where a connection plays it to her.
    #[default]
    Each,
    /// The first of the file whose scene a connection can play to her.
    First,
}

/// The key of the one rendering that a customer gets: whichever it is, it is proposed once.
const FIRST: &str = "first";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentPart {
    id: String,
    kind: String,
    title: Option<String>,
    category: Option<String>,
}

/// What is said in one scene.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rendering {
    scene: String,
    text: Option<String>,
    /// That of the broadcast, where it has none of its own.
    content: Option<ContentPart>,
    /// What the scene needs besides, in its connector's own words.
    detail: Option<toml::Table>,
}

/// A broadcast, ready to be proposed.
#[derive(Debug)]
pub(super) struct Broadcast {
    pub(super) name: String,
    segment: Option<String>,
    filter: Option<String>,
    hold_out: f64,
    play: Play,
    /// One for each scene, in the order of the file. Their keys are the scenes; or all one, where she gets one of them.
    pub(super) intents: Vec<Intent>,
}

impl Broadcast {
    pub(super) fn read(path: &Path) -> anyhow::Result<Broadcast> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        Broadcast::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> anyhow::Result<Broadcast> {
        let File { name, segment, filter, hold_out, not_before, not_after, content, play, rendering } =
            toml::from_str(text)?;
        let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ensure!(
            !name.is_empty() && name.len() <= 64 && name.bytes().all(fit),
            "name \"{name}\": use lower-case letters, digits and dashes, 64 at most"
        );
        ensure!((0.0..=1.0).contains(&hold_out), "hold_out = {hold_out} is not a share from 0 to 1");
        ensure!(!rendering.is_empty(), "nothing to say: add a [[rendering]] with its scene");
        let not_before = not_before.map(|at| instant("not_before", &at)).transpose()?;
        let not_after = not_after.map(|at| instant("not_after", &at)).transpose()?;
        if let (Some(from), Some(to)) = (not_before, not_after) {
            ensure!(from <= to, "not_after is before not_before");
        }
        let mut intents: Vec<Intent> = Vec::new();
        for one in rendering {
            let Rendering { scene, text, content: own, detail } = one;
            ensure!(!scene.is_empty(), "a [[rendering]] has no scene");
            ensure!(
                intents.iter().all(|intent| intent.scene != scene),
                "scene \"{scene}\" is rendered twice"
            );
            let content = own.or_else(|| content.clone()).map(|part| {
                let ContentPart { id, kind, title, category } = part;
                Content { id, kind, title, category }
            });
            ensure!(
                text.is_some() || content.is_some() || detail.is_some(),
                "the rendering for \"{scene}\" says nothing: give text, content or detail"
            );
            let detail = detail.map(|table| serde_json::to_string(&table)).transpose()?;
            let key = match play {
                Play::Each => scene.clone(),
                Play::First => FIRST.to_owned(),
            };
            intents.push(Intent { key, scene, text, content, detail, not_before, not_after });
        }
        Ok(Broadcast { name, segment, filter, hold_out, play, intents })
    }

    /// Stands where a policy's name does.
    pub(super) fn binding(&self) -> String {
        format!("broadcast.{}", self.name)
    }

    /// Before this nothing of it goes out.
    pub(super) fn not_before(&self) -> Option<Instant> {
        // One schedule is for all of them.
        self.intents.iter().filter_map(|intent| intent.not_before).min()
    }

    /// What of it is for a customer, given the scenes that can be played to her.
    pub(super) fn for_her(&self, plays: impl Fn(&str) -> bool) -> Vec<&Intent> {
        match self.play {
            Play::Each => self.intents.iter().collect(),
            Play::First => self.intents.iter().find(|intent| plays(&intent.scene)).into_iter().collect(),
        }
    }

    /// Who is meant, before anybody is held out.
    pub(super) fn segment(&self, asked: &Asked) -> anyhow::Result<Segment> {
        match (&self.segment, &self.filter) {
            (Some(name), None) => Ok(asked.find(name)?.clone()),
            (None, Some(filter)) => Ok(Segment::parse(&self.name, filter)?),
            (Some(_), Some(_)) | (None, None) => {
                bail!("say who is meant: either segment = \"…\" or filter = \"…\"")
            }
        }
    }

    /// Does she get nothing, to be compared with? The same customer always gets the same answer.
    pub(super) fn holds_out(&self, customer: CustomerId) -> bool {
        let digest = Sha256::digest(format!("{} {customer}", self.name));
        let drawn = digest.iter().take(6).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        // 48 bits: what a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "48 bits fit into 53")]
        let share = drawn as f64 / (1_u64 << 48) as f64;
        share < self.hold_out
    }
}

fn instant(key: &str, text: &str) -> anyhow::Result<Instant> {
    let at = DateTime::parse_from_rfc3339(text)
        .with_context(|| format!("{key} = \"{text}\": write a time like \"2026-11-27T10:00:00+08:00\""))?;
    u64::try_from(at.timestamp_millis()).with_context(|| format!("{key} = \"{text}\" is before 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        name = "spring"
        filter = '"vip" in tags'
        hold_out = 0.25
        not_before = "2026-11-27T10:00:00+08:00"
        [content]
        id = "poster-1"
        kind = "poster"
        category = "cream"
        [[rendering]]
        scene = "direct-message"
        text = "hello"
        detail = { staff = "lin" }
        [[rendering]]
        scene = "moments"
    "#;

    #[test]
    fn a_file_becomes_one_intent_for_each_scene() {
        let broadcast = Broadcast::parse(TEXT).unwrap();
        assert_eq!(broadcast.binding(), "broadcast.spring");
        let [message, post] = broadcast.intents.as_slice() else { panic!("two scenes") };
        assert_eq!(
            (message.key.as_str(), message.detail.as_deref()),
            ("direct-message", Some(r#"{"staff":"lin"}"#))
        );
        assert_eq!(message.not_before, Some(1_795_744_800_000));
        assert_eq!(post.content.as_ref().unwrap().id, "poster-1");
    }

    #[test]
    fn of_several_renderings_she_gets_the_first_that_can_be_played_to_her() {
        let text = TEXT.replace("hold_out", "play = \"first\"\nhold_out");
        let broadcast = Broadcast::parse(&text).unwrap();
        let scenes = |played: &[&str]| -> Vec<(String, String)> {
            let hers = broadcast.for_her(|scene| played.contains(&scene));
            hers.into_iter().map(|intent| (intent.key.clone(), intent.scene.clone())).collect()
        };
        let first = |scene: &str| vec![("first".to_owned(), scene.to_owned())];
        assert_eq!(scenes(&["moments", "direct-message"]), first("direct-message"));
        assert_eq!(scenes(&["moments"]), first("moments"));
        assert!(scenes(&["tag"]).is_empty());
        let each = Broadcast::parse(TEXT).unwrap();
        assert_eq!(each.for_her(|_| false).len(), 2);
    }

    #[test]
    fn a_share_is_held_out_and_always_the_same_one() {
        let broadcast = Broadcast::parse(TEXT).unwrap();
        let out = |broadcast: &Broadcast| -> Vec<u64> {
            (1..=4_000).filter(|&id| broadcast.holds_out(CustomerId(id))).collect()
        };
        let (first, again) = (out(&broadcast), out(&broadcast));
        assert_eq!(first, again);
        assert!((900..1_100).contains(&first.len()), "{}", first.len());
        let other = Broadcast::parse(&TEXT.replace("\"spring\"", "\"autumn\"")).unwrap();
        assert_ne!(out(&other), first);
        let none = Broadcast::parse(&TEXT.replace("0.25", "0")).unwrap();
        assert!(out(&none).is_empty());
        let all = Broadcast::parse(&TEXT.replace("0.25", "1.0")).unwrap();
        assert_eq!(out(&all).len(), 4_000);
    }

    #[test]
    fn what_does_not_hold_is_refused_by_name() {
        for (from, to, words) in [
            ("\"spring\"", "\"Spring\"", "name \"Spring\""),
            ("0.25", "1.5", "hold_out = 1.5"),
            ("2026-11-27T10:00:00+08:00", "tomorrow", "not_before = \"tomorrow\""),
            ("scene = \"moments\"", "scene = \"direct-message\"\ntext = \"x\"", "rendered twice"),
            ("hold_out", "hold_uot", "hold_uot"),
        ] {
            let error = format!("{:#}", Broadcast::parse(&TEXT.replace(from, to)).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }
}
