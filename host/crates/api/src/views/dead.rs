//! Dead letters as they are answered and printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::{DeadCount, DeadLetter, DeadRequest, DeadState, Ended};
use model::{DeadTurn, Instant, Note, Position, Request};
use serde::{Deserialize, Serialize};

use super::ActView;
use crate::dead::{Turn, TurnGroup, turn_id};

/// What waits, by what it has in common.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeadGroupsView {
    pub groups: Vec<DeadGroupView>,
    /// False: there are more turns than were counted.
    pub complete: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DeadGroupView {
    /// The connection's, or the policy's.
    pub name: String,
    /// `request`, `poll`, `chore` or `turn`.
    pub what: String,
    pub reason: String,
    pub title: String,
    pub digest: String,
    pub letters: u64,
    /// How often they came in all.
    pub times: u64,
    /// The first one's id.
    pub first: String,
    pub last: Instant,
    /// What ends them.
    pub mend: String,
}

/// A page of letters of connections.
#[derive(Debug, Serialize)]
pub struct DeadPage {
    pub dead: Vec<DeadLetterView>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<u64>,
}

/// A page of turns at which a policy fails.
#[derive(Debug, Serialize)]
pub struct DeadTurnPage {
    pub turns: Vec<DeadTurnView>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct DeadLetterView {
    pub id: String,
    pub connection: String,
    pub what: &'static str,
    /// `waiting`, `retried` or `dropped`.
    pub state: &'static str,
    pub ended: Option<EndedView>,
    pub reason: String,
    pub why: String,
    pub title: String,
    pub digest: String,
    /// When it came first, and last, and how often.
    pub now: Instant,
    pub last: Instant,
    pub times: u64,
    /// The last lines that the plugin logged.
    pub log: Vec<String>,
    pub backtrace: Option<String>,
    pub request: RequestView,
}

#[derive(Debug, Serialize)]
pub struct DeadTurnView {
    pub id: String,
    pub policy: Option<String>,
    pub state: &'static str,
    pub ended: Option<EndedView>,
    pub reason: String,
    /// With the functions that the policy was in.
    pub why: String,
    pub title: Option<String>,
    pub digest: Option<String>,
    pub customer: String,
    pub position: Position,
    pub now: Instant,
    pub alarm: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct EndedView {
    pub now: Instant,
    pub by: String,
    pub why: String,
}

/// As `heliu plugin run FILE receive --request` reads it.
#[derive(Debug, Serialize)]
pub struct RequestView {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body_base64: String,
}

/// What came of trying a letter again.
#[derive(Debug, Serialize, Deserialize)]
pub struct RetriedView {
    pub id: String,
    pub dry_run: bool,
    /// `handled`: it ended. Else it waits as before: `malformed`, `not_authentic`, `later`, `misconfigured`, `unauthorised`, or a
    /// word for how the plugin failed.
    pub outcome: String,
    pub message: String,
    /// What it yielded, and how much of it was new.
    pub events: usize,
    pub stored: usize,
    pub chores: usize,
    /// The component that was asked now.
    pub title: String,
    pub digest: String,
    /// Of a turn: the act that folds her again, and what it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActView>,
}

/// A letter that an operator let go.
#[derive(Debug, Serialize, Deserialize)]
pub struct DroppedView {
    pub id: String,
    pub by: String,
    pub why: String,
}

impl DeadGroupsView {
    #[must_use]
    pub fn new(letters: &[DeadCount], turns: &[TurnGroup], cut: bool) -> DeadGroupsView {
        let groups = letters.iter().map(letter_group).chain(turns.iter().map(turn_group));
        DeadGroupsView { groups: groups.collect(), complete: !cut }
    }
}

fn letter_group(count: &DeadCount) -> DeadGroupView {
    let DeadCount { connection, what, reason, plugin, title, letters, times, first, last } = count;
    DeadGroupView {
        name: connection.clone(),
        what: what.name().to_owned(),
        reason: reason.clone(),
        title: title.clone(),
        digest: plugin.to_string(),
        letters: *letters,
        times: *times,
        first: first.to_string(),
        last: *last,
        mend: format!("heliu dead retry --connection {connection} --reason {reason} --by NAME --why TEXT"),
    }
}

fn turn_group(group: &TurnGroup) -> DeadGroupView {
    let TurnGroup { policy, reason, digest, title, turns, first, last } = group;
    DeadGroupView {
        name: policy.clone(),
        what: "turn".to_owned(),
        reason: reason.clone(),
        title: title.clone(),
        digest: digest.to_string(),
        letters: *turns,
        times: *turns,
        first: turn_id(first),
        last: *last,
        mend: crate::dead::TURNS_HEAL.to_owned(),
    }
}

impl DeadPage {
    /// Out of one letter more than the page may hold: the last one shows that there is a next page.
    #[must_use]
    pub fn new(letters: &[DeadLetter], limit: usize) -> DeadPage {
        let shown = &letters[..limit.min(letters.len())];
        let next = if shown.len() < letters.len() { shown.last().map(|letter| letter.number) } else { None };
        DeadPage { dead: shown.iter().map(DeadLetterView::new).collect(), next }
    }
}

impl DeadTurnPage {
    /// Out of one turn more than the page may hold.
    #[must_use]
    pub fn new(turns: &[Turn], limit: usize) -> DeadTurnPage {
        let shown = &turns[..limit.min(turns.len())];
        let last = shown.last().map(|turn| Note::DeadTurn(turn.note.clone()).key());
        let next = if shown.len() < turns.len() { last } else { None };
        DeadTurnPage { turns: shown.iter().map(DeadTurnView::new).collect(), next }
    }
}

impl DeadLetterView {
    #[must_use]
    pub fn new(letter: &DeadLetter) -> DeadLetterView {
        let DeadLetter { number, connection, now, last, times, dead, state } = letter;
        let DeadRequest { what, reason, why, plugin, title, log, backtrace, request } = dead;
        let Request { method, path, query, headers, body } = request;
        DeadLetterView {
            id: number.to_string(),
            connection: connection.clone(),
            what: what.name(),
            state: state.name(),
            ended: state.ended().map(EndedView::new),
            reason: reason.clone(),
            why: why.clone(),
            title: title.clone(),
            digest: plugin.to_string(),
            now: *now,
            last: *last,
            times: *times,
            log: log.clone(),
            backtrace: backtrace.clone(),
            request: RequestView {
                method: method.clone(),
                path: path.clone(),
                query: query.clone(),
                headers: headers.clone(),
                body_base64: STANDARD.encode(body),
            },
        }
    }
}

impl DeadTurnView {
    #[must_use]
    pub fn new(turn: &Turn) -> DeadTurnView {
        let Turn { note, version, ended } = turn;
        let DeadTurn { position, now, customer, version: _, alarm, kind, text } = note;
        let state = match ended {
            None => DeadState::Waiting,
            Some(ended) => DeadState::Dropped(ended.clone()),
        };
        DeadTurnView {
            id: turn_id(note),
            policy: version.as_ref().map(|version| version.binding.clone()),
            state: state.name(),
            ended: ended.as_ref().map(EndedView::new),
            reason: kind.clone(),
            why: text.clone(),
            title: version.as_ref().map(|version| version.title.clone()),
            digest: version.as_ref().map(|version| version.digest.to_string()),
            customer: customer.to_string(),
            position: *position,
            now: *now,
            alarm: alarm.clone(),
        }
    }
}

impl EndedView {
    fn new(ended: &Ended) -> EndedView {
        let Ended { now, by, why } = ended;
        EndedView { now: *now, by: by.clone(), why: why.clone() }
    }
}
