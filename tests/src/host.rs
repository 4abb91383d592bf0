//! A host under test: the real binary, in a folder of its own, on a port that the system chose.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::conservation::{self, Sample};
use crate::web;

/// The token of the API in every configuration that is made here.
pub const TOKEN: &str = "demo-token-of-this-machine-alone";

/// How long a host may take from its start until it listens: the first start compiles every plugin.
const START_MAX: Duration = Duration::from_secs(120);

/// How long one answer may take: an advance of the clock does all the work of the time between.
const ANSWER_MAX: Duration = Duration::from_secs(300);

/// How long a host may take to stop.
const STOP_MAX: Duration = Duration::from_secs(30);

/// The binary that is tested: `HELIU_BIN`, or the one that a release build leaves in the target folder.
pub fn binary() -> anyhow::Result<PathBuf> {
    let path = match std::env::var_os("HELIU_BIN") {
        Some(path) => PathBuf::from(path),
        None => workspace().join("target/release/heliu"),
    };
    ensure!(
        path.exists(),
        "{} is missing: run `cargo xtask test`, or build the package heliu",
        path.display()
    );
    Ok(path)
}

/// A component that `cargo xtask plugins` built.
pub fn plugin(name: &str) -> anyhow::Result<PathBuf> {
    let path = workspace().join("target/plugins").join(format!("{name}.wasm"));
    ensure!(path.exists(), "{} is missing: run `cargo xtask plugins`", path.display());
    Ok(path)
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// A running `heliu serve`. Killed when it is dropped, after it was held to what it says that it received.
pub struct Host {
    config: PathBuf,
    address: String,
    api: String,
    child: tokio::process::Child,
    /// Nobody asks it any more.
    is_over: bool,
    client: reqwest::Client,
}

/// How a host is started, where that is not as usual.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// The fail point at which it dies.
    pub die_at: Option<String>,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
}

impl Launch {
    /// It dies at a fail point: `append-done`, `append-done:3`, `append-done:3+250`.
    pub fn to_die(at: impl Into<String>) -> Launch {
        Launch { die_at: Some(at.into()), ..Launch::default() }
    }
}

/// What became of a start.
pub enum Launched {
    Listens(Host),
    /// It ended before it listened.
    Ended(ExitStatus),
}

impl Host {
    /// Starts a host on this `heliu.toml` and waits until it listens.
    pub async fn start(config: &Path) -> anyhow::Result<Host> {
        match Host::launch(config, &Launch::default()).await? {
            Launched::Listens(host) => Ok(host),
            Launched::Ended(status) => {
                let log = log(config);
                bail!("the host ended at once ({status}); its log ends with:\n{}", tail(&log, 20));
            }
        }
    }

    pub async fn launch(config: &Path, launch: &Launch) -> anyhow::Result<Launched> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(config.with_extension("log"))
            .context("open the host's log")?;
        let mut child = tokio::process::Command::new(binary()?)
            .args(["--json", "--config"])
            .arg(config)
            .arg("serve")
            .args(launch.die_at.iter().flat_map(|point| ["--die-at", point]))
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("start heliu")?;
        let stdout = child.stdout.take().context("the host has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first =
            tokio::time::timeout(START_MAX, lines.next_line()).await.context("the host does not start")??;
        let Some(first) = first else {
            return Ok(Launched::Ended(child.wait().await.context("the host's end")?));
        };
        let ready: Value = serde_json::from_str(&first).with_context(|| format!("the host said: {first}"))?;
        let said = |key: &str| {
            ready[key].as_str().map(str::to_owned).context("the host does not say where it listens")
        };
        let (address, api) = (said("url")?, said("api")?);
        let client = web::client_of_hosts(ANSWER_MAX)?;
        let host = Host { config: config.to_owned(), address, api, child, is_over: false, client };
        Ok(Launched::Listens(host))
    }

    /// Where channels call it: `http://127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where its API is: the same, unless the configuration has another.
    pub fn api(&self) -> &str {
        &self.api
    }

    pub fn hook(&self, connection: &str) -> String {
        format!("{}/hooks/{connection}", self.address)
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// `GET /api/v1/{path}` with the token; anything but 200 is an error.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.client.get(format!("{}/api/v1/{path}", self.api)).bearer_auth(TOKEN);
        let response = request.send().await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "GET {path}: {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// All that `/metrics` tells.
    pub async fn metrics(&self) -> anyhow::Result<Vec<Sample>> {
        let request = self.client.get(format!("{}/metrics", self.api)).bearer_auth(TOKEN);
        let response = request.send().await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "GET /metrics: {status}: {body}");
        conservation::parse(&body)
    }

    /// Moves the manual clock, and waits until everything due by then is done.
    pub async fn advance(&self, now: u64) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}/api/v1/clock", self.api)).bearer_auth(TOKEN);
        let response = request.json(&serde_json::json!({ "now": now })).send().await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "advance to {now}: {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Every customer, page by page.
    pub async fn customers(&self) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.get(&format!("customers?limit=200{after}")).await?;
            let customers = page["customers"].as_array().context("a page without customers")?;
            all.extend(customers.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(all),
            }
        }
    }

    /// What it was given and what became of it come to the same, unless it has ended.
    fn conserves(&mut self) -> anyhow::Result<()> {
        let connects = std::fs::read_to_string(&self.config)?.contains("[[connection]]");
        let child = &mut self.child;
        conservation::check(&self.api, connects, || matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Sends a signal by its name: `TERM`, `HUP`, `KILL`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.child.id().context("the host has ended")?;
        let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status()?;
        ensure!(status.success(), "kill -{name} {pid}: {status}");
        Ok(())
    }

    /// Stops it as an operator does, and waits.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.is_over = true;
        self.conserves()?;
        self.signal("TERM")?;
        let status =
            tokio::time::timeout(STOP_MAX, self.child.wait()).await.context("the host does not stop")??;
        ensure!(status.success(), "the host ended with {status}");
        Ok(())
    }

    /// Ends it as a power cut does, after it was held to what it says that it received.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.is_over = true;
        self.conserves()?;
        self.kill_now().await
    }

    /// The same at this very moment, whatever it is at: what it counted is gone with it.
    pub async fn kill_now(mut self) -> anyhow::Result<()> {
        self.is_over = true;
        self.child.kill().await.context("kill the host")
    }

    /// Waits until it has ended by itself. None: it has not, within that time.
    pub async fn ended(&mut self, within: Duration) -> anyhow::Result<Option<ExitStatus>> {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => Ok(Some(status?)),
            Err(_) => Ok(None),
        }
    }

    /// Runs another `heliu` on the same data.
    pub fn cli(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        cli(&self.config, arguments)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let died = matches!(self.child.try_wait(), Ok(Some(_)));
        let over = self.is_over || died || std::thread::panicking();
        let checked = if over { Ok(()) } else { self.conserves() };
        // Gone before anybody starts another on its folder.
        drop(self.child.start_kill());
        let patience = std::time::Instant::now() + STOP_MAX;
        while matches!(self.child.try_wait(), Ok(None)) && std::time::Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Err(error) = checked {
            panic!("{error:#}");
        }
    }
}

/// What the hosts on this `heliu.toml` logged so far.
pub fn log(config: &Path) -> String {
    std::fs::read_to_string(config.with_extension("log")).unwrap_or_default()
}

/// The fail points at which hosts on this `heliu.toml` died, in order.
pub fn deaths(config: &Path) -> Vec<String> {
    let died = log(config);
    died.lines().filter_map(|line| line.strip_prefix("failpoint: died at ")).map(str::to_owned).collect()
}

/// Runs `heliu` on the data of this `heliu.toml`.
pub fn cli(config: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(binary()?);
    command.arg("--config").arg(config).args(arguments);
    command.output().with_context(|| format!("run heliu {arguments:?}"))
}

/// Runs `heliu` and gives what it printed; anything but success is an error.
pub fn cli_text(config: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let Output { status, stdout, stderr } = cli(config, arguments)?;
    let (said, complained) = (String::from_utf8(stdout)?, String::from_utf8_lossy(&stderr));
    ensure!(status.success(), "heliu {arguments:?}: {status}: {}\n{complained}", tail(&said, 5));
    Ok(said)
}

/// As [`cli_text`], for `--json`.
pub fn cli_json(config: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let text = cli_text(config, &[&["--json"], arguments].concat())?;
    serde_json::from_str(&text).with_context(|| format!("heliu {arguments:?} printed {text}"))
}

/// Why a test exports: what an export leaves in the journal is no part of what is tested.
const ORACLE: &str = "what a test is held against";

/// Everything in the journal, as `heliu journal export` prints it, without the records that this very question leaves.
///
/// # Errors
/// `heliu` fails, or prints something else.
pub fn journal(config: &Path) -> anyhow::Result<Vec<Value>> {
    let text = cli_text(config, &["journal", "export", "--by", "a-test", "--why", ORACLE])?;
    let records = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    Ok(records.into_iter().filter(|record| record["entry"]["act"]["why"] != ORACLE).collect())
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
