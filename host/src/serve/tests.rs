//! Connections over a journal in memory and a real sandbox, with a plugin that fails as it is told.

mod folding;
mod guest;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::courier::{Plan, Rules};
use api::{Reply, RetryRefused};
use journal::{
    Batch, Committer, CommitterConfig, DeadLetter, DeadQuery, DeadState, DeadWhat, Journal, MemoryJournal,
    Recollection, Records,
};
use model::{Chore, Request};
use sandbox::{Grants, Http, Limits, Plugin, Sandbox, SandboxConfig};

use super::breaker::State;
use super::clock::HostClock;
use super::connection::{CALLS_MAX, Connection, ConnectionStanding};
use super::counts::{Became, bump, read, refused};
use super::doors::Door;
use super::metrics::Metrics;
use super::shared::{Connections, Shared};
use super::{LetterSaid, intake, pump, retrying};
use crate::carrying::Outlet;

const SECOND: u64 = 1_000;

const LI: LetterSaid<'_> = LetterSaid { by: "li", why: "looked" };

struct World {
    sandbox: Sandbox,
    journal: Arc<MemoryJournal>,
    shared: Arc<Shared>,
}

impl World {
    /// A host with these connections, all of the plugin that is not mended.
    fn new(names: &[&str]) -> World {
        let limits = Limits { connector_cpu: Duration::from_secs(60), ..Limits::default() };
        // Beside the folder of this test lies the host's own program, which compiles.
        let test = std::env::current_exe().unwrap();
        let program = test.parent().and_then(std::path::Path::parent).unwrap().join("heliu");
        let compiler = sandbox::Compiler::new(program, &[heliu::wiring::COMPILE]);
        let sandbox = Sandbox::new(SandboxConfig { limits, compiler, cache_dir: None }).unwrap();
        let journal = Arc::new(MemoryJournal::default());
        let (committer, appender) = Committer::new(journal.clone(), CommitterConfig::default()).unwrap();
        drop(committer.spawn().unwrap());
        let (clock, metrics) = (HostClock::manual(), Arc::new(Metrics::new()));
        let rules = Rules::new(Plan::default());
        let shared = Shared::new(
            clock,
            journal.clone(),
            appender,
            metrics,
            Connections::new(),
            rules,
            crate::telemetry::Waiting::default(),
        );
        let world = World { sandbox, journal, shared: Arc::new(shared) };
        let standing = || {
            let standing = ConnectionStanding::new(Recollection::default());
            // Feeds are quiet but where a test is about them.
            standing.next_poll.store(u64::MAX, Ordering::SeqCst);
            Arc::new(standing)
        };
        let connections =
            names.iter().map(|name| ((*name).to_owned(), world.connection(name, false, standing())));
        world.shared.replace_connections(connections.collect());
        world.sandbox.share_calls(names.iter().map(|name| ((*name).to_owned(), 48)));
        world
    }

    fn connection(&self, name: &str, mended: bool, standing: Arc<ConnectionStanding>) -> Arc<Connection> {
        let connector = match self.sandbox.admit(&guest::connector(mended), &Grants::all()).unwrap() {
            Plugin::Connector(connector) => connector,
            Plugin::Policy(_) => panic!("a policy"),
        };
        Arc::new(Connection {
            name: name.to_owned(),
            file: "test.wasm".to_owned(),
            outlet: Outlet::new(name, connector.descriptor(), "{}", &[], &[], None),
            connector,
            settings: "{}".to_owned(),
            secrets: Vec::new(),
            http: Http::closed(),
            poll_every: Duration::from_secs(60),
            standing,
        })
    }

    fn of(&self, name: &str) -> Arc<Connection> {
        self.shared.connection(name).unwrap()
    }

    /// The plugin of this connection is replaced by the one that is mended.
    fn mend(&self, name: &str) {
        let mended = self.connection(name, true, Arc::clone(&self.of(name).standing));
        let mut connections = Connections::clone(&self.shared.connections());
        connections.insert(name.to_owned(), mended);
        self.shared.replace_connections(connections);
    }

    /// A webhook with this body, as the intake takes it off its queue.
    async fn push(&self, name: &str, body: &str) -> (Reply, Became) {
        let connection = self.of(name);
        let requests = &connection.standing.counts.requests;
        bump(&requests.received, 1);
        let (reply, became) = intake::receive(&self.shared, &connection, request(body)).await;
        requests.ended(became);
        (reply, became)
    }

    fn wants(&self, name: &str, key: &str, letter: &str) {
        let chore = Chore { key: key.to_owned(), due: None, job: format!("\"{letter}\"") };
        let batch = Batch { connection: name.to_owned(), chores: vec![chore], ..Batch::default() };
        self.journal.append(&[batch]).unwrap();
    }

    fn waiting_chores(&self, name: &str) -> Vec<String> {
        let chores = self.journal.chores(name, u64::MAX, 99).unwrap();
        chores.into_iter().map(|waiting| waiting.chore.key).collect()
    }

    fn letters(&self) -> Vec<DeadLetter> {
        self.journal.dead(&DeadQuery::all(0, 99)).unwrap()
    }

    fn is_conserved(&self, name: &str) {
        let counts = &self.of(name).standing.counts;
        let requests = &counts.requests;
        let sum = |by: &super::counts::ByWord| by.all().values().sum::<u64>();
        let ended = read(&requests.answered) + sum(&requests.refused) + sum(&requests.dead);
        assert_eq!(read(&requests.received), ended);
        let events = &counts.events;
        let ended = read(&events.stored) + read(&events.duplicates) + read(&events.unkept);
        assert_eq!(read(&events.yielded), ended);
    }
}

fn request(body: &str) -> Request {
    let (path, query) = (String::new(), String::new());
    let (headers, body) = (Vec::new(), body.as_bytes().to_vec());
    Request { method: "POST".to_owned(), path, query, headers, body }
}

fn answers(reply: &Reply) -> bool {
    matches!(reply, Reply::Answer(answer) if answer.status == 200)
}

#[tokio::test]
async fn every_request_ends_in_one_way_and_is_counted_so() {
    let world = World::new(&["shop"]);
    for (body, became) in [
        ("", Became::Answered),
        ("c", Became::Answered),
        ("m", Became::Dead("malformed")),
        ("n", Became::Refused(refused::NOT_AUTHENTIC)),
        ("t", Became::Dead("trap")),
    ] {
        assert_eq!(world.push("shop", body).await.1, became, "{body}");
        world.is_conserved("shop");
    }
    let letters = world.letters();
    let told: Vec<(&str, &str)> =
        letters.iter().map(|letter| (letter.dead.reason.as_str(), letter.dead.why.as_str())).collect();
    assert_eq!(told, [("malformed", "odd"), ("trap", "it panicked or aborted (`unreachable`)")]);
    let connection = world.of("shop");
    assert_eq!(letters[1].dead.plugin, connection.connector.digest());
    assert_eq!(letters[1].dead.request, request("t"));
    assert!(letters[1].dead.backtrace.is_some());
}

#[tokio::test]
async fn a_plugin_that_keeps_failing_is_left_alone_and_then_tried_once() {
    let world = World::new(&["shop"]);
    for _ in 0..5 {
        let (reply, became) = world.push("shop", "t").await;
        assert!(matches!(reply, Reply::Unavailable { .. }), "{reply:?}");
        assert_eq!(became, Became::Dead("trap"));
    }
    let standing = &world.of("shop").standing;
    let calls = read(&standing.counts.calls);
    let (reply, became) = world.push("shop", "").await;
    assert!(matches!(reply, Reply::Resting { retry_after_ms: 5_000, .. }), "{reply:?}");
    assert_eq!((became, read(&standing.counts.calls)), (Became::Refused(refused::BREAKER), calls));
    // The feed has a door of its own.
    assert!(standing.doors.at(Door::Feed).lets_through(0) && standing.doors.paused().is_some());
    world.shared.clock.advance(5 * SECOND);
    assert_eq!(world.push("shop", "t").await.1, Became::Dead("trap"));
    assert!(matches!(world.push("shop", "").await.0, Reply::Resting { retry_after_ms: 10_000, .. }));
    world.shared.clock.advance(15 * SECOND);
    assert!(answers(&world.push("shop", "").await.0));
    assert_eq!(standing.doors.at(Door::Webhook).standing().state, State::Closed);
    assert_eq!(standing.doors.paused(), None);
    // The same request six times is one letter.
    assert_eq!(world.letters().iter().map(|letter| letter.times).collect::<Vec<_>>(), [6]);
    world.is_conserved("shop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_hangs_slows_no_other() {
    let world = Arc::new(World::new(&["dead", "healthy"]));
    let mut hanging = tokio::task::JoinSet::new();
    for _ in 0..CALLS_MAX + 8 {
        let world = Arc::clone(&world);
        hanging.spawn(async move { world.push("dead", "l").await });
    }
    let dead = world.of("dead");
    while dead.standing.calls.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        assert!(answers(&world.push("healthy", "").await.0));
    }
    // They compute for a minute each, and none of those at work has ended.
    assert_eq!(read(&dead.standing.counts.faults), 0);
    world.is_conserved("healthy");
}

/// A platform waits for five seconds, and may be told to come again within one.
#[tokio::test]
async fn who_finds_no_place_is_sent_away_within_a_second() {
    let world = World::new(&["shop"]);
    let connection = world.of("shop");
    let all = u32::try_from(CALLS_MAX).unwrap();
    let at_work = connection.standing.calls.try_acquire_many(all).unwrap();
    let began = std::time::Instant::now();
    let (reply, became) = world.push("shop", "").await;
    let waited = began.elapsed();
    assert!(matches!(reply, Reply::Unavailable { .. }), "{reply:?}");
    assert_eq!(became, Became::Refused(refused::TOO_MANY));
    // Half a second is for a machine that does other things.
    assert!(waited < Duration::from_millis(1_500), "it waited for {waited:?}");
    assert!(waited > Duration::from_millis(500), "it waits for its turn, and not for {waited:?}");
    drop(at_work);
    assert!(answers(&world.push("shop", "").await.0));
    world.is_conserved("shop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_connections_hang_one_that_does_not_is_called_at_once() {
    let world = Arc::new(World::new(&["dead", "deader", "deadest", "healthy"]));
    let mut hanging = tokio::task::JoinSet::new();
    let dead: [&str; 3] = ["dead", "deader", "deadest"];
    for name in dead.into_iter().cycle().take(3 * CALLS_MAX) {
        let world = Arc::clone(&world);
        hanging.spawn(async move { world.push(name, "l").await });
    }
    // They ask for more places than there are.
    let asked = || dead.iter().map(|name| read(&world.of(name).standing.counts.calls)).sum::<u64>();
    while asked() < 3 * CALLS_MAX as u64 {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        assert!(answers(&world.push("healthy", "").await.0));
    }
    let faults = dead.iter().map(|name| read(&world.of(name).standing.counts.faults)).sum::<u64>();
    assert_eq!(faults, 0, "none of those at work has ended");
    world.is_conserved("healthy");
}

#[tokio::test]
async fn a_mended_plugin_handles_what_died_and_the_letter_ends_with_what_came_of_it() {
    let world = World::new(&["shop"]);
    world.push("shop", "t").await;
    world.push("shop", "m").await;
    let retry = async |number, dry_run| retrying::retry(&world.shared, number, dry_run, LI).await;
    assert_eq!(retry(1, false).await.unwrap().outcome, "trap");
    assert_eq!(world.letters()[0].state, DeadState::Waiting);
    world.mend("shop");
    let view = retry(1, true).await.unwrap();
    assert_eq!((view.outcome.as_str(), view.chores, view.dry_run), ("handled", 1, true));
    assert_eq!(
        (world.letters()[0].state.clone(), world.waiting_chores("shop").len()),
        (DeadState::Waiting, 0)
    );
    let view = retry(1, false).await.unwrap();
    assert_eq!(
        (view.outcome.as_str(), view.digest),
        ("handled", world.of("shop").connector.digest().to_string())
    );
    assert_eq!(world.waiting_chores("shop"), ["key"]);
    let DeadState::Retried(ended) = world.letters()[0].state.clone() else { panic!("it was retried") };
    assert_eq!(ended.by, "li");
    assert!(matches!(retry(1, false).await, Err(RetryRefused::Dead(_))));
    // What still is not understood waits on.
    assert_eq!(retry(2, true).await.unwrap().outcome, "malformed");
    for _ in 0..2 {
        assert_eq!(retry(2, false).await.unwrap().outcome, "malformed");
    }
    assert_eq!(world.letters()[1].state, DeadState::Waiting);
    // Each try that is no dry run stands in the journal, whatever came of it.
    let tries = world.journal.read(0, 99).unwrap().into_iter().filter_map(|record| match record.entry {
        model::Entry::Act(model::OperatorAct { id, by, why, deed: model::Deed::Retry(retry) }) => {
            Some((id, by, why, retry.letter))
        }
        _ => None,
    });
    let said =
        |id: &str, letter: &str| (id.to_owned(), "li".to_owned(), "looked".to_owned(), letter.to_owned());
    let expected =
        [("dead/retry/1/1", "1"), ("dead/retry/1", "1"), ("dead/retry/2/1", "2"), ("dead/retry/2/2", "2")];
    assert_eq!(tries.collect::<Vec<_>>(), expected.map(|(id, letter)| said(id, letter)));
    assert!(matches!(retry(9, false).await, Err(RetryRefused::Dead(_))));
    world.shared.replace_connections(Connections::new());
    assert!(matches!(retry(2, false).await, Err(RetryRefused::Gone(_))));
}

#[tokio::test]
async fn a_chore_that_makes_the_plugin_trap_dies_after_some_tries_and_keeps_no_other_waiting() {
    let world = World::new(&["shop"]);
    world.wants("shop", "poison", "t");
    let mut rounds = 0;
    while world.letters().is_empty() {
        world.wants("shop", "other", "x");
        pump::until_quiet(&world.shared).await;
        rounds += 1;
        assert!(rounds < 50, "it is tried for ever");
        world.shared.clock.advance(rounds * 400 * SECOND);
    }
    assert!(rounds >= 8, "{rounds}");
    let letter = world.letters().remove(0);
    assert_eq!((letter.dead.what, letter.dead.reason.as_str()), (DeadWhat::Chore, "trap"));
    assert_eq!(world.of("shop").standing.counts.dead_chores.get("trap"), 1);
    pump::until_quiet(&world.shared).await;
    assert_eq!(world.waiting_chores("shop"), [""; 0]);
    world.wants("shop", "odd", "m");
    pump::until_quiet(&world.shared).await;
    assert_eq!(world.letters()[1].dead.reason, "malformed");
    // A letter that is a chore is worked on once more.
    assert_eq!(retrying::retry(&world.shared, 2, false, LI).await.unwrap().outcome, "malformed");
}

#[tokio::test]
async fn what_only_an_operator_can_mend_pauses_the_connection_until_she_does() {
    let world = World::new(&["shop"]);
    world.wants("shop", "refused", "u");
    pump::until_quiet(&world.shared).await;
    let doors = &world.of("shop").standing.doors;
    assert_eq!(doors.channel.standing().state, State::Open { until: 300 * SECOND });
    assert!(doors.paused().unwrap().contains("unauthorised: odd"), "{:?}", doors.paused());
    let calls = || read(&world.of("shop").standing.counts.calls);
    let before = calls();
    world.wants("shop", "other", "x");
    world.shared.clock.advance(299 * SECOND);
    pump::until_quiet(&world.shared).await;
    assert_eq!(
        (calls(), world.waiting_chores("shop").len()),
        (before, 2),
        "nothing is asked, and nothing lost"
    );
    // Webhooks ask the channel nothing.
    assert!(answers(&world.push("shop", "").await.0));
    doors.try_again();
    world.shared.clock.advance(301 * SECOND);
    pump::until_quiet(&world.shared).await;
    assert!(calls() > before + 1);
}

#[tokio::test]
async fn a_page_that_is_not_understood_is_a_letter_until_the_feed_goes_on() {
    let world = World::new(&["shop"]);
    world.of("shop").standing.next_poll.store(0, Ordering::SeqCst);
    for step in 1..5 {
        pump::until_quiet(&world.shared).await;
        world.shared.clock.advance(step * 400 * SECOND);
    }
    let letter = world.letters().remove(0);
    assert_eq!((letter.dead.what, letter.dead.reason.as_str()), (DeadWhat::Poll, "malformed"));
    assert_eq!(letter.dead.request.body, b"\"a\"");
    assert!(letter.times > 1 && world.letters().len() == 1, "{letter:?}");
    assert_eq!(retrying::retry(&world.shared, 1, true, LI).await.unwrap().outcome, "malformed");
    world.mend("shop");
    assert_eq!(retrying::retry(&world.shared, 1, true, LI).await.unwrap().outcome, "handled");
    assert_eq!(world.letters()[0].state, DeadState::Waiting);
    world.shared.clock.advance(4_000 * SECOND);
    pump::until_quiet(&world.shared).await;
    let DeadState::Retried(ended) = world.letters().remove(0).state else { panic!("it goes on") };
    assert_eq!(ended.why, "the feed went on");
    assert_eq!(world.journal.recall("shop").unwrap().cursor.as_deref(), Some("\"b\""));
}
