//! The backend never changes what the fold gives: the random lives of the router's own test, on SQLite.

#[path = "../crates/router/tests/fold/host.rs"]
#[expect(dead_code, reason = "the router's own tests ask more of it")]
mod host;
#[path = "../crates/router/tests/fold/life.rs"]
#[expect(dead_code, reason = "the router's own tests ask more of it")]
mod life;
#[path = "../crates/router/tests/fold/policies.rs"]
#[expect(dead_code, reason = "the router's own tests ask more of it")]
mod policies;

use std::sync::Arc;

use journal::MemoryJournal;
use proptest::prelude::*;
use sqlite::{SqliteJournal, SqliteStore};
use store::MemoryStore;

use host::Host;

proptest! {
    // Each case syncs the disk some dozens of times.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_gives_what_memory_gives(life in life::strategy()) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut reference =
            Host::new(Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()), 3);
        let journal = SqliteJournal::open(&folder.path().join("journal.db")).expect("a journal");
        let store = SqliteStore::open(&folder.path().join("store.db")).expect("a store");
        let mut subject = Host::new(Arc::new(journal), Arc::new(store), 5);
        reference.live(&life, false);
        subject.live(&life, true);
        prop_assert_eq!(reference.records(), subject.records());
        prop_assert_eq!(reference.digest(), subject.digest());
    }
}
