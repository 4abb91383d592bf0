//! Hostile plugins in a real host, beside real ones: nothing is lost, nobody else is held up, and each is named.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guests::Guest;
use serde_json::Value;
use tests::brand::START_MS;
use tests::conservation::{Sample, sum};
use tests::host::{Launch, Launched};
use tests::tenant::{Bound, WECOM};
use tests::{Host, Tenant};

use crate::stage::{Stage, added, event_ids, eventually};

/// Customers who come while the attack goes on.
const CUSTOMERS: u64 = 24;

/// A folder of hostile components.
struct Lair {
    folder: tempfile::TempDir,
}

impl Lair {
    fn of(guests: &[Guest]) -> Lair {
        let folder = tempfile::tempdir().unwrap();
        for guest in guests {
            std::fs::write(place(folder.path(), *guest), guest.file()).unwrap();
        }
        Lair { folder }
    }

    /// A section of `heliu.toml` for each.
    fn sections(&self, header: &str, guests: &[Guest], settings: &str) -> String {
        let mut text = String::new();
        for guest in guests {
            let (name, plugin) = (name(*guest), place(self.folder.path(), *guest));
            write!(
                text,
                "\n[[{header}]]\nname = {name:?}\nplugin = {plugin:?}\n[{header}.settings]\n{settings}\n"
            )
            .unwrap();
        }
        text
    }
}

fn place(folder: &Path, guest: Guest) -> PathBuf {
    folder.join(guest.name).with_extension("wasm")
}

/// Its name in the configuration.
fn name(guest: Guest) -> String {
    guest.name.replace('_', "-")
}

/// Tags whoever is added.
fn tags_everybody(name: &str, tag: &str) -> Bound {
    let settings = format!(
        "[[policy.settings.rules]]\nname = \"{tag}\"\ntag = \"{tag}\"\nwhen = {{ fact = \"met.added\" }}\n"
    );
    Bound { name: name.to_owned(), plugin: "behaviour-tags".to_owned(), settings }
}

async fn tagged(host: &Host, tag: &str) -> u64 {
    let page = host.get(&format!("customers?limit=200&tag=behaviour:{tag}")).await.unwrap();
    page["customers"].as_array().unwrap().len() as u64
}

/// Customers are added in WeCom, one after the other. Each is taken at the first delivery.
async fn customers_come(stage: &Stage) {
    for number in 0..CUSTOMERS {
        let event = added(&format!("wmFabLe{number:025}"), START_MS / 1000 + number);
        let delivery = stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap();
        assert!(delivery.is_accepted() && delivery.attempts == 1, "{delivery:?}");
    }
}

/// What is answered to a webhook of a hostile connector, how the fault is counted, with the limit if it is about one, and what
/// stands in it.
type Attack = (Guest, u16, &'static str, Option<&'static str>, &'static [&'static str]);

const CONNECTORS: &[Attack] = &[
    (guests::named("loops_at_a_webhook"), 503, "limit", Some("connector_cpu"), &["connector_cpu", "spoil"]),
    (guests::named("recurses_at_a_webhook"), 503, "trap", None, &["stack"]),
    (guests::named("dies_at_a_webhook"), 503, "trap", None, &["unreachable"]),
    (
        guests::named("swells_at_a_webhook"),
        503,
        "limit",
        Some("connector_memory_bytes"),
        &["connector_memory_bytes"],
    ),
    (guests::named("logs_megabytes"), 503, "limit", Some("connector_cpu"), &["connector_cpu"]),
    (guests::named("logs_in_no_alphabet"), 503, "trap", None, &["utf-8"]),
    (guests::named("draws_without_end"), 503, "limit", Some("random_bytes"), &["random_bytes"]),
    (guests::named("remembers_without_number"), 503, "limit", Some("memory_writes"), &["memory_writes"]),
    (guests::named("answers_with_two_headers_in_one"), 500, "answer", None, &["control characters"]),
    (guests::named("event_of_another_scheme"), 500, "answer", None, &["not among the schemes"]),
    (guests::named("events_without_number"), 500, "answer", Some("harvest_events"), &["harvest_events"]),
    (guests::named("event_that_is_no_fact"), 503, "trap", None, &["discriminant"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn hostile_connectors_hold_up_nobody_and_each_is_named() {
    let guests: Vec<Guest> = CONNECTORS.iter().map(|(guest, ..)| *guest).collect();
    let lair = Lair::of(&guests);
    let rules = lair.sections("connection", &guests, "key = \"hunter22\"");
    let policies = vec![tags_everybody("tags", "came")];
    let stage = Stage::set(&Tenant { rules, policies, ..Tenant::default() }).await;
    let client = tests::web::client(Duration::from_secs(120)).unwrap();
    let mut attacks = tokio::task::JoinSet::new();
    for (guest, status, ..) in CONNECTORS {
        let posting = client.post(stage.host.hook(&name(*guest))).body("attack").send();
        attacks.spawn(async move { assert_eq!(posting.await.unwrap().status(), *status, "{}", guest.name) });
    }
    customers_come(&stage).await;
    attacks.join_all().await;
    stage.advance(START_MS + 60_000).await;
    assert_eq!(tagged(&stage.host, "came").await, CUSTOMERS);
    let samples = stage.host.metrics().await.unwrap();
    for (guest, _, kind, limit, parts) in CONNECTORS {
        named_and_counted(&stage.host, *guest, parts).await;
        in_metrics(&samples, *guest, kind, *limit);
    }
    assert_eq!(stage.host.get("plugins").await.unwrap()["plugins"].as_array().unwrap().len(), 3 + 12 + 1);
    let log = std::fs::read_to_string(stage.config.with_extension("log")).unwrap();
    assert!(!log.contains("hunter22"), "a secret in the log");
    assert_eq!(event_ids(&stage.records(), WECOM).len() as u64, CUSTOMERS);
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

/// Waits until it is listed as paused, which is a second old at most. Gives the first digits of its version.
async fn paused(host: &Host, name: &str) -> String {
    let mut state = Value::Null;
    eventually(&format!("{name} is paused"), async || {
        let plugins = host.get("plugins").await.unwrap();
        let all = plugins["plugins"].as_array().unwrap();
        state = all.iter().find(|plugin| plugin["name"] == name).unwrap().clone();
        state["state"] == "paused"
    })
    .await;
    state["digest"].as_str().unwrap()[..12].to_owned()
}

/// What an operator is shown of it: which version, where it was, and what it said last, without its secrets.
#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_keeps_failing_is_left_alone_and_its_letter_tells_all_that_is_known() {
    let guest = guests::named("dies_at_a_webhook");
    let lair = Lair::of(&[guest]);
    let rules = lair.sections("connection", &[guest], "key = \"hunter22\"");
    let stage = Stage::set(&Tenant { rules, policies: Vec::new(), ..Tenant::default() }).await;
    let name = name(guest);
    let client = tests::web::client(Duration::from_secs(20)).unwrap();
    for _ in 0..6 {
        let answer = client.post(stage.host.hook(&name)).body("attack").send().await.unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
    }
    let samples = stage.host.metrics().await.unwrap();
    let of = |metric: &str, labels: &[(&str, &str)]| {
        let labels = [&[("connection", name.as_str())][..], labels].concat();
        sum(&samples, metric, &labels)
    };
    assert_eq!(of("heliu_breaker_state", &[("door", "webhook")]), 2.0);
    assert_eq!(of("heliu_breaker_opened_total", &[("door", "webhook")]), 1.0);
    assert_eq!(of("heliu_requests_refused_total", &[("reason", "breaker_open")]), 1.0);
    assert_eq!(of("heliu_dead_total", &[("what", "request"), ("reason", "trap")]), 5.0);
    let digest = paused(&stage.host, &name).await;
    let shown = tests::host::cli_text(&stage.config, &["dead", "show", "1"]).unwrap();
    let version = format!("plugin  hostile {digest}");
    for part in [
        version.as_str(),
        "5 times",
        "trap: ",
        "in      spoil",
        "log     error: the key is [secret]",
        "attack",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("hunter22") && !shown.contains("\nERROR"), "{shown}");
}

/// The list of plugins is a second old at most.
async fn named_and_counted(host: &Host, guest: Guest, parts: &[&str]) {
    let name = name(guest);
    let mut state = Value::Null;
    eventually(&format!("{name} is counted"), async || {
        let plugins = host.get("plugins").await.unwrap();
        let all = plugins["plugins"].as_array().unwrap();
        state = all.iter().find(|plugin| plugin["name"] == name.as_str()).unwrap().clone();
        state["faults"].as_u64().unwrap() > 0
    })
    .await;
    let message = state["message"].as_str().unwrap();
    let digest = &state["digest"].as_str().unwrap()[..12];
    assert!(message.contains(&format!(": plugin \"hostile\" ({digest}): ")), "{state}");
    parts.iter().for_each(|part| assert!(message.contains(part), "{part}: {state}"));
}

/// Its faults are counted by kind, and by the limit that they are about, in `/metrics`.
fn in_metrics(samples: &[Sample], guest: Guest, kind: &str, limit: Option<&str>) {
    let name = name(guest);
    let of = |metric: &str| {
        let counted = samples.iter().filter(|sample| {
            sample.name == metric && sample.labels.get("plugin") == Some(&name) && sample.value > 0.0
        });
        let label = if metric == LIMITS { "limit" } else { "kind" };
        counted.map(|sample| sample.labels[label].as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("heliu_plugin_faults_total"), [kind], "{name}");
    assert_eq!(of(LIMITS), limit.into_iter().collect::<Vec<_>>(), "{name}");
}

const LIMITS: &str = "heliu_plugin_limits_total";

/// How the turns of a hostile policy end: the kind of the note, the limit if it is about one, and what stands in it.
const POLICIES: &[(Guest, &str, Option<&str>, &str)] = &[
    (guests::named("loops_at_a_turn"), "fuel", Some("policy_fuel"), "policy_fuel"),
    (guests::named("fills_memory_for_ever"), "fuel", Some("policy_fuel"), "policy_fuel"),
    (guests::named("recurses_at_a_turn"), "trap", None, "stack"),
    (guests::named("dies_at_a_turn"), "trap", None, "deep_inside"),
    (guests::named("swells_at_a_turn"), "memory", Some("policy_memory_bytes"), "policy_memory_bytes"),
    (guests::named("gives_no_verdict"), "bounds", None, "0 verdicts for 1 turn"),
    (guests::named("tag_of_another"), "bounds", None, "blacklisted"),
    (guests::named("tag_of_pages"), "bounds", Some("label_bytes"), "label_bytes"),
    (guests::named("decisions_without_number"), "bounds", Some("verdict_decisions"), "verdict_decisions"),
    (guests::named("reason_in_no_alphabet"), "trap", None, "utf-8"),
    (guests::named("packed_verdict_that_breaks_off"), "bounds", None, "packed verdicts mean nothing"),
    (guests::named("packed_megabytes"), "bounds", Some("policy_packed_bytes"), "policy_packed_bytes"),
    (guests::named("trait_that_is_no_number"), "bounds", None, "NaN"),
    (guests::named("allocator_that_dies"), "trap", None, "realloc"),
    (guests::named("forged_handle"), "trap", None, "handle"),
    (guests::named("handles_without_number"), "memory", Some("handles"), "handles"),
];

#[tokio::test(flavor = "multi_thread")]
async fn hostile_policies_spoil_their_own_turns_alone_and_the_fold_can_be_told_again() {
    let guests: Vec<Guest> = POLICIES.iter().map(|(guest, ..)| *guest).collect();
    let lair = Lair::of(&guests);
    // One that behaves before them, one behind.
    let last = tags_everybody("last", "last");
    let plugin = tests::host::plugin(&last.plugin).unwrap();
    // Each of them fails for some seconds, and is not to be left out for that.
    let mut rules = "\n[limits]\npolicy_failing_per_minute = \"10m\"\n".to_owned();
    rules += &lair.sections("policy", &guests, "key = \"hunter22\"");
    write!(rules, "\n[[policy]]\nname = \"last\"\nplugin = {plugin:?}\n[policy.settings]\n{}", last.settings)
        .unwrap();
    let policies = vec![tags_everybody("first", "first")];
    let stage = Stage::set(&Tenant { rules, policies, ..Tenant::default() }).await;
    customers_come(&stage).await;
    stage.advance(START_MS + 60_000).await;
    assert_eq!(tagged(&stage.host, "first").await, CUSTOMERS);
    assert_eq!(tagged(&stage.host, "last").await, CUSTOMERS);
    let notes = all_notes(&stage.host).await;
    let samples = stage.host.metrics().await.unwrap();
    for (guest, kind, limit, part) in POLICIES {
        let name = name(*guest);
        in_metrics(&samples, *guest, kind, *limit);
        let dead: Vec<&Value> =
            notes.iter().filter(|note| note["version"]["binding"] == name.as_str()).collect();
        assert!(!dead.is_empty(), "{name} has no note");
        for note in dead {
            assert_eq!(note["note"]["dead_turn"]["kind"], *kind, "{note}");
            assert!(note["note"]["dead_turn"]["text"].as_str().unwrap().contains(part), "{note}");
            assert_eq!(note["version"]["title"], "hostile");
            assert_eq!(note["version"]["digest"].as_str().unwrap().len(), 64, "{note}");
        }
    }
    assert_eq!(
        stage.host.get("customers?tag=blacklisted").await.unwrap()["customers"],
        Value::Array(Vec::new())
    );
    let client = tests::web::client(Duration::from_secs(10)).unwrap();
    let health = client.get(format!("{}/healthz", stage.host.address())).send().await.unwrap();
    assert_eq!(health.status(), 200);
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

async fn all_notes(host: &Host) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = host.get(&format!("notes?limit=200{after}")).await.unwrap();
        all.extend(page["notes"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

/// Files that a running host is told to take, and what its log says of each.
const FILES: &[(Guest, &str)] = &[
    (guests::named("core_module"), "core module"),
    (guests::named("wasi_in_a_policy"), "wasi:cli/environment"),
    (guests::named("cut_off_file"), "ends too early"),
    (guests::named("instances_without_number"), "core_instances"),
    (guests::named("describes_without_end"), "policy_fuel"),
    (guests::named("starts_without_end"), "for_ever"),
    (guests::named("schema_that_leads_to_itself"), "back to itself"),
    (guests::named("takes_minutes_to_compile"), "compile_cpu"),
];

/// How long a component may take to compile there: some times as long as customers take to come.
const COMPILE_CPU_S: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_host_refuses_hostile_files_and_goes_on_with_what_it_has() {
    let guests: Vec<Guest> = FILES.iter().map(|(guest, _)| *guest).collect();
    let lair = Lair::of(&guests);
    let tenant = |rules: String| Tenant {
        clock: "system",
        rules: format!("\n[limits]\ncompile_cpu = \"{COMPILE_CPU_S}s\"\n{rules}"),
        policies: vec![tags_everybody("tags", "came")],
        ..Tenant::default()
    };
    let Stage { host, on, config, folder } = Stage::set(&tenant(String::new())).await;
    host.stop().await.unwrap();
    // Whatever keeps its one worker keeps everybody.
    let env = vec![("TOKIO_WORKER_THREADS".to_owned(), "1".to_owned())];
    let Launched::Listens(host) = Host::launch(&config, &Launch { env, ..Launch::default() }).await.unwrap()
    else {
        panic!("{}", tests::host::log(&config))
    };
    let stage = Stage { host, on, config, folder };
    let log = || std::fs::read_to_string(stage.config.with_extension("log")).unwrap();
    for (guest, part) in FILES {
        let before = log().len();
        let is_refused = || log()[before..].contains("the old one stays");
        let rules = lair.sections("policy", std::slice::from_ref(guest), "");
        tenant(rules).write(stage.folder.path(), &stage.on).unwrap();
        stage.host.signal("HUP").unwrap();
        let name = name(*guest);
        if guest.name == "takes_minutes_to_compile" {
            let began = std::time::Instant::now();
            customers_come(&stage).await;
            eventually("all are tagged", async || tagged(&stage.host, "came").await == CUSTOMERS).await;
            assert!(!is_refused(), "they came while it was compiled, for {:?}", began.elapsed());
        }
        eventually(&format!("{name} is refused"), async || is_refused()).await;
        let said = &log()[before..];
        assert!(said.contains(&format!("policy \\\"{name}\\\"")) && said.contains(part), "{said}");
        let samples = stage.host.metrics().await.unwrap();
        assert_eq!(sum(&samples, "heliu_plugins_refused_total", &[("plugin", name.as_str())]), 1.0, "{name}");
    }
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_gropes_about_in_the_network_is_counted_and_named_once() {
    let guest = guests::named("asks_whom_nobody_granted");
    let lair = Lair::of(&[guest]);
    let rules = lair.sections("connection", &[guest], "key = \"hunter22\"");
    let stage = Stage::set(&Tenant { rules, policies: Vec::new(), ..Tenant::default() }).await;
    let client = tests::web::client(Duration::from_secs(20)).unwrap();
    for _ in 0..3 {
        let asked = client.post(stage.host.hook(&name(guest))).body("attack").send().await.unwrap();
        assert_eq!(asked.status(), 403, "it is told that it may not");
    }
    let samples = stage.host.metrics().await.unwrap();
    let labels = [("connection", name(guest)), ("reason", "not_granted".to_owned())];
    let labels = labels.each_ref().map(|(label, value)| (*label, value.as_str()));
    assert_eq!(sum(&samples, "heliu_http_refused_total", &labels), 3.0);
    let log = std::fs::read_to_string(stage.config.with_extension("log")).unwrap();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("that nobody allowed")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("asks-whom-nobody-granted") && told[0].contains("not_granted"), "{told:?}");
    assert!(!log.contains("169.254"), "where to stands in the plugin's own words alone");
}

/// Everybody waits for a policy that comes to nothing again and again. It costs what it may, and is left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_at_turn_after_turn_is_paused_and_healthy_ones_go_on() {
    const MANY: u64 = 300;
    let guest = guests::named("loops_at_a_turn");
    let lair = Lair::of(&[guest]);
    let name = name(guest);
    let limits = "\n[limits]\npolicy_failing_per_minute = \"1s\"\n";
    let rules = limits.to_owned() + &lair.sections("policy", &[guest], "");
    let policies = vec![tags_everybody("tags", "came")];
    let stage = Stage::set(&Tenant { clock: "system", rules, policies, ..Tenant::default() }).await;
    let mut pushes = tokio::task::JoinSet::new();
    for line in 0..8 {
        let (wecom, hook) = (stage.on.wecom.clone(), stage.host.hook(WECOM));
        pushes.spawn(async move {
            for number in (0..MANY).filter(|number| number % 8 == line) {
                let event = added(&format!("wmFabLe{number:025}"), START_MS / 1000 + number);
                assert!(wecom.push(&hook, &event).await.unwrap().is_accepted());
            }
        });
    }
    pushes.join_all().await;
    let tagged = async || {
        let all = stage.host.customers().await.unwrap();
        all.iter().filter(|customer| customer["tags"].to_string().contains("behaviour:came")).count() as u64
    };
    eventually("all are tagged by the one that behaves", async || tagged().await == MANY).await;
    // It loops at each third turn, for 50 ms and more: it was not asked at all of them.
    let samples = stage.host.metrics().await.unwrap();
    let looped = sum(&samples, "heliu_plugin_faults_total", &[("plugin", name.as_str()), ("kind", "fuel")]);
    assert!(looped < MANY as f64 / 6.0, "it looped at {looped} turns");
    assert_eq!(sum(&samples, "heliu_policy_paused", &[("plugin", name.as_str())]), 1.0);
    paused(&stage.host, &name).await;
    // The journal says who, and what of it failed.
    let records = stage.records();
    let configured = records.iter().map(|record| &record["entry"]["configured"]);
    let paused: Vec<&Value> = configured.filter(|configured| configured["by"] == "host").collect();
    assert_eq!(paused.len(), 1, "{paused:?}");
    let why = paused[0]["why"].as_str().unwrap();
    for part in
        [name.as_str(), "is paused", "keeps failing", "policy_failing_per_minute", "limit policy_fuel"]
    {
        assert!(why.contains(part), "{part}: {why}");
    }
    let log = std::fs::read_to_string(stage.config.with_extension("log")).unwrap();
    assert!(log.contains("PAUSED") && log.contains("keeps failing"), "{log}");
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

/// Gives one customer ever more, until the host says that it is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fills_a_customers_document_comes_to_its_limit_and_is_taken_again_when_mended() {
    let guest = guests::named("puts_ever_new_traits");
    let lair = Lair::of(&[guest]);
    let tenant =
        |rules: String| Tenant { rules, policies: vec![tags_everybody("tags", "came")], ..Tenant::default() };
    let stage = Stage::set(&tenant(lair.sections("policy", &[guest], ""))).await;
    let event = added("wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", START_MS / 1000);
    assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    stage.advance(START_MS + 60_000).await;
    let customers = stage.host.get("customers?tag=behaviour:came").await.unwrap();
    let id = customers["customers"][0]["id"].as_str().unwrap().to_owned();
    let traits = async || {
        let customer = stage.host.get(&format!("customers/{id}")).await.unwrap();
        let named = customer["traits"].as_array().unwrap().iter().map(|held| held["name"].as_str().unwrap());
        named.filter(|name| name.len() == 16).count()
    };
    assert_eq!(traits().await, 256);
    let turns = tests::host::cli_json(&stage.config, &["dead", "list", "--turns"]).unwrap();
    let turn = &turns["turns"][0];
    assert_eq!(
        (&turn["reason"], turns["turns"].as_array().unwrap().len()),
        (&Value::from("document"), 1),
        "{turns}"
    );
    assert!(turn["why"].as_str().unwrap().contains("257 traits of this policy"), "{turn}");
    let letter = turn["id"].as_str().unwrap();
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
    // The same version fails again, and says so before and after.
    for more in [&["--dry-run"][..], &[]] {
        let arguments = [&["dead", "retry", letter, "--by", "li", "--why", "looked"][..], more].concat();
        let output = tests::host::cli(&stage.config, &arguments).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.code() == Some(1) && text.contains("waits on: document"), "{text}");
    }
    assert_eq!(traits().await, 256);
    // A version that gives her no such traits carries on: what it does not see again stays as it was, until somebody asks.
    let plugin = tests::host::plugin("behaviour-tags").unwrap();
    let settings = tags_everybody("", "mended").settings;
    let name = name(guest);
    let mended = format!(
        "\n[[policy]]\nname = {name:?}\nplugin = {plugin:?}\ncarry = true\n[policy.settings]\n{settings}"
    );
    tenant(mended).write(stage.folder.path(), &stage.on).unwrap();
    stage.host.signal("HUP").unwrap();
    let log = stage.config.with_extension("log");
    eventually("the configuration takes over", async || {
        std::fs::read_to_string(&log).unwrap().contains("the configuration was read again")
    })
    .await;
    stage.advance(START_MS + 120_000).await;
    assert_eq!(traits().await, 256);
    let retry = ["dead", "retry", letter, "--by", "li", "--why", "mended"];
    let dry = tests::host::cli_text(&stage.config, &[&retry[..], &["--dry-run"]].concat()).unwrap();
    assert!(dry.contains("would end") && dry.contains("behaviour:mended"), "{dry}");
    let text = tests::host::cli_text(&stage.config, &retry).unwrap();
    assert!(text.contains("ended: the policy decides at this turn now"), "{text}");
    assert_eq!(traits().await, 0);
    assert_eq!(
        tests::host::cli_json(&stage.config, &["dead", "list", "--turns"]).unwrap()["turns"],
        Value::Array(vec![])
    );
    let again = tests::host::cli(&stage.config, &retry).unwrap();
    assert!(String::from_utf8(again.stderr).unwrap().contains("there is no dead letter"));
    let acts = stage.records();
    let retries = acts.iter().filter(|record| record["entry"]["act"]["deed"].get("retry").is_some());
    let said: Vec<(&Value, &Value)> =
        retries.map(|record| (&record["entry"]["act"]["by"], &record["entry"]["act"]["why"])).collect();
    let (li, looked, mended) = (Value::from("config/li"), Value::from("looked"), Value::from("mended"));
    assert_eq!(said, [(&li, &looked), (&li, &mended)]);
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_names_the_customers_of_others_is_not_taken() {
    let guest = guests::named("names_people_by_phone");
    let lair = Lair::of(&[guest]);
    let tenant = |rules: String| Tenant { clock: "system", rules, ..Tenant::default() };
    let stage = Stage::set(&tenant(String::new())).await;
    tenant(lair.sections("connection", &[guest], "")).write(stage.folder.path(), &stage.on).unwrap();
    stage.host.signal("HUP").unwrap();
    let log = || std::fs::read_to_string(stage.config.with_extension("log")).unwrap();
    eventually("it is refused", async || log().contains("the old one stays")).await;
    let said = log();
    for part in ["both name people by", "phone", "names-people-by-phone", "shares = ["] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let posted = tests::web::client(Duration::from_secs(20)).unwrap();
    let posted = posted.post(stage.host.hook(&name(guest))).body("attack").send().await.unwrap();
    assert_eq!(posted.status(), 404);
}

/// A proxy would look names up and dial for the host, and nobody would judge where to.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_asks_for_goes_through_no_proxy_that_the_environment_names() {
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let env = variables.map(|name| (name.to_owned(), address.clone())).to_vec();
    let Stage { host, on, config, folder } = Stage::set(&Tenant::default()).await;
    host.stop().await.unwrap();
    let launch = Launch { env, ..Launch::default() };
    let Launched::Listens(host) = Host::launch(&config, &launch).await.unwrap() else {
        panic!("{}", tests::host::log(&config))
    };
    let stage = Stage { host, on, config, folder };
    crate::courier::add(&stage, 1, None).await;
    let asked = async || {
        stage.advance(stage.on.clock.now_ms() + 1000).await;
        stage.on.wecom.calls_of("externalcontact/get") > 0
    };
    eventually("the platform is asked who she is", asked).await;
    let nobody = tokio::time::timeout(Duration::ZERO, proxy.accept()).await;
    assert!(nobody.is_err(), "the proxy was dialled");
}
