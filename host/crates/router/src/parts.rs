//! Divides the lanes of a batch among threads: customers have nothing to do with each other, but for those who are merged.
//!
//! Invariant: lanes that wait for each other stand in one part. Any division gives the same result, as any batch does.

use std::thread;

use crate::lane::Lane;
use crate::rounds::{Rounds, Yield};
use crate::{RouterConfig, RouterError};

/// Runs all lanes to their end, on as many threads as the configuration says.
pub(crate) fn run(
    rounds: &Rounds<'_>,
    lanes: &mut Vec<Lane>,
    config: &RouterConfig,
) -> Result<Yield, RouterError> {
    let threads = config.threads;
    if threads < 2 || lanes.len() < config.threads_from {
        return rounds.run(lanes);
    }
    let part_of = divide(lanes, threads);
    let mut parts = deal(std::mem::take(lanes), &part_of, threads);
    let results: Vec<Result<Yield, RouterError>> = thread::scope(|scope| {
        let (first, others) = parts.split_at_mut(1);
        let running: Vec<_> = others.iter_mut().map(|part| scope.spawn(|| rounds.run(part))).collect();
        let mut results: Vec<_> = first.iter_mut().map(|part| rounds.run(part)).collect();
        results.extend(running.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        results
    });
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    lanes.extend(part_of.iter().filter_map(|&part| parts[part].next()));
    let mut sum = Yield::default();
    for result in results {
        let Yield { tells, notes, turns } = result?;
        sum.tells.extend(tells);
        sum.notes.extend(notes);
        sum.turns += turns;
    }
    Ok(sum)
}

/// The part of each lane. A lane stands behind those that it is made of.
fn divide(lanes: &[Lane], threads: usize) -> Vec<usize> {
    let mut part_of = vec![usize::MAX; lanes.len()];
    for place in (0..lanes.len()).rev() {
        if part_of[place] == usize::MAX {
            part_of[place] = place % threads;
        }
        for &parent in &lanes[place].parents {
            part_of[parent] = part_of[place];
        }
    }
    part_of
}

/// The lanes of each part, in their order, with their parents where they are now.
fn deal(lanes: Vec<Lane>, part_of: &[usize], threads: usize) -> Vec<Vec<Lane>> {
    let mut parts: Vec<Vec<Lane>> = (0..threads).map(|_| Vec::new()).collect();
    let mut places = Vec::with_capacity(lanes.len());
    for (mut lane, &part) in lanes.into_iter().zip(part_of) {
        for parent in &mut lane.parents {
            *parent = places[*parent];
        }
        places.push(parts[part].len());
        parts[part].push(lane);
    }
    parts
}
