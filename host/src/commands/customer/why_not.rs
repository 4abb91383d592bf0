//! `heliu customer why-not`: what a policy was shown of her, turn by turn, and why something is not so.

use std::io::Write;

use api::views::{self, LineView, MemoryView, WhyNotView};
use model::{Instant, Position, Record};
use router::{Question, Target};

use crate::commands::calendar::Zone;
use crate::commands::segment::Asked;
use crate::commands::table::{Table, cut, plain};
use crate::commands::when::{self, When, with_mend};
use crate::commands::{print_json, words};

/// Letters of a happening in a line.
const HAPPENING_LETTERS_MAX: usize = 60;
/// Bytes of a memory in a line.
const MEMORY_BYTES_MAX: usize = 8;

#[derive(Debug, clap::Args)]
pub(crate) struct WhyNotArguments {
    /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
    #[arg(value_name = "ID|HANDLE")]
    who: String,
    /// The policy's name in the configuration.
    #[arg(long)]
    policy: String,
    /// Why does she not hold this tag?
    #[arg(long, value_name = "NAME", group = "target")]
    tag: Option<String>,
    /// Why is she in no stage of this journey, or not in this one?
    #[arg(long, value_name = "JOURNEY[=STAGE]", group = "target")]
    stage: Option<String>,
    /// Why is this not intended for her?
    #[arg(long, value_name = "KEY", group = "target")]
    intent: Option<String>,
    /// How many lines, at most: the last ones.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    when: When,
}

impl WhyNotArguments {
    fn target(&self) -> Option<Target> {
        let tag = self.tag.clone().map(Target::Tag);
        let stage = || self.stage.as_deref().map(Target::stage);
        tag.or_else(stage).or_else(|| self.intent.clone().map(Target::Intent))
    }
}

pub(super) fn run(
    asked: &Asked,
    arguments: &WhyNotArguments,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let WhyNotArguments { who, policy, limit, when, .. } = arguments;
    let (at, zone) = (when.at()?, when.zone());
    let whom = when::whom(who)?;
    let customer = match &whom {
        api::past::Whom::Id(id) => *id,
        api::past::Whom::Handle(_) => when::find(&*asked.store, &whom, who)?.id,
    };
    let question = Question { customer, policy: policy.clone(), target: arguments.target() };
    let past = asked.past(when.records_max())?;
    let told = past.why_not(question, at).map_err(with_mend)?;
    if json {
        return print_json(out, &views::why_not(&told, *limit, &views::utc));
    }
    let clock = |time: Instant| zone.text(time);
    let view = views::why_not(&told, *limit, &clock);
    let positions: Vec<Position> = view.lines.iter().map(|line| line.position).collect();
    let records = asked.journal.fetch(&positions)?;
    print(&view, &records, zone, out)
}

fn print(view: &WhyNotView, records: &[Record], zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let also = if view.asked == view.id { String::new() } else { format!(", who was {}", view.asked) };
    writeln!(
        out,
        "{}{also}: what {} was shown, as of position {}, {} ({})",
        view.id,
        view.policy,
        view.at.position,
        zone.text(view.at.fired),
        zone.name()
    )?;
    when::doubt(out, view.at.agrees)?;
    if view.lines.len() < view.lines_all {
        writeln!(out, "the last {} of {} lines", view.lines.len(), view.lines_all)?;
    }
    let mut table = Table::default();
    for (line, record) in view.lines.iter().zip(records) {
        row(&mut table, line, record, zone);
    }
    table.print("  ", out)?;
    for other in view.reasons.iter().skip(1) {
        writeln!(out, "also {}: {}", other.code, plain(&other.text))?;
    }
    let what = match (view.kind, &view.name) {
        (Some(kind), Some(name)) => format!("{kind} \"{name}\""),
        _ => "in short".to_owned(),
    };
    writeln!(out, "{}: {}: {}", plain(&what), view.code, plain(&view.answer))?;
    Ok(())
}

fn row(table: &mut Table, line: &LineView, record: &Record, zone: Zone) {
    let happening = match (&line.alarm, line.code) {
        (Some(key), _) => format!("alarm {key}"),
        (None, Some("act")) => "by hand".to_owned(),
        (None, _) => cut(&words::entry(&record.entry, zone), HAPPENING_LETTERS_MAX),
    };
    let mut what: Vec<String> = Vec::new();
    match (line.shown, line.code) {
        (false, Some("act")) => what.extend(line.text.clone()),
        (false, Some(code)) => what.push(format!("not shown: {code}")),
        (true, Some("fault")) => what.push(format!("fault: {}", line.text.as_deref().unwrap_or_default())),
        _ => {}
    }
    what.extend(line.decisions.iter().map(|decision| format!("{} (\"{}\")", decision.what, decision.why)));
    if what.is_empty() {
        what.push("nothing".to_owned());
    }
    if let (true, Some("before-policy"), Some(version)) = (line.shown, line.code, line.version) {
        what.push(format!("[folded again by version {version}]"));
    }
    let memory = if line.shown { remembered(line) } else { String::new() };
    let fuel = line.fuel.map(|fuel| format!("fuel {fuel}")).unwrap_or_default();
    table.row([line.position.to_string(), zone.text(line.now), happening, memory, fuel, what.join("; ")]);
}

/// What the policy remembered of her before the turn and after it; of a long memory, the bytes from where the two differ.
fn remembered(line: &LineView) -> String {
    fn hex(memory: Option<&MemoryView>) -> Option<&str> {
        memory.map(|memory| memory.hex.as_str())
    }
    let (before, after) = (line.memory_before.as_ref(), line.memory_after.as_ref());
    let (was, is) = (hex(before), hex(after));
    if was == is {
        return short(after, 0);
    }
    let pairs = was.unwrap_or_default().bytes().zip(is.unwrap_or_default().bytes());
    let same = pairs.take_while(|(was, is)| was == is).count() / 2;
    format!("{} → {}", short(before, same), short(after, same))
}

/// `0a1b`, `…0a1b2c3d… (120 B)` or `nothing`. The first bytes are the same as in another memory, and only the last of those is shown.
fn short(memory: Option<&MemoryView>, same: usize) -> String {
    let Some(MemoryView { hex, bytes }) = memory else { return "nothing".to_owned() };
    if *bytes == 0 {
        return "0 B".to_owned();
    }
    if *bytes <= MEMORY_BYTES_MAX {
        return hex.clone();
    }
    let from = same.saturating_sub(1).min(bytes - 1);
    let to = (from + MEMORY_BYTES_MAX).min(*bytes);
    let [head, tail] = [from > 0, to < *bytes].map(|cut| if cut { "…" } else { "" });
    format!("{head}{}{tail} ({bytes} B)", hex.get(2 * from..2 * to).unwrap_or_default())
}
