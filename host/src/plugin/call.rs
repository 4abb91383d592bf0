//! `heliu plugin run`: one call, in the sandbox that production uses.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use model::{CustomerId, CustomerView, Happening, Turn, Verdict};
use sandbox::{Call, Called, Clock, Connector, Grants, Plugin, Policy, Sandbox, TurnFaultKind, TurnOutcome};
use wire::{OwnedHappening, OwnedOutcome, OwnedTurn};

use super::case::{Case, Input, RunArgs};
use super::print::{self, Printed};

pub(super) async fn run(sandbox: &Sandbox, arguments: RunArgs) -> anyhow::Result<ExitCode> {
    let case = Case::read(&arguments)?;
    let file = &arguments.file;
    let bytes = super::read_component(file)?;
    let plugin = sandbox.admit(&bytes, &Grants::all()).with_context(|| file.display().to_string())?;
    let schema = match &plugin {
        Plugin::Connector(connector) => &connector.descriptor().settings_schema,
        Plugin::Policy(policy) => &policy.descriptor().settings_schema,
    };
    if let Some(file) = &case.settings_file {
        config::check_settings(schema, &case.settings).with_context(|| file.display().to_string())?;
    }
    let printed = match plugin {
        Plugin::Connector(connector) => connect(&connector, case, file).await?,
        Plugin::Policy(policy) => decide(&policy, case, file)?,
    };
    let Printed { line, code } = printed;
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(code)
}

async fn connect(connector: &Connector, case: Case, file: &Path) -> anyhow::Result<Printed> {
    let Case { settings, settings_file: _, now, input, http, cassette, memory } = case;
    let memory = sandbox::ConnectionMemory::new(memory);
    let call = Call {
        connection: "try".to_owned(),
        settings: settings.clone(),
        secrets: Vec::new(),
        clock: clock(now),
        memory,
        http: http.clone(),
        patience: Duration::MAX,
    };
    let say_missed = || {
        for request in http.missed() {
            say_missed(&connector.without_secrets(&settings, &request), cassette.as_deref());
        }
    };
    let printed = match input {
        Input::Receive(request) => {
            let called = connector.receive(call, &request).await;
            say_missed();
            print::reception(said(called?))
        }
        Input::Poll(cursor) => {
            let called = connector.poll(call, cursor.as_ref()).await;
            say_missed();
            print::page(said(called?))
        }
        Input::Work(chore) => {
            let called = connector.work(call, &chore).await;
            say_missed();
            print::harvest(said(called?))
        }
        Input::Carry(errands) => {
            let called = connector.carry(call, &errands).await;
            say_missed();
            print::delivery(said(called?))
        }
        Input::Evaluate(_) => bail!("{}: a connector: call receive, poll, work or carry", file.display()),
    };
    printed.with_context(|| file.display().to_string())
}

fn clock(now: Option<u64>) -> Clock {
    match now {
        Some(now) => Arc::new(move || now),
        None => Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        }),
    }
}

/// Shows the log, and gives the answer.
fn said<T>(called: Called<T>) -> T {
    let Called { value, memory: _, held: _, log, log_dropped, http_requests: _, memory_bytes: _ } = called;
    for line in &log {
        eprintln!("plugin {}: {}", line.level.name(), line.text);
    }
    if log_dropped > 0 {
        eprintln!("plugin: {log_dropped} older lines were dropped");
    }
    value
}

fn say_missed(request: &str, cassette: Option<&Path>) {
    match cassette {
        Some(path) => eprintln!(
            "heliu: {} does not answer this request of the plugin's; add it there:\n{request}",
            path.display()
        ),
        None => {
            eprintln!(
                "heliu: there is no --http CASSETTE to answer this request of the plugin's:\n{request}"
            );
        }
    }
}

fn decide(policy: &Policy, case: Case, file: &Path) -> anyhow::Result<Printed> {
    let turns = match case.input {
        Input::Evaluate(turns) => turns,
        Input::Receive(_) | Input::Poll(_) | Input::Work(_) | Input::Carry(_) => {
            bail!("{}: a policy: call evaluate", file.display());
        }
    };
    let mut verdicts: Vec<Option<Verdict>> = turns.iter().map(|_| None).collect();
    let mut left: HashMap<CustomerId, Option<Vec<u8>>> = HashMap::new();
    let mut fuel = 0;
    for round in rounds(&turns) {
        let lent: Vec<Turn<'_>> = round.iter().map(|&at| lend(&turns[at], &left)).collect();
        let evaluation = policy.evaluate_metered(&case.settings, &lent)?;
        drop(lent);
        fuel += evaluation.fuel;
        for (&at, outcome) in round.iter().zip(evaluation.outcomes) {
            let verdict = match outcome {
                TurnOutcome::Verdict(verdict) => verdict,
                TurnOutcome::Fault(fault) if fault.kind == TurnFaultKind::Refused => {
                    return print::policy_error(fault.text);
                }
                TurnOutcome::Fault(fault) => {
                    bail!("{}: turn {} ({}): {fault}", file.display(), at + 1, fault.kind.name());
                }
            };
            left.insert(turns[at].customer, verdict.memory.clone());
            verdicts[at] = Some(verdict);
        }
    }
    let verdicts: Vec<Verdict> = verdicts.into_iter().flatten().collect();
    print::verdicts(&verdicts, fuel)
}

/// A customer's first turns, then their second ones, and so on: a customer stands in a round at most once.
fn rounds(turns: &[OwnedTurn]) -> Vec<Vec<usize>> {
    let mut seen: HashMap<CustomerId, usize> = HashMap::new();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let earlier = seen.entry(turn.customer).or_default();
        if *earlier == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[*earlier].push(at);
        *earlier += 1;
    }
    rounds
}

fn lend<'a>(turn: &'a OwnedTurn, left: &'a HashMap<CustomerId, Option<Vec<u8>>>) -> Turn<'a> {
    let OwnedTurn {
        customer,
        first_seen,
        traits,
        tags,
        stages,
        staff,
        outcomes,
        memory,
        position,
        now,
        happening,
    } = turn;
    let memory = match memory {
        Some(memory) => memory.as_deref(),
        None => left.get(customer).and_then(|memory| memory.as_deref()),
    };
    Turn {
        customer: CustomerView {
            id: *customer,
            first_seen: *first_seen,
            traits: traits.iter().map(|told| (told.name.as_str(), &told.value)).collect(),
            tags: tags.iter().collect(),
            stages: stages.iter().map(|held| (held.journey.as_str(), held.stage.as_str())).collect(),
            staff,
            outcomes: outcomes.iter().map(OwnedOutcome::lend).collect(),
        },
        memory,
        position: *position,
        now: *now,
        happening: match happening {
            OwnedHappening::Fact(event) => Happening::Fact { event, extra: event.extra.as_deref() },
            OwnedHappening::Alarm { key, due } => Happening::Alarm { key, due: *due },
        },
    }
}
