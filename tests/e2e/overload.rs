//! More than a host can take: it says so at once, keeps its memory, and goes on with everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tests::brand::START_MS;
use tests::host::cli_text;
use tests::soak::{Oracle, STAFF};
use tests::tenant::WECOM;
use tests::wecom::{Change, Contact, WecomEvent};
use tests::{Host, Launched, Platforms, Tenant};

use crate::crash::disk::Disk;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Calls of one connection that run at once: `CALLS_MAX` in `host/src/serve/connection.rs`.
const AT_WORK: usize = 32;
const FLOOD: usize = 900;

/// How long the last of a flood may wait until it is refused. The host gives each a second from when it has it; to send all of them, and
/// to seal them, takes a machine of two cores another.
const REFUSED_MS: usize = 4_000;

/// Bytes that a host may take more while a flood stands before it.
const FLOOD_KIB: u64 = 200 << 10;

/// The disk answers nobody: those at work wait for it, and everybody else is told to come again, while it still does not.
#[tokio::test(flavor = "multi_thread")]
async fn past_capacity_webhooks_are_refused_while_those_at_work_wait() {
    let on = Platforms::start(START_MS).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Tenant::default().write(folder.path(), &on).unwrap();
    crate::stage::warm(&config).await;
    let (oracle, disk) = (Oracle::new(&on).unwrap(), Disk::new());
    let Launched::Listens(host) = Host::launch(&config, &disk.launch()).await.unwrap() else {
        panic!("the host did not start")
    };
    oracle.plan(FLOOD as u64);
    let before = resident_kib(&host);
    disk.hold();
    let (refused, slowest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..FLOOD {
        let (oracle, hook, refused) = (oracle.clone(), host.hook(WECOM), Arc::clone(&refused));
        let slowest = Arc::clone(&slowest);
        flood.spawn(async move {
            let began = std::time::Instant::now();
            let status = oracle.push_one(&hook).await;
            if status == Some(503) {
                refused.fetch_add(1, Ordering::SeqCst);
                slowest.fetch_max(began.elapsed().as_millis() as usize, Ordering::SeqCst);
            }
            status
        });
    }
    let patience = tokio::time::Instant::now() + Duration::from_secs(25);
    while refused.load(Ordering::SeqCst) < FLOOD - AT_WORK {
        let now = refused.load(Ordering::SeqCst);
        assert!(tokio::time::Instant::now() < patience, "only {now} were refused, the others hang");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let slowest_ms = slowest.load(Ordering::SeqCst);
    assert!(slowest_ms < REFUSED_MS, "somebody was refused after {slowest_ms} ms alone");
    let grown = resident_kib(&host).saturating_sub(before);
    assert!(grown < FLOOD_KIB, "{FLOOD} requests took {grown} KiB");
    disk.let_go();
    let answers: Vec<Option<u16>> = flood.join_all().await;
    let taken = answers.iter().filter(|status| **status == Some(200)).count();
    assert_eq!(taken, AT_WORK, "those at work are answered when the disk is back");
    while oracle.open() > 0 {
        oracle.push(&host.hook(WECOM), 16, Duration::ZERO).await;
    }
    host.stop().await.unwrap();
    oracle.judge(&config).unwrap();
}

fn resident_kib(host: &Host) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The journal never stands still, and yet tags end in time and errands are carried.
#[tokio::test(flavor = "multi_thread")]
async fn alarms_and_errands_do_not_starve_in_a_flood() {
    let on = Platforms::start(START_MS).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Tenant::default().write(folder.path(), &on).unwrap();
    let oracle = Oracle::new(&on).unwrap();
    crate::stage::warm(&config).await;
    let host = Host::start(&config).await.unwrap();
    host.advance(START_MS).await.unwrap();
    oracle.plan(1);
    oracle.push(&host.hook(WECOM), 1, Duration::ZERO).await;
    host.advance(START_MS + 60_000).await.unwrap();
    host.stop().await.unwrap();
    let file = config.with_file_name("broadcast.toml");
    let text = "name = \"one\"\nfilter = 'size(staff) > 0'\n\n[[rendering]]\nscene = \"direct-message\"\ntext = \"one\"\n";
    std::fs::write(&file, text).unwrap();
    cli_text(&config, &["broadcast", "send", file.to_str().unwrap(), "--by", "li", "--why", "a test"])
        .unwrap();

    let host = Host::start(&config).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut flood = tokio::task::JoinSet::new();
    for line in 0..24_u64 {
        let (wecom, hook, is_over) = (on.wecom.clone(), host.hook(WECOM), Arc::clone(&is_over));
        flood.spawn(async move {
            let mut taken = 0_u64;
            while !is_over.load(Ordering::SeqCst) {
                let customer = format!("wmFlood{line:05}{taken:020}");
                let change = Change::ContactLeft { contact: Contact::new(STAFF, &customer) };
                let event = WecomEvent { at_s: START_MS / 1000, change };
                taken += u64::from(wecom.push(&hook, &event).await.unwrap().is_accepted());
            }
            taken
        });
    }
    let advance = async |now| {
        on.clock.reach(now);
        tokio::time::timeout(Duration::from_secs(120), host.advance(now)).await
    };
    let at_once = advance(START_MS + 120_000).await;
    let later = advance(START_MS + 4 * DAY_MS).await;
    let carried = on.wecom.corp().outbox.tasks.len();
    let fired = host.get("digest").await.unwrap();
    let aged = host.get("customers?tag=recency:30d").await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    let taken: u64 = flood.join_all().await.iter().sum();
    at_once.expect("the flood holds up errands").unwrap();
    later.expect("the flood holds up alarms").unwrap();
    assert_eq!(carried, 1, "the errand was not carried");
    assert!(fired["fired"].as_u64() >= Some(START_MS + 4 * DAY_MS), "{fired}");
    // The flood comes from people who leave, and that is no activity.
    assert_eq!(aged["customers"].as_array().unwrap().len(), 1, "{aged}");
    assert!(taken > 100, "only {taken} webhooks: that is no flood");
    host.stop().await.unwrap();
    oracle.judge(&config).unwrap();
}
