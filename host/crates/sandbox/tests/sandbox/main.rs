//! The sandbox against guests written in WebAssembly text: they do what no compiler would let them do.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod admission;
mod compiling;
mod connector;
mod guest;
mod hostile;
mod policy;
