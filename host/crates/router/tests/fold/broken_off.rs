//! A fold that breaks off between two pages leaves a store that is not what its journal gives, and it says so of itself.

use proptest::prelude::*;
use router::{UnderWay, rebuild, under_way};

use crate::host::Host;
use crate::life::{self, Act};

fn is_rebuilt(host: &Host) -> bool {
    let (digest, standing) = host.digest();
    rebuild(host.journal.clone(), host.plugins.clone(), standing).expect("rebuild").digest == digest
}

fn work(host: &Host) -> Option<UnderWay> {
    under_way(&*host.journal, &*host.store, host.digest().1).expect("under way")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_that_differs_from_its_journal_was_at_work(
        life in life::strategy(),
        (at, calls) in (1..30_usize, 1..6_usize),
    ) {
        let mut host = crate::host(1);
        for (place, act) in life.iter().enumerate() {
            if place == at {
                host.plugins.fail_at(calls);
                host.try_to_settle(life::THE_END);
                host.plugins.heal();
                prop_assert!(is_rebuilt(&host) || work(&host).is_some());
            }
            host.live_on(act);
        }
        host.settle(life::THE_END);
        prop_assert!(is_rebuilt(&host));
    }
}

#[test]
fn a_setup_that_is_taken_in_by_half_is_named() {
    let mut host = crate::host(1);
    host.live_on(&Act::Append(Box::new(life::setup(100, 1))));
    for name in ["open1", "open2", "open3"] {
        host.live_on(&Act::Append(Box::new(life::did(110, name, name))));
    }
    host.settle(110);
    assert_eq!((is_rebuilt(&host), work(&host)), (true, None));
    host.live_on(&Act::Append(Box::new(life::setup(120, 2))));
    let position = host.journal.head().expect("head").position;
    host.plugins.fail_at(3);
    host.try_to_settle(120);
    host.plugins.heal();
    assert_eq!((is_rebuilt(&host), work(&host)), (false, Some(UnderWay::Record(position))));
    host.settle(120);
    assert_eq!((is_rebuilt(&host), work(&host)), (true, None));
    // What is not folded yet is no excuse.
    host.live_on(&Act::Append(Box::new(life::did(130, "open4", "open4"))));
    assert_eq!((is_rebuilt(&host), work(&host)), (true, None));
}
