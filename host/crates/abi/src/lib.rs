//! The contract of each WIT version in Rust: generated bindings, and conversions to and from `model`.
//!
//! Conversions only: no checks, no limits, no behaviour. Those live once, in `sandbox`, whatever version a plugin speaks.

pub mod v0_1;
