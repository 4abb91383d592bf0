//! The first words to a customer who was just added as a friend in WeCom (欢迎语).
//!
//! The platform hands out a code with the news of an adding, good for one message within twenty seconds. Events have no field
//! for it; it stands in what the channel said beyond the record, so this policy reads `extra`, and copies it into the intent.

use heliu_sdk::events::{Bond, Fact};
use heliu_sdk::policy::{Change, Decision, Descriptor, Happening, Intent, Turn};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// Where the platform sends a code once she agreed to be archived, if it did not with the adding.
const AGREED: &str = "wecom.change_external_contact.msg_audit_approved";
/// Bytes of a message, by the platform's page.
const TEXT_BYTES_MAX: usize = 4000;

/// The policy.
pub struct Welcome;

/// What to say.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The words, 1 to 4000 bytes.
    #[serde(deserialize_with = "words")]
    #[schemars(length(min = 1))]
    pub text: String,
    /// Pictures, links, mini-programs, in WeCom's shape. At most nine.
    #[serde(default)]
    #[schemars(length(max = 9))]
    pub attachments: Vec<Value>,
    /// Other words for those who came by certain channel codes. The first that fits counts.
    #[serde(default)]
    pub by_state: Vec<ByState>,
}

/// Words for who came by a channel code.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByState {
    /// How the code's state begins.
    #[serde(deserialize_with = "words")]
    pub prefix: String,
    /// The words, 1 to 4000 bytes.
    #[serde(deserialize_with = "words")]
    pub text: String,
    /// As above.
    #[serde(default)]
    pub attachments: Vec<Value>,
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.len() {
        1..=TEXT_BYTES_MAX => Ok(text),
        bytes => Err(serde::de::Error::custom(format!("{bytes} bytes, and 1 to {TEXT_BYTES_MAX} can be"))),
    }
}

impl heliu_sdk::Policy for Welcome {
    type Settings = Settings;
    type Memory = ();

    fn describe() -> Descriptor {
        Descriptor {
            title: "Welcome 欢迎语".to_owned(),
            settings_schema: heliu_sdk::schema::<Settings>(),
            wants: vec!["met.added".to_owned(), "met.half-added".to_owned(), format!("did.{AGREED}")],
            tags: Vec::new(),
            journeys: Vec::new(),
            reads: vec!["extra".to_owned()],
        }
    }

    fn evaluate(settings: &Settings, (): &mut (), turn: &Turn) -> Result<Vec<Decision>, String> {
        let Happening::Fact(event) = &turn.happening else { return Ok(Vec::new()) };
        let state = match &event.fact {
            Fact::Met(tie) if matches!(tie.bond, Bond::Added | Bond::HalfAdded) => tie.state.as_deref(),
            Fact::Did(act) if act.kind == AGREED => None,
            _ => return Ok(Vec::new()),
        };
        let Some(code) = event.extra.as_deref().and_then(code) else { return Ok(Vec::new()) };
        let (text, attachments) = settings.said_to(state);
        let mut detail = json!({"welcome_code": code});
        // Whom she added, and not who met her first.
        if let Some(staff) = &event.staff {
            detail["staff"] = json!(staff);
        }
        if !attachments.is_empty() {
            detail["attachments"] = json!(attachments);
        }
        let intent = Intent {
            // One code is one message; who adds another member of staff gets another code.
            key: format!("welcome:{code}"),
            scene: "welcome".to_owned(),
            text: Some(text.to_owned()),
            content: None,
            detail: Some(detail.to_string()),
            not_before: None,
            // The host lets a welcome go twenty seconds after its cause.
            not_after: None,
        };
        let why = match (&event.staff, state) {
            (Some(staff), Some(state)) => format!("she added {staff} by {state}"),
            (Some(staff), None) => format!("she added {staff}"),
            (None, _) => "she was added".to_owned(),
        };
        Ok(vec![Decision { why, change: Change::Intend(intent) }])
    }
}

heliu_sdk::export_policy!(Welcome);

impl Settings {
    fn said_to(&self, state: Option<&str>) -> (&str, &[Value]) {
        let fits = |by: &&ByState| state.is_some_and(|state| state.starts_with(&by.prefix));
        match self.by_state.iter().find(fits) {
            Some(by) => (&by.text, &by.attachments),
            None => (&self.text, &self.attachments),
        }
    }
}

/// The code in what the channel said, if it sent one: it does not where the console of WeCom has a welcome of its own, or the
/// tie is half.
fn code(extra: &str) -> Option<String> {
    let said: Value = serde_json::from_str(extra).ok()?;
    said.get("WelcomeCode")?.as_str().filter(|code| !code.is_empty()).map(str::to_owned)
}
