//! `heliu broadcast`: something for everybody in a segment, but for those who are held out.
//!
//! `preview` says who would get it and what the rules would say of it; `send` proposes it; `results` says what came of it. What
//! is proposed goes the way of every intent: the courier judges each one when it is carried.

mod file;
mod preview;
mod rehearsal;
mod results;

use std::io::Write;
use std::path::{Path, PathBuf};

use api::scan::{Scan, ScanError};
use api::views::ProposedView;
use journal::{Batch, Placed};
use model::{Customer, CustomerId, Deed, Entry, OperatorAct, Proposal};
use segment::Segment;

use super::segment::Asked;
use super::when::When;
use super::{Signed, print_json, unless_reader_left};
use crate::carrying::Outlet;
use file::Broadcast;
use preview::Naming;
use rehearsal::Reach;
pub(crate) use rehearsal::Stage;

/// Proposals in one batch: what bounds the memory, and how much is done again after a crash.
const BATCH_MAX: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum BroadcastCommand {
    /// Show how many would get it, how many are held out, and what the rules would drop or hold when the first of it may go out.
    /// Proposes nothing.
    Preview {
        /// The broadcast, in TOML.
        file: PathBuf,
        #[command(flatten)]
        naming: Naming,
    },
    /// Show how far each of its intents has come, what customers made of them, and what those bought who were held out.
    Results {
        /// The broadcast, in TOML.
        file: PathBuf,
        #[command(flatten)]
        when: When,
    },
    /// Propose it to everybody in its audience, through the host that runs, or for the one that is started next. Done again, it
    /// proposes nothing to whom it was proposed before.
    Send {
        /// The broadcast, in TOML.
        file: PathBuf,
        #[command(flatten)]
        signed: Signed,
        /// Propose nothing: show what `preview` shows.
        #[arg(long)]
        dry_run: bool,
    },
}

impl BroadcastCommand {
    pub(crate) fn writes(&self) -> bool {
        matches!(self, BroadcastCommand::Send { dry_run: false, .. })
    }
}

/// What a broadcast is held against.
pub(crate) struct Ground {
    pub(crate) asked: Asked,
    pub(crate) plan: courier::Plan,
    pub(crate) outlets: Vec<Outlet>,
    /// The same connections, to try what they take.
    pub(crate) stages: Vec<Stage>,
    /// Makes proposals durable: through a host, or by itself.
    pub(crate) propose: Propose,
}

pub(crate) type Propose = Box<dyn Fn(&Asked, Vec<OperatorAct>) -> anyhow::Result<ProposedView>>;

/// Where no host runs. Each act is said as a host would say it.
pub(crate) fn propose_alone(asked: &Asked, acts: Vec<OperatorAct>) -> anyhow::Result<ProposedView> {
    let said = |OperatorAct { id, by, why, deed }: OperatorAct| {
        let signed = Signed { by, why };
        Entry::Act(OperatorAct { id, by: signed.by(), why: signed.why, deed })
    };
    let entries = acts.into_iter().map(said).collect();
    let mut view = ProposedView::default();
    let batch = Batch { now: asked.now, entries, ..Batch::default() };
    for placed in asked.journal.append(&[batch])?.into_iter().flat_map(|receipt| receipt.placed) {
        match placed {
            Placed::New(_) => view.proposed += 1,
            Placed::Known(_) => view.known += 1,
        }
    }
    Ok(view)
}

impl Ground {
    fn stage(&self, connection: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.outlet.connection == connection)
    }

    fn scan(&self) -> Scan<'_> {
        let Asked { journal, store, segments: _, now, plugins: _ } = &self.asked;
        Scan { journal: &**journal, store: &**store, now: *now, until: None }
    }

    /// Calls with everybody in the audience. Gives how many are held out.
    fn each(
        &self,
        broadcast: &Broadcast,
        segment: &Segment,
        mut show: impl FnMut(&Customer) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let (scan, mut held_out) = (self.scan(), 0);
        scan.each::<Failed>(|customer| {
            if !scan.holds(segment, customer).map_err(anyhow::Error::from)? {
                return Ok(());
            }
            if broadcast.holds_out(customer.id) {
                held_out += 1;
                return Ok(());
            }
            Ok(show(customer)?)
        })?;
        Ok(held_out)
    }
}

/// Why an audience was not gone through.
#[derive(Debug)]
struct Failed(anyhow::Error);

impl From<ScanError> for Failed {
    fn from(error: ScanError) -> Failed {
        Failed(error.into())
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Failed {
        Failed(error)
    }
}

impl From<Failed> for anyhow::Error {
    fn from(Failed(error): Failed) -> anyhow::Error {
        error
    }
}

pub(crate) fn run(
    command: BroadcastCommand,
    ground: &Ground,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    unless_reader_left(match command {
        BroadcastCommand::Preview { file, naming } => {
            let (broadcast, segment) = read(&file, ground)?;
            rehearsal::check(ground, &broadcast, &segment)?;
            preview::preview(ground, &broadcast, &segment, Some(&naming), json, out)
        }
        BroadcastCommand::Results { file, when } => {
            let (broadcast, segment) = read(&file, ground)?;
            results::results(&ground.asked, &when, (&broadcast, &segment), json, out)
        }
        BroadcastCommand::Send { file, signed, dry_run } => {
            let (broadcast, segment) = read(&file, ground)?;
            rehearsal::check(ground, &broadcast, &segment)?;
            if dry_run {
                preview::preview(ground, &broadcast, &segment, None, json, out)
            } else {
                send(ground, &broadcast, &segment, &signed, json, out)
            }
        }
    })
}

fn read(file: &Path, ground: &Ground) -> anyhow::Result<(Broadcast, Segment)> {
    let broadcast = Broadcast::read(file)?;
    let segment = broadcast.segment(&ground.asked)?;
    Ok((broadcast, segment))
}

fn send(
    ground: &Ground,
    broadcast: &Broadcast,
    segment: &Segment,
    signed: &Signed,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (mut waiting, mut counts, reach) = (Vec::new(), Counts::default(), Reach::of(ground));
    let held_out = ground.each(broadcast, segment, |customer| {
        counts.audience += 1;
        let hers = broadcast.for_her(|scene| reach.plays(scene, customer));
        counts.unreached += u64::from(hers.is_empty());
        for intent in hers {
            let (binding, intent) = (broadcast.binding(), intent.clone());
            let id = act_id(broadcast, customer.id, &intent.key);
            let deed = Deed::Propose(Proposal { customer: customer.id, binding, intent });
            let Signed { by, why } = signed.clone();
            waiting.push(OperatorAct { id, by, why, deed });
        }
        if waiting.len() >= BATCH_MAX { append(ground, &mut waiting, &mut counts) } else { Ok(()) }
    })?;
    append(ground, &mut waiting, &mut counts)?;
    let Counts { audience, unreached, proposed, known } = counts;
    if json {
        let told = serde_json::json!({
            "name": broadcast.name, "audience": audience, "held_out": held_out, "unreached": unreached,
            "proposed": proposed, "known": known,
        });
        return print_json(out, &told);
    }
    writeln!(out, "{}: {audience} in the audience, {held_out} held out", broadcast.name)?;
    if unreached > 0 {
        writeln!(out, "{unreached} are reached in none of its scenes")?;
    }
    writeln!(out, "{proposed} proposed, {known} were proposed before")?;
    Ok(())
}

#[derive(Debug, Default)]
struct Counts {
    audience: u64,
    /// Nothing of it can be played to them, and nothing was proposed.
    unreached: u64,
    proposed: u64,
    known: u64,
}

fn append(ground: &Ground, waiting: &mut Vec<OperatorAct>, counts: &mut Counts) -> anyhow::Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let ProposedView { proposed, known } = (ground.propose)(&ground.asked, std::mem::take(waiting))?;
    counts.proposed += proposed;
    counts.known += known;
    Ok(())
}

/// The same for one customer whenever the broadcast is sent.
fn act_id(broadcast: &Broadcast, customer: CustomerId, key: &str) -> String {
    format!("broadcast/{}/{customer}/{key}", broadcast.name)
}
