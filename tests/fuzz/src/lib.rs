//! What is fuzzed, and with what: each target is a function of bytes that must come back, whatever the bytes are.
//!
//! `cargo xtask fuzz` lets libFuzzer look for bytes that reach code which none before reached. What it found lies in
//! `corpus/`, less what the seeds reach by themselves; `tests/corpus.rs` runs all of it without the fuzzer.

mod connectors;
mod gate;
mod mended;
mod script;
mod verdicts;
mod webhook;

use std::path::{Path, PathBuf};

pub use connectors::call;

/// One reader of strangers' bytes.
pub struct Target {
    pub name: &'static str,
    pub about: &'static str,
    /// Panics where the bytes show a fault of ours.
    pub run: fn(&[u8]),
    /// Inputs to begin with, made of goldens and of samples.
    pub seeds: fn() -> anyhow::Result<Vec<Vec<u8>>>,
}

/// The one list.
pub const TARGETS: &[Target] = &[
    Target {
        name: "gate",
        about: "a component's file before it is compiled",
        run: gate::run,
        seeds: gate::seeds,
    },
    Target {
        name: "wecom",
        about: "pushes that WeCom signed and others, pages and answers of its API to chores and errands",
        run: connectors::wecom,
        seeds: connectors::wecom_seeds,
    },
    Target {
        name: "youzan",
        about: "pushes that Youzan signed and others, pages and answers of its API to chores and errands",
        run: connectors::youzan,
        seeds: connectors::youzan_seeds,
    },
    Target {
        name: "tmall",
        about: "pages and answers of TOP",
        run: connectors::tmall,
        seeds: connectors::tmall_seeds,
    },
    Target {
        name: "verdicts",
        about: "packed verdicts of a policy",
        run: verdicts::run,
        seeds: verdicts::seeds,
    },
    Target {
        name: "webhook",
        about: "a request over the API's route through the real connector in the sandbox",
        run: webhook::run,
        seeds: webhook::seeds,
    },
];

#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Where a target's inputs lie.
#[must_use]
pub fn corpus(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}
