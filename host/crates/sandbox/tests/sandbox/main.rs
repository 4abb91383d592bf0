//! The sandbox against guests written in WebAssembly text: they do what no compiler would let them do.

mod admission;
mod connector;
mod guest;
mod policy;
