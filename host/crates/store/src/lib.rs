//! The store: what the fold gives. It can be thrown away and folded again to the same bytes.
//!
//! [`Store`] is the contract, [`MemoryStore`] its reference, `conformance` the suite that every backend runs.

mod commit;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod contract;
mod digest;
mod memory;

pub use commit::{Agenda, Changed, Commit, Indexed, Query, Standing};
pub use contract::{Store, StoreError};
pub use digest::Digester;
pub use memory::MemoryStore;
