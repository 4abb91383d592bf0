//! The real host as a process: how long it takes to start, how many signed webhooks it makes durable, how soon one
//! event alone has become a tag.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tests::tenant::WECOM;
use tests::wecom::{Change, Contact, WecomEvent};
use tests::{Host, Platforms, Tenant, WecomSim};

use crate::figure::Figure;
use crate::load::{self, Line};
use crate::{Bench, limit};

/// Webhooks for the rate, and connections that they come over.
const CLOSED: usize = 20_000;
const LINES: usize = 64;
/// Webhooks for the times, and how many of them a second: what a peer publishes as its most for two cores.
const OPEN: usize = 17_000;
const OPEN_PER_S: f64 = 1_700.0;
/// The same at what we promise for two cores, the client's share included.
const MORE: usize = 20_000;
const MORE_PER_S: f64 = 2_000.0;
/// Events that come alone.
const ALONE: usize = 200;
const STARTS: usize = 5;

pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(all(bench))
}

async fn all(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let platforms = Platforms::start(now_ms()).await?;
    let tenant = Tenant { clock: "system", ..Tenant::default() };
    let config = tenant.write(&bench.path("host"), &platforms)?;
    let mut figures = starts(&config).await?;

    let host = Host::start(&config).await?;
    let address: SocketAddr = host.address().trim_start_matches("http://").parse()?;
    let mut pushes = Pushes { wecom: &platforms.wecom, address, made: 0 };
    figures.extend(alone(&mut pushes, bench).await?);
    let requests = Arc::new(pushes.make(CLOSED)?);
    let rate = per_s(CLOSED, load::closed(address, Arc::clone(&requests), LINES).await?);
    let bare = bare(&requests).await?;
    figures.push(Figure::new("webhook_per_s", rate, "signed webhooks/s, answered when durable"));
    figures.push(Figure::new("webhook_vs_bare", rate / bare, "of a server that only answers"));
    let took = load::open(address, Arc::new(pushes.make(OPEN)?), OPEN_PER_S, LINES).await?;
    let ms = |beyond| load::percentile(&took, beyond).as_secs_f64() * 1e3;
    figures.push(Figure::new("webhook_p50_ms", ms(0.5), "ms at 1 700/s"));
    figures.push(Figure::new("webhook_p999_ms", ms(0.001), "ms at 1 700/s"));
    let took = load::open(address, Arc::new(pushes.make(MORE)?), MORE_PER_S, LINES).await?;
    let ms = |beyond| load::percentile(&took, beyond).as_secs_f64() * 1e3;
    figures.push(Figure::new("webhook_2000_p50_ms", ms(0.5), "ms at 2 000/s"));
    figures.push(Figure::new("webhook_2000_p999_ms", ms(0.001), "ms at 2 000/s"));
    host.stop().await?;
    let kept = tests::host::journal(&config)?.len();
    ensure!(kept >= CLOSED + OPEN + MORE + ALONE, "not all is in the journal: {kept} records");
    Ok(figures)
}

/// From the start of the process until it listens, every plugin compiled before; beside a process that does nothing.
async fn starts(config: &std::path::Path) -> anyhow::Result<Vec<Figure>> {
    let compiling = Instant::now();
    Host::start(config).await?.stop().await?;
    let compiling = compiling.elapsed();
    let (mut start, mut nothing) = (Duration::MAX, Duration::MAX);
    for _ in 0..STARTS {
        let started = Instant::now();
        let host = Host::start(config).await?;
        start = start.min(started.elapsed());
        host.stop().await?;
        let started = Instant::now();
        std::process::Command::new(tests::host::binary()?).arg("--version").output()?;
        nothing = nothing.min(started.elapsed());
    }
    Ok(vec![
        Figure::new("start_compiling_ms", compiling.as_secs_f64() * 1e3, "ms, and its stop"),
        Figure::new("start_ms", start.as_secs_f64() * 1e3, "ms, plugins cached"),
        Figure::new(
            "start_nothing_ms",
            nothing.as_secs_f64() * 1e3,
            "ms of a process that prints its version",
        ),
    ])
}

/// One event on an idle host, from the webhook's first byte until the API shows the tag; beside one synced insert.
async fn alone(pushes: &mut Pushes<'_>, bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (mut answered, mut tagged) = (Vec::new(), Vec::new());
    let mut line = Line::open(pushes.address).await?;
    for _ in 0..ALONE {
        let request = pushes.make(1)?.remove(0);
        let look = pushes.look_for_the_tag();
        let started = Instant::now();
        let (status, body) = line.ask(&request).await?;
        ensure!(status == 200, "status {status}: {body}");
        answered.push(started.elapsed());
        loop {
            let (status, body) = line.ask(&look).await?;
            ensure!(status == 200, "status {status}: {body}");
            if body.contains("\"id\":\"cus_") {
                break;
            }
            ensure!(started.elapsed() < Duration::from_secs(10), "the tag does not come: {body}");
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        tagged.push(started.elapsed());
        // The host comes to rest, as it is between two events that come alone.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        load::percentile(times, 0.5).as_secs_f64() * 1e3
    };
    let synced = limit::raw_inserts(&bench.path("one.db"), ALONE as u64, 1, 300)?;
    Ok(vec![
        Figure::new("single_event_ms", median(&mut tagged), "ms from webhook to tag"),
        Figure::new("single_answer_ms", median(&mut answered), "ms from webhook to durable answer"),
        Figure::new("single_insert_ms", 1e3 / synced, "ms of one synced insert"),
    ])
}

/// A server that does nothing but answer, driven by the same client.
async fn bare(requests: &Arc<Vec<Vec<u8>>>) -> anyhow::Result<f64> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let routes = axum::Router::new().fallback(|_: String| async { "success" });
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let took = load::closed(address, Arc::clone(requests), LINES).await?;
    server.abort();
    Ok(per_s(requests.len(), took))
}

/// Customers who remove staff, each another one: an event that asks for no call to the platform.
struct Pushes<'a> {
    wecom: &'a WecomSim,
    address: SocketAddr,
    made: u64,
}

impl Pushes<'_> {
    fn make(&mut self, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
        (0..count).map(|_| self.one()).collect()
    }

    fn one(&mut self) -> anyhow::Result<Vec<u8>> {
        self.made += 1;
        let change = Change::ContactLeft { contact: Contact::new("linshen", &self.customer()) };
        let event = WecomEvent { at_s: now_ms() / 1000, change };
        let sealed = self.wecom.seal(&self.wecom.xml(&event)).context("seal a push")?;
        Ok(load::post(&self.address, &format!("/hooks/{WECOM}?{}", sealed.query), &sealed.body))
    }

    fn customer(&self) -> String {
        format!("wmBench{:025}", self.made)
    }

    /// Asks for the latest customer, if she has the tag already.
    fn look_for_the_tag(&self) -> Vec<u8> {
        let (corp, customer) = (&self.wecom.config().corp_id, self.customer());
        let query = format!("handle=wecom.external-userid:{corp}:{customer}&tag=behaviour:removed-us");
        load::get(&self.address, &format!("/api/v1/customers?{query}"), tests::host::TOKEN)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn per_s(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
