//! Runs lanes in rounds: in each, every lane that can takes one step, and each policy sees all those steps in one call.

use std::sync::Arc;

use journal::Records;
use model::{
    Binding, Cause, ChannelEvent, Customer, CustomerView, DeadTurn, Deed, DerivedEvent, Entry, Event,
    FoldState, HandTag, Happening, Instant, NewTag, Note, OperatorAct, Overflow, Position, Record, SEGMENTS,
    Told, Turn,
};

use crate::apply::{self, Occasion};
use crate::document::{Full, NOTED_MAX};
use crate::lane::{Lane, Refold, Step, Taken};
use crate::outcomes::{self, Became, Reached, Teller};
use crate::pauses::Pauses;
use crate::telling::{Said, Tell};
use crate::{PassedOver, Plugins, PluginsError, RouterError, TurnOutcome, document};

/// Alarms of one customer between two of her records. A policy that wakes itself more often than that is quieted for
/// her: 10 000 daily alarms are 27 years without a word from her.
const ALARMS_MAX: u32 = 10_000;

/// What the rounds gave besides changed customers.
#[derive(Debug, Default)]
pub(crate) struct Yield {
    pub(crate) tells: Vec<Tell>,
    pub(crate) notes: Vec<Note>,
    pub(crate) turns: u64,
}

pub(crate) struct Rounds<'a> {
    journal: &'a dyn Records,
    plugins: &'a dyn Plugins,
    state: &'a FoldState,
    /// The version of each policy of the setup, in their order.
    versions: Vec<u32>,
    pauses: Pauses,
    /// A policy is shown what came of its intents.
    reads_outcomes: bool,
}

/// A lane's step of this round.
struct Active {
    lane: usize,
    taken: Taken,
}

impl<'a> Rounds<'a> {
    pub(crate) fn new(
        journal: &'a dyn Records,
        plugins: &'a dyn Plugins,
        state: &'a FoldState,
    ) -> Rounds<'a> {
        let versions = state.setup.policies.iter().map(|binding| crate::setup::version(state, binding));
        let reads_outcomes = state.setup.policies.iter().any(|binding| binding.descriptor.reads_outcomes());
        let (versions, pauses) = (versions.collect(), Pauses::default());
        Rounds { journal, plugins, state, versions, pauses, reads_outcomes }
    }

    /// Some of the policies decide nothing.
    pub(crate) fn paused(mut self, pauses: Pauses) -> Rounds<'a> {
        self.pauses = pauses;
        self
    }

    /// Runs until every lane has ended.
    pub(crate) fn run(&self, lanes: &mut [Lane]) -> Result<Yield, RouterError> {
        let mut result = Yield::default();
        let mut open: Vec<usize> = (0..lanes.len()).filter(|&lane| !lanes[lane].ended).collect();
        while !open.is_empty() {
            self.start_refolds(lanes, &open)?;
            let mut active = Vec::with_capacity(open.len());
            for &lane in &open {
                // A lane whose parents still run waits for a later round.
                if !matches!(lanes[lane].refold, Refold::Waiting(_))
                    && let Some(taken) = lanes[lane].next()
                {
                    active.push(Active { lane, taken });
                }
            }
            self.round(lanes, &active, &mut result)?;
            open.retain(|&lane| !lanes[lane].ended);
        }
        Ok(result)
    }

    fn start_refolds(&self, lanes: &mut [Lane], open: &[usize]) -> Result<(), RouterError> {
        for &place in open {
            let Refold::Waiting(positions) = &lanes[place].refold else { continue };
            if !lanes[place].parents.iter().all(|&parent| lanes[parent].ended) {
                continue;
            }
            let records = self.journal.fetch(positions)?;
            for parent in lanes[place].parents.clone() {
                let handed_on = lanes[parent].hand_on();
                lanes[place].inherit(handed_on);
            }
            lanes[place].past = records.into_iter().map(Arc::new).collect();
            lanes[place].refold = Refold::Running;
        }
        Ok(())
    }

    fn round(&self, lanes: &mut [Lane], active: &[Active], result: &mut Yield) -> Result<(), RouterError> {
        for active in active {
            if let Step::Record(record) = &active.taken.step {
                self.came(&mut lanes[active.lane], record, result)?;
            }
        }
        for (place, binding) in self.state.setup.policies.iter().enumerate() {
            let mut concerned: Vec<&Active> = Vec::new();
            for active in active.iter().filter(|active| concerns(binding, &active.taken.step)) {
                if !self.misses(lanes, active, place)? && !self.runs_away(lanes, active, place, result) {
                    concerned.push(active);
                }
            }
            if concerned.is_empty() {
                continue;
            }
            let turns: Vec<Turn<'_>> =
                concerned.iter().map(|active| turn(&lanes[active.lane], binding, &active.taken)).collect();
            let outcomes = self.plugins.evaluate(binding, &turns)?;
            if outcomes.len() != turns.len() {
                let reason = format!("{} outcomes for {} turns", outcomes.len(), turns.len());
                let class = model::Class::Bug;
                return Err(PluginsError { binding: binding.name.clone(), reason, class }.into());
            }
            result.turns += outcomes.len() as u64;
            for (active, outcome) in concerned.into_iter().zip(outcomes) {
                self.apply(&mut lanes[active.lane], active, place, outcome, result);
            }
        }
        for active in active {
            if let Step::Record(record) = &active.taken.step {
                self.told(&mut lanes[active.lane], record, result);
            }
        }
        Ok(())
    }

    /// Is the policy paused? Then she is marked.
    fn misses(&self, lanes: &mut [Lane], active: &Active, place: usize) -> Result<bool, RouterError> {
        let Some(pause) = self.pauses.skips(place, &active.taken) else { return Ok(false) };
        let binding = &self.state.setup.policies[place];
        let customer = &mut lanes[active.lane].customer;
        customer.miss(&binding.name, None);
        let (position, now, alarm) = occasion(&active.taken.step);
        let over = PassedOver { customer: customer.id, position, now, alarm, pause };
        self.plugins.pass_over(binding, &over)?;
        Ok(true)
    }

    /// Quiets a policy that wakes itself without end. The count is the customer's own: the same in every fold.
    fn runs_away(&self, lanes: &mut [Lane], active: &Active, place: usize, result: &mut Yield) -> bool {
        let customer = &mut lanes[active.lane].customer;
        let Step::Alarm(alarm) = &active.taken.step else { return false };
        if customer.fired <= ALARMS_MAX {
            return false;
        }
        customer.alarms.retain(|other| other.binding != alarm.binding);
        let text =
            format!("woke itself {ALARMS_MAX} times since her last record: its alarms for her are off");
        self.dead(customer, active, place, "alarms", text, result);
        true
    }

    fn apply(
        &self,
        lane: &mut Lane,
        active: &Active,
        place: usize,
        outcome: TurnOutcome,
        result: &mut Yield,
    ) {
        let binding = &self.state.setup.policies[place];
        let (position, now, alarm) = occasion(&active.taken.step);
        let verdict = match outcome {
            TurnOutcome::Verdict(verdict) => verdict,
            TurnOutcome::Fault { kind, text } => {
                self.dead(&mut lane.customer, active, place, &kind, text, result);
                return;
            }
        };
        if let Some(text) = document::passes(&lane.customer, &binding.name, &self.state.versions, &verdict) {
            self.dead(&mut lane.customer, active, place, "document", text, result);
            return;
        }
        let (version, tenant) = (self.versions[place], self.state.setup.tenant.as_str());
        let past = active.taken.past;
        let occasion =
            Occasion { tenant, binding: &binding.name, version: Some(version), position, now, alarm, past };
        for (decision, mut event) in apply::verdict(lane, &occasion, verdict) {
            event.id = derived_id(occasion.binding, (position, now, alarm), decision);
            let told = Told { binding: binding.name.clone(), id: event.id.clone() };
            let (cause, again) = (position, lane.reliving);
            let derived = DerivedEvent { binding: binding.name.clone(), cause, again, event };
            let said = match lane.reliving {
                None => Some(Said::Told(derived)),
                Some(_) if lane.told_before.contains(&told) => None,
                Some(cause) => Some(Said::Retold { derived, cause }),
            };
            if let Err(at) = lane.customer.told.binary_search(&told) {
                lane.customer.told.insert(at, told);
            }
            let (order, id, step) = active.taken.order;
            let order = (order, id, step, place, decision);
            result.tells.extend(said.map(|said| Tell { order, said }));
        }
    }

    /// What a record says of her by itself.
    fn told(&self, lane: &mut Lane, record: &Record, result: &mut Yield) {
        let &Record { position, now, ref entry } = record;
        match entry {
            Entry::Event(ChannelEvent { connection: source, event }) => {
                if source == SEGMENTS {
                    apply::crossing(&mut lane.customer, event, position, now);
                } else {
                    lane.customer.latest.take(event);
                }
                takes(&mut lane.customer, source, event, record, result);
            }
            Entry::Derived(DerivedEvent { binding: source, cause: _, again: _, event }) => {
                lane.customer.latest.take(event);
                takes(&mut lane.customer, source, event, record, result);
            }
            Entry::Act(OperatorAct { deed: Deed::Propose(proposal), by, why, .. }) => {
                let binding = proposal.binding.as_str();
                let (tenant, past) = (self.state.setup.tenant.as_str(), lane.reliving.is_some());
                let occasion = Occasion { tenant, binding, version: None, position, now, alarm: None, past };
                let cause = occasion.cause(format!("{by}: {why}"));
                apply::intend(lane, &occasion, proposal.intent.clone(), cause);
            }
            Entry::Act(OperatorAct { deed: Deed::Tag(tag), by, why, .. }) => {
                let HandTag { customer: _, name, expires } = tag.clone();
                let cause = Cause { position, now, version: None, alarm: None, why: format!("{by}: {why}") };
                apply::tag(&mut lane.customer, NewTag { name, expires }, cause);
            }
            Entry::Act(OperatorAct { deed: Deed::Untag(untag), .. }) => {
                lane.customer.tags.retain(|tag| tag.name != untag.name);
            }
            // It was said before the policies saw it.
            Entry::Progress(_) => {}
            // Those change who is who, or who decides, and nothing of her; or say nothing any more.
            Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Act(_)
            | Entry::Erased(_) => {}
        }
    }

    /// What a record says of what came of her intents. Before any policy sees it: who is shown her answer is shown what it
    /// answers.
    fn came(&self, lane: &mut Lane, record: &Arc<Record>, result: &mut Yield) -> Result<(), RouterError> {
        let &Record { position, now, ref entry } = &**record;
        let tried = lane.lived.sent.is_some();
        match entry {
            _ if tried => {}
            Entry::Event(ChannelEvent { connection, event }) => {
                self.became(lane, Teller::Connection(connection), event, record, result)?;
                outcomes::join(lane, &self.state.setup.outcomes, record);
            }
            Entry::Derived(DerivedEvent { binding, cause: _, again: _, event }) => {
                self.became(lane, Teller::Policy(binding), event, record, result)?;
            }
            Entry::Progress(progress) => {
                if let Some(reached) = outcomes::progress(lane, progress, position, now) {
                    self.look_back(lane, reached, position)?;
                }
            }
            Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Act(_)
            | Entry::Erased(_) => {}
        }
        if self.reads_outcomes && lane.reliving.is_some() {
            outcomes::relive(lane, &self.state.setup.outcomes, record);
        }
        Ok(())
    }

    /// What it says of an errand, where it is a receipt.
    fn became(
        &self,
        lane: &mut Lane,
        teller: Teller<'_>,
        event: &Event,
        record: &Record,
        result: &mut Yield,
    ) -> Result<(), RouterError> {
        match outcomes::became(lane, teller, event, record.position, record.now) {
            Became::Nothing => Ok(()),
            Became::Reached(reached) => self.look_back(lane, reached, record.position),
            Became::Stray(stray) => {
                let (position, now) = (record.position, record.now);
                noted(&mut lane.customer, Note::StrayReceipt(stray), (position, now), result);
                Ok(())
            }
            Became::TooMuch => {
                overflows(&mut lane.customer, Full::Receipts, (record.position, record.now), result);
                Ok(())
            }
        }
    }

    fn look_back(&self, lane: &mut Lane, reached: Reached, position: Position) -> Result<(), RouterError> {
        outcomes::look_back(lane, &self.state.setup.outcomes, self.journal, reached, position)
    }

    fn dead(
        &self,
        customer: &mut Customer,
        active: &Active,
        place: usize,
        kind: &str,
        text: String,
        result: &mut Yield,
    ) {
        let (position, now, alarm) = occasion(&active.taken.step);
        let note = Note::DeadTurn(DeadTurn {
            position,
            now,
            customer: customer.id,
            version: self.versions[place],
            alarm: alarm.map(str::to_owned),
            kind: kind.to_owned(),
            text,
        });
        noted(customer, note, (position, now), result);
    }
}

/// What a fact says of her by itself, as far as her document takes it.
fn takes(customer: &mut Customer, source: &str, event: &Event, record: &Record, result: &mut Yield) {
    let (position, now) = (record.position, record.now);
    if let Some(full) = apply::fact(customer, source, event, position, now) {
        overflows(customer, full, (position, now), result);
    }
}

/// A note of hers: it goes by itself if it is not made again when her past is folded again.
fn noted(customer: &mut Customer, note: Note, at: (Position, Instant), result: &mut Yield) {
    let key = note.key();
    if let Err(place) = customer.noted.binary_search(&key) {
        if customer.noted.len() >= NOTED_MAX {
            overflows(customer, Full::Notes, at, result);
            return;
        }
        customer.noted.insert(place, key);
    }
    result.notes.push(note);
}

/// Says so once of each kind: said of each record, it would make her document grow by what it is to be kept from.
fn overflows(customer: &mut Customer, full: Full, at: (Position, Instant), result: &mut Yield) {
    if customer.noted.iter().any(|key| Overflow::is_key(key, full.kind())) {
        return;
    }
    let ((position, now), kind, text) = (at, full.kind().to_owned(), full.text());
    let note = Note::Overflow(Overflow { position, now, customer: customer.id, kind, text });
    let key = note.key();
    if let Err(place) = customer.noted.binary_search(&key) {
        customer.noted.insert(place, key);
    }
    result.notes.push(note);
}

fn concerns(binding: &Binding, step: &Step) -> bool {
    match step {
        Step::Alarm(alarm) => alarm.binding == binding.name,
        Step::Record(record) => {
            let wants = &binding.descriptor.wants;
            let fact = record.entry.event().map(|event| &event.fact);
            fact.is_some_and(|fact| wants.is_empty() || wants.iter().any(|want| fact.answers(want)))
        }
    }
}

fn occasion(step: &Step) -> (Position, Instant, Option<&str>) {
    match step {
        Step::Record(record) => (record.position, record.now, None),
        Step::Alarm(alarm) => (alarm.position, alarm.due, Some(&alarm.key)),
    }
}

fn turn<'a>(lane: &'a Lane, binding: &Binding, taken: &'a Taken) -> Turn<'a> {
    let (position, now, _) = occasion(&taken.step);
    let happening = match &taken.step {
        Step::Alarm(alarm) => Happening::Alarm { key: &alarm.key, due: alarm.due },
        Step::Record(record) => {
            let event = record.entry.event().expect("because only records with an event are in lanes");
            Happening::fact(event, &binding.descriptor)
        }
    };
    let (customer, descriptor) = (&lane.customer, &binding.descriptor);
    let mut view = CustomerView::of(customer, descriptor);
    if descriptor.reads_outcomes() {
        view = view.with_outcomes(lane.known(), &binding.name);
    }
    Turn { customer: view, memory: customer.memory(&binding.name), position, now, happening }
}

/// The same cause gives the same id: an event that is told again is known.
pub(crate) fn derived_id(
    binding: &str,
    (position, now, alarm): (Position, Instant, Option<&str>),
    decision: usize,
) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("heliu derived event v1");
    hasher.update(&position.to_le_bytes());
    hasher.update(&now.to_le_bytes());
    hasher.update(&(decision as u64).to_le_bytes());
    for part in [binding, alarm.unwrap_or_default()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    format!("evt_{}", &hasher.finalize().to_hex()[..32])
}
