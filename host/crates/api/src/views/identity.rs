//! What made somebody one person, and where records disagree about it.

use model::{
    Conflict, CustomerId, Deed, Entry, Event, Identity, Instant, Join, Note, OperatorAct, Position, Record,
};
use router::{Division, Edge, EdgeKind, Edges, Merged, Retraction};
use serde::{Deserialize, Serialize};

use super::Raw;

/// One name that a channel has for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandleView {
    pub scheme: String,
    pub scope: String,
    pub value: String,
}

#[derive(Debug, Serialize)]
pub struct EdgesView {
    pub id: String,
    /// Judged again, she has the handles that the store has of her. If not, the rules of identity changed since.
    pub agrees: bool,
    pub edges: Vec<EdgeView>,
    pub splits: Vec<DivisionView>,
}

/// A record that gave her a handle, or made two customers one.
#[derive(Debug, Serialize)]
pub struct EdgeView {
    pub position: Position,
    pub now: Instant,
    /// `event`, `derived` or `join`.
    pub kind: &'static str,
    /// The connection, the policy, or the operator.
    pub source: String,
    /// An operator's reason.
    pub why: Option<String>,
    /// Whom an operator's join names.
    pub names: Vec<String>,
    /// Those on the record.
    pub handles: Vec<HandleView>,
    /// Those that it gave her.
    pub attached: Vec<HandleView>,
    pub merged: Vec<MergedView>,
    /// Null while it holds.
    pub retracted: Option<RetractionView>,
    pub event: Option<Raw>,
}

#[derive(Debug, Serialize)]
pub struct MergedView {
    pub gone: String,
    pub into: String,
}

#[derive(Debug, Serialize)]
pub struct RetractionView {
    pub position: Position,
    pub now: Instant,
    pub by: String,
    pub why: String,
}

/// An operator's word that handles of one customer are two people's.
#[derive(Debug, Serialize)]
pub struct DivisionView {
    pub position: Position,
    pub now: Instant,
    pub by: String,
    pub why: String,
    /// The handles of the one, and of the other. Empty where it was taken back.
    pub these: Vec<HandleView>,
    pub those: Vec<HandleView>,
    pub retracted: Option<RetractionView>,
}

impl HandleView {
    #[must_use]
    pub fn new(identity: &Identity) -> HandleView {
        let Identity { scheme, scope, value } = identity.clone();
        HandleView { scheme, scope, value }
    }

    /// As a person writes it: `scheme:scope:value`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}:{}:{}", self.scheme, self.scope, self.value)
    }
}

fn handles(identities: &[Identity]) -> Vec<HandleView> {
    identities.iter().map(HandleView::new).collect()
}

impl EdgesView {
    #[must_use]
    pub fn new(edges: &Edges) -> EdgesView {
        let Edges { customer, agrees, edges, splits } = edges;
        EdgesView {
            id: customer.to_string(),
            agrees: *agrees,
            edges: edges.iter().map(edge).collect(),
            splits: splits.iter().filter_map(division).collect(),
        }
    }
}

fn edge(edge: &Edge) -> EdgeView {
    let Edge { record, kind, handles: on_it, attached, merged, retracted } = edge;
    let kind = match kind {
        EdgeKind::Event => "event",
        EdgeKind::Derived => "derived",
        EdgeKind::Join => "join",
    };
    let (source, why, names) = match &record.entry {
        Entry::Event(channel) => (channel.connection.clone(), None, Vec::new()),
        Entry::Derived(derived) => (derived.binding.clone(), None, Vec::new()),
        Entry::Act(OperatorAct { id: _, by, why, deed }) => {
            let names = match deed {
                Deed::Join(Join { one, other }) => vec![one.to_string(), other.to_string()],
                Deed::Split(_)
                | Deed::Retract(_)
                | Deed::Propose(_)
                | Deed::Tag(_)
                | Deed::Untag(_)
                | Deed::Erase(_)
                | Deed::Attest(_)
                | Deed::Retry(_)
                | Deed::Drop(_)
                | Deed::Grant(_)
                | Deed::Configure(_) => Vec::new(),
            };
            (by.clone(), Some(why.clone()), names)
        }
        Entry::Setup(_)
        | Entry::Configured(_)
        | Entry::Retelling(_)
        | Entry::Progress(_)
        | Entry::Erased(_) => (String::new(), None, Vec::new()),
    };
    let merged = merged
        .iter()
        .map(|Merged { gone, into }| MergedView { gone: gone.to_string(), into: into.to_string() });
    EdgeView {
        position: record.position,
        now: record.now,
        kind,
        source,
        why,
        names,
        handles: handles(on_it),
        attached: handles(attached),
        merged: merged.collect(),
        retracted: retracted.as_ref().map(retraction),
        event: record.entry.event().map(wire::to_raw::<Event>),
    }
}

fn retraction(Retraction { position, now, by, why }: &Retraction) -> RetractionView {
    RetractionView { position: *position, now: *now, by: by.clone(), why: why.clone() }
}

fn division(Division { record, these, those, retracted }: &Division) -> Option<DivisionView> {
    let Entry::Act(OperatorAct { id: _, by, why, deed: _ }) = &record.entry else { return None };
    Some(DivisionView {
        position: record.position,
        now: record.now,
        by: by.clone(),
        why: why.clone(),
        these: handles(these),
        those: handles(those),
        retracted: retracted.as_ref().map(retraction),
    })
}

/// A page of conflicts, by the records' order.
#[derive(Debug, Serialize)]
pub struct ConflictPage {
    pub conflicts: Vec<ConflictView>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// A record that named two people who cannot be one.
#[derive(Debug, Serialize)]
pub struct ConflictView {
    pub key: String,
    pub position: Position,
    pub now: Instant,
    /// The connection, the policy, or the operator.
    pub source: String,
    /// Whom the record went to.
    pub customer: String,
    /// Who keeps the handle. The same, where one record has two values of a scheme of which a person has one.
    pub other: String,
    pub handle: HandleView,
    /// The scheme of which they have different values; `operator` where a split keeps them apart.
    pub scheme: String,
    /// What would end it, each under the condition that it is true.
    pub mends: Vec<Mend>,
}

#[derive(Debug, Serialize)]
pub struct Mend {
    /// What must be true for it.
    pub when: String,
    pub command: String,
}

impl ConflictPage {
    /// Out of the notes behind `after`, and their records; `next` is where to go on.
    #[must_use]
    pub fn new(conflicts: &[(Conflict, Option<Record>)], next: Option<String>) -> ConflictPage {
        let conflicts = conflicts.iter().map(|(conflict, record)| view(conflict, record.as_ref())).collect();
        ConflictPage { conflicts, next }
    }
}

fn view(conflict: &Conflict, record: Option<&Record>) -> ConflictView {
    let Conflict { position, handle, customer, other, scheme } = conflict;
    let source = record.map(|record| match &record.entry {
        Entry::Event(channel) => channel.connection.clone(),
        Entry::Derived(derived) => derived.binding.clone(),
        Entry::Act(act) => act.by.clone(),
        Entry::Setup(_)
        | Entry::Configured(_)
        | Entry::Retelling(_)
        | Entry::Progress(_)
        | Entry::Erased(_) => String::new(),
    });
    ConflictView {
        key: Note::Conflict(conflict.clone()).key(),
        position: *position,
        now: record.map_or(0, |record| record.now),
        source: source.unwrap_or_default(),
        customer: customer.to_string(),
        other: other.to_string(),
        handle: HandleView::new(handle),
        scheme: scheme.clone(),
        mends: mends(*position, *customer, *other, &HandleView::new(handle)),
    }
}

fn mends(position: Position, customer: CustomerId, other: CustomerId, handle: &HandleView) -> Vec<Mend> {
    let mend = |when: String, command: String| Mend { when, command };
    let said = "--by NAME --why TEXT";
    let mut mends = vec![mend(
        "the record is wrong about who is who".to_owned(),
        format!("heliu identity retract {position} {said}"),
    )];
    if customer != other {
        let text = quoted(&handle.text());
        mends.push(mend(
            format!("the handle is not {other}'s"),
            format!("heliu customer split {other} --handle {text} {said}"),
        ));
        mends.push(mend(
            format!("{customer} and {other} are one person, and a handle of one of them is wrong: find what showed it"),
            format!("heliu identity edges {other}"),
        ));
    }
    mends
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":._-+@%/=,".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_one_word_of_a_shell() {
        assert_eq!(quoted("phone::+8613900000000"), "phone::+8613900000000");
        assert_eq!(quoted("a:b:it's $(rm)"), r"'a:b:it'\''s $(rm)'");
    }
}
