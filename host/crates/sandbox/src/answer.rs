//! The verdicts in what a policy answered.

use abi::v0_1::{Answer, PackedVerdicts, PackingError};
use model::Verdict;

use crate::bounds::{Bounds, OutOfBounds};
use crate::limits::Limits;

/// One verdict for each of so many turns.
pub(crate) fn verdicts(answer: Answer, turns: usize, limits: &Limits) -> Result<Vec<Verdict>, OutOfBounds> {
    match answer {
        Answer::Plain(verdicts) => one_each(verdicts.len(), turns).map(|()| verdicts),
        Answer::Packed(bytes) => unpacked(&bytes, turns, limits),
    }
}

fn unpacked(bytes: &[u8], turns: usize, limits: &Limits) -> Result<Vec<Verdict>, OutOfBounds> {
    Bounds::new(limits).count(
        "bytes of packed verdicts",
        bytes.len(),
        "policy_packed_bytes",
        limits.policy_packed_bytes,
    )?;
    let meaningless = |error: PackingError| match error {
        PackingError::Decisions(many) => Bounds::new(limits)
            .count("decisions", many, "verdict_decisions", limits.verdict_decisions)
            .expect_err("because that many were not unpacked"),
        error => OutOfBounds::because(format!(
            "the packed verdicts mean nothing, {error}: pack them as packed-policy says"
        )),
    };
    let mut packed = PackedVerdicts::open(bytes, limits.verdict_decisions).map_err(meaningless)?;
    one_each(packed.count(), turns)?;
    let mut verdicts = Vec::with_capacity(turns);
    while let Some(verdict) = packed.next_verdict().map_err(meaningless)? {
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

fn one_each(verdicts: usize, turns: usize) -> Result<(), OutOfBounds> {
    if verdicts == turns {
        return Ok(());
    }
    Err(OutOfBounds::because(format!("{verdicts} verdicts for {turns} turns: one for each is due")))
}
