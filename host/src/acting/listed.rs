//! People who were erased and are back, because a backup from before was restored: they are erased again.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use config::Config;
use heliu::erasures;
use heliu::wiring::{Data, Policies, Shelf};
use model::{Deed, Erase, Position};
use router::{Router, RouterConfig};

use super::{say, understood};
use crate::commands::{self, Said};

/// Erases everybody whom the data folder lists as erased and whom the journal has all the same. Each act has the id that it had.
pub(crate) fn erase(path: &Path, said: &Said, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(said.id.is_none(), "--id: each of them has the id of the act that erased her");
    let config = config::load(path)?;
    if !said.dry_run {
        catch_up(&config)?;
    }
    let listed = erasures::read(&config.data_dir.join(erasures::FILE))?;
    let (mut views, mut kept) = (Vec::new(), Vec::new());
    for one in erasures::back(&listed, &*Data::open(&config)?.journal)? {
        let data = Data::open(&config)?;
        let meant = match erasures::meant(&one, &*data.journal, &*data.store) {
            Ok(meant) => meant,
            Err(error) => {
                kept.push(format!("{error:#}"));
                continue;
            }
        };
        drop(data);
        // The act's own id comes last: it says that all of them are erased.
        for (place, &customer) in meant.iter().enumerate().rev() {
            let id = if place == 0 { one.act.clone() } else { format!("{}.{place}", one.act) };
            let said = Said { id: Some(id), ..said.clone() };
            views.push(understood(&say(&config, &said, |_| Ok(Deed::Erase(Erase { customer })))?)?);
        }
    }
    if json {
        commands::print_json(out, &views)?;
    } else if views.is_empty() && kept.is_empty() {
        writeln!(out, "nobody whom the list names is back")?;
    } else {
        views.iter().try_for_each(|view| commands::tell_act(view, out))?;
    }
    ensure!(kept.is_empty(), "{} of those who were erased are still here:\n{}", kept.len(), kept.join("\n"));
    Ok(())
}

/// Where no host runs: who there is, is known when all of the journal is folded.
fn catch_up(config: &Config) -> anyhow::Result<()> {
    let Some((data, _lock)) = Data::try_alone(config)? else { return Ok(()) };
    let policies = Arc::new(Policies::new(data.sandbox()?, Shelf::new(&data)));
    let mut router =
        Router::open(data.journal.clone(), data.store.clone(), policies, RouterConfig::default())?;
    router.catch_up(Position::MAX)?;
    Ok(())
}
