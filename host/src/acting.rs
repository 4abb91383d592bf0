//! What an operator says on the command line, on its way: through the API of the host that runs, or, where none does,
//! into the journal and the store by ourselves.

mod dead;
mod listed;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use api::views::{ActView, ErasesView, ProposedView, ReportView};
use config::Config;
use heliu::wiring::{self, Data, Policies, Shelf};
use heliu::{erasures, shadows};
use journal::{Batch, Records};
use model::{Attest, Deed, Entry, OperatorAct, Position};
use router::{Looked, Plugins, Router, RouterConfig};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::commands::{self, Said, Signed};
use crate::pinned;

pub(crate) use dead::{DeadAct, run as dead};
pub(crate) use listed::erase as erase_listed;

/// How long a host may take to answer: it folds everybody concerned twice, and then once more for good.
const ANSWER_MAX: Duration = Duration::from_secs(150);

/// A token for the host that runs; it goes before the configuration's.
const VARIABLE: &str = "HELIU_TOKEN";

/// Says it, and prints what it changes.
pub(crate) fn run(
    path: &Path,
    said: &Said,
    deed: impl Fn(&dyn Store) -> anyhow::Result<Deed>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let text = say(&config::load(path)?, said, deed)?;
    if json {
        writeln!(out, "{text}")?;
        return Ok(());
    }
    commands::tell_act(&understood(&text)?, out)
}

/// What a host, of this version or another, answered to an act.
pub(crate) fn understood(text: &str) -> anyhow::Result<ActView> {
    serde_json::from_str(text).context("the host's answer is not what this version knows")
}

/// Says it, and gives the answer as JSON.
pub(crate) fn say(
    config: &Config,
    said: &Said,
    deed: impl Fn(&dyn Store) -> anyhow::Result<Deed>,
) -> anyhow::Result<String> {
    Ok(match Data::try_alone(config)? {
        Some((data, _lock)) => {
            let (view, _) = alone(config, &data, said, deed)?;
            serde_json::to_string(&view)?
        }
        None => {
            let deed = deed(&*Data::open(config)?.store)?;
            crate::runtime()?.block_on(ask(config, said, &deed))?
        }
    })
}

/// No host runs: what it would do.
fn alone(
    config: &Config,
    data: &Data,
    said: &Said,
    deed: impl Fn(&dyn Store) -> anyhow::Result<Deed>,
) -> anyhow::Result<(ActView, Looked)> {
    let (journal, store): (Arc<dyn Records>, Arc<dyn Store>) = (data.journal.clone(), data.store.clone());
    let policies: Arc<dyn Plugins> = Arc::new(Policies::new(data.sandbox()?, Shelf::new(data)));
    let open = || {
        let (journal, store) = (Arc::clone(&journal), Arc::clone(&store));
        Router::open(journal, store, Arc::clone(&policies), RouterConfig::default())
    };
    if !said.dry_run {
        // What a host that was stopped left behind comes first.
        open()?.catch_up(Position::MAX)?;
    }
    let head = journal.head()?;
    let now = match config.clock {
        config::Clock::System => wiring::system_now(),
        config::Clock::Manual => head.now,
    };
    let id = said.id.clone().unwrap_or_else(|| format!("act_{now}_{}", head.position));
    // As the host would say it: whoever holds the folder holds its configuration.
    let (by, why) = (api::Caller::of_config().said_by(Some(&said.by)), said.why.clone());
    let act = OperatorAct { id: id.clone(), by, why, deed: deed(&*store)? };
    let looked = router::look(&journal, &*store, &policies, &act)?;
    let report = ReportView::new(&looked.report);
    let (known, mut position) = (looked.known.is_some(), looked.known);
    if !said.dry_run && !known {
        let receipts =
            journal.append(&[Batch { now, entries: vec![Entry::Act(act)], ..Batch::default() }])?;
        position =
            receipts.first().and_then(|receipt| receipt.placed.first()).map(|placed| placed.position());
        // No further than the journal has come: what is due since is fired when feeds have told what happened since.
        open()?.settle(journal.head()?.now)?;
    }
    if !said.dry_run && looked.erases.is_some() {
        erasures::keep(&data.folder, &*journal, &*store)?;
        // Nobody folds them here, and they have her.
        if shadows::forget(&data.folder)? {
            eprintln!("heliu: shadows have forgotten everybody, and begin anew when a host runs");
        }
    }
    let stands = store.standing()?.0.position;
    let folded = position.is_some_and(|position| position <= stands);
    let erases = looked.erases.as_ref().map(ErasesView::new);
    let view = ActView { id, dry_run: said.dry_run, position, known, folded, report, erases };
    Ok((view, looked))
}

/// Says in the journal that something is done which changes no customer, before it is done. Where no host runs, nothing is
/// folded for it. None: the journal holds nothing yet, and nothing can be taken out of it.
pub(crate) fn attest(config: &Config, signed: &Signed, attest: Attest) -> anyhow::Result<Option<Position>> {
    let deed = Deed::Attest(attest);
    let Some((data, _lock)) = Data::try_alone(config)? else {
        let Signed { by, why } = signed.clone();
        let said = Said { by, why, id: None, dry_run: false };
        let answer = understood(&crate::runtime()?.block_on(ask(config, &said, &deed))?)?;
        return Ok(answer.position);
    };
    let head = data.journal.head()?;
    if head.position == 0 {
        return Ok(None);
    }
    let now = match config.clock {
        config::Clock::System => wiring::system_now(),
        config::Clock::Manual => head.now,
    };
    let id = format!("act_{now}_{}", head.position);
    let act = OperatorAct { id, by: signed.by(), why: signed.why.clone(), deed };
    let batch = Batch { now, entries: vec![Entry::Act(act)], ..Batch::default() };
    let placed = data.journal.append(&[batch])?.into_iter().flat_map(|receipt| receipt.placed);
    Ok(placed.map(|placed| placed.position()).next_back())
}

#[derive(Serialize)]
struct Wanted<'a> {
    id: Option<&'a str>,
    by: &'a str,
    why: &'a str,
    deed: api::views::Raw,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureText,
}

#[derive(Deserialize)]
struct FailureText {
    message: String,
}

/// The answer's text of the host that runs.
async fn ask(config: &Config, said: &Said, deed: &Deed) -> anyhow::Result<String> {
    let Said { by, why, id, dry_run } = said;
    let body =
        serde_json::to_string(&Wanted { id: id.as_deref(), by, why, deed: wire::to_raw::<Deed>(deed) })?;
    post(config, if *dry_run { "acts?dry_run=true" } else { "acts" }, body).await
}

/// What the host that runs answers to a body.
async fn post(config: &Config, path: &str, body: String) -> anyhow::Result<String> {
    let folder = config.data_dir.display();
    let address = wiring::announced(config).unwrap_or(config.api.listen.unwrap_or(config.listen));
    let address = wiring::reachable(address);
    let certificate = match config.api.listen {
        Some(_) => config.api.tls.as_ref().or(config.tls.as_ref()),
        None => config.tls.as_ref(),
    };
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}/api/v1/{path}");
    let client = client(certificate)?;
    let token = token(config)?;
    let request = client.post(&url).bearer_auth(token);
    let response = request.header("content-type", "application/json").body(body).send().await;
    let response = response.map_err(anyhow::Error::from).with_context(|| {
        format!(
            "{folder}: a host, or an import, works on this data folder, and nothing answers at {url}. If a host runs there, \
             look at its log; if it has ended, try again"
        )
    })?;
    let status = response.status();
    let text = response.text().await.with_context(|| format!("{url}: the answer broke off"))?;
    if status.is_success() {
        return Ok(text);
    }
    match serde_json::from_str::<Failure>(&text) {
        Ok(Failure { error: FailureText { message } }) if status == reqwest::StatusCode::UNAUTHORIZED => {
            bail!("{url}: {message}: {VARIABLE}, or [api] token, is none of this host's that is in force")
        }
        Ok(Failure { error: FailureText { message } }) => bail!("{message}"),
        Err(_) => bail!("{url}: {status}: {text}"),
    }
}

/// Proposes something to many, through the host that runs.
pub(crate) fn propose(config: &Config, acts: &[OperatorAct]) -> anyhow::Result<ProposedView> {
    let acts: Vec<api::views::Raw> = acts.iter().map(wire::to_raw::<OperatorAct>).collect();
    let body = serde_json::json!({ "acts": acts }).to_string();
    let text = crate::runtime()?.block_on(post(config, "proposals", body))?;
    serde_json::from_str(&text).context("the host's answer is not what this version knows")
}

/// Of the caller's own, if there is one: the act then bears its name.
fn token(config: &Config) -> anyhow::Result<String> {
    match (std::env::var(VARIABLE), &config.api.token) {
        (Ok(token), _) if !token.is_empty() => Ok(token),
        (_, Some(token)) => Ok(token.expose().to_owned()),
        (_, None) => bail!(
            "{}: there is no [api] token: make one with `heliu token create NAME --scope operate`, and give it in the \
             environment as {VARIABLE}",
            config.path.display()
        ),
    }
}

fn client(tls: Option<&config::Tls>) -> anyhow::Result<reqwest::Client> {
    // The client wants to know its cryptography also where it speaks plain HTTP. An error means that somebody chose before,
    // which will do.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(ANSWER_MAX);
    if let Some(tls) = tls {
        let own = crate::serve::chain(&tls.cert)?.swap_remove(0);
        client = client.tls_backend_preconfigured(pinned::client(own)?);
    }
    client.build().context("make an HTTP client")
}
