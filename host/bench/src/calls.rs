//! One call and a batch of the repurchase policy, beside the same policy compiled natively.
//!
//! A realistic turn: a customer with two traits, four tags and a stage, a memory of three orders, an order of two lines.
//! The native policy works over copies that it owns, since a guest cannot work over anything else.

use std::hint::black_box;
use std::time::{Duration, Instant};

use heliu_sdk::policy as native;
use model::Turn;
use repurchase::Repurchase;
use sandbox::{Policy, TurnOutcome};

use crate::figure::Figure;
use crate::shopper::{self, Shopper};
use crate::{Bench, policies};

/// Turns in the batch that is compared.
const BATCH: usize = 64;
/// Orders that are learned before the one that is measured.
const ORDERS_BEFORE: u64 = 3;
/// Each side is measured so often, in turns; the best of each counts. Noise only ever adds.
const TRIES: usize = 9;
const TRY: Duration = Duration::from_millis(120);

pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let policy = policies::admit(&bench.plugins, &policies::sandbox(bench)?, "repurchase")?;
    let shoppers = remembering(&policy)?;
    let turns = shown(&shoppers, &policy);
    let owned: Vec<native::Turn> = turns.iter().map(shopper::owned).collect();
    same(&policy, &turns, &owned)?;
    let settings = policies::REPURCHASE;

    let (mut sandboxed, mut natively, mut one) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..TRIES {
        sandboxed = sandboxed.min(best(|| drop(black_box(policy.evaluate(settings, black_box(&turns))))));
        natively = natively.min(best(|| {
            let copies = black_box(&owned).clone();
            drop(black_box(native::evaluate::<Repurchase>(settings, &copies)));
        }));
        one = one.min(best(|| drop(black_box(policy.evaluate(settings, black_box(&turns[..1]))))));
    }
    let batch = BATCH as f64;
    Ok(vec![
        Figure::new("policy_call_us", one * 1e6, "us for one turn alone"),
        Figure::new("policy_batch64_us", sandboxed * 1e6 / batch, "us for each turn"),
        Figure::new("policy_batch64_native_us", natively * 1e6 / batch, "us for each turn"),
        Figure::new("policy_batch64_vs_native", sandboxed / natively, "times the same policy natively"),
    ])
}

/// Seconds of one call, over as many as fit into a try.
fn best(mut call: impl FnMut()) -> f64 {
    let (started, mut calls) = (Instant::now(), 0_u32);
    while started.elapsed() < TRY {
        call();
        calls += 1;
    }
    started.elapsed().as_secs_f64() / f64::from(calls.max(1))
}

/// Customers who have bought before.
fn remembering(policy: &Policy) -> anyhow::Result<Vec<Shopper>> {
    let mut shoppers: Vec<Shopper> = (0..BATCH as u64).map(Shopper::new).collect();
    for _ in 0..ORDERS_BEFORE {
        let outcomes = policy.evaluate(policies::REPURCHASE, &shown(&shoppers, policy))?;
        for (shopper, outcome) in shoppers.iter_mut().zip(outcomes) {
            let TurnOutcome::Verdict(verdict) = outcome else { anyhow::bail!("a turn failed: {outcome:?}") };
            shopper.buys_again(verdict.memory);
        }
    }
    Ok(shoppers)
}

fn shown<'a>(shoppers: &'a [Shopper], policy: &Policy) -> Vec<Turn<'a>> {
    shoppers.iter().map(|shopper| shopper.turn(policy.descriptor())).collect()
}

/// Both sides must do the same work: they remember the same bytes and decide as much.
fn same(policy: &Policy, turns: &[Turn<'_>], owned: &[native::Turn]) -> anyhow::Result<()> {
    let sandboxed = policy.evaluate(policies::REPURCHASE, turns)?;
    let natively = native::evaluate::<Repurchase>(policies::REPURCHASE, owned).map_err(anyhow::Error::msg)?;
    for (outcome, verdict) in sandboxed.iter().zip(&natively) {
        let TurnOutcome::Verdict(sandboxed) = outcome else { anyhow::bail!("a turn failed: {outcome:?}") };
        anyhow::ensure!(
            sandboxed.memory == verdict.memory && sandboxed.decisions.len() == verdict.decisions.len(),
            "the sandbox and the native policy decide differently"
        );
        anyhow::ensure!(!verdict.decisions.is_empty(), "the turns decide nothing: they are not realistic");
    }
    Ok(())
}
