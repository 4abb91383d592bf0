//! What an operator may say of who is who. The fold carries out what it can, and leaves the rest; a person is told
//! beforehand what would come to nothing, and what to do instead.
//!
//! Reads journal and store, and changes neither.

use std::sync::Arc;

use journal::{JournalError, Records};
use model::{
    Customer, CustomerId, Deed, Entry, HandUntag, Identity, Join, OperatorAct, Position, Proposal, Record,
    Retract, Retry, Source, Split,
};
use store::Store;

use crate::correct::Judge;
use crate::document::{self, HANDLES_MAX};
use crate::erase::{self, Erases};
use crate::identity::Rules;
use crate::{Plugins, Report, RouterError, report};

/// Letters of a tag that is given by hand.
const TAG_MAX: usize = 128;

/// Why an act would come to nothing, and the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no customer {0}")]
    NoCustomer(CustomerId),
    #[error("{0} is one customer: to join, name two; `heliu identity edges {0}` lists what made her one")]
    OneName(CustomerId),
    #[error(
        "{one} and {other} are one already, as {now}; `heliu identity edges {now}` lists what made them one"
    )]
    OneAlready { one: CustomerId, other: CustomerId, now: CustomerId },
    /// A scheme of which a person has at most one.
    #[error(
        "{one} and {other} cannot be one: a person has one {scheme}, and they have {hers} and {others}. If one of these is \
         wrong, find the record that showed it with `heliu identity edges`, take that back with `heliu identity retract`, \
         and join them then"
    )]
    Schemes { one: CustomerId, other: CustomerId, scheme: String, hers: String, others: String },
    #[error(
        "{one} and {other} cannot be one: the split at position {split} keeps them apart; take that back first, with \
         `heliu identity retract {split}`"
    )]
    Apart { one: CustomerId, other: CustomerId, split: Position },
    #[error(
        "{one} and {other} cannot be one: they would have {count} handles, and a person has {HANDLES_MAX} at most; `heliu identity \
         edges` shows where theirs come from"
    )]
    Crowd { one: CustomerId, other: CustomerId, count: usize },
    #[error("no handle is named; name those that are another person's")]
    NoHandles,
    #[error("{handle} names nobody: it is empty, or masked")]
    Nobody { handle: String },
    #[error(
        "{handle} is not {customer}'s{}; `heliu customer show {customer}` lists hers",
        .owner.map(|owner| format!(", but {owner}'s")).unwrap_or_default()
    )]
    NotHers { customer: CustomerId, handle: String, owner: Option<CustomerId> },
    #[error("{handle} goes from one person to the next by itself: name handles that last")]
    Rotates { handle: String },
    #[error(
        "all lasting handles of {0} are named: nothing would be left of her; name only those of the other person"
    )]
    NothingLeft(CustomerId),
    #[error("the journal has no record at position {0}")]
    NoRecord(Position),
    #[error("position {0} is a {1}: it makes nobody one. `heliu identity edges` lists what does")]
    NoEdge(Position, &'static str),
    #[error("the record at position {0} has fewer than two handles: it makes nobody one")]
    OneHandle(Position),
    #[error("what position {edge} says of who is who was taken back already{}", at(*.by))]
    Retracted { edge: Position, by: Option<Position> },
    #[error(
        "position {0} took back a join or a split: that cannot be taken back; say the join or the split again"
    )]
    SayAgain(Position),
    /// A policy's name has no dot.
    #[error("\"{0}\" is no name for what an operator intends: it needs a dot, like broadcast.spring-sale")]
    NoBinding(String),
    #[error("an intent needs a key and a scene")]
    NoIntent,
    #[error("a tag is one line of 1 to {TAG_MAX} letters, without spaces around it")]
    NoTag,
    #[error("{customer} has no tag \"{tag}\"; `heliu customer show {customer}` lists hers")]
    NotTagged { customer: CustomerId, tag: String },
    #[error("an operator's word on what was done must say what it was")]
    NothingDone,
    /// It is told by other means.
    #[error("{0} is not told as an act: use {1}")]
    Elsewhere(&'static str, &'static str),
    #[error(
        "no policy fails at a turn {0} of that customer; `heliu dead list --turns` lists those at which one does"
    )]
    NoTurn(String),
    #[error("the id \"{id}\" is that of another act, at position {position}: choose a new one")]
    IdTaken { id: String, position: Position },
}

fn at(position: Option<Position>) -> String {
    position.map(|position| format!(", at position {position}")).unwrap_or_default()
}

/// Why an act was not looked at, or is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Router(#[from] RouterError),
}

impl From<JournalError> for ActError {
    fn from(error: JournalError) -> ActError {
        ActError::Router(error.into())
    }
}

impl From<store::StoreError> for ActError {
    fn from(error: store::StoreError) -> ActError {
        ActError::Router(error.into())
    }
}

/// An act that was looked at, and not carried out.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Where it stands, if the journal knows it already: then it changes nothing more.
    pub known: Option<Position>,
    pub report: Report,
    /// What it would take, where it erases somebody: then the report is about the others.
    pub erases: Option<Erases>,
}

/// Checks an act, and tells what it would change where the store stands.
///
/// # Errors
/// [`ActError::Refused`] if it would come to nothing; others as any fold.
pub fn look(
    journal: &Arc<dyn Records>,
    store: &dyn Store,
    plugins: &Arc<dyn Plugins>,
    act: &OperatorAct,
) -> Result<Looked, ActError> {
    let known = journal.locate(Source::Operator, &act.id)?;
    match known {
        Some(position) => {
            let record = journal.fetch(&[position])?.pop();
            if record.is_none_or(|record| record.entry != Entry::Act(act.clone())) {
                return Err(Refused::IdTaken { id: act.id.clone(), position }.into());
            }
        }
        None => check(&**journal, store, act)?,
    }
    let erases = match &act.deed {
        Deed::Erase(erase) => erase::look(journal, store, plugins, act, erase)?,
        Deed::Join(_)
        | Deed::Split(_)
        | Deed::Retract(_)
        | Deed::Propose(_)
        | Deed::Tag(_)
        | Deed::Untag(_)
        | Deed::Attest(_)
        | Deed::Retry(_)
        | Deed::Drop(_)
        | Deed::Grant(_)
        | Deed::Configure(_) => None,
    };
    let (erases, report) = match erases {
        Some((erases, report)) => (Some(erases), report),
        None => (None, report(journal, store, plugins, act)?),
    };
    Ok(Looked { known, report, erases })
}

/// Would this act do what it says, where the store stands? Whether its id is known already is the journal's to say.
///
/// # Errors
/// [`ActError::Refused`] if not; others if journal or store cannot be read.
pub fn check(journal: &dyn Records, store: &dyn Store, act: &OperatorAct) -> Result<(), ActError> {
    let (_, state) = store.standing()?;
    let judge = Judge { journal, store, state: &state };
    let checked = match &act.deed {
        Deed::Join(Join { one, other }) => join(&judge, *one, *other),
        Deed::Split(Split { customer, handles }) => split(&judge, *customer, handles),
        Deed::Retract(Retract { edge }) => retract(&judge, *edge),
        Deed::Propose(proposal) => propose(&judge, proposal),
        Deed::Tag(tag) => hand_tag(&judge, tag.customer, &tag.name),
        Deed::Untag(untag) => hand_untag(&judge, untag),
        Deed::Erase(erase) => customer(&judge, erase.customer).map(|_| None),
        Deed::Attest(attest) => Ok(attest.what.is_empty().then_some(Refused::NothingDone)),
        Deed::Retry(wanted) => retry(&judge, wanted),
        Deed::Drop(_) => Ok(Some(Refused::Elsewhere("a dead letter", "`heliu dead drop`"))),
        Deed::Grant(_) => Ok(Some(Refused::Elsewhere("what a connection may do", "heliu.toml"))),
        Deed::Configure(_) => Ok(Some(Refused::Elsewhere("a part of the configuration", "heliu.toml"))),
    };
    checked.and_then(|refused| refused.map_or(Ok(()), |refused| Err(refused.into())))
}

type Checked = Result<Option<Refused>, ActError>;

fn customer(judge: &Judge<'_>, id: CustomerId) -> Result<Customer, ActError> {
    let found = judge.store.load(&[id])?.pop().flatten();
    found.ok_or(ActError::Refused(Refused::NoCustomer(id)))
}

/// Does a policy fail at that turn, and is it hers?
fn retry(judge: &Judge<'_>, wanted: &Retry) -> Checked {
    let Retry { letter, customer: whose } = wanted;
    let Some(whose) = whose else {
        return Ok(Some(Refused::Elsewhere("a dead letter of a connection", "`heliu dead retry`")));
    };
    let hers = customer(judge, *whose)?;
    let held = hers.noted.binary_search(letter).is_ok();
    Ok((!held).then(|| Refused::NoTurn(letter.clone())))
}

fn join(judge: &Judge<'_>, one: CustomerId, other: CustomerId) -> Checked {
    if one == other {
        return Ok(Some(Refused::OneName(one)));
    }
    let (hers, others) = (customer(judge, one)?, customer(judge, other)?);
    if hers.id == others.id {
        return Ok(Some(Refused::OneAlready { one, other, now: hers.id }));
    }
    let corrections = &judge.state.corrections;
    let rules = judge.rules(corrections);
    let ours = || hers.handles.iter().map(|held| &held.identity);
    let Some(scheme) = rules.clash(ours(), &others.handles) else {
        let count = (hers.handles.len(), others.handles.len());
        let crowd = document::crowd(count.0, count.1);
        return Ok(crowd.map(|_| Refused::Crowd { one, other, count: count.0 + count.1 }));
    };
    let has = |customer: &Customer, of: &[Identity]| {
        customer.handles.iter().any(|held| of.contains(&held.identity))
    };
    let split = corrections.apart.iter().find(|apart| {
        has(&hers, &apart.these) && has(&others, &apart.those)
            || has(&hers, &apart.those) && has(&others, &apart.these)
    });
    if let (None, Some(split)) = (rules.scheme_clash(ours(), &others.handles), split) {
        return Ok(Some(Refused::Apart { one, other, split: split.position }));
    }
    let of = |customer: &Customer| {
        let of_scheme = customer.handles.iter().filter(|held| held.identity.scheme == scheme);
        of_scheme.map(|held| text(&held.identity)).collect::<Vec<_>>().join(", ")
    };
    let (hers, others) = (of(&hers), of(&others));
    Ok(Some(Refused::Schemes { one, other, scheme, hers, others }))
}

fn split(judge: &Judge<'_>, id: CustomerId, handles: &[Identity]) -> Checked {
    if handles.is_empty() {
        return Ok(Some(Refused::NoHandles));
    }
    let hers = customer(judge, id)?;
    let rules = judge.rules(&judge.state.corrections);
    let mut wanted = Vec::with_capacity(handles.len());
    for handle in handles {
        let Some(comparable) = rules.comparable(handle) else {
            return Ok(Some(Refused::Nobody { handle: text(handle) }));
        };
        if !hers.handles.iter().any(|held| held.identity == comparable) {
            let owner = judge.owners(std::iter::once(&comparable))?.pop().filter(|owner| *owner != hers.id);
            return Ok(Some(Refused::NotHers { customer: hers.id, handle: text(&comparable), owner }));
        }
        if !rules.lasts(&comparable) {
            return Ok(Some(Refused::Rotates { handle: text(&comparable) }));
        }
        wanted.push(comparable);
    }
    let mut lasting = hers.handles.iter().map(|held| &held.identity).filter(|handle| rules.lasts(handle));
    let nothing_left = lasting.all(|handle| wanted.contains(handle));
    Ok(nothing_left.then_some(Refused::NothingLeft(hers.id)))
}

fn retract(judge: &Judge<'_>, edge: Position) -> Checked {
    if edge == 0 || edge > judge.journal.head()?.position {
        return Ok(Some(Refused::NoRecord(edge)));
    }
    let Some(record) = judge.journal.fetch(&[edge])?.pop() else { return Ok(Some(Refused::NoRecord(edge))) };
    let corrections = &judge.state.corrections;
    let rules = judge.rules(corrections);
    let is_retracted = |position: Position| corrections.retracted.binary_search(&position).is_ok();
    Ok(match &record.entry {
        Entry::Event(_) | Entry::Derived(_) | Entry::Erased(_) if is_retracted(edge) => {
            Some(Refused::Retracted { edge, by: retraction(judge, edge)?.map(|record| record.position) })
        }
        Entry::Event(_) | Entry::Derived(_) | Entry::Erased(_) => one_handle(&rules, &record),
        Entry::Act(OperatorAct { deed, .. }) => match deed {
            Deed::Join(_) | Deed::Split(_) => {
                let holds = corrections.joins.iter().any(|joined| joined.position == edge)
                    || corrections.apart.iter().any(|apart| apart.position == edge);
                let by = if holds { None } else { retraction(judge, edge)?.map(|record| record.position) };
                (!holds).then_some(Refused::Retracted { edge, by })
            }
            Deed::Retract(earlier) if is_retracted(earlier.edge) => None,
            Deed::Retract(earlier) => Some(match judge.journal.fetch(&[earlier.edge])?.pop() {
                Some(Record { entry: Entry::Event(_) | Entry::Derived(_) | Entry::Erased(_), .. }) => {
                    Refused::Retracted { edge, by: None }
                }
                _ => Refused::SayAgain(edge),
            }),
            Deed::Propose(_) => Some(Refused::NoEdge(edge, "proposal")),
            Deed::Tag(_) | Deed::Untag(_) => Some(Refused::NoEdge(edge, "tag given or taken by hand")),
            Deed::Erase(_) => Some(Refused::NoEdge(edge, "erasure, which nobody takes back")),
            Deed::Attest(_) => Some(Refused::NoEdge(edge, "word on what an operator did")),
            Deed::Retry(_) | Deed::Drop(_) => Some(Refused::NoEdge(edge, "word on a dead letter")),
            Deed::Grant(_) => Some(Refused::NoEdge(edge, "word on what a connection may do")),
            Deed::Configure(_) => Some(Refused::NoEdge(edge, "change of the configuration")),
        },
        Entry::Setup(_) | Entry::Configured(_) => Some(Refused::NoEdge(edge, "change of the configuration")),
        Entry::Retelling(_) => Some(Refused::NoEdge(edge, "word on what a policy told")),
        Entry::Progress(_) => Some(Refused::NoEdge(edge, "step of an intent")),
    })
}

fn one_handle(rules: &Rules<'_>, record: &Record) -> Option<Refused> {
    (rules.shown(record).len() < 2).then_some(Refused::OneHandle(record.position))
}

/// The last act that took this edge back.
fn retraction(judge: &Judge<'_>, edge: Position) -> Result<Option<Record>, ActError> {
    let took_back = |record: &Record| match &record.entry {
        Entry::Act(OperatorAct { deed: Deed::Retract(retract), .. }) => retract.edge == edge,
        _ => false,
    };
    Ok(judge.journal.fetch(&judge.state.alone)?.into_iter().rfind(took_back))
}

fn hand_tag(judge: &Judge<'_>, id: CustomerId, name: &str) -> Checked {
    customer(judge, id)?;
    let letters = name.chars().count();
    let fits = (1..=TAG_MAX).contains(&letters) && name.trim() == name && !name.chars().any(char::is_control);
    Ok((!fits).then_some(Refused::NoTag))
}

fn hand_untag(judge: &Judge<'_>, HandUntag { customer: id, name }: &HandUntag) -> Checked {
    let hers = customer(judge, *id)?;
    Ok(hers.tag(name).is_none().then(|| Refused::NotTagged { customer: hers.id, tag: name.clone() }))
}

fn propose(judge: &Judge<'_>, proposal: &Proposal) -> Checked {
    let Proposal { customer: id, binding, intent } = proposal;
    customer(judge, *id)?;
    if !binding.contains('.') {
        return Ok(Some(Refused::NoBinding(binding.clone())));
    }
    Ok((intent.key.is_empty() || intent.scene.is_empty()).then_some(Refused::NoIntent))
}

fn text(Identity { scheme, scope, value }: &Identity) -> String {
    format!("{scheme}:{scope}:{value}")
}
