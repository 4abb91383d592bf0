//! Nothing is lost without a name: what a host says that each connection was given, and what became of it.
//!
//! Of webhooks: received = answered + refused, by reason + dead, by reason. Of events: yielded = stored + duplicate + unkept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::host::TOKEN;
use crate::web;

/// How long a host may be at work with what it was given last.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// One number of `/metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Reads the text format of Prometheus.
pub fn parse(text: &str) -> anyhow::Result<Vec<Sample>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| sample(line).with_context(|| format!("not a sample: {line}"))).collect()
}

fn sample(line: &str) -> anyhow::Result<Sample> {
    let (head, value) = line.rsplit_once(' ').context("no value")?;
    let value = value.parse().context("no number")?;
    let Some((name, rest)) = head.split_once('{') else {
        return Ok(Sample { name: head.to_owned(), labels: BTreeMap::new(), value });
    };
    let mut labels = BTreeMap::new();
    let mut rest = rest.strip_suffix('}').context("labels do not end")?;
    while !rest.is_empty() {
        let (label, behind) = rest.split_once("=\"").context("a label without a value")?;
        let (text, behind) = behind.split_once('"').context("a label's value does not end")?;
        labels.insert(label.to_owned(), text.to_owned());
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// The sum of all samples of this name with all of these labels.
pub fn sum(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |sample: &&Sample| {
        let labels =
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value));
        sample.name == name && labels
    };
    samples.iter().filter(has).map(|sample| sample.value).sum()
}

/// The equations that do not hold.
pub fn violations(samples: &[Sample]) -> Vec<String> {
    let connections: BTreeSet<&String> = samples
        .iter()
        .filter(|sample| sample.name == "heliu_requests_received_total")
        .filter_map(|sample| sample.labels.get("connection"))
        .collect();
    let mut violations = Vec::new();
    for connection in connections {
        let of = |name: &str| sum(samples, name, &[("connection", connection)]);
        let dead = sum(samples, "heliu_dead_total", &[("connection", connection), ("what", "request")]);
        let (received, answered) = (of("heliu_requests_received_total"), of("heliu_requests_answered_total"));
        let refused = of("heliu_requests_refused_total");
        if received != answered + refused + dead {
            violations.push(format!(
                "{connection}: {received} requests were received; {answered} answered, {refused} refused, {dead} dead"
            ));
        }
        let (yielded, stored) = (of("heliu_events_yielded_total"), of("heliu_events_stored_total"));
        let (duplicate, unkept) = (of("heliu_events_duplicate_total"), of("heliu_events_unkept_total"));
        if yielded != stored + duplicate + unkept {
            violations.push(format!(
                "{connection}: {yielded} events were yielded; {stored} stored, {duplicate} known, {unkept} not kept"
            ));
        }
    }
    violations
}

/// Waits until the host whose API is at this address is quiet, and holds it to its equations. One without connections has received
/// nothing, and one that `ended` says nothing. Any other that does not tell its numbers has failed the test: nobody knows
/// what it lost.
///
/// Blocks, and needs no runtime: it stands at the end of every test, also of those that forget it.
///
/// # Errors
/// An equation does not hold, or the host does not tell, for as long as it may be at work.
pub fn check(api: &str, connects: bool, ended: impl FnMut() -> bool) -> anyhow::Result<()> {
    check_within(api, connects, QUIET_MAX, ended)
}

fn check_within(
    api: &str,
    connects: bool,
    patience: Duration,
    mut ended: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let patience = Instant::now() + patience;
    loop {
        let trouble = match scrape(api) {
            Ok(text) => {
                let samples = parse(&text)?;
                let received = samples.iter().any(|sample| sample.name == "heliu_requests_received_total");
                ensure!(received || !connects, "{api} tells nothing of what it received:\n{text}");
                violations(&samples).join("\n")
            }
            Err(_) if ended() => return Ok(()),
            Err(error) => format!("{api} does not tell what it received: {error:#}"),
        };
        if trouble.is_empty() {
            return Ok(());
        }
        if Instant::now() > patience {
            bail!("{trouble}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// On a thread of its own: whoever asks may be within a runtime.
fn scrape(api: &str) -> anyhow::Result<String> {
    let asking = async {
        let client = web::client_of_hosts(QUIET_MAX)?;
        let response = client.get(format!("{api}/metrics")).bearer_auth(TOKEN).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{status}: {text}");
        Ok(text)
    };
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(asking)
        });
        asked.join().map_err(|_| anyhow!("whoever asks for metrics broke off"))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answered: u32, stored: u32) -> String {
        format!(
            "# HELP heliu_requests_received Webhooks.\n\
             heliu_requests_received_total{{connection=\"shop\"}} 7\n\
             heliu_requests_answered_total{{connection=\"shop\"}} {answered}\n\
             heliu_requests_refused_total{{connection=\"shop\",reason=\"not_authentic\"}} 1\n\
             heliu_requests_refused_total{{connection=\"shop\",reason=\"too_many\"}} 1\n\
             heliu_dead_total{{connection=\"shop\",what=\"request\",reason=\"trap\"}} 2\n\
             heliu_dead_total{{connection=\"shop\",what=\"chore\",reason=\"trap\"}} 9\n\
             heliu_events_yielded_total{{connection=\"shop\"}} 5\n\
             heliu_events_stored_total{{connection=\"shop\"}} {stored}\n\
             heliu_events_duplicate_total{{connection=\"shop\"}} 1\n\
             heliu_events_unkept_total{{connection=\"shop\"}} 0\n"
        )
    }

    #[test]
    fn what_is_missing_is_named() {
        let violated = |answered, stored| violations(&parse(&told(answered, stored)).unwrap());
        assert_eq!(violated(3, 4), [""; 0]);
        assert_eq!(violated(2, 4), ["shop: 7 requests were received; 2 answered, 2 refused, 2 dead"]);
        assert_eq!(violated(3, 3), ["shop: 5 events were yielded; 3 stored, 1 known, 0 not kept"]);
    }

    #[test]
    fn only_a_host_that_has_ended_may_be_silent() {
        // Nobody listens there any more.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let api = format!("http://{free}");
        check(&api, true, || true).unwrap();
        let error = check_within(&api, true, Duration::ZERO, || false).unwrap_err().to_string();
        assert!(error.contains("does not tell what it received"), "{error}");
    }
}
