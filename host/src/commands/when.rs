//! `--at`: reads as of an earlier position or time, and how an answer says when it was so.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use api::lookup;
use api::past::{At, PastError, Whom};
use api::scan::Scan;
use api::views::{AsOf, AtView};
use model::{Customer, Instant};
use router::Slice;
use serde::Serialize;
use store::{MemoryStore, Standing, Store};

use super::calendar::Zone;
use super::segment::Asked;

/// When is asked about, and how times are shown.
#[derive(Debug, clap::Args)]
pub(crate) struct When {
    /// As of this position of the journal, or this time: `4711`, `2026-03-01T00:00:00+08:00`, or a date or time of the zone
    /// that is shown. Folds again what led there, without touching the store.
    #[arg(long, global = true, value_name = "POSITION|TIME")]
    at: Option<String>,
    /// With `--at`: how many records may be folded again. A customer's own take little; a list takes all of the journal up to
    /// there, and memory for everybody.
    #[arg(long, global = true, value_name = "COUNT")]
    records_max: Option<u64>,
    /// Show times in UTC instead of Beijing time.
    #[arg(long, global = true)]
    utc: bool,
}

/// One customer where she was looked for, and everything that is needed to look on.
pub(crate) struct Found {
    pub(super) customer: Customer,
    /// Where she stands: the host's store, or one of her own as of then.
    pub(super) store: Arc<dyn Store>,
    /// Given where the past was asked for.
    pub(super) at: Option<AtView>,
    pub(super) standing: Standing,
    /// Folded already, where the past was asked for.
    pub(super) slice: Option<Arc<Slice>>,
}

/// Everybody, as of now or of then.
pub(super) struct Then {
    /// Given where the past was asked for.
    pub(super) at: Option<AtView>,
    pub(super) store: Arc<dyn Store>,
    /// What days are counted from.
    pub(super) now: Instant,
}

impl Then {
    pub(super) fn scan<'a>(&'a self, asked: &'a Asked) -> Scan<'a> {
        Scan { journal: &*asked.journal, store: &*self.store, now: self.now, until: None }
    }
}

impl When {
    pub(super) fn zone(&self) -> Zone {
        Zone::new(self.utc)
    }

    pub(crate) fn at(&self) -> anyhow::Result<Option<At>> {
        let hours = Some(self.zone().hours());
        Ok(self.at.as_deref().map(|text| At::parse(text, hours)).transpose()?)
    }

    pub(super) fn records_max(&self) -> Option<u64> {
        self.records_max
    }

    /// Everybody as of then. None: as of now, as the store has them.
    pub(super) fn everybody(&self, asked: &Asked) -> anyhow::Result<Option<(AtView, Arc<MemoryStore>)>> {
        everybody(asked, self.at()?, self.records_max)
    }

    /// Where everybody stands, as of then or of now, and what time it is there.
    pub(super) fn then(&self, asked: &Asked) -> anyhow::Result<Then> {
        then(asked, self.at()?, self.records_max)
    }

    pub(crate) fn person(&self, asked: &Asked, who: &str) -> anyhow::Result<Found> {
        let whom = whom(who)?;
        let Some(at) = self.at()? else {
            let customer = find(&*asked.store, &whom, who)?;
            let (standing, _) = asked.store.standing()?;
            return Ok(Found { customer, store: Arc::clone(&asked.store), at: None, standing, slice: None });
        };
        let person = asked.past(self.records_max)?.person(&whom, at).map_err(with_mend)?;
        let at = Some(AtView::new(person.standing, Some(person.agrees)));
        let (customer, store) = (person.customer, person.store);
        Ok(Found { customer, store, at, standing: person.standing, slice: Some(person.slice) })
    }
}

fn everybody(
    asked: &Asked,
    at: Option<At>,
    records_max: Option<u64>,
) -> anyhow::Result<Option<(AtView, Arc<MemoryStore>)>> {
    let Some(at) = at else { return Ok(None) };
    let past = asked.past(records_max)?;
    let standing = past.standing(at)?;
    let store = past.everybody(standing).map_err(with_mend)?;
    Ok(Some((AtView::new(standing, None), store)))
}

/// Where everybody stands, as of then or of now.
pub(super) fn then(asked: &Asked, at: Option<At>, records_max: Option<u64>) -> anyhow::Result<Then> {
    Ok(match everybody(asked, at, records_max)? {
        Some((at, store)) => Then { at: Some(at), store, now: at.fired },
        None => Then { at: None, store: Arc::clone(&asked.store), now: asked.now },
    })
}

/// Reads an id or a handle.
pub(super) fn whom(who: &str) -> anyhow::Result<Whom> {
    if !who.contains(':') {
        return Ok(Whom::Id(who.parse()?));
    }
    let handle = lookup::parse_handle(who);
    let handle =
        handle.with_context(|| format!("\"{who}\" is not a handle like wechat.unionid:SCOPE:VALUE"))?;
    Ok(Whom::Handle(handle))
}

pub(super) fn find(store: &dyn Store, whom: &Whom, who: &str) -> anyhow::Result<Customer> {
    match whom.find(store)? {
        Some(customer) => Ok(customer),
        None => bail!("there is no customer {who}"),
    }
}

pub(super) fn with_mend(error: PastError) -> anyhow::Error {
    match error {
        PastError::TooMany { records: _, max: _ } => {
            anyhow::anyhow!("{error}: raise --records-max, if the machine has the memory")
        }
        error => error.into(),
    }
}

/// One line of JSON, which says when it was so where the past was asked for.
pub(super) fn print(out: &mut dyn Write, at: Option<AtView>, answer: &impl Serialize) -> anyhow::Result<()> {
    match at {
        Some(at) => super::print_json(out, &AsOf { at, answer }),
        None => super::print_json(out, answer),
    }
}

/// The first line for people, where the past was asked for.
pub(super) fn head(out: &mut dyn Write, at: Option<AtView>, zone: Zone) -> anyhow::Result<()> {
    let Some(AtView { position, fired, agrees }) = at else { return Ok(()) };
    writeln!(out, "as of position {position}, {} ({})", zone.text(fired), zone.name())?;
    doubt(out, agrees)
}

/// Says so where her records, folded by themselves, do not give her.
pub(super) fn doubt(out: &mut dyn Write, agrees: Option<bool>) -> anyhow::Result<()> {
    if agrees == Some(false) {
        writeln!(
            out,
            "but: her records, folded by themselves, do not give her as the store has her; this may not be what was"
        )?;
    }
    Ok(())
}
