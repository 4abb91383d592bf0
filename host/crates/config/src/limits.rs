//! `[limits]`: what one caller may ask of the host. Everything has a default.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use crate::{Problem, duration};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsSection {
    /// Bytes of a webhook's body; a larger one is answered 413. Platforms send a few KiB. 1 MiB if left out.
    body_max_bytes: usize,
    /// Webhooks that may wait for their plugin; past it a caller is answered 503 at once, and comes again. 1024 if
    /// left out.
    intake_waiting_max: usize,
    /// Connections at once, on all listeners together; past it one is told 503 and closed. 1024 if left out.
    connections_max: usize,
    /// How long a request's head may take to arrive, TLS's greeting before it, and how long a connection may say nothing
    /// between two requests. `"10s"` if left out.
    head_within: String,
    /// How long a request's body may take to arrive. `"30s"` if left out.
    body_within: String,
    /// Wrong tokens that one address may show a minute; past it everything that it asks of the API is answered 429, but for tokens
    /// that held from there before. 0: as many as it likes. 30 if left out.
    token_failures_per_minute: u32,
    /// Webhooks that are not authentic that one address may send a minute, to one connection; past it all of its webhooks there are
    /// answered 429. One that is authentic starts the count anew. 0: as many as it likes. 600 if left out.
    webhook_failures_per_minute: u32,
    /// Networks of the proxies that are believed when `X-Forwarded-For` says for whom they ask. Nobody if left out: the address is
    /// that of who connects.
    forwarded_by: Vec<String>,
    /// Addresses that the process may use which compiles a component, its program included. 1 GiB if left out.
    compile_memory_bytes: usize,
    /// Time that it may compute, in whole seconds. `"60s"` if left out.
    compile_cpu: String,
    /// Time that it may take in all, however busy the machine is. `"5m"` if left out.
    compile_wall: String,
    /// How long calls of one policy may come to nothing within a minute; past it the policy is paused, since everybody waits for
    /// them. More than a minute is hardly ever reached. `"10s"` if left out.
    policy_failing_per_minute: String,
}

/// What one caller may ask of the host, and what it may cost to compile a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub body_max_bytes: usize,
    pub intake_waiting_max: usize,
    pub connections_max: usize,
    pub head_within: Duration,
    pub body_within: Duration,
    /// 0: no limit.
    pub token_failures_per_minute: u32,
    /// 0: no limit.
    pub webhook_failures_per_minute: u32,
    pub forwarded_by: Vec<IpNet>,
    pub compile_memory_bytes: usize,
    /// Whole seconds.
    pub compile_cpu: Duration,
    pub compile_wall: Duration,
    pub policy_failing_per_minute: Duration,
}

/// The guests' memory must hold a body a few times over.
const BODY_MAX_BYTES_MAX: usize = 8 << 20;
/// Each that waits may hold a whole body.
const INTAKE_WAITING_MAX_MAX: usize = 65_536;
/// Each is a file of the process and some KiB.
const CONNECTIONS_MAX_MAX: usize = 65_536;
/// Whoever needs longer is held by somebody on purpose.
const WITHIN_MAX: Duration = Duration::from_secs(600);

/// More of them in a minute is no limit.
const FAILURES_MAX: u32 = 1_000_000;

/// More than any batch of turns takes.
const FAILING_MAX: Duration = Duration::from_secs(3600);

/// Less holds not even the program; our own components take a little more.
const COMPILE_MEMORY_BYTES: (usize, usize) = (128 << 20, 64 << 30);
/// From a second, which is what the system counts in, to what nobody waits for.
const COMPILE_TIME: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

impl Default for LimitsSection {
    fn default() -> LimitsSection {
        LimitsSection {
            body_max_bytes: 1 << 20,
            intake_waiting_max: 1024,
            connections_max: 1024,
            head_within: "10s".to_owned(),
            body_within: "30s".to_owned(),
            token_failures_per_minute: 30,
            webhook_failures_per_minute: 600,
            forwarded_by: Vec::new(),
            compile_memory_bytes: 1 << 30,
            compile_cpu: "60s".to_owned(),
            compile_wall: "5m".to_owned(),
            policy_failing_per_minute: "10s".to_owned(),
        }
    }
}

impl LimitsSection {
    pub(crate) fn resolve(self) -> Result<Limits, Problem> {
        let LimitsSection {
            body_max_bytes,
            intake_waiting_max,
            connections_max,
            head_within,
            body_within,
            token_failures_per_minute,
            webhook_failures_per_minute,
            forwarded_by,
            compile_memory_bytes,
            compile_cpu,
            compile_wall,
            policy_failing_per_minute,
        } = self;
        within("body_max_bytes", body_max_bytes, BODY_MAX_BYTES_MAX)?;
        within("intake_waiting_max", intake_waiting_max, INTAKE_WAITING_MAX_MAX)?;
        within("connections_max", connections_max, CONNECTIONS_MAX_MAX)?;
        let (head_within, body_within) =
            (patience("head_within", &head_within)?, patience("body_within", &body_within)?);
        let (least, most) = COMPILE_MEMORY_BYTES;
        if !(least..=most).contains(&compile_memory_bytes) {
            let reason = format!("{compile_memory_bytes} is not between {least} and {most}");
            return Err(Problem::wrong("compile_memory_bytes", reason));
        }
        let compile_cpu = compile_time("compile_cpu", &compile_cpu)?;
        if compile_cpu.subsec_nanos() > 0 {
            let reason = format!("{compile_cpu:?} is not a number of whole seconds");
            return Err(Problem::wrong("compile_cpu", reason));
        }
        let compile_wall = compile_time("compile_wall", &compile_wall)?;
        let failures = |key: &str, most: u32| match most {
            0..=FAILURES_MAX => Ok(most),
            _ => Err(Problem::wrong(key, format!("{most} is more than {FAILURES_MAX}"))),
        };
        let token_failures_per_minute = failures("token_failures_per_minute", token_failures_per_minute)?;
        let webhook_failures_per_minute =
            failures("webhook_failures_per_minute", webhook_failures_per_minute)?;
        let forwarded_by = forwarded_by.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        Ok(Limits {
            body_max_bytes,
            intake_waiting_max,
            connections_max,
            head_within,
            body_within,
            token_failures_per_minute,
            webhook_failures_per_minute,
            forwarded_by,
            compile_memory_bytes,
            compile_cpu,
            compile_wall,
            policy_failing_per_minute: failing(&policy_failing_per_minute)?,
        })
    }
}

pub(crate) fn within(key: &str, value: usize, max: usize) -> Result<(), Problem> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(Problem::wrong(key, format!("{value} is not between 1 and {max}")))
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, Problem> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    net.map(|net| net.trunc()).ok_or_else(|| {
        let reason = format!("\"{text}\" is no network: write it like \"10.0.0.0/8\", or an address");
        Problem::wrong("forwarded_by", reason)
    })
}

fn compile_time(key: &str, text: &str) -> Result<Duration, Problem> {
    let time = duration::parse(text).map_err(|reason| Problem::wrong(key, reason))?;
    let (least, most) = COMPILE_TIME;
    if (least..=most).contains(&time) {
        Ok(time)
    } else {
        let reason = format!("\"{text}\" is not between {} s and {} s", least.as_secs(), most.as_secs());
        Err(Problem::wrong(key, reason))
    }
}

fn failing(text: &str) -> Result<Duration, Problem> {
    let key = "policy_failing_per_minute";
    let most = duration::parse(text).map_err(|reason| Problem::wrong(key, reason))?;
    if most > FAILING_MAX {
        let reason = format!("\"{text}\" is longer than {} s", FAILING_MAX.as_secs());
        return Err(Problem::wrong(key, reason));
    }
    Ok(most)
}

fn patience(key: &str, text: &str) -> Result<Duration, Problem> {
    let within = duration::parse(text).map_err(|reason| Problem::wrong(key, reason))?;
    if within > WITHIN_MAX {
        let reason = format!("\"{text}\" is longer than {} s", WITHIN_MAX.as_secs());
        return Err(Problem::wrong(key, reason));
    }
    Ok(within)
}
