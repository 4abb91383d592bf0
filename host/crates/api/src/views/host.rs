//! What the host tells of itself: its health, its plugins, its notes, its dead letters, its state hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::{DeadLetter, DeadRequest};
use model::{Digest, FoldState, Instant, Note, Position, Request, Version};
use serde::Serialize;
use store::Standing;

use super::Raw;
use crate::{HealthReport, PluginState};

#[derive(Debug, Serialize)]
pub struct HealthView<'a> {
    /// `ok` or `failing`.
    pub status: &'static str,
    pub position: Position,
    pub folded: Position,
    pub fired: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<&'a str>,
}

impl<'a> HealthView<'a> {
    /// `trusted` may read the host's own words; others learn only that there is trouble.
    #[must_use]
    pub fn new(report: &'a HealthReport, trusted: bool) -> HealthView<'a> {
        let HealthReport { position, folded, fired, trouble } = report;
        let told =
            trouble.as_deref().map(|trouble| if trusted { trouble } else { "the host's log says why" });
        let status = if trouble.is_some() { "failing" } else { "ok" };
        HealthView { status, position: *position, folded: *folded, fired: *fired, trouble: told }
    }
}

/// The state hash, and what it stands for.
#[derive(Debug, Serialize)]
pub struct DigestView {
    pub digest: String,
    /// Every record up to here is folded.
    pub position: Position,
    /// Every alarm due by then has fired.
    pub fired: Instant,
}

impl DigestView {
    #[must_use]
    pub fn new(digest: Digest, standing: Standing) -> DigestView {
        let Standing { position, fired } = standing;
        DigestView { digest: digest.to_string(), position, fired }
    }
}

#[derive(Debug, Serialize)]
pub struct PluginsView<'a> {
    pub plugins: Vec<PluginView<'a>>,
}

#[derive(Debug, Serialize)]
pub struct PluginView<'a> {
    pub name: &'a str,
    /// `connector` or `policy`.
    pub role: &'static str,
    pub file: &'a str,
    pub digest: String,
    pub title: &'a str,
    /// `running`, `paused` or `failing`.
    pub state: &'static str,
    pub message: Option<&'a str>,
    pub calls: u64,
    pub faults: u64,
    pub stored: u64,
    pub duplicates: u64,
    pub refused: u64,
}

impl<'a> PluginsView<'a> {
    #[must_use]
    pub fn new(plugins: &'a [PluginState]) -> PluginsView<'a> {
        PluginsView { plugins: plugins.iter().map(plugin).collect() }
    }
}

fn plugin(plugin: &PluginState) -> PluginView<'_> {
    let PluginState {
        name,
        role,
        file,
        digest,
        title,
        state,
        message,
        calls,
        faults,
        stored,
        duplicates,
        refused,
    } = plugin;
    PluginView {
        name,
        role: role.name(),
        file,
        digest: digest.to_string(),
        title,
        state: state.name(),
        message: message.as_deref(),
        calls: *calls,
        faults: *faults,
        stored: *stored,
        duplicates: *duplicates,
        refused: *refused,
    }
}

/// A page of what a person must look at, by the records' order.
#[derive(Debug, Serialize)]
pub struct NotePage {
    pub notes: Vec<NoteView>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct NoteView {
    pub key: String,
    /// `{"conflict":{…}}` or `{"dead_turn":{…}}`.
    pub note: Raw,
    /// The version of the policy that failed.
    pub version: Option<Raw>,
}

impl NotePage {
    /// Out of one note more than the page may hold: the last one shows that there is a next page.
    #[must_use]
    pub fn new(state: &FoldState, notes: &[Note], limit: usize) -> NotePage {
        let shown = &notes[..limit.min(notes.len())];
        let next = if shown.len() < notes.len() { shown.last().map(Note::key) } else { None };
        NotePage { notes: shown.iter().map(|one| note(state, one)).collect(), next }
    }
}

fn note(state: &FoldState, note: &Note) -> NoteView {
    let version = match note {
        Note::Conflict(_) | Note::Erasure(_) => None,
        Note::DeadTurn(dead) => {
            usize::try_from(dead.version).ok().and_then(|place| state.versions.get(place))
        }
    };
    NoteView {
        key: note.key(),
        note: wire::to_raw::<Note>(note),
        version: version.map(wire::to_raw::<Version>),
    }
}

/// A page of requests that were authentic and could not be understood.
#[derive(Debug, Serialize)]
pub struct DeadPage<'a> {
    pub dead: Vec<DeadLetterView<'a>>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct DeadLetterView<'a> {
    pub number: u64,
    pub connection: &'a str,
    pub now: Instant,
    pub why: &'a str,
    pub request: RequestView<'a>,
}

/// As `heliu plugin run FILE receive --request` reads it.
#[derive(Debug, Serialize)]
pub struct RequestView<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a [(String, String)],
    pub body_base64: String,
}

impl<'a> DeadPage<'a> {
    /// Out of one letter more than the page may hold: the last one shows that there is a next page.
    #[must_use]
    pub fn new(letters: &'a [DeadLetter], limit: usize) -> DeadPage<'a> {
        let shown = &letters[..limit.min(letters.len())];
        let next = if shown.len() < letters.len() { shown.last().map(|letter| letter.number) } else { None };
        DeadPage { dead: shown.iter().map(dead_letter).collect(), next }
    }
}

fn dead_letter(letter: &DeadLetter) -> DeadLetterView<'_> {
    let DeadLetter { number, connection, now, dead: DeadRequest { why, request } } = letter;
    let Request { method, path, query, headers, body } = request;
    let request = RequestView { method, path, query, headers, body_base64: STANDARD.encode(body) };
    DeadLetterView { number: *number, connection, now: *now, why, request }
}
