//! Journal and store on SQLite: one folder for each tenant, a file for each of the two.
//!
//! Two files because they promise different things: the journal is the truth and is synced at every append, the store
//! can be folded again and is not. Both in WAL mode, each with one writer and a few readers.

mod copy;
mod db;
mod journal;
#[cfg(any(test, feature = "older"))]
pub mod older;
mod store;

pub use copy::Copied;
pub use db::DbError;
pub use journal::SqliteJournal;
pub use store::SqliteStore;
