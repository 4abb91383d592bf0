//! Two configurations over one journal: what the one would have made of every customer, and what the other.
//!
//! Who is who is taken from the store, so nothing is judged, and nothing is committed. The journal is read from one side to
//! the other; of its records only those are kept that a policy on either side wants, or that say something of a customer by
//! themselves. Each side folds each customer from her first record, as a change of setup would, up to the same time.
//!
//! Invariant: a side decides what a change to its configuration would decide at that time; but for events that it tells of
//! others anew, which are counted and not folded, and for alarms that run away, which count other records too.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant as Moment};

use journal::Records;
use model::{
    Binding, ChannelEvent, Customer, CustomerId, DerivedEvent, Entry, Fact, FoldState, HeldIntent, Instant,
    Note, Position, Record, Setup,
};
use store::{Query, Standing, Store};

use crate::lane::Lane;
use crate::rounds::{Rounds, Yield};
use crate::telling::Said;
use crate::{Plugins, RouterConfig, RouterError, setup};

/// Records that are held in memory at once, at most: about a gigabyte of orders, encoded. A longer journal is read more than once.
const HELD_MAX: usize = 4_000_000;

/// Customers whose turns stand in one call.
const TOGETHER: usize = 1024;

/// Records that are read from the journal at once.
const PAGE: usize = 8192;

/// One customer on both sides.
#[derive(Clone, Debug)]
pub struct Pair {
    pub before: Customer,
    pub after: Customer,
}

/// What one side came to.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub turns: u64,
    /// Events of others that it told.
    pub told: u64,
    /// Turns at which a policy failed.
    pub faults: Vec<Note>,
    /// Spent in its policies and in writing down what they said, on all threads together.
    pub took: Duration,
    pub versions: FoldState,
}

#[derive(Clone, Debug, Default)]
pub struct Trial {
    pub before: Side,
    pub after: Side,
    pub customers: u64,
    /// Records that were read, those that nobody wants among them.
    pub records: u64,
}

/// The records that matter of a part of the journal.
#[derive(Default)]
struct Matter {
    /// How many were read, others included.
    read: u64,
    /// Encoded, one behind the other.
    bytes: Vec<u8>,
    /// Whose each of them is, a place in the list of people, and where it ends.
    ends: Vec<(usize, usize)>,
}

struct Person {
    id: CustomerId,
    first_seen: Instant,
    records: Encoded,
    /// What was handed over for her, where a policy is shown what came of it.
    sent: Option<Vec<HeldIntent>>,
    /// How many she has.
    count: usize,
}

/// Records of one customer, one behind the other, each behind its length: decoded they would be a hundred pieces of memory each,
/// which lie cold, and far from one another, when her turn comes.
#[derive(Default)]
struct Encoded(Vec<u8>);

/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();

impl Encoded {
    fn push(&mut self, record: &[u8]) {
        let length = u32::try_from(record.len())
            .expect("because a record is smaller than what a connector may answer");
        self.0.extend(length.to_le_bytes());
        self.0.extend(record);
    }

    fn decode(self) -> VecDeque<Arc<Record>> {
        let (mut records, mut rest) = (VecDeque::new(), &self.0[..]);
        while let Some((length, behind)) = rest.split_first_chunk::<LENGTH>() {
            let (record, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
            let record =
                wire::from_bytes::<Record>(record).expect("because it was encoded by the same definition");
            records.push_back(Arc::new(record));
            rest = behind;
        }
        records
    }
}

/// Folds every customer by both setups up to `upto`, and gives each pair to `take`.
///
/// # Errors
/// [`RouterError`] if journal or store cannot be read, or a policy cannot be called.
pub fn trial(
    journal: &dyn Records,
    store: &dyn Store,
    plugins: &dyn Plugins,
    before: &Setup,
    after: &Setup,
    upto: Standing,
    take: &mut dyn FnMut(Pair),
) -> Result<Trial, RouterError> {
    let sides = [before, after].map(|setup| setup::changed(&FoldState::default(), setup, upto.position));
    let shows = sides.iter().flat_map(|side| &side.setup.policies).any(|it| it.descriptor.reads_outcomes());
    let (mut people, owner) = people(store, upto.position, shows)?;
    let mut trial = Trial { customers: people.len() as u64, ..Trial::default() };
    let (mut first, threads) = (0, RouterConfig::default().threads);
    while first < people.len() {
        let last = pass(&people, first);
        trial.records += fill(journal, &mut people, &owner, first..last, &sides, upto.position)?;
        let groups = people[first..last].chunks_mut(TOGETHER);
        let work = |group: &mut [Person]| pairs(journal, plugins, &sides, group, upto);
        on_workers(threads, groups, work, |pairs| {
            let [(before, of_before), (after, of_after)] = pairs?;
            trial.before.add(of_before);
            trial.after.add(of_after);
            before.into_iter().zip(after).for_each(|(before, after)| take(Pair { before, after }));
            Ok::<_, RouterError>(())
        })?;
        first = last;
    }
    [trial.before.versions, trial.after.versions] = sides;
    Ok(trial)
}

/// Everybody, ascending, and whose each record is: by position the place in that list, counted from 1.
fn people(store: &dyn Store, upto: Position, shows: bool) -> Result<(Vec<Person>, Vec<u32>), RouterError> {
    let mut owner = vec![0; usize::try_from(upto).unwrap_or(usize::MAX - 1) + 1];
    let (mut people, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(&Query { after, limit: TOGETHER, ..Query::default() })?;
        let Some(last) = page.last() else { return Ok((people, owner)) };
        after = Some(last.id);
        for Customer { id, first_seen, timeline, intents, .. } in page {
            let place = u32::try_from(people.len() + 1).unwrap_or(0);
            let count = timeline.partition_point(|&position| position <= upto);
            for slot in timeline.iter().take(count).filter_map(|&position| usize::try_from(position).ok()) {
                if let Some(slot) = owner.get_mut(slot) {
                    *slot = place;
                }
            }
            if count > 0 {
                let sent = shows.then(|| intents.into_iter().filter(|held| !held.steps.is_empty()).collect());
                people.push(Person { id, first_seen, records: Encoded::default(), sent, count });
            }
        }
    }
}

/// The end of the people whose records fit.
fn pass(people: &[Person], first: usize) -> usize {
    let mut held = 0;
    let fits = |person: &&Person| {
        held += person.count;
        held <= HELD_MAX
    };
    first + people[first..].iter().take_while(fits).count().max(1)
}

/// Reads the journal, on several threads, and hands these people the records that matter on either side.
fn fill(
    journal: &dyn Records,
    people: &mut [Person],
    owner: &[u32],
    range: Range<usize>,
    sides: &[FoldState; 2],
    upto: Position,
) -> Result<u64, RouterError> {
    let threads = RouterConfig::default().threads as u64;
    let part = upto.div_ceil(threads).max(1);
    let needs = Needs::of(sides);
    let read = |first: Position, last: Position| -> Result<Matter, RouterError> {
        let (mut at, mut matter) = (first, Matter::default());
        while at < last {
            let page = journal.read(at, PAGE)?;
            let Some(end) = page.last().map(|record| record.position) else { break };
            for record in page.into_iter().take_while(|record| record.position <= last) {
                matter.read += 1;
                let place = usize::try_from(record.position).ok().and_then(|at| owner.get(at).copied());
                let place = place.and_then(|place| (place as usize).checked_sub(1));
                let place = place.filter(|place| range.contains(place));
                if let Some((place, record)) = place.zip(needs.part_of(record)) {
                    matter.bytes.extend(wire::to_bytes::<Record>(&record));
                    matter.ends.push((place, matter.bytes.len()));
                }
            }
            at = end;
        }
        Ok(matter)
    };
    let parts = (0..threads).map(|place| (place * part, ((place + 1) * part).min(upto))).collect();
    let results = on_threads(parts, |(first, last)| read(first, last));
    let mut read = 0;
    for result in results {
        let matter = result?;
        let mut begin = 0;
        for (place, end) in matter.ends {
            people[place].records.push(&matter.bytes[begin..end]);
            begin = end;
        }
        read += matter.read;
    }
    Ok(read)
}

/// What the policies of both sides look at.
struct Needs<'a> {
    policies: Vec<&'a Binding>,
    outcomes: bool,
    extra: bool,
}

impl Needs<'_> {
    fn of(sides: &[FoldState; 2]) -> Needs<'_> {
        let policies: Vec<&Binding> = sides.iter().flat_map(|side| &side.setup.policies).collect();
        let outcomes = policies.iter().any(|binding| binding.descriptor.reads_outcomes());
        let extra = policies.iter().any(|binding| binding.descriptor.reads_extra());
        Needs { policies, outcomes, extra }
    }

    /// The record, less what nobody looks at. None: no policy wants it, and it says nothing of her by itself.
    fn part_of(&self, mut record: Record) -> Option<Record> {
        match &mut record.entry {
            Entry::Act(_) => {}
            Entry::Progress(_) if self.outcomes => {}
            Entry::Event(ChannelEvent { connection: _, event })
            | Entry::Derived(DerivedEvent { binding: _, cause: _, again: _, event })
                if self.wants(&event.fact) =>
            {
                // Who is who is known.
                event.who.clear();
                event.extra.take_if(|_| !self.extra);
            }
            Entry::Event(_)
            | Entry::Derived(_)
            | Entry::Progress(_)
            | Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Erased(_) => return None,
        }
        Some(record)
    }

    fn wants(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Told(_) | Fact::Met(_) => return true,
            Fact::Said(_) | Fact::Bought(_) | Fact::Carried(_) if self.outcomes => return true,
            Fact::Saw(view) if self.outcomes && view.followed().is_some() => return true,
            Fact::Said(_) | Fact::Bought(_) | Fact::Carried(_) | Fact::Saw(_) | Fact::Did(_) => {}
        }
        self.policies.iter().any(|binding| {
            let wants = &binding.descriptor.wants;
            wants.is_empty() || wants.iter().any(|want| fact.answers(want))
        })
    }
}

/// What each side came to for some people, and what they became there.
type Pairs = [(Vec<Customer>, Side); 2];

/// Folds a group of people on both sides, and lets go of their records.
fn pairs(
    journal: &dyn Records,
    plugins: &dyn Plugins,
    [before, after]: &[FoldState; 2],
    group: &mut [Person],
    upto: Standing,
) -> Result<Pairs, RouterError> {
    let records: Vec<_> =
        group.iter_mut().map(|person| std::mem::take(&mut person.records).decode()).collect();
    let lane = |(person, records): (&Person, VecDeque<Arc<Record>>)| {
        let customer = Customer::new(person.id, person.first_seen);
        let mut lane = Lane::with_past(customer, records, upto.position, upto.fired);
        lane.lived.sent.clone_from(&person.sent);
        lane
    };
    let lanes = group.iter().zip(records.iter().cloned()).map(lane).collect();
    let before = side(&Rounds::new(journal, plugins, before), lanes)?;
    let lanes = group.iter().zip(records).map(lane).collect();
    Ok([before, side(&Rounds::new(journal, plugins, after), lanes)?])
}

/// Runs the lanes of one side.
fn side(rounds: &Rounds<'_>, mut lanes: Vec<Lane>) -> Result<(Vec<Customer>, Side), RouterError> {
    let began = Moment::now();
    let Yield { tells, notes: faults, turns } = rounds.run(&mut lanes)?;
    let customers = lanes.into_iter().map(|lane| lane.customer).collect();
    let told = tells.iter().filter(|tell| matches!(tell.said, Said::Told(_) | Said::Retold { .. }));
    let told = told.count() as u64;
    Ok((customers, Side { turns, told, faults, took: began.elapsed(), versions: FoldState::default() }))
}

impl Side {
    fn add(&mut self, other: Side) {
        let Side { turns, told, faults, took, versions: _ } = other;
        self.turns += turns;
        self.told += told;
        self.faults.extend(faults);
        self.took += took;
    }
}

/// Does pieces of work on so many threads, and hands what comes of each to `take`, in their order. Each thread does many: one
/// that ends gives back all that it holds in memory, which took a tenth of a trial when each piece had its own.
fn on_workers<T: Send, R: Send, E>(
    threads: usize,
    pieces: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let pieces = Mutex::new(pieces.enumerate());
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    // Who is ahead waits here: no more is held than a few pieces of each.
    let (done_in, done) = mpsc::sync_channel(threads);
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (done_in, next, work) = (done_in.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((place, piece)) = next() {
                    if done_in.send((place, work(piece))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done_in);
        let (mut early, mut due) = (BTreeMap::new(), 0);
        for (place, result) in done {
            early.insert(place, result);
            while let Some(result) = early.remove(&due) {
                take(result)?;
                due += 1;
            }
        }
        Ok(())
    })
}

/// Does each piece of work on a thread of its own; what comes of it, in the same order.
fn on_threads<T: Send, R: Send>(pieces: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = pieces.into_iter().map(|piece| scope.spawn(move || work(piece))).collect();
        let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
