//! A filter over one customer, as an operator writes it: `"vip" in tags && days.last_purchase > 90`.
//!
//! The language is a part of CEL; `host/docs/SEGMENTS.md` is its description for operators. [`Segment::parse`] checks
//! every name, function and type, so that what is misspelt is refused and not silently false. [`Segment::matches`] is a
//! pure function of a customer, of the facts of her past, and of the time.
//!
//! What may be written is in [`language`], what it means in `check` (which also prepares it) and `filter` (which asks
//! it). CEL's own evaluator sees only what `check` let through.
//!
//! Knows nothing of journals, stores or files.

mod check;
mod fault;
mod filter;
pub mod language;
mod segment;
mod values;

pub use fault::{Fault, SegmentError};
pub use segment::Segment;
