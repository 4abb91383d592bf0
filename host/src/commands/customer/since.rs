//! `heliu customer since`: the moment from which on something is so without a break.
//!
//! What comes and goes has no order that could be halved, so every moment is looked at, in one fold.

use std::io::Write;

use api::past::Whom;
use api::views::{AtView, explain};
use model::{Binding, Cause, Configured, CustomerId, Entry, FoldState, Instant, Position, Record};
use router::{Moment, Since, Slice, Target, Walk};
use serde::Serialize;
use store::Store as _;

use crate::commands::print_json;
use crate::commands::segment::Asked;
use crate::commands::table::{Table, plain};
use crate::commands::when::{self, When, with_mend};

/// Moments that are looked at: a record a second for days.
const MOMENTS_MAX: u64 = 1_000_000;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct SinceArguments {
    /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
    #[arg(value_name = "ID|HANDLE")]
    who: String,
    /// Since when does she hold this tag?
    #[arg(long, value_name = "NAME", group = "what")]
    tag: Option<String>,
    /// Since when does she not hold it?
    #[arg(long, value_name = "NAME", group = "what")]
    not_tag: Option<String>,
    /// Since when is she in this stage, or in any of the journey?
    #[arg(long, value_name = "JOURNEY[=STAGE]", group = "what")]
    stage: Option<String>,
    #[command(flatten)]
    when: When,
}

/// What `--json` prints.
#[derive(Serialize)]
struct SinceView<'a> {
    at: AtView,
    id: String,
    holds: bool,
    /// Null where it does not hold.
    position: Option<Position>,
    now: Option<Instant>,
    /// `record`, `time` (an alarm, or the end of a tag) or `setup`.
    by: Option<&'static str>,
    /// The policies that decide otherwise since the setup, where it was one, or the one that decided.
    versions: Vec<VersionView<'a>>,
    /// Who changed the configuration there, and why, where that is known.
    changed_by: Option<&'a str>,
    changed_why: Option<&'a str>,
    why: Option<&'a str>,
    looked_at: u64,
}

#[derive(Serialize)]
struct VersionView<'a> {
    policy: &'a str,
    version: usize,
    bound_at: Position,
}

/// What is asked about.
struct Asking {
    target: Target,
    /// That it is not so.
    not: bool,
    words: String,
}

impl SinceArguments {
    fn asking(&self) -> Asking {
        let tag = |name: &String| Target::Tag(name.clone());
        match (&self.tag, &self.not_tag, &self.stage) {
            (Some(name), _, _) => Asking { target: tag(name), not: false, words: format!("tag \"{name}\"") },
            (_, Some(name), _) => {
                Asking { target: tag(name), not: true, words: format!("no tag \"{name}\"") }
            }
            (_, _, stage) => {
                let stage = stage.as_deref().unwrap_or_default();
                Asking { target: Target::stage(stage), not: false, words: format!("stage \"{stage}\"") }
            }
        }
    }
}

pub(super) fn run(
    asked: &Asked,
    arguments: &SinceArguments,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let SinceArguments { who, when, .. } = arguments;
    let whom = when::whom(who)?;
    let past = asked.past(when.records_max())?;
    let present = past.present(&whom).map_err(with_mend)?;
    let upto = match when.at()? {
        Some(at) => past.standing(at)?,
        None => past.end(&present)?,
    };
    let agrees = past.agrees(&present).map_err(with_mend)?;
    let asking = arguments.asking();
    let id = match whom {
        Whom::Id(id) => id,
        Whom::Handle(_) => present.customer.id,
    };
    let mut walk = Walk::begin(&present.slice, past.plugins.clone())?;
    let since = walk.since(upto, MOMENTS_MAX, |store| {
        let customer = store.load(&[id])?.pop().flatten();
        Ok(customer.and_then(|customer| match (asking.target.cause(&customer, ""), asking.not) {
            (Some(cause), false) => Some(Some(cause)),
            (None, true) => Some(None),
            (Some(_), true) | (None, false) => None,
        }))
    })?;
    anyhow::ensure!(since.ended, "she has more than {MOMENTS_MAX} moments: ask as of earlier, with --at");
    let state = walk.refolded()?.state;
    let setup = match &since.began {
        Some((Moment { record: Some(position), .. }, _)) => {
            let record = present.slice.at(*position);
            record.filter(|record| record.entry.setup().is_some())
        }
        _ => None,
    };
    let at = AtView::new(upto, Some(agrees));
    let answer = Answer { id, at, since: &since, setup, slice: &present.slice, state: &state };
    if json { print_json(out, &answer.view()) } else { answer.print(&asking, when, out) }
}

struct Answer<'a> {
    id: CustomerId,
    at: AtView,
    since: &'a Since<Option<Cause>>,
    /// The setup at which it began.
    setup: Option<&'a Record>,
    slice: &'a Slice,
    state: &'a FoldState,
}

/// Who changed the configuration, and why. None: the host itself did, or one that asked nobody.
fn said(record: &Record) -> Option<(&str, &str)> {
    match &record.entry {
        Entry::Configured(Configured { setup: _, by, why }) => Some((by, why)),
        _ => None,
    }
}

impl Answer<'_> {
    fn cause(&self) -> Option<&Cause> {
        self.since.began.as_ref().and_then(|(_, cause)| cause.as_ref())
    }

    /// Those of the setup that decide otherwise than those of the one before it, known before or not; else the one that decided.
    fn versions(&self) -> Vec<VersionView<'_>> {
        let decided =
            self.cause().and_then(|cause| cause.version).and_then(|version| usize::try_from(version).ok());
        let fresh = self.setup.map(|setup| self.bound(setup)).unwrap_or_default();
        let shown = if fresh.is_empty() { decided.into_iter().collect() } else { fresh };
        let view = |version: usize| {
            let of = self.state.versions.get(version)?;
            Some(VersionView { policy: &of.binding, version, bound_at: of.since })
        };
        shown.into_iter().filter_map(view).collect()
    }

    /// The versions that this setup binds, but for those that the one before it bound.
    fn bound(&self, record: &Record) -> Vec<usize> {
        let before = self.slice.records().take_while(|before| before.position < record.position);
        let before = before.filter_map(|before| before.entry.setup()).last();
        let same = |one: &Binding, other: &Binding| {
            (&one.name, one.digest, &one.settings) == (&other.name, other.digest, &other.settings)
        };
        let known = |binding: &Binding| {
            before.is_some_and(|before| before.policies.iter().any(|other| same(binding, other)))
        };
        let policies = record.entry.setup().map(|setup| setup.policies.as_slice()).unwrap_or_default();
        let fresh = policies.iter().filter(|binding| !known(binding));
        fresh.filter_map(|binding| router::version_of(self.state, binding)).collect()
    }

    fn view(&self) -> SinceView<'_> {
        let began = self.since.began.as_ref().map(|(moment, _)| moment);
        SinceView {
            at: self.at,
            id: self.id.to_string(),
            holds: began.is_some(),
            position: began.map(|moment| moment.standing.position),
            now: began.map(|moment| moment.now),
            by: began.map(|moment| match (self.setup, moment.record) {
                (Some(_), _) => "setup",
                (None, Some(_)) => "record",
                (None, None) => "time",
            }),
            versions: self.versions(),
            changed_by: self.setup.and_then(said).map(|(by, _)| by),
            changed_why: self.setup.and_then(said).map(|(_, why)| why),
            why: self.cause().map(|cause| cause.why.as_str()),
            looked_at: self.since.looked_at,
        }
    }

    fn print(&self, asking: &Asking, when: &When, out: &mut dyn Write) -> anyhow::Result<()> {
        let (zone, words) = (when.zone(), plain(&asking.words));
        let looked_at =
            format!("{} moments were looked at, up to position {}", self.since.looked_at, self.at.position);
        let Some((moment, _)) = &self.since.began else {
            writeln!(out, "{}: {words}: it is not so; {looked_at}; `why-not` says why", self.id)?;
            return when::doubt(out, self.at.agrees);
        };
        let Moment { standing, now, record } = moment;
        writeln!(
            out,
            "{}: {words} since position {}, {} ({}), without a break",
            self.id,
            standing.position,
            zone.text(*now),
            zone.name()
        )?;
        let mut table = Table::default();
        let by = match (self.setup, record) {
            (Some(setup), _) => match said(setup) {
                Some((by, why)) => {
                    let why = plain(why);
                    format!("{by} changed the configuration, and everybody was folded again: {why}")
                }
                None => "the configuration changed, and everybody was folded again".to_owned(),
            },
            (None, Some(position)) => format!("the record at position {position}"),
            (None, None) => "the time came: an alarm fired, or a tag ended".to_owned(),
        };
        table.row(["by".to_owned(), by]);
        for VersionView { policy, version, bound_at } in self.versions() {
            let text = format!("{policy}, version {version} in force since position {bound_at}");
            table.row(["policy".to_owned(), text]);
        }
        if let Some(cause) = self.cause() {
            table.row(["why".to_owned(), explain(self.state, cause).why.to_owned()]);
        }
        table.row(["looked at".to_owned(), looked_at]);
        table.print("  ", out)?;
        when::doubt(out, self.at.agrees)
    }
}
