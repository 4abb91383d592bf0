//! What stands in the journal: everything that can change what the host knows.

use crate::{
    CustomerId, Digest, Event, Identity, Instant, Intent, IntentState, Json, PolicyDescriptor, Position,
    Scheme, name_matches,
};

/// A policy with its settings and its place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub name: String,
    /// SHA-256 of the component's bytes.
    pub digest: Digest,
    pub settings: Json,
    /// What the component said of itself. Part of the record: the fold then needs no plugin to know who wants what.
    pub descriptor: PolicyDescriptor,
    /// Keep the memories of the version before instead of folding every customer again.
    pub carry: bool,
    /// It could not be called, or kept failing, and decides nothing until a setup says otherwise.
    pub paused: Option<Pause>,
}

/// From where on a policy decides nothing. It stands in a setup behind that place: who folds the records between looks ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The last record that it was shown.
    pub behind: Position,
    /// Alarms of its own that were due by then have fired, by the clock if by no record.
    pub fired: Instant,
    /// The setup whose re-fold of those whom a policy had missed broke off in the middle, because this one could not be
    /// called. They are folded again at it all the same.
    pub broke_off: Option<Position>,
}

/// What the operator configured of the things that the fold depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// In their order.
    pub policies: Vec<Binding>,
    /// By name.
    pub schemes: Vec<Scheme>,
    /// Put before a phone number that has no country code, to compare numbers in E.164: `86`.
    pub phone_country: String,
    /// Whose data it is: part of every intent's id, so that two tenants of one channel never share one.
    pub tenant: String,
    pub outcomes: Outcomes,
}

/// What the host takes for a customer's answer to something that reached her, where no channel says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// A message of hers to the connection that carried it, so long after it reached her at most, in milliseconds. None: no
    /// message is an answer.
    pub replied_ms: Option<u64>,
    /// An order that she paid. None: no order is an answer.
    pub bought_ms: Option<u64>,
    /// Only to these scenes; a trailing `*` stands for any ending. Empty: to all but those in `apart`.
    pub scenes: Vec<String>,
    /// Scenes that a customer does not notice: nothing is an answer to them, unless `scenes` names them exactly.
    pub apart: Vec<String>,
}

impl Outcomes {
    /// Can something be an answer to what is played in this scene?
    #[must_use]
    pub fn covers(&self, scene: &str) -> bool {
        if self.apart.iter().any(|apart| apart == scene) {
            return self.scenes.iter().any(|named| named == scene);
        }
        self.scenes.is_empty() || self.scenes.iter().any(|named| name_matches(named, scene))
    }
}

/// A fact from a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelEvent {
    pub connection: String,
    pub event: Event,
}

/// A fact about another person that a policy derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivedEvent {
    pub binding: String,
    /// The record that led to it.
    pub cause: Position,
    /// The record because of which the teller's past was folded again, where it was first told then.
    pub again: Option<Position>,
    pub event: Event,
}

/// An event that a policy told before is told no longer, or again: what told it was folded again, as another person or by
/// another version. Derived events stay in the journal for ever; whether one counts is said here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retelling {
    pub binding: String,
    /// Made from the event and the cause: the same when the cause is folded again.
    pub id: String,
    /// Where the derived event stands.
    pub event: Position,
    /// The record at which its teller was folded again.
    pub cause: Position,
    pub counts: bool,
}

/// A step of an intent on its way, told by the courier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The intent's.
    pub intent: String,
    /// Whose it was when this was said, and the position of its cause: that record's owner is whose it is.
    pub customer: CustomerId,
    pub cause: Position,
    /// Made from the intent, its state and which step of it this is: a step that is said again is known.
    pub id: String,
    pub state: IntentState,
    /// Who carries it, from [`IntentState::Due`] on.
    pub connection: Option<String>,
    /// The member of staff in whose name it goes out.
    pub staff: Option<String>,
    /// The channel's own id for it.
    pub receipt: Option<String>,
    /// When it is judged again, where it is held.
    pub until: Option<Instant>,
    /// A stable word for why: `quiet-hours`, `cap`. Empty where the state says it all.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// What an operator did, with a name and a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAct {
    /// Chosen by whoever asks: the same id twice is one act.
    pub id: String,
    pub by: String,
    pub why: String,
    pub deed: Deed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Two customers are one.
    Join(Join),
    /// Some handles of a customer are another person's.
    Split(Split),
    /// A record says nothing of who is who any more; or an earlier join, or split, is taken back.
    Retract(Retract),
    /// Something should reach a customer.
    Propose(Proposal),
    /// A tag is given by hand.
    Tag(HandTag),
    /// A tag is taken by hand, whoever gave it.
    Untag(HandUntag),
    /// Nothing of a customer may be kept any more.
    Erase(Erase),
    /// Something was done that changes no customer, and that must be known later: data was given out.
    Attest(Attest),
    /// A dead letter is tried again.
    Retry(Retry),
    /// A dead letter is let go.
    Drop(Dropped),
    /// A connection may do something else from here on.
    Grant(Grant),
    /// A part of the configuration is another from here on, of which nothing else in the journal speaks.
    Configure(Configure),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    pub one: CustomerId,
    pub other: CustomerId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub customer: CustomerId,
    pub handles: Vec<Identity>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retract {
    /// The record that is the edge: an event with several handles, or an operator's join or split.
    pub edge: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub customer: CustomerId,
    /// Stands where a policy's name does: `broadcast.spring-sale`.
    pub binding: String,
    pub intent: Intent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandTag {
    pub customer: CustomerId,
    pub name: String,
    /// When it ends by itself.
    pub expires: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandUntag {
    pub customer: CustomerId,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erase {
    pub customer: CustomerId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attest {
    /// What was done, in one word: `export`.
    pub what: String,
    /// To what: `customer cus_0000000042`.
    pub of: String,
}

/// A dead letter is tried again. One of a connection was given to its plugin, which is no part of the fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Its number, or the key of the note on a turn.
    pub letter: String,
    /// Whose turn it is: her past is folded again here.
    pub customer: Option<CustomerId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its number, or the key of the note on a turn.
    pub letter: String,
}

/// All that a connection may do, as the configuration has it. What it says and keeps secret is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub connection: String,
    /// The component that it is. None: there is no such connection any more.
    pub plugin: Option<Digest>,
    /// The hosts that it may reach, sorted.
    pub hosts: Vec<String>,
    /// May they have addresses of the inner network?
    pub inward: bool,
    /// The kinds of handles that it may put on an event, sorted, and those that others have too.
    pub schemes: Vec<String>,
    pub shares: Vec<String>,
    /// Scenes of which an errand in doubt may be handed over again, sorted.
    pub carry_again: Vec<String>,
}

/// A part of the configuration, as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configure {
    /// Its name: `courier`, `segment new-friends`, `connection wecom`.
    pub section: String,
    /// Equal where nothing changed. None: it does not stand there any more.
    pub digest: Option<Digest>,
    /// What stands there, as JSON, and only its beginning where that is long. None where secrets may stand there.
    pub text: Option<String>,
}

/// The configuration changed, and who changed it said why. A setup without it was written by an older host, or by the host
/// itself: a policy is paused, or decides again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    pub setup: Setup,
    pub by: String,
    pub why: String,
}

/// What is left of a record of somebody who was erased: that there was one, and who else stands on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The handles that it showed, as they are compared. In the place of hers stand others that mean nobody, equal where
    /// hers were equal: so whoever folds the journal finds everybody else as they are.
    pub who: Vec<Identity>,
    /// Whom it named by her id, where it showed no handles.
    pub of: Option<CustomerId>,
    /// The operator's act that erased it.
    pub act: Position,
    /// The record that led to it, where a policy told it.
    pub cause: Option<Position>,
    /// Made from its source and id: it is known if it is delivered again.
    pub fingerprint: Option<Digest>,
}

/// How the value of a handle begins that stands for an erased one. It is compared as it is, whatever its scheme.
pub const ERASED: &str = "erased:";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Event(ChannelEvent),
    Derived(DerivedEvent),
    /// What is in force from here on.
    Setup(Setup),
    Retelling(Retelling),
    Progress(Progress),
    Act(OperatorAct),
    Erased(Erased),
    /// The same as a setup, by somebody.
    Configured(Configured),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub position: Position,
    /// When it was appended. Never less than that of the record before.
    pub now: Instant,
    pub entry: Entry,
}

impl Entry {
    /// The event in it, where there is one.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        match self {
            Entry::Event(channel) => Some(&channel.event),
            Entry::Derived(derived) => Some(&derived.event),
            Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_)
            | Entry::Erased(_) => None,
        }
    }

    /// What is in force from here on, if this says so.
    #[must_use]
    pub fn setup(&self) -> Option<&Setup> {
        match self {
            Entry::Setup(setup) | Entry::Configured(Configured { setup, by: _, why: _ }) => Some(setup),
            Entry::Event(_)
            | Entry::Derived(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_)
            | Entry::Erased(_) => None,
        }
    }

    /// The handles on it.
    #[must_use]
    pub fn who(&self) -> &[Identity] {
        match self {
            Entry::Erased(erased) => &erased.who,
            Entry::Event(_)
            | Entry::Derived(_)
            | Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_) => self.event().map(|event| event.who.as_slice()).unwrap_or_default(),
        }
    }

    /// The customers whom it names by their ids. Who is named by a handle is not among them.
    #[must_use]
    pub fn customers(&self) -> Vec<CustomerId> {
        match self {
            Entry::Progress(progress) => vec![progress.customer],
            Entry::Act(act) => match &act.deed {
                Deed::Join(Join { one, other }) => vec![*one, *other],
                Deed::Split(split) => vec![split.customer],
                Deed::Propose(proposal) => vec![proposal.customer],
                Deed::Tag(tag) => vec![tag.customer],
                Deed::Untag(untag) => vec![untag.customer],
                Deed::Erase(erase) => vec![erase.customer],
                Deed::Retry(retry) => retry.customer.into_iter().collect(),
                Deed::Retract(_) | Deed::Attest(_) | Deed::Drop(_) | Deed::Grant(_) | Deed::Configure(_) => {
                    Vec::new()
                }
            },
            Entry::Erased(erased) => erased.of.into_iter().collect(),
            Entry::Event(_)
            | Entry::Derived(_)
            | Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_) => Vec::new(),
        }
    }

    /// Within what its event's id is unique, and the id. Two appends of one id within one source are one. What was erased
    /// has its fingerprint instead.
    #[must_use]
    pub fn source(&self) -> Option<(Source<'_>, &str)> {
        match self {
            Entry::Event(channel) => Some((Source::Connection(&channel.connection), &channel.event.id)),
            Entry::Derived(derived) => Some((Source::Policy(&derived.binding), &derived.event.id)),
            Entry::Setup(_) | Entry::Configured(_) | Entry::Erased(_) => None,
            Entry::Retelling(retelling) => Some((Source::Policy(&retelling.binding), &retelling.id)),
            Entry::Progress(progress) => Some((Source::Courier, &progress.id)),
            Entry::Act(act) => Some((Source::Operator, &act.id)),
        }
    }

    /// The records that it speaks of. It means nothing in a journal that has others there.
    #[must_use]
    pub fn refers_to(&self) -> Vec<Position> {
        match self {
            Entry::Event(_) => Vec::new(),
            Entry::Setup(setup) | Entry::Configured(Configured { setup, by: _, why: _ }) => {
                let pauses = setup.policies.iter().filter_map(|binding| binding.paused);
                let named = pauses.flat_map(|pause| [Some(pause.behind), pause.broke_off]);
                named.flatten().filter(|&named| named > 0).collect()
            }
            Entry::Derived(derived) => derived.again.into_iter().chain([derived.cause]).collect(),
            Entry::Retelling(retelling) => vec![retelling.event, retelling.cause],
            Entry::Progress(progress) => vec![progress.customer.0, progress.cause],
            Entry::Act(OperatorAct { deed: Deed::Retract(retract), .. }) => vec![retract.edge],
            // A customer's id is the position of her first record.
            Entry::Act(_) => self.customers().into_iter().map(|customer| customer.0).collect(),
            Entry::Erased(erased) => {
                erased.of.iter().map(|of| of.0).chain(erased.cause).chain([erased.act]).collect()
            }
        }
    }

    /// Is it folded alone, because it changes how everything behind it is folded, or people who are not named on it?
    #[must_use]
    pub fn stands_alone(&self) -> bool {
        match self {
            Entry::Setup(_) | Entry::Configured(_) | Entry::Retelling(_) => true,
            Entry::Act(act) => match act.deed {
                Deed::Join(_) | Deed::Split(_) | Deed::Retract(_) | Deed::Erase(_) => true,
                Deed::Grant(_) | Deed::Configure(_) => true,
                Deed::Retry(ref retry) => retry.customer.is_some(),
                Deed::Propose(_) | Deed::Tag(_) | Deed::Untag(_) | Deed::Attest(_) | Deed::Drop(_) => false,
            },
            Entry::Event(_) | Entry::Derived(_) | Entry::Progress(_) | Entry::Erased(_) => false,
        }
    }
}

/// Where an event came from: within it, an event's id is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source<'a> {
    Connection(&'a str),
    Policy(&'a str),
    Courier,
    Operator,
}
