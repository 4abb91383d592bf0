//! One call of an outlet, from what was let through to what became of it.
//!
//! Invariant: an outlet is called only for steps `Due` that are durable, folded, and the last ones of their intents; and what
//! it made of them is kept together with what the call left behind.

use std::sync::Arc;

use courier::{Code, Reason, Rules};
use failpoint::Point;
use journal::Placed;
use model::{
    Customer, CustomerId, Entry, Errand, Fault, HeldIntent, Instant, IntentState, Outcome, Position,
};
use store::Store;

use super::lane::{Parcel, Verdict};
use super::port::{Carried, Left, Port};
use super::told::{self, Details, Handed, Subject};
use crate::carrying::{self, Outlet};

/// All that a call needs.
pub(crate) struct Call<P> {
    pub(crate) port: Arc<P>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) outlet: Outlet,
    /// Until when what only an operator can mend is held.
    pub(crate) paused: Instant,
    pub(crate) parcels: Vec<Parcel>,
}

/// A call that ended.
pub(crate) struct Landed {
    pub(crate) parcels: Vec<Parcel>,
    /// Of each, what was told last.
    pub(crate) told: Vec<Told>,
    /// How it went. None: the outlet was not called.
    pub(crate) verdict: Option<Verdict>,
    /// How long it took, in milliseconds of the machine's clock.
    pub(crate) ms: u64,
}

/// What was told of one errand last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Where it stands; 0: nothing was told.
    pub(crate) position: Position,
    /// That it did not go out: it takes no place of the day's.
    pub(crate) came_back: bool,
}

/// What can be handed over, and what is told of the others, by their places.
type Looked = (Vec<Ready>, Vec<(usize, Entry)>);

/// An errand that is handed over now.
struct Ready {
    place: usize,
    customer: CustomerId,
    held: HeldIntent,
    subject: Subject,
    errand: Errand,
}

impl<P: Port> Call<P> {
    pub(crate) async fn run(self) -> Landed {
        let mut told = vec![Told::default(); self.parcels.len()];
        let begun = std::time::Instant::now();
        let verdict = self.carry(&mut told).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Landed { parcels: self.parcels, told, verdict, ms }
    }

    async fn carry(&self, told: &mut [Told]) -> Option<Verdict> {
        let connection = self.outlet.connection.as_str();
        let due = |parcel: &Parcel| {
            let details = told::due(connection, parcel.staff.as_deref(), parcel.carriage);
            parcel.subject.says(IntentState::Due, details)
        };
        let placed = match self.port.append(self.parcels.iter().map(due).collect()).await {
            Ok(receipt) => receipt.placed,
            Err(refused) => {
                tracing::error!(connection, %refused, "nothing is carried before the journal knows of it");
                return None;
            }
        };
        Point::DueTold.reached();
        for (told, placed) in told.iter_mut().zip(&placed) {
            told.position = placed.position();
        }
        (0..placed.len()).for_each(|place| self.count(place, &due(&self.parcels[place])));
        self.port.folded(told.iter().map(|told| told.position).max().unwrap_or(0)).await;
        let (ready, mut entries) = match self.look(&placed) {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!(connection, %error, "what was to be carried cannot be read again");
                return None;
            }
        };
        let errands: Vec<Errand> = ready.iter().map(|ready| ready.errand.clone()).collect();
        let (verdict, left) = if errands.is_empty() {
            (None, Left::default())
        } else {
            let (carried, left) = self.port.carry(connection, &errands).await;
            Point::ErrandCarried.reached();
            let verdict = self.became(&ready, &carried, &mut entries);
            (Some(verdict), left)
        };
        if !entries.is_empty() {
            let kept: Vec<Entry> = entries.iter().map(|(_, entry)| entry.clone()).collect();
            if let Some(position) = self.port.keep(connection, kept, left).await {
                Point::OutcomeKept.reached();
                for (place, entry) in &entries {
                    told[*place] = Told { position, came_back: came_back(entry) };
                    self.count(*place, entry);
                }
            }
        }
        verdict
    }

    fn count(&self, place: usize, entry: &Entry) {
        if let Some(parcel) = self.parcels.get(place) {
            self.port.count_step(&parcel.intent.scene, entry);
        }
    }

    /// Looks at each once more: the ledger must show this very step as the last one.
    fn look(&self, placed: &[Placed]) -> anyhow::Result<Looked> {
        let ids: Vec<CustomerId> = self.parcels.iter().map(|parcel| parcel.subject.customer).collect();
        let customers = self.store.load(&ids)?;
        let (mut ready, mut entries) = (Vec::new(), Vec::new());
        let looked = self.parcels.iter().zip(customers).zip(placed).enumerate();
        for (place, ((parcel, customer), placed)) in looked {
            let Some((customer, held)) = customer.as_ref().and_then(|customer| find(customer, parcel)) else {
                continue;
            };
            let last = held.steps.last();
            if last.is_none_or(|last| last.position != placed.position()) {
                // Something else was said of it meanwhile; it is judged by that.
                continue;
            }
            let subject = Subject::of(customer, held);
            let (connection, staff) = (self.outlet.connection.as_str(), parcel.staff.as_deref());
            let says = match placed {
                _ if held.unfounded => {
                    let text = "what led to it does not hold any more";
                    let details = Details::why(&Reason::new(Code::Withdrawn, text));
                    Some((IntentState::Dropped, details.by(connection, staff)))
                }
                // A host before this one said so, and may have handed it over.
                Placed::Known(_) => {
                    let again = self.outlet.carries_again(&held.intent.scene);
                    let what = "the host broke off in the middle of handing it over";
                    Some(told::unknown(self.port.now(), again, what, connection, staff))
                }
                Placed::New(_) => None,
            };
            if let Some((state, details)) = says {
                entries.push((place, subject.says(state, details)));
                continue;
            }
            let errand = self.errand(customer, held, parcel);
            ready.push(Ready { place, customer: customer.id, held: held.clone(), subject, errand });
        }
        Ok((ready, entries))
    }

    fn errand(&self, customer: &Customer, held: &HeldIntent, parcel: &Parcel) -> Errand {
        let handles = customer.handles.iter().map(|handle| &handle.identity);
        let intent = &held.intent;
        Errand {
            id: held.id.clone(),
            scene: intent.scene.clone(),
            to: self.outlet.addressed(handles),
            staff: parcel.staff.clone(),
            text: intent.text.clone(),
            content: intent.content.clone(),
            detail: intent.detail.clone().unwrap_or_else(|| "null".to_owned()),
            not_after: intent.not_after,
        }
    }

    /// What is told of each, and how it went as a whole.
    fn became(&self, ready: &[Ready], carried: &Carried, entries: &mut Vec<(usize, Entry)>) -> Verdict {
        let (now, connection) = (self.port.now(), self.outlet.connection.as_str());
        let mut outcomes: Vec<Option<Outcome>> = match carried {
            Carried::Delivered(outcomes) => outcomes.iter().cloned().map(Some).collect(),
            Carried::NotCalled(fault) => vec![Some(Outcome::Failed(fault.clone())); ready.len()],
            Carried::Broken(_) => vec![None; ready.len()],
        };
        outcomes.resize(ready.len(), None);
        for (ready, outcome) in ready.iter().zip(&outcomes) {
            let Some(parcel) = self.parcels.get(ready.place) else { continue };
            let staff = parcel.staff.as_deref();
            let (state, details) = match outcome {
                Some(outcome) => {
                    let tries = told::tries(&ready.held).saturating_add(1);
                    let handed = Handed { held: &ready.held, connection, staff, tries };
                    told::outcome(&self.rules, now, &handed, outcome, self.paused)
                }
                None => {
                    let why = match carried {
                        Carried::Broken(why) => why.as_str(),
                        Carried::Delivered(_) | Carried::NotCalled(_) => "its connector told no outcome",
                    };
                    let again = self.outlet.carries_again(&ready.held.intent.scene);
                    let what = format!("its connector broke off ({why})");
                    told::unknown(now, again, &what, connection, staff)
                }
            };
            if details.code == Code::UnknownEnd.name() {
                let (intent, customer) = (&ready.held.id, ready.customer);
                tracing::error!(connection, intent, %customer, "an errand's end is not known");
            }
            entries.push((ready.place, ready.subject.says(state, details)));
        }
        verdict(carried, &outcomes, ready)
    }
}

fn came_back(entry: &Entry) -> bool {
    matches!(entry, Entry::Progress(step) if carrying::came_back(step.state, &step.code))
}

fn find<'a>(customer: &'a Customer, parcel: &Parcel) -> Option<(&'a Customer, &'a HeldIntent)> {
    let held = customer.intents.iter().find(|held| held.id == parcel.subject.intent)?;
    Some((customer, held))
}

/// How a call went for the connection: it rests where nothing could be done, and waits for an operator where he must act.
fn verdict(carried: &Carried, outcomes: &[Option<Outcome>], ready: &[Ready]) -> Verdict {
    if let Carried::Broken(why) = carried {
        return Verdict::Later { why: why.clone(), wait_ms: 0 };
    }
    let faults = outcomes.iter().zip(ready).filter_map(|(outcome, ready)| match outcome {
        Some(Outcome::Failed(fault)) => Some((fault, ready.held.intent.scene.as_str())),
        Some(Outcome::Sent(_) | Outcome::AwaitingStaff(_)) | None => None,
    });
    let faults: Vec<(&Fault, &str)> = faults.collect();
    for (fault, scene) in &faults {
        match fault {
            Fault::Unauthorised(why) => return Verdict::Operator { why: why.clone(), scene: None },
            Fault::Misconfigured(why) => {
                return Verdict::Operator { why: why.clone(), scene: Some((*scene).to_owned()) };
            }
            Fault::Malformed(_) | Fault::Later { .. } => {}
        }
    }
    let later = faults.iter().filter_map(|(fault, _)| match fault {
        Fault::Later { why, retry_after_ms } => Some((why, retry_after_ms.map_or(0, u64::from))),
        Fault::Malformed(_) | Fault::Misconfigured(_) | Fault::Unauthorised(_) => None,
    });
    let later: Vec<(&String, u64)> = later.collect();
    match later.iter().max_by_key(|(_, wait_ms)| *wait_ms) {
        Some((why, wait_ms)) if later.len() == outcomes.len() => {
            Verdict::Later { why: (*why).clone(), wait_ms: *wait_ms }
        }
        Some(_) | None => Verdict::Went,
    }
}
