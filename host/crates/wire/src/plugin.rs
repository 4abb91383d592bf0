//! The shapes in which `heliu plugin run` reads what it gives a plugin, and prints what comes back.

use model::{
    Answer, Content, CustomerId, Event, HeldTag, Identity, IntentOutcome, ReceiptStep, Request, Stage, Trait,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::kind::{Kind, Raw, twin};

twin!(Chore as ChoreWire { key: String, due: Option<u64>, job: Raw });
twin!(Errand as ErrandWire {
    id: String,
    scene: String,
    to: Vec<Identity>,
    staff: Option<String>,
    text: Option<String>,
    content: Option<Content>,
    detail: Raw,
    not_after: Option<u64>,
});

/// A webhook's request in a file. `body` for text, `body_base64` for bytes; neither: an empty body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRequest {
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
}

impl RawRequest {
    /// # Errors
    /// Says which of the two bodies is wrong.
    pub fn into_request(self) -> Result<Request, String> {
        let RawRequest { method, path, query, headers, body, body_base64 } = self;
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Ok(Request { method, path, query, headers, body: bytes_of(body, body_base64, None)? })
    }
}

fn bytes_of(
    text: Option<String>,
    base64: Option<String>,
    json: Option<Box<RawValue>>,
) -> Result<Vec<u8>, String> {
    use base64::Engine as _;
    match (text, base64, json) {
        (None, None, None) => Ok(Vec::new()),
        (Some(text), None, None) => Ok(text.into_bytes()),
        (None, Some(base64), None) => base64::engine::general_purpose::STANDARD
            .decode(&base64)
            .map_err(|error| format!("\"body_base64\" is not base64: {error}")),
        (None, None, Some(json)) => Ok(json.get().as_bytes().to_owned()),
        _ => Err("give one of \"body\", \"body_base64\" and \"body_json\", not several".to_owned()),
    }
}

/// What a channel is told, as it is printed: `body` where it is UTF-8, `body_base64` where it is not.
#[derive(Debug, Serialize)]
pub struct RawAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl From<&Answer> for RawAnswer {
    fn from(answer: &Answer) -> RawAnswer {
        use base64::Engine as _;
        let Answer { status, headers, body } = answer;
        let (text, base64) = match std::str::from_utf8(body) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(base64::engine::general_purpose::STANDARD.encode(body))),
        };
        RawAnswer { status: *status, headers: headers.clone(), body: text, body_base64: base64 }
    }
}

/// One exchange of a cassette: what a plugin may ask for, and what it is answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CassettePair {
    pub request: HttpCall,
    pub response: HttpAnswer,
}

/// The request of a cassette. A key that is left out matches anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpCall {
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub body_json: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAnswer {
    pub status: u16,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
    #[serde(default)]
    body_json: Option<Box<RawValue>>,
}

impl HttpAnswer {
    /// # Errors
    /// Says which of the bodies is wrong.
    pub fn body(&self) -> Result<Vec<u8>, String> {
        bytes_of(self.body.clone(), self.body_base64.clone(), self.body_json.clone())
    }
}

/// A turn in a file: owned, where the host's own turns are borrowed from a customer's document.
#[derive(Clone, Debug)]
pub struct OwnedTurn {
    pub customer: CustomerId,
    pub first_seen: u64,
    pub traits: Vec<Trait>,
    pub tags: Vec<HeldTag>,
    pub stages: Vec<Stage>,
    pub staff: Vec<String>,
    pub outcomes: Vec<OwnedOutcome>,
    /// None: the key was left out, and what the customer's turn before left is taken.
    pub memory: Option<Option<Vec<u8>>>,
    pub position: u64,
    pub now: u64,
    pub happening: OwnedHappening,
}

#[derive(Clone, Debug)]
pub struct OwnedOutcome {
    key: String,
    step: ReceiptStep,
    at: u64,
    joined: bool,
}

impl OwnedOutcome {
    #[must_use]
    pub fn lend(&self) -> IntentOutcome<'_> {
        let OwnedOutcome { key, step, at, joined } = self;
        IntentOutcome { key, step: *step, at: *at, joined: *joined }
    }
}

#[derive(Clone, Debug)]
pub enum OwnedHappening {
    Fact(Box<Event>),
    Alarm { key: String, due: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnFile {
    customer: CustomerFile,
    #[serde(default, deserialize_with = "present")]
    memory: Option<Option<String>>,
    position: u64,
    now: u64,
    happening: HappeningFile,
}

/// Tells a key that is `null` from one that is left out.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerFile {
    id: String,
    #[serde(default)]
    first_seen: u64,
    #[serde(default)]
    traits: Vec<<Trait as Kind<'static>>::Wire>,
    #[serde(default)]
    tags: Vec<TagFile>,
    #[serde(default)]
    stages: Vec<<Stage as Kind<'static>>::Wire>,
    #[serde(default)]
    staff: Vec<String>,
    #[serde(default)]
    outcomes: Vec<OutcomeFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeFile {
    key: String,
    step: <ReceiptStep as Kind<'static>>::Wire,
    at: u64,
    joined: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TagFile {
    name: String,
    since: u64,
    #[serde(default)]
    expires: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum HappeningFile {
    Fact(Box<<Event as Kind<'static>>::Wire>),
    Alarm { key: String, due: u64 },
}

/// Reads a list of turns.
///
/// # Errors
/// Says which key is wrong, and where.
pub fn turns_from_json(text: &str) -> Result<Vec<OwnedTurn>, String> {
    let files: Vec<TurnFile> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    files.into_iter().map(TurnFile::into_turn).collect()
}

impl TurnFile {
    fn into_turn(self) -> Result<OwnedTurn, String> {
        use base64::Engine as _;
        let TurnFile { customer, memory, position, now, happening } = self;
        let CustomerFile { id, first_seen, traits, tags, stages, staff, outcomes } = customer;
        let decode = |text: String| {
            base64::engine::general_purpose::STANDARD
                .decode(&text)
                .map_err(|error| format!("\"memory\" is not base64: {error}"))
        };
        let memory = match memory {
            None => None,
            Some(None) => Some(None),
            Some(Some(text)) => Some(Some(decode(text)?)),
        };
        Ok(OwnedTurn {
            customer: id.parse().map_err(|error: model::ParseIdError| error.to_string())?,
            first_seen,
            traits: traits.into_iter().map(Trait::take).collect(),
            tags: tags.into_iter().map(TagFile::into_tag).collect(),
            stages: stages.into_iter().map(Stage::take).collect(),
            staff,
            outcomes: outcomes.into_iter().map(OutcomeFile::into_outcome).collect(),
            memory,
            position,
            now,
            happening: match happening {
                HappeningFile::Fact(event) => OwnedHappening::Fact(Box::new(Event::take(*event))),
                HappeningFile::Alarm { key, due } => OwnedHappening::Alarm { key, due },
            },
        })
    }
}

impl OutcomeFile {
    fn into_outcome(self) -> OwnedOutcome {
        let OutcomeFile { key, step, at, joined } = self;
        OwnedOutcome { key, step: ReceiptStep::take(step), at, joined }
    }
}

impl TagFile {
    fn into_tag(self) -> HeldTag {
        let TagFile { name, since, expires } = self;
        let cause = model::Cause { position: 0, now: since, version: None, alarm: None, why: String::new() };
        HeldTag { name, since, expires, cause }
    }
}
