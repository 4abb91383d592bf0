//! Runs a plugin's goldens: natively, and inside the real sandbox where it is at hand. One expectation serves both.
//!
//! A golden is one file `tests/golden/<case>.json` beside the plugin's `Cargo.toml`. A plugin's whole test is
//!
//! ```ignore
//! #[test]
//! fn goldens() {
//!     heliu_sdk::harness::policy_goldens::<Repurchase>(env!("CARGO_MANIFEST_DIR"));
//! }
//! ```
//!
//! | Variable | Effect |
//! |---|---|
//! | `HELIU_GOLDENS=both` | the sandbox must be there: a missing host or component is a failure |
//! | `HELIU_GOLDENS=native` | natively only |
//! | `HELIU_BIN` | the host's program; otherwise `target/release/heliu` of the workspace |
//! | `HELIU_BLESS=1` | writes what came out natively into the goldens, instead of comparing |

mod cassette;
mod golden;
mod sandboxed;
mod shape;
mod verbatim;

use std::path::Path;

use crate::chores::{Chore, Harvest};
use crate::connector::{self, Delivery, Errand, Page, Reception, Refusal, Request};
use crate::events::Json;
use crate::faults::Fault;
use crate::policy::{self, Turn, Verdict};
use crate::{ChoreWorker, Feed, Host, Outlet, Policy, Webhook};

pub use cassette::CassetteHost;
use golden::{Case, Golden};
use shape::Outcome;

/// What a plugin can be called for. None: its world has no such export.
#[derive(Default)]
struct Calls {
    receive: Option<Receive>,
    poll: Option<Poll>,
    work: Option<Work>,
    carry: Option<Carry>,
    evaluate: Option<Evaluate>,
}

type Receive = fn(&str, Request, &mut dyn Host) -> Result<Reception, Refusal>;
type Poll = fn(&str, Option<Json>, &mut dyn Host) -> Result<Page, Fault>;
type Work = fn(&str, Chore, &mut dyn Host) -> Result<Harvest, Fault>;
type Carry = fn(&str, Vec<Errand>, &mut dyn Host) -> Delivery;
type Evaluate = fn(&str, &[Turn]) -> Result<Vec<Verdict>, String>;

/// Runs the goldens of a policy. Panics with all that differs. `folder` is the plugin's `CARGO_MANIFEST_DIR`.
pub fn policy_goldens<P: Policy>(folder: &str) {
    run(folder, &Calls { evaluate: Some(policy::evaluate::<P>), ..Calls::default() });
}

/// Runs the goldens of a connector of the world `webhook-connector`, as [`policy_goldens`] does.
pub fn webhook_connector_goldens<C: Webhook + ChoreWorker>(folder: &str) {
    let (receive, work) = (connector::receive::<C>, connector::work::<C>);
    run(folder, &Calls { receive: Some(receive), work: Some(work), ..Calls::default() });
}

/// Runs the goldens of a connector of the world `feed-connector`, as [`policy_goldens`] does.
pub fn feed_connector_goldens<C: Feed + ChoreWorker>(folder: &str) {
    let (poll, work) = (connector::poll::<C>, connector::work::<C>);
    run(folder, &Calls { poll: Some(poll), work: Some(work), ..Calls::default() });
}

/// Runs the goldens of a connector of the world `reconciled-connector`, as [`policy_goldens`] does.
pub fn reconciled_connector_goldens<C: Webhook + Feed + ChoreWorker>(folder: &str) {
    let (receive, poll, work) = (connector::receive::<C>, connector::poll::<C>, connector::work::<C>);
    run(folder, &Calls { receive: Some(receive), poll: Some(poll), work: Some(work), ..Calls::default() });
}

/// Runs the goldens of a connector of the world `two-way-connector`, as [`policy_goldens`] does.
pub fn two_way_connector_goldens<C: Webhook + ChoreWorker + Outlet>(folder: &str) {
    let (receive, work, carry) = (connector::receive::<C>, connector::work::<C>, connector::carry::<C>);
    run(folder, &Calls { receive: Some(receive), work: Some(work), carry: Some(carry), ..Calls::default() });
}

/// Runs the goldens of a connector of the world `full-connector`, as [`policy_goldens`] does.
pub fn full_connector_goldens<C: Webhook + Feed + ChoreWorker + Outlet>(folder: &str) {
    let calls = Calls {
        receive: Some(connector::receive::<C>),
        poll: Some(connector::poll::<C>),
        work: Some(connector::work::<C>),
        carry: Some(connector::carry::<C>),
        evaluate: None,
    };
    run(folder, &calls);
}

fn run(folder: &str, calls: &Calls) {
    let folder = Path::new(folder);
    let bless = std::env::var_os("HELIU_BLESS").is_some_and(|value| value == "1");
    let mut failures = Vec::new();
    let cases = Case::all(folder).unwrap_or_else(|why| panic!("{why}"));
    let sandbox = sandboxed::find(folder).unwrap_or_else(|why| panic!("{why}"));
    for case in &cases {
        let result = if bless { bless_one(case, calls) } else { check_one(case, calls, sandbox.as_ref()) };
        if let Err(why) = result {
            failures.push(format!("{}: {why}", case.name()));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} goldens fail\n\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}

fn check_one(case: &Case, calls: &Calls, sandbox: Option<&sandboxed::Sandbox>) -> Result<(), String> {
    let golden = case.read()?;
    let mut host = CassetteHost::new(&golden)?;
    let native = call(&golden, calls, &mut host)?;
    golden.compare(&native).map_err(|why| format!("natively: {why}{}", host.log_lines()))?;
    match sandbox {
        Some(sandbox) => {
            let guest = sandbox.run(case)?;
            golden.compare(&guest).map_err(|why| format!("in the sandbox: {why}"))
        }
        None => Ok(()),
    }
}

fn bless_one(case: &Case, calls: &Calls) -> Result<(), String> {
    let golden = case.read()?;
    let mut host = CassetteHost::new(&golden)?;
    case.bless(&call(&golden, calls, &mut host)?)
}

fn call(golden: &Golden, calls: &Calls, host: &mut CassetteHost) -> Result<Outcome, String> {
    use golden::Call;

    let settings = golden.settings.get();
    let export = |name: &str| format!("the plugin's world does not export what {name:?} calls");
    let input = |name: &str| format!("a key is missing: {name:?}");
    Ok(match golden.call {
        Call::Receive => {
            let receive = calls.receive.ok_or_else(|| export("receive"))?;
            let request = golden.request.as_ref().ok_or_else(|| input("request"))?.to_request()?;
            shape::reception(receive(settings, request, host))
        }
        Call::Poll => {
            let poll = calls.poll.ok_or_else(|| export("poll"))?;
            let cursor = golden.cursor.as_ref().map(|cursor| cursor.get().to_owned());
            shape::page(poll(settings, cursor, host))
        }
        Call::Work => {
            let work = calls.work.ok_or_else(|| export("work"))?;
            let chore = golden.chore.clone().ok_or_else(|| input("chore"))?;
            shape::harvest(work(settings, chore, host))
        }
        Call::Carry => {
            let carry = calls.carry.ok_or_else(|| export("carry"))?;
            let errands = golden.errands.as_ref().ok_or_else(|| input("errands"))?;
            shape::delivery(&carry(settings, errands.iter().map(shape::Errand::to_errand).collect(), host))
        }
        Call::Evaluate => {
            let evaluate = calls.evaluate.ok_or_else(|| export("evaluate"))?;
            let turns = golden.turns.as_ref().ok_or_else(|| input("turns"))?;
            shape::verdicts(evaluate_in_rounds(evaluate, settings, turns))
        }
    })
}

/// Evaluates round after round, as the host does: a customer stands in a round at most once, and a turn that brings
/// no memory of its own has what her turn before left.
fn evaluate_in_rounds(
    evaluate: Evaluate,
    settings: &str,
    turns: &[shape::Turn],
) -> Result<Vec<Verdict>, String> {
    let mut verdicts: Vec<Option<Verdict>> = turns.iter().map(|_| None).collect();
    let round_of =
        |i: usize| turns[..i].iter().filter(|earlier| earlier.customer.id == turns[i].customer.id).count();
    let mut round = 0;
    loop {
        let members: Vec<usize> = (0..turns.len()).filter(|&i| round_of(i) == round).collect();
        if members.is_empty() {
            return Ok(verdicts.into_iter().flatten().collect());
        }
        let mut batch = Vec::with_capacity(members.len());
        for &i in &members {
            let earlier = (0..i).rev().find(|&e| turns[e].customer.id == turns[i].customer.id);
            let left = earlier.and_then(|e| verdicts[e].as_ref()).and_then(|verdict| verdict.memory.clone());
            batch.push(turns[i].to_turn(left)?);
        }
        let decided = evaluate(settings, &batch)?;
        for (i, verdict) in members.into_iter().zip(decided) {
            verdicts[i] = Some(verdict);
        }
        round += 1;
    }
}
