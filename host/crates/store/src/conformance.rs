//! The contract of [`Store`], sentence by sentence. Each backend runs all of it:
//! `store_conformance!(|run| run(&an_empty_store))`.

use model::{
    Cause, Conflict, Customer, CustomerId, FoldState, Handle, HeldSegment, HeldTag, Identity, Note, Setup,
    Version,
};

use crate::{Agenda, Changed, Commit, Indexed, MemoryStore, Query, Standing, Store, StoreError};

/// Makes one `#[test]` of every case. The one list of cases.
#[macro_export]
macro_rules! store_conformance {
    ($open:expr) => {
        $crate::store_conformance! { @each $open,
            an_empty_store_stands_at_the_beginning
            a_commit_is_read_back
            a_commit_from_elsewhere_is_refused_whole
            the_fold_state_stays_until_another_is_given
            handles_move_with_their_customer
            a_merged_customer_is_found_as_the_one_she_is_in
            due_customers_come_in_the_order_of_time
            a_page_of_a_tag_holds_those_who_hold_it
            a_page_of_a_segment_holds_those_who_are_in_it
            a_note_told_again_is_one_note
            the_digest_sees_every_part_and_no_history
            every_backend_gives_the_reference_digest
        }
    };
    (@each $open:expr, $($case:ident)*) => { $(
        #[test]
        fn $case() {
            let with: fn(&dyn Fn(&dyn $crate::Store)) = $open;
            with(&$crate::conformance::$case);
        }
    )* };
}

fn identity(value: &str) -> Identity {
    Identity { scheme: "phone".to_owned(), scope: String::new(), value: value.to_owned() }
}

fn tag(name: &str, expires: Option<u64>) -> HeldTag {
    let why = "because".to_owned();
    let cause = Cause { position: 1, now: 5, version: Some(0), alarm: None, why };
    HeldTag { name: name.to_owned(), since: 5, expires, cause }
}

fn customer(id: u64, tags: &[(&str, Option<u64>)]) -> Customer {
    let mut customer = Customer::new(CustomerId(id), 5);
    customer.handles = vec![Handle { identity: identity(&id.to_string()), position: id, before: None }];
    customer.timeline = vec![id, id + 100, id + 200_000];
    customer.tags = tags.iter().map(|(name, expires)| tag(name, *expires)).collect();
    customer
}

fn at(position: u64) -> Standing {
    Standing { position, fired: 0 }
}

/// Commits customers as they are, each from what the store's indexes held of her.
fn put(store: &dyn Store, from: u64, customers: &[Customer]) {
    let ids: Vec<CustomerId> = customers.iter().map(|customer| customer.id).collect();
    let before: Vec<Indexed> = store
        .load(&ids)
        .expect("load")
        .iter()
        .map(|known| known.as_ref().map(Indexed::of).unwrap_or_default())
        .collect();
    let handles = customers
        .iter()
        .flat_map(|customer| customer.handles.iter().map(move |handle| (&handle.identity, customer.id)));
    let commit = Commit {
        from: at(from),
        to: at(from + 1),
        handles: handles.collect(),
        customers: customers
            .iter()
            .zip(&before)
            .map(|(customer, before)| Changed { customer, before })
            .collect(),
        ..Commit::default()
    };
    store.commit(&commit).expect("commit");
}

fn ids(customers: &[Customer]) -> Vec<u64> {
    customers.iter().map(|customer| customer.id.0).collect()
}

fn tagged(store: &dyn Store, name: &str) -> Vec<u64> {
    let query = Query { tag: Some(name.to_owned()), limit: 9, ..Query::default() };
    ids(&store.page(&query).expect("page"))
}

pub fn an_empty_store_stands_at_the_beginning(store: &dyn Store) {
    assert_eq!(store.standing(), Ok((Standing::default(), FoldState::default())));
    assert_eq!(store.load(&[CustomerId(1)]), Ok(vec![None]));
    assert_eq!(store.resolve(&[&identity("1")]), Ok(vec![None]));
    assert_eq!(store.due(Agenda::Fold, u64::MAX, 9), Ok(Vec::new()));
    assert_eq!(store.page(&Query { limit: 9, ..Query::default() }), Ok(Vec::new()));
    assert_eq!(store.notes("", 9), Ok(Vec::new()));
}

pub fn a_commit_is_read_back(store: &dyn Store) {
    let (one, two) = (customer(1, &[("vip", None)]), customer(2, &[]));
    put(store, 0, &[one.clone(), two.clone()]);
    let answer = store.load(&[CustomerId(2), CustomerId(3), CustomerId(1)]);
    assert_eq!(answer, Ok(vec![Some(two), None, Some(one)]));
    let handles = store.resolve(&[&identity("1"), &identity("9"), &identity("2")]);
    assert_eq!(handles, Ok(vec![Some(CustomerId(1)), None, Some(CustomerId(2))]));
    assert_eq!(store.standing().expect("standing").0, at(1));
}

pub fn a_commit_from_elsewhere_is_refused_whole(store: &dyn Store) {
    put(store, 0, &[customer(1, &[])]);
    let other = customer(1, &[("vip", None)]);
    let before = Indexed::default();
    let commit = Commit {
        from: at(0),
        to: at(2),
        customers: vec![Changed { customer: &other, before: &before }],
        ..Commit::default()
    };
    let refused = StoreError::Conflict { stands: at(1), from: at(0) };
    assert_eq!(store.commit(&commit), Err(refused));
    assert_eq!(store.load(&[CustomerId(1)]), Ok(vec![Some(customer(1, &[]))]));
    assert_eq!(tagged(store, "vip"), [0; 0]);
    assert_eq!(store.standing().expect("standing").0, at(1));
}

pub fn the_fold_state_stays_until_another_is_given(store: &dyn Store) {
    let setup = Setup { phone_country: "86".to_owned(), ..Setup::default() };
    let version = Version {
        binding: "b".to_owned(),
        title: "B".to_owned(),
        digest: model::Digest([7; 32]),
        settings: model::Digest([8; 32]),
        since: 1,
    };
    let state = FoldState { setup, versions: vec![version], ..FoldState::default() };
    store.commit(&Commit { to: at(1), state: Some(&state), ..Commit::default() }).expect("commit");
    put(store, 1, &[customer(1, &[])]);
    assert_eq!(store.standing(), Ok((at(2), state)));
}

pub fn handles_move_with_their_customer(store: &dyn Store) {
    put(store, 0, &[customer(1, &[]), customer(2, &[])]);
    let handle = identity("2");
    let commit =
        Commit { from: at(1), to: at(2), handles: vec![(&handle, CustomerId(1))], ..Commit::default() };
    store.commit(&commit).expect("commit");
    assert_eq!(store.resolve(&[&handle]), Ok(vec![Some(CustomerId(1))]));
}

pub fn a_merged_customer_is_found_as_the_one_she_is_in(store: &dyn Store) {
    let two = customer(2, &[("vip", Some(50))]);
    put(store, 0, &[customer(1, &[]), two.clone(), customer(3, &[])]);
    let gone = Indexed::of(&two);
    let merge = |from: u64, gone_id: u64, into: u64, indexed: &Indexed| {
        let merged = vec![(CustomerId(gone_id), CustomerId(into), indexed)];
        store
            .commit(&Commit { from: at(from), to: at(from + 1), merged, ..Commit::default() })
            .expect("commit");
    };
    merge(1, 3, 2, &Indexed::default());
    merge(2, 2, 1, &gone);
    let one = Some(customer(1, &[]));
    let loaded = store.load(&[CustomerId(3), CustomerId(2), CustomerId(1)]);
    assert_eq!(loaded, Ok(vec![one.clone(), one.clone(), one]));
    let owners = store.resolve(&[&identity("3"), &identity("2")]);
    assert_eq!(owners, Ok(vec![Some(CustomerId(1)); 2]));
    assert_eq!(tagged(store, "vip"), [0; 0]);
    assert_eq!(store.due(Agenda::Fold, 99, 9), Ok(Vec::new()));
    assert_eq!(ids(&store.page(&Query { limit: 9, ..Query::default() }).expect("page")), [1]);
}

pub fn due_customers_come_in_the_order_of_time(store: &dyn Store) {
    put(
        store,
        0,
        &[customer(1, &[("a", Some(30))]), customer(2, &[("a", Some(10))]), customer(3, &[("a", None)])],
    );
    put(store, 1, &[customer(4, &[("a", Some(10)), ("b", Some(5))])]);
    assert_eq!(store.due(Agenda::Fold, 4, 9), Ok(Vec::new()));
    assert_eq!(store.due(Agenda::Fold, 10, 9), Ok(vec![CustomerId(4), CustomerId(2)]));
    assert_eq!(store.due(Agenda::Fold, 99, 2), Ok(vec![CustomerId(4), CustomerId(2)]));
    put(store, 2, &[customer(4, &[("a", Some(40))])]);
    assert_eq!(store.due(Agenda::Fold, 99, 9), Ok(vec![CustomerId(2), CustomerId(1), CustomerId(4)]));
    put(store, 3, &[customer(2, &[])]);
    assert_eq!(store.due(Agenda::Fold, 30, 9), Ok(vec![CustomerId(1)]));
}

pub fn a_page_of_a_tag_holds_those_who_hold_it(store: &dyn Store) {
    put(store, 0, &[customer(1, &[("a", None), ("b", None)]), customer(2, &[("b", None)]), customer(3, &[])]);
    assert_eq!(tagged(store, "b"), [1, 2]);
    put(store, 1, &[customer(1, &[("a", None), ("c", None)])]);
    assert_eq!((tagged(store, "a"), tagged(store, "b"), tagged(store, "c")), (vec![1], vec![2], vec![1]));
    assert_eq!(tagged(store, "nobody's"), [0; 0]);
    let page = |after, limit| ids(&store.page(&Query { after, limit, ..Query::default() }).expect("page"));
    assert_eq!(page(None, 2), [1, 2]);
    assert_eq!(page(Some(CustomerId(2)), 2), [3]);
}

pub fn a_page_of_a_segment_holds_those_who_are_in_it(store: &dyn Store) {
    let within = |id: u64, segments: &[(&str, bool)]| {
        let mut customer = customer(id, &[]);
        let held = |&(name, inside): &(&str, bool)| HeldSegment {
            name: name.to_owned(),
            inside,
            since: 1,
            position: 1,
        };
        customer.segments = segments.iter().map(held).collect();
        customer
    };
    let page = |segment: &str, after, limit| {
        let segment = Some(segment.to_owned());
        ids(&store.page(&Query { segment, after, limit, ..Query::default() }).expect("page"))
    };
    let both = [("a", true), ("b", true)];
    put(
        store,
        0,
        &[within(1, &both), within(2, &[("a", false), ("b", true)]), within(3, &both), within(4, &[])],
    );
    assert_eq!((page("a", None, 9), page("b", None, 9)), (vec![1, 3], vec![1, 2, 3]));
    assert_eq!(page("nobody's", None, 9), [0; 0]);
    assert_eq!((page("b", None, 2), page("b", Some(CustomerId(2)), 2)), (vec![1, 2], vec![3]));
    put(store, 1, &[within(1, &[("a", false), ("b", true)]), within(2, &both)]);
    assert_eq!((page("a", None, 9), page("b", None, 9)), (vec![2, 3], vec![1, 2, 3]));
    // Who is one with another now is in no segment of her own.
    let gone = Indexed::of(&within(3, &both));
    let merged = vec![(CustomerId(3), CustomerId(4), &gone)];
    store.commit(&Commit { from: at(2), to: at(3), merged, ..Commit::default() }).expect("commit");
    assert_eq!((page("a", None, 9), page("b", None, 9)), (vec![2], vec![1, 2]));
}

fn conflict(position: u64) -> Note {
    let (customer, other) = (CustomerId(1), CustomerId(2));
    let scheme = "wechat.unionid".to_owned();
    Note::Conflict(Conflict { position, handle: identity("7"), customer, other, scheme })
}

pub fn a_note_told_again_is_one_note(store: &dyn Store) {
    for from in 0..2 {
        let notes = vec![conflict(3), conflict(4)];
        store
            .commit(&Commit { from: at(from), to: at(from + 1), notes, ..Commit::default() })
            .expect("commit");
    }
    assert_eq!(store.notes("", 9), Ok(vec![conflict(3), conflict(4)]));
    assert_eq!(store.notes(&conflict(3).key(), 9), Ok(vec![conflict(4)]));
}

pub fn the_digest_sees_every_part_and_no_history(store: &dyn Store) {
    let digest = || store.digest().expect("digest").0;
    let mut seen = vec![digest()];
    put(store, 0, &[customer(1, &[])]);
    seen.push(digest());
    put(store, 1, &[customer(1, &[("vip", None)])]);
    seen.push(digest());
    let commit = Commit { from: at(2), to: at(3), notes: vec![conflict(1)], ..Commit::default() };
    store.commit(&commit).expect("commit");
    seen.push(digest());
    let setup = Setup { phone_country: "1".to_owned(), ..Setup::default() };
    let state = FoldState { setup, ..FoldState::default() };
    store
        .commit(&Commit { from: at(3), to: at(4), state: Some(&state), ..Commit::default() })
        .expect("commit");
    seen.push(digest());
    put(store, 4, &[customer(1, &[])]);
    put(store, 5, &[customer(1, &[("vip", None)])]);
    assert_eq!(store.digest(), Ok((seen[4], at(6))));
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len());
}

pub fn every_backend_gives_the_reference_digest(store: &dyn Store) {
    let reference = MemoryStore::default();
    for store in [store, &reference as &dyn Store] {
        put(store, 0, &[customer(2, &[("a", Some(9)), ("b", None)]), customer(1, &[])]);
        let gone = Indexed::default();
        let merged = vec![(CustomerId(1), CustomerId(2), &gone)];
        let notes = vec![conflict(2)];
        store.commit(&Commit { from: at(1), to: at(2), merged, notes, ..Commit::default() }).expect("commit");
    }
    assert_eq!(store.digest(), reference.digest());
}
