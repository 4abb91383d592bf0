//! What the mover tells the journal of an intent: one record for each step.

use courier::{After, Code, Reason, Rules};
use model::{
    Carriage, Customer, CustomerId, Entry, Fault, HeldIntent, Instant, IntentState, Outcome, Position,
    Progress,
};

use crate::carrying;

/// The intent that something is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) intent: String,
    pub(crate) customer: CustomerId,
    cause: Position,
    /// How many steps stood in the ledger: part of a step's id, so that the same step said again is known.
    steps: usize,
}

/// What is told besides the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) connection: Option<String>,
    pub(crate) staff: Option<String>,
    pub(crate) receipt: Option<String>,
    pub(crate) until: Option<Instant>,
    pub(crate) code: String,
    pub(crate) reason: String,
}

impl Details {
    pub(crate) fn why(reason: &Reason) -> Details {
        Details { code: reason.code.name().to_owned(), reason: reason.text.clone(), ..Details::default() }
    }

    pub(crate) fn by(self, connection: &str, staff: Option<&str>) -> Details {
        Details { connection: Some(connection.to_owned()), staff: staff.map(str::to_owned), ..self }
    }
}

impl Subject {
    pub(crate) fn of(customer: &Customer, held: &HeldIntent) -> Subject {
        let (intent, cause) = (held.id.clone(), held.cause.position);
        Subject { intent, customer: customer.id, cause, steps: held.steps.len() }
    }

    /// The step that follows those which the ledger has.
    pub(crate) fn says(&self, state: IntentState, details: Details) -> Entry {
        let Details { connection, staff, receipt, until, code, reason } = details;
        let Subject { intent, customer, cause, steps } = self;
        Entry::Progress(Progress {
            intent: intent.clone(),
            customer: *customer,
            cause: *cause,
            // For ever: a released word never changes.
            id: format!("{intent}/{steps}/{}", state.name()),
            state,
            connection,
            staff,
            receipt,
            until,
            code,
            reason,
        })
    }
}

/// That it is handed over now: nothing stops it, and this is its way.
pub(crate) fn due(connection: &str, staff: Option<&str>, carriage: Carriage) -> Details {
    let text = match (carriage, staff) {
        (Carriage::Sends, _) => format!("no rule stops it: \"{connection}\" sends it"),
        (Carriage::AsksStaff, Some(staff)) => {
            format!("no rule stops it: \"{connection}\" asks {staff} to confirm it")
        }
        (Carriage::AsksStaff, None) => format!("no rule stops it: \"{connection}\" asks staff to confirm it"),
    };
    Details::why(&Reason::new(Code::LetThrough, text)).by(connection, staff)
}

/// An intent whose errand was handed over, as far as its end depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Handed<'a> {
    pub(crate) held: &'a HeldIntent,
    pub(crate) connection: &'a str,
    pub(crate) staff: Option<&'a str>,
    /// How often it was tried, with this time.
    pub(crate) tries: u32,
}

/// What becomes of it, at `now`, by what the connection made of it. One that only an operator can mend is held until
/// `paused`.
pub(crate) fn outcome(
    rules: &Rules,
    now: Instant,
    handed: &Handed<'_>,
    outcome: &Outcome,
    paused: Instant,
) -> (IntentState, Details) {
    let Handed { held, connection, staff, tries } = handed;
    let went = |code: Code, text: String, receipt: &Option<String>| Details {
        receipt: receipt.clone(),
        ..Details::why(&Reason::new(code, text))
    };
    let (state, details) = match outcome {
        Outcome::Sent(id) => {
            let text = format!("\"{connection}\" says that it was sent");
            (IntentState::Sent, went(Code::Taken, text, id))
        }
        Outcome::AwaitingStaff(id) => {
            let whom = staff.unwrap_or("staff");
            let text = format!("\"{connection}\" has asked {whom} to confirm it");
            (IntentState::AwaitingStaff, went(Code::AsksStaff, text, id))
        }
        Outcome::Failed(Fault::Unauthorised(why) | Fault::Misconfigured(why)) => {
            let text = format!("its connection waits for an operator: {why}");
            held_until(paused, &Reason::new(Code::Paused, text))
        }
        Outcome::Failed(fault @ (Fault::Later { .. } | Fault::Malformed(_))) => {
            match rules.after_fault(now, &carrying::intent(held), *tries, fault) {
                After::Again { at, reason } => held_until(at, &reason),
                After::Failed { reason } => (IntentState::Failed, Details::why(&reason)),
                After::Expired { reason } => (IntentState::Expired, Details::why(&reason)),
            }
        }
    };
    (state, details.by(connection, *staff))
}

/// What becomes of it where nobody knows whether it was carried.
pub(crate) fn unknown(
    now: Instant,
    again: bool,
    what: &str,
    connection: &str,
    staff: Option<&str>,
) -> (IntentState, Details) {
    let (state, details) = if again {
        let text = format!("{what}; its connection takes one errand once, so it is handed over again");
        held_until(now, &Reason::new(Code::UnknownEnd, text))
    } else {
        let text = format!("{what}: it may have reached her, and is not tried again; look in the channel");
        (IntentState::Failed, Details::why(&Reason::new(Code::UnknownEnd, text)))
    };
    (state, details.by(connection, staff))
}

pub(crate) fn held_until(until: Instant, reason: &Reason) -> (IntentState, Details) {
    (IntentState::Held, Details { until: Some(until), ..Details::why(reason) })
}

/// The tries that the ledger tells of: each was followed by a step that says so.
pub(crate) fn tries(held: &HeldIntent) -> u32 {
    let failed = held.steps.iter().filter(|step| step.code == Code::Retry.name());
    u32::try_from(failed.count()).unwrap_or(u32::MAX)
}
