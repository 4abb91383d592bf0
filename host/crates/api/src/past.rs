//! What was so at an earlier position or time: journal records folded again as far as that, in a store of its own.
//!
//! One person is read through her [`Slice`]: what she was depends on few records. Everybody is read through a fold of the
//! whole journal up to there, which costs as much time and memory as it has records and customers; both are bounded.
//!
//! People are found as of now, and then shown as whoever bore the id, or the handle, then: she may have been two.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use journal::{Journal, JournalError, Records};
use model::{Class, Customer, CustomerId, FoldState, Identity, Instant, Position};
use router::{
    Plugins, Question, Router, RouterConfig, RouterError, Slice, Walk, WhyNot, as_of_position, as_of_time,
    handles, refold, why_not,
};
use store::{MemoryStore, Standing, Store, StoreError};

use crate::lookup;

/// How often somebody is read again, when the fold goes on meanwhile, to have her and the standing of one moment.
const READS_MAX: usize = 5;

/// A position or a time, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Position(Position),
    Time(Instant),
}

/// Records that are folded for one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of some people and all whom their records name.
    pub slice_max: u64,
    /// Of everybody.
    pub fold_max: u64,
}

impl Bounds {
    /// For callers over HTTP, who wait: some seconds of folding with cheap policies.
    pub const HTTP: Bounds = Bounds { slice_max: 20_000, fold_max: 200_000 };
    /// For a command line, whose user can stop it.
    pub const COMMAND: Bounds = Bounds { slice_max: 1_000_000, fold_max: 2_000_000 };
}

/// Who is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    Id(CustomerId),
    Handle(Identity),
}

/// Why the past is not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    #[error(transparent)]
    Router(#[from] RouterError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("\"{text}\" is no position and no time: write like 4711 or 2026-03-01T00:00:00+08:00{local}")]
    At { text: String, local: &'static str },
    #[error("there is no customer {who}")]
    Nobody { who: String },
    #[error("there is no customer {who} at position {position}: her first record is at position {first}")]
    NotYet { who: String, position: Position, first: Position },
    #[error("position {position} is not folded yet: the store stands at position {stands}")]
    Beyond { position: Position, stands: Position },
    #[error("the time {time} is not there yet: it is {now}, in milliseconds since 1970")]
    Future { time: Instant, now: Instant },
    /// More records than the caller may have folded.
    #[error("it would fold {records} records, more than {max}")]
    TooMany { records: u64, max: u64 },
}

impl PastError {
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            PastError::Router(error) => error.class(),
            PastError::Store(error) => error.class(),
            PastError::Journal(error) => error.class(),
            PastError::At { text: _, local: _ }
            | PastError::Nobody { who: _ }
            | PastError::NotYet { who: _, position: _, first: _ }
            | PastError::Beyond { position: _, stands: _ }
            | PastError::Future { time: _, now: _ }
            | PastError::TooMany { records: _, max: _ } => Class::Reject,
        }
    }
}

impl At {
    /// Reads a position, a time with its zone, or, where times are shown so many hours before UTC, a date or a time of that
    /// zone. A date is its beginning.
    ///
    /// # Errors
    /// [`PastError::At`].
    pub fn parse(text: &str, hours: Option<i8>) -> Result<At, PastError> {
        if let Ok(position) = text.parse() {
            return Ok(At::Position(position));
        }
        let local =
            if hours.is_some() { ", or a date or time of the zone that is shown" } else { ", with its zone" };
        let wrong = || PastError::At { text: text.to_owned(), local };
        let zoned = text.parse::<jiff::Timestamp>().ok();
        let civil = || Offset::from_hours(hours?).ok()?.to_timestamp(text.parse::<DateTime>().ok()?).ok();
        let time = zoned.or_else(civil).ok_or_else(wrong)?;
        Instant::try_from(time.as_millisecond()).map(At::Time).map_err(|_| wrong())
    }
}

impl Whom {
    /// As of where the store stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find(&self, store: &dyn Store) -> Result<Option<Customer>, StoreError> {
        match self {
            Whom::Id(id) => lookup::by_id(store, *id),
            Whom::Handle(handle) => lookup::by_handle(store, handle),
        }
    }

    fn text(&self) -> String {
        match self {
            Whom::Id(id) => id.to_string(),
            Whom::Handle(Identity { scheme, scope, value }) => format!("{scheme}:{scope}:{value}"),
        }
    }
}

/// Where the past is read.
#[derive(Clone)]
pub struct Past {
    pub journal: Arc<dyn Journal>,
    pub store: Arc<dyn Store>,
    pub plugins: Arc<dyn Plugins>,
    /// What time it is.
    pub now: Instant,
    pub bounds: Bounds,
}

/// One person, now: what the store has of her, and her slice.
pub struct Present {
    pub customer: Customer,
    pub standing: Standing,
    pub slice: Arc<Slice>,
}

/// One person as she was.
pub struct Person {
    pub customer: Customer,
    /// Those of her slice, as they were. Nobody else is in it.
    pub store: Arc<MemoryStore>,
    pub state: FoldState,
    pub standing: Standing,
    pub slice: Arc<Slice>,
    /// Her slice, folded to where the store stands, gives her as the store has her. False: what is told of her may not be
    /// what was.
    pub agrees: bool,
}

/// Why something is not so, and what was asked.
pub struct Told {
    pub question: Question,
    pub answer: WhyNot,
    /// As [`Person::agrees`].
    pub agrees: bool,
}

impl Past {
    /// Where the fold stood then.
    ///
    /// # Errors
    /// [`PastError::Beyond`] or [`PastError::Future`] if that is not there yet; others as they come.
    pub fn standing(&self, at: At) -> Result<Standing, PastError> {
        let (stands, _) = self.store.standing()?;
        match at {
            At::Position(position) if position > stands.position => {
                Err(PastError::Beyond { position, stands: stands.position })
            }
            At::Position(position) => Ok(as_of_position(&*self.journal, position)?),
            At::Time(time) => {
                // A manual clock may stand behind what was appended.
                let last = stands.fired.max(self.journal.head()?.now);
                if time > last.max(self.now) {
                    return Err(PastError::Future { time, now: last.max(self.now) });
                }
                let then = as_of_time(&*self.journal, time)?;
                Ok(Standing { position: then.position.min(stands.position), fired: time.min(last) })
            }
        }
    }

    /// Her, and everything that she depends on, as of now.
    ///
    /// # Errors
    /// [`PastError::Nobody`], [`PastError::TooMany`]; others as they come.
    pub fn present(&self, who: &Whom) -> Result<Present, PastError> {
        let (mut standing, _) = self.store.standing()?;
        let mut found = who.find(&*self.store)?;
        for _ in 1..READS_MAX {
            let (after, _) = self.store.standing()?;
            if after == standing {
                break;
            }
            standing = after;
            found = who.find(&*self.store)?;
        }
        let customer = found.ok_or_else(|| PastError::Nobody { who: who.text() })?;
        let records: Arc<dyn Records> = self.journal.clone();
        let slice = Slice::of(&records, &*self.store, &[customer.id])?;
        let (records, max) = (slice.len() as u64, self.bounds.slice_max);
        if records > max {
            return Err(PastError::TooMany { records, max });
        }
        Ok(Present { customer, standing, slice: Arc::new(slice) })
    }

    /// Who has this record, as of now. None: nobody, or it shows no handle that is still hers.
    ///
    /// # Errors
    /// If journal or store cannot be read.
    pub fn holder(&self, position: Position) -> Result<Option<CustomerId>, PastError> {
        let Some(record) = self.journal.fetch(&[position])?.pop() else { return Ok(None) };
        let (_, state) = self.store.standing()?;
        let shown = handles(&state.setup, &record);
        let mut owners: Vec<CustomerId> =
            self.store.resolve(&shown.iter().collect::<Vec<_>>())?.into_iter().flatten().collect();
        // Named after her first record, also where its handles are another's now.
        owners.push(CustomerId(position));
        let people = self.store.load(&owners)?;
        Ok(people.into_iter().flatten().find(|customer| customer.has(position)).map(|customer| customer.id))
    }

    /// Now: where the store stands, and the time of its last record where no alarm has fired since.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn end(&self, present: &Present) -> Result<Standing, PastError> {
        let Standing { position, fired } = present.standing;
        let last = as_of_position(&*self.journal, position)?;
        Ok(Standing { position, fired: fired.max(last.fired) })
    }

    /// Does her slice give her as the store has her?
    ///
    /// # Errors
    /// As any fold.
    pub fn agrees(&self, present: &Present) -> Result<bool, PastError> {
        let refolded = refold(&present.slice, Arc::clone(&self.plugins), present.standing, false)?;
        Ok(refolded.agrees(&present.customer)?)
    }

    /// Her as she was then.
    ///
    /// # Errors
    /// [`PastError`]: nobody, not yet, not there, too many records; others as any fold.
    pub fn person(&self, who: &Whom, at: At) -> Result<Person, PastError> {
        let upto = self.standing(at)?;
        let present = self.present(who)?;
        let agrees = self.agrees(&present)?;
        let mut walk = Walk::begin(&present.slice, Arc::clone(&self.plugins))?;
        walk.to(upto)?;
        let store = Arc::clone(walk.store());
        let (_, state) = store.standing()?;
        let not_yet = || PastError::NotYet {
            who: who.text(),
            position: upto.position,
            first: present.customer.timeline.first().copied().unwrap_or(present.customer.id.0),
        };
        let mut found = who.find(&*store)?;
        if found.is_none() {
            // The handle was not shown yet; she may have been there.
            found = lookup::by_id(&*store, present.customer.id)?;
        }
        let customer = found.ok_or_else(not_yet)?;
        Ok(Person { customer, store, state, standing: upto, slice: present.slice, agrees })
    }

    /// Why something is not so of her, as of now or of then.
    ///
    /// # Errors
    /// As [`Past::person`], and [`RouterError::Unbound`] if no policy of that name is in force there.
    pub fn why_not(&self, question: Question, at: Option<At>) -> Result<Told, PastError> {
        let who = Whom::Id(question.customer);
        let present = self.present(&who)?;
        let upto = match at {
            Some(at) => self.standing(at)?,
            None => self.end(&present)?,
        };
        let agrees = self.agrees(&present)?;
        let told = why_not(&present.slice, &self.plugins, upto, &question)?;
        let first = present.customer.timeline.first().copied().unwrap_or(present.customer.id.0);
        let answer =
            told.ok_or_else(|| PastError::NotYet { who: who.text(), position: upto.position, first })?;
        Ok(Told { question, answer, agrees })
    }

    /// Everybody as they were where the fold stood there.
    ///
    /// # Errors
    /// [`PastError::TooMany`]; others as any fold.
    pub fn everybody(&self, upto: Standing) -> Result<Arc<MemoryStore>, PastError> {
        let (records, max) = (upto.position, self.bounds.fold_max);
        if records > max {
            return Err(PastError::TooMany { records, max });
        }
        let scratch = Arc::new(MemoryStore::default());
        // What policies tell is in the journal already: it is only looked for.
        let config = RouterConfig { appends: false, erases: false, ..RouterConfig::default() };
        let (journal, plugins) = (Arc::clone(&self.journal), Arc::clone(&self.plugins));
        let mut router = Router::open(journal, scratch.clone(), plugins, config)?;
        router.catch_up(upto.position)?;
        router.fire(upto.fired)?;
        Ok(scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_position_and_everything_else_a_time() {
        let at = |text| At::parse(text, Some(8)).unwrap();
        assert_eq!(at("4711"), At::Position(4711));
        assert_eq!(at("1970-01-01T08:00:01+08:00"), At::Time(1000));
        assert_eq!(at("1970-01-01 00:00:01.5Z"), At::Time(1500));
        assert_eq!(at("1970-01-01 08:00:01"), At::Time(1000));
        assert_eq!(at("1970-01-01T08:01"), At::Time(60_000));
        assert_eq!(at("1970-01-02"), At::Time(16 * 3_600_000));
        assert_eq!(At::parse("1970-01-01 08:00:01", Some(0)).unwrap(), At::Time(8 * 3_600_000 + 1000));
    }

    #[test]
    fn a_time_without_a_zone_means_nothing_where_none_is_shown() {
        for text in ["2026-03-01", "2026-03-01T00:00:00", "yesterday", "", "-1", "1969-12-31T00:00:00Z"] {
            let error = At::parse(text, None).unwrap_err().to_string();
            assert!(error.starts_with(&format!("\"{text}\" is no position and no time")), "{error}");
        }
    }
}
