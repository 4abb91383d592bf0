//! A host with the platforms beside it, in a folder that goes with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tests::brand::START_MS;
use tests::tenant::{WECOM, YOUZAN};
use tests::wecom::{Change, Contact, WecomEvent};
use tests::{Hooks, Host, Platforms, Tenant};

pub struct Stage {
    pub host: Host,
    pub on: Platforms,
    pub config: PathBuf,
    pub folder: tempfile::TempDir,
}

impl Stage {
    pub async fn set(tenant: &Tenant) -> Stage {
        Stage::set_on(tenant, Platforms::start(START_MS).await.unwrap()).await
    }

    pub async fn set_on(tenant: &Tenant, on: Platforms) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let config = tenant.write(folder.path(), &on).unwrap();
        warm(&config).await;
        let host = Host::start(&config).await.unwrap();
        Stage { host, on, config, folder }
    }

    pub fn hooks(&self) -> Hooks {
        Hooks { wecom: Some(self.host.hook(WECOM)), youzan: Some(self.host.hook(YOUZAN)) }
    }

    /// A platform's clock and the host's, together.
    pub async fn advance(&self, now: u64) {
        self.on.clock.reach(now);
        self.host.advance(now).await.unwrap();
    }

    pub fn records(&self) -> Vec<Value> {
        records(&self.config)
    }
}

/// Gives a host that never started the compiled code of one that did: compiling every plugin takes longer than most tests do.
pub async fn warm(config: &Path) {
    static CACHE: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    let made = async || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("warm");
        drop(std::fs::remove_dir_all(&folder));
        let config = Tenant::default().write(&folder, &Platforms::start(START_MS).await.unwrap()).unwrap();
        Host::start(&config).await.unwrap().stop().await.unwrap();
        folder.join("data/cache")
    };
    let cache = CACHE.get_or_init(made).await;
    let to = config.with_file_name("data").join("cache");
    std::fs::create_dir_all(&to).unwrap();
    for file in std::fs::read_dir(cache).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Everything in the journal, as `heliu journal export` prints it.
pub fn records(config: &Path) -> Vec<Value> {
    tests::host::journal(config).unwrap()
}

/// The ids of a connection's events, in journal order.
pub fn event_ids(records: &[Value], connection: &str) -> Vec<String> {
    let of = records.iter().filter_map(|record| record["entry"].get("event"));
    let of = of.filter(|event| event["connection"] == connection);
    of.map(|event| event["event"]["id"].as_str().unwrap().to_owned()).collect()
}

/// A customer adds a member of staff: what the platform pushes of it.
pub fn added(external_userid: &str, at_s: u64) -> WecomEvent {
    let contact = Contact { staff: "linshen".to_owned(), external_userid: external_userid.to_owned() };
    let change = Change::ContactAdded { contact, state: Some("ch-poster-03".to_owned()), welcome_code: None };
    WecomEvent { at_s, change }
}

/// Asks until it holds. The host answers within a second; a minute is for a machine that does other things.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(tokio::time::Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
