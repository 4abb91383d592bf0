//! What the host tells of itself: its health, its plugins, its notes, its state hash.

use model::{Binding, Configured, Digest, Entry, FoldState, Instant, Note, Position, Record, Version};
use serde::Serialize;
use store::Standing;

use super::Raw;
use crate::{BreakerState, Condition, HealthReport, PluginState};

#[derive(Debug, Serialize)]
pub struct HealthView<'a> {
    /// `ok` or `failing`.
    pub status: &'static str,
    pub position: Position,
    pub folded: Position,
    pub fired: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<&'a str>,
    /// Plugins that fail, or are left alone, while the host is at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugins_failing: Option<Vec<FailingView<'a>>>,
}

#[derive(Debug, Serialize)]
pub struct FailingView<'a> {
    pub name: &'a str,
    pub state: &'static str,
    pub message: Option<&'a str>,
}

impl<'a> HealthView<'a> {
    /// `trusted` may read the host's own words; others learn only that there is trouble.
    #[must_use]
    pub fn new(report: &'a HealthReport, plugins: &'a [PluginState], trusted: bool) -> HealthView<'a> {
        let HealthReport { position, folded, fired, trouble } = report;
        let told =
            trouble.as_deref().map(|trouble| if trusted { trouble } else { "the host's log says why" });
        let status = if trouble.is_some() { "failing" } else { "ok" };
        let failing = plugins.iter().filter(|plugin| plugin.state != Condition::Running).map(|plugin| {
            let PluginState { name, state, message, .. } = plugin;
            FailingView { name, state: state.name(), message: message.as_deref() }
        });
        let failing: Vec<FailingView<'_>> = failing.collect();
        let (position, folded, fired) = (*position, *folded, *fired);
        // Their names are the operator's own business.
        let plugins_failing = (trusted && !failing.is_empty()).then_some(failing);
        HealthView { status, position, folded, fired, trouble: told, plugins_failing }
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
    /// Left out as of then: how plugins did is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugins: Option<Vec<PluginView<'a>>>,
    /// Since when the policies decide as they do now.
    pub setup: Option<SetupView<'a>>,
}

/// The last setup of the journal.
#[derive(Debug, Serialize)]
pub struct SetupView<'a> {
    pub position: Position,
    pub now: Instant,
    /// Who changed the configuration, and why. None: the host itself did, which pauses a policy, or one that asked nobody.
    pub by: Option<&'a str>,
    pub why: Option<&'a str>,
    /// The policies that decide, in their order.
    pub policies: Vec<BoundView<'a>>,
}

#[derive(Debug, Serialize)]
pub struct BoundView<'a> {
    pub name: &'a str,
    /// What the policy calls itself.
    pub title: &'a str,
    /// Of the component.
    pub digest: String,
    /// It decides nothing behind this record. Null: it decides.
    pub paused_behind: Option<Position>,
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
    pub breakers: Vec<BreakerView>,
}

#[derive(Debug, Serialize)]
pub struct BreakerView {
    pub name: &'static str,
    pub state: &'static str,
    pub until: Option<Instant>,
    pub opened: u64,
}

impl<'a> PluginsView<'a> {
    #[must_use]
    pub fn new(plugins: &'a [PluginState], setup: Option<&'a Record>) -> PluginsView<'a> {
        PluginsView { plugins: Some(plugins.iter().map(plugin).collect()), setup: setup.map(self::setup) }
    }

    /// As of then.
    #[must_use]
    pub fn then(setup: Option<&'a Record>) -> PluginsView<'a> {
        PluginsView { plugins: None, setup: setup.map(self::setup) }
    }
}

fn setup(record: &Record) -> SetupView<'_> {
    let (by, why) = match &record.entry {
        Entry::Configured(Configured { setup: _, by, why }) => (Some(by.as_str()), Some(why.as_str())),
        _ => (None, None),
    };
    let policies = record.entry.setup().map(|setup| setup.policies.as_slice()).unwrap_or_default();
    let policies = policies.iter().map(bound).collect();
    SetupView { position: record.position, now: record.now, by, why, policies }
}

fn bound(binding: &Binding) -> BoundView<'_> {
    let Binding { name, digest, settings: _, descriptor, carry: _, paused } = binding;
    let (digest, paused_behind) = (digest.to_string(), paused.map(|pause| pause.behind));
    BoundView { name, title: &descriptor.title, digest, paused_behind }
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
        breakers,
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
        breakers: breakers.iter().map(breaker).collect(),
    }
}

fn breaker(breaker: &BreakerState) -> BreakerView {
    let BreakerState { name, state, until, opened } = breaker;
    BreakerView { name, state, until: *until, opened: *opened }
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
    /// `{"conflict":{…}}`, `{"dead_turn":{…}}`, `{"stray_receipt":{…}}`.
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
        Note::Conflict(_) | Note::Erasure(_) | Note::StrayReceipt(_) | Note::Overflow(_) => None,
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
