//! `heliu dead retry` and `heliu dead drop`, on their way: through the API of the host that runs, or, where none does, by
//! ourselves.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use api::RetryRefused;
use api::dead::{self, LetterId};
use api::views::{DroppedView, RetriedView};
use config::Config;
use heliu::wiring::{self, Data};
use journal::{Batch, HowEnded, Journal, LetterEnd, Letters, Records};
use serde::Serialize;

use super::post;
use crate::commands::{self, Signed, WhichLetters};
use crate::serve::LetterSaid;

/// Letters that one command ends, at most. Whoever has more says it again.
const AT_ONCE_MAX: usize = 1000;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeadAct {
    /// Give letters to the plugins that are configured now. What comes of one is kept, and ends it; else it waits on.
    /// Whose turn a policy failed at is folded again, and nothing is sent for it.
    ///
    /// Exit code 1 if one still cannot be handled.
    Retry {
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        signed: Signed,
        /// Only tell what would come of it. The plugin, and what it asks of its channel, is called all the same.
        #[arg(long)]
        dry_run: bool,
    },
    /// Let letters go, for good. They stay in the list of all, with a name and a reason.
    Drop {
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        signed: Signed,
    },
}

/// Letters by their ids, or all that wait and have something in common.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Meant {
    /// Numbers, or `turn:POSITION:VERSION:TIME`, as `heliu dead list` shows them.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    which: WhichLetters,
}

#[derive(Serialize)]
struct Wanted<'a> {
    by: &'a str,
    why: &'a str,
}

impl<'a> Wanted<'a> {
    /// A host says in the name of the token who it is.
    fn of(signed: &'a Signed) -> Wanted<'a> {
        let Signed { by, why } = signed;
        Wanted { by, why }
    }
}

/// Does it, and tells of each letter. False: one of them still waits.
pub(crate) fn run(path: &Path, act: &DeadAct, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let config = config::load(path)?;
    match Data::try_alone(&config)? {
        Some((data, _lock)) => match act {
            DeadAct::Retry { meant, signed, dry_run } => {
                let Apart { numbers, turns } = apart(&ids(&data, meant)?)?;
                let mut tries = Vec::new();
                if !numbers.is_empty() {
                    let said = LetterSaid { by: &signed.by(), why: &signed.why };
                    let tried = crate::serve::retry_alone(&config, &data, &numbers, *dry_run, said);
                    tries = crate::runtime()?.block_on(tried)?;
                }
                for key in turns {
                    tries.push(Ok(retry_turn_alone(&config, &data, &key, signed, *dry_run)?));
                }
                told_retries(tries, json, out)
            }
            DeadAct::Drop { meant, signed } => {
                for id in ids(&data, meant)? {
                    told_drop(&drop_alone(&config, &data, id, signed)?, json, out)?;
                }
                Ok(true)
            }
        },
        None => crate::runtime()?.block_on(ask(&config, act, json, out)),
    }
}

/// Through the host that runs.
async fn ask(config: &Config, act: &DeadAct, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let data = Data::open(config)?;
    match act {
        DeadAct::Retry { meant, signed, dry_run } => {
            let mut tries = Vec::new();
            for id in ids(&data, meant)? {
                let path =
                    format!("dead/{}/retry{}", in_a_path(&id), if *dry_run { "?dry_run=true" } else { "" });
                let body = serde_json::to_string(&Wanted::of(signed))?;
                let text = post(config, &path, body).await?;
                tries.push(Ok(serde_json::from_str::<RetriedView>(&text)?));
            }
            told_retries(tries, json, out)
        }
        DeadAct::Drop { meant, signed } => {
            for id in ids(&data, meant)? {
                let body = serde_json::to_string(&Wanted::of(signed))?;
                let text = post(config, &format!("dead/{}/drop", in_a_path(&id)), body).await?;
                told_drop(&serde_json::from_str(&text)?, json, out)?;
            }
            Ok(true)
        }
    }
}

/// An alarm's key is any text.
fn in_a_path(id: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    id.bytes().map(escaped).collect()
}

/// The ids that are meant.
fn ids(data: &Data, meant: &Meant) -> anyhow::Result<Vec<String>> {
    let Meant { ids, which } = meant;
    match (ids.is_empty(), which.names_any()) {
        (false, false) => Ok(ids.clone()),
        (true, true) => {
            let letters = data.journal.dead(&which.query(0, AT_ONCE_MAX, true))?;
            if letters.is_empty() {
                bail!("no letter waits that is so: heliu dead list names them");
            }
            Ok(letters.into_iter().map(|letter| letter.number.to_string()).collect())
        }
        (false, true) => bail!("name letters, or say what they have in common; not both"),
        (true, false) => bail!("which letters? name them, or give --connection or --reason"),
    }
}

/// Letters of connections, and the keys of turns.
#[derive(Default)]
struct Apart {
    numbers: Vec<u64>,
    turns: Vec<String>,
}

fn apart(ids: &[String]) -> anyhow::Result<Apart> {
    let mut apart = Apart::default();
    for id in ids {
        match dead::parse_id(id) {
            Some(LetterId::Letter(number)) => apart.numbers.push(number),
            Some(LetterId::Turn(key)) => apart.turns.push(key),
            None => bail!("\"{id}\" is no id of a dead letter"),
        }
    }
    Ok(apart)
}

fn retry_turn_alone(
    config: &Config,
    data: &Data,
    key: &str,
    signed: &Signed,
    dry_run: bool,
) -> anyhow::Result<RetriedView> {
    let turn = dead::waiting_turn(&*data.journal, &*data.store, key)?;
    let Signed { by, why } = signed.clone();
    let said = commands::Said { by, why, id: None, dry_run };
    let (act, looked) = super::alone(config, data, &said, |_| Ok(dead::again(&turn)))?;
    Ok(dead::retried(&*data.store, &turn, act, &looked)?)
}

fn drop_alone(config: &Config, data: &Data, id: String, signed: &Signed) -> anyhow::Result<DroppedView> {
    let letters = match dead::parse_id(&id) {
        None => bail!("\"{id}\" is no id of a dead letter"),
        Some(LetterId::Letter(number)) => {
            dead::waiting(&*data.journal, number)?;
            Letters::One(number)
        }
        Some(LetterId::Turn(key)) => {
            dead::waiting_turn(&*data.journal, &*data.store, &key)?;
            Letters::Turn(key)
        }
    };
    let now = match config.clock {
        config::Clock::System => wiring::system_now(),
        config::Clock::Manual => data.journal.head()?.now,
    };
    let (by, why) = (signed.by(), signed.why.clone());
    let end = LetterEnd { letters, how: HowEnded::Dropped, by: by.clone(), why: why.clone() };
    let entries = end.record().into_iter().collect();
    data.journal.append(&[Batch { now, entries, ends: vec![end], ..Batch::default() }])?;
    Ok(DroppedView { id, by, why })
}

fn told_retries(
    tries: Vec<Result<RetriedView, RetryRefused>>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let mut all = true;
    for tried in tries {
        let view = tried?;
        all &= view.outcome == "handled";
        if json {
            writeln!(out, "{}", serde_json::to_string(&view)?)?;
            continue;
        }
        let RetriedView { id, dry_run, outcome, message, events, stored, chores, title, digest, act } = view;
        let plugin = format!("{title} {}", digest.get(..12).unwrap_or(&digest));
        let (events, ends) = (
            format!("{events} events, {stored} new, {chores} chores"),
            if dry_run { "would end" } else { "ended" },
        );
        if outcome == "handled" && act.is_some() {
            writeln!(out, "letter {} {ends}: {}", commands::plain(&id), commands::plain(&message))?;
        } else if outcome == "handled" {
            writeln!(out, "letter {id} {ends}: {events}; {}", commands::plain(&message))?;
        } else {
            writeln!(
                out,
                "letter {} waits on: {outcome}: {} (by {})",
                commands::plain(&id),
                commands::plain(&message),
                commands::plain(&plugin)
            )?;
        }
        if let Some(act) = act {
            commands::tell_act(&act, out)?;
        }
    }
    Ok(all)
}

fn told_drop(view: &DroppedView, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string(view)?)?;
    } else {
        let DroppedView { id, by, why } = view;
        writeln!(
            out,
            "letter {} dropped by {}: {}",
            commands::plain(id),
            commands::plain(by),
            commands::plain(why)
        )?;
    }
    Ok(())
}
