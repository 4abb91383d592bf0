//! The main job, played: 120 days of a skin-care brand on three channels, in simulated time, through a real host.
//!
//! `cargo xtask demo` builds what this needs and starts it.
#![expect(clippy::print_stdout, reason = "a demo is for people to read")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tests::brand::{PersonTruth, Tally};
use tests::host::{cli_text, workspace};
use tests::tenant::{TMALL, WECOM, YOUZAN};
use tests::{Brand, Hooks, Host, Platforms, Tenant};

const HOUR_MS: u64 = 3_600_000;

/// Pushes on their way at once: a platform does not wait for one answer before it calls again.
const IN_FLIGHT_MAX: usize = 16;

#[derive(Parser)]
struct Arguments {
    /// The same seed plays the same life.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 2000)]
    customers: usize,
    #[arg(long, default_value_t = 120)]
    days: u64,
    /// Where the host keeps its data. Emptied first.
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { seed, customers, days, folder } = Arguments::parse();
    let folder = folder.unwrap_or_else(|| workspace().join("target/demo"));
    if folder.join("heliu.toml").exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    let started = Instant::now();
    let mut brand = Brand::new(seed, customers, days);
    let on = Platforms::start(tests::brand::START_MS).await?;
    let config = Tenant::default().write(&folder, &on)?;
    let host = Host::start(&config).await?;
    println!("host {} with its data in {}", host.address(), folder.display());
    println!(
        "WeCom {}, Youzan {}, Tmall {}, all simulated",
        on.wecom.base_url(),
        on.youzan.base_url(),
        on.tmall.base_url()
    );

    let tally = play(&mut brand, &host, &on).await?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} days of {} people in {seconds:.0} s: {} happenings, {} pushes taken, {} refused\n",
        days, customers, tally.happenings, tally.accepted, tally.refused
    );
    let shown = summary(&host, &config, &brand).await?;
    host.stop().await?;
    further(&config, &shown);
    Ok(())
}

/// Plays the timeline two hours at a time: what happened in them, then everything that the host has to do by their end.
async fn play(brand: &mut Brand, host: &Host, on: &Platforms) -> anyhow::Result<Tally> {
    let hooks = Hooks { wecom: Some(host.hook(WECOM)), youzan: Some(host.hook(YOUZAN)) };
    let timeline = brand.timeline();
    let bar = ProgressBar::new(timeline.len() as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} happenings, {msg}, {eta} left")
            .context("the bar's template")?,
    );
    let mut sum = Tally::default();
    let mut now = tests::brand::START_MS;
    let mut rest = timeline.as_slice();
    while now < brand.calendar().end_ms() {
        now += 2 * HOUR_MS;
        let (these, others) = rest.split_at(rest.partition_point(|happening| happening.at_ms < now));
        rest = others;
        let tally = brand.play_all(these, on, &hooks, IN_FLIGHT_MAX).await;
        sum.happenings += tally.happenings;
        sum.accepted += tally.accepted;
        sum.refused += tally.refused;
        sum.last_refusal = tally.last_refusal.or(sum.last_refusal);
        on.clock.reach(now);
        host.advance(now).await?;
        bar.inc(these.len() as u64);
        bar.set_message(tests::beijing::text(now));
    }
    bar.finish_and_clear();
    if let Some(refusal) = &sum.last_refusal {
        println!("the last refusal: {refusal}");
    }
    Ok(sum)
}

/// What a brand manager wants to know. Gives the customer whose story was told.
async fn summary(host: &Host, config: &Path, brand: &Brand) -> anyhow::Result<String> {
    let customers = host.customers().await?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let handles: usize = customers.iter().map(|customer| list(&customer["handles"]).len()).sum();
    let truth = brand.truth();
    println!("CUSTOMERS  {} people known by {handles} handles", customers.len());
    let joined = |is: fn(&PersonTruth) -> bool| truth.people.iter().filter(|person| is(person)).count();
    // Nothing joins the two shops but WeCom.
    let in_all = joined(|person| person.is_joined && person.is_scanned);
    for (channels, lived) in [
        (&[WECOM, YOUZAN][..], joined(|person| person.is_joined)),
        (&[WECOM, TMALL], joined(|person| person.is_scanned)),
        (&[YOUZAN, TMALL], in_all),
        (&[WECOM, YOUZAN, TMALL], in_all),
    ] {
        let has = |customer: &&Value| channels.iter().all(|channel| met_in(customer).contains(channel));
        let found = customers.iter().filter(has).count();
        println!("           {:<24}{found:>7}   (in truth {lived})", channels.join(" + "));
    }
    println!(
        "           ({} lived; what the channels say can tell {} apart)\n",
        brand.people().len(),
        truth.customers
    );
    events(config)?;
    tags(host, &customers).await?;
    let shown = customers
        .iter()
        .max_by_key(|customer| {
            (met_in(customer).len(), list(&customer["tags"]).len(), customer["id"].to_string())
        })
        .or(customers.first())
        .context("nobody came")?;
    let id = shown["id"].as_str().context("a customer without an id")?.to_owned();
    println!("ONE OF THEM\n{}", cli_text(config, &["customer", "show", &id])?);
    Ok(id)
}

fn met_in(customer: &Value) -> BTreeSet<&'static str> {
    let schemes = customer["handles"].as_array().into_iter().flatten();
    schemes
        .filter_map(|handle| {
            let scheme = handle["scheme"].as_str().or(handle["identity"]["scheme"].as_str())?;
            match scheme.split('.').next()? {
                "wecom" => Some(WECOM),
                "youzan" => Some(YOUZAN),
                "taobao" => Some(TMALL),
                _ => None,
            }
        })
        .collect()
}

fn events(config: &Path) -> anyhow::Result<()> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for record in tests::host::journal(config)? {
        let Some(event) = record["entry"].get("event") else { continue };
        let fact = event["event"]["fact"].as_object().and_then(|fact| fact.keys().next());
        let connection = event["connection"].as_str().unwrap_or("?").to_owned();
        *counts.entry((connection, fact.cloned().unwrap_or_default())).or_default() += 1;
    }
    let facts = ["said", "saw", "bought", "did", "met", "told"];
    println!("EVENTS     {:<10}{}", "", facts.map(|fact| format!("{fact:>9}")).concat());
    for connection in [WECOM, YOUZAN, TMALL] {
        let count = |fact: &str| counts.get(&(connection.to_owned(), fact.to_owned())).copied().unwrap_or(0);
        println!("           {connection:<10}{}", facts.map(|fact| format!("{:>9}", count(fact))).concat());
    }
    println!();
    Ok(())
}

async fn tags(host: &Host, customers: &[Value]) -> anyhow::Result<()> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for customer in customers {
        if customer["tags"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let id = customer["id"].as_str().unwrap_or_default();
        for tag in host.get(&format!("customers/{id}/tags")).await?["tags"].as_array().into_iter().flatten() {
            let policy = tag["cause"]["policy"].as_str().unwrap_or("?").to_owned();
            let name = tag["name"].as_str().unwrap_or("?");
            // One line for all groups, not one for each.
            let family = match name.split_once(":wr") {
                Some((family, _)) => format!("{family}:*"),
                None => name.to_owned(),
            };
            *counts.entry((policy, family)).or_default() += 1;
        }
    }
    println!("TAGS");
    for ((policy, tag), count) in &counts {
        println!("           {policy:<16}{tag:<36}{count:>7}");
    }
    println!();
    Ok(())
}

fn further(config: &Path, customer: &str) {
    let heliu = format!("target/release/heliu --config {}", config.display());
    println!("LOOK FURTHER");
    for command in [
        format!("customer show {customer}"),
        format!("customer why {customer} stage repurchase"),
        "customer list --tag overdue:cream".to_owned(),
        "journal tail -n 5".to_owned(),
        "digest".to_owned(),
        "rebuild --check".to_owned(),
        "serve".to_owned(),
    ] {
        println!("  {heliu} {command}");
    }
}
