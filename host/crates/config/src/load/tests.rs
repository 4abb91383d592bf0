//! Whole files: what is read, and what an operator is told.

use std::time::Duration;

use super::*;
use crate::courier;

/// A folder with the plugins and secrets that the example names.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.0.path().join("plugins")).unwrap();
        for name in ["wecom", "youzan", "behaviour-tags", "repurchase"] {
            place.write(&format!("plugins/{name}.wasm"), "\0asm");
        }
        place.write("api.token", "a-token\n");
        place.write("heliu.crt", "a certificate\n");
        place.write("heliu.key", "a key\n");
        place.write("wecom.secret", "s3cr3t-of-wecom\n");
        place
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn load(&self, text: &str) -> Result<Config, String> {
        self.write("heliu.toml", text);
        let variable = |name: &str| name.starts_with("YOUZAN_").then(|| format!("value of {name}"));
        let folder = format!("{}/", self.0.path().display());
        load_with(&self.0.path().join("heliu.toml"), &variable)
            .map_err(|error| error.to_string().replace(&folder, ""))
    }

    fn error(&self, text: &str) -> String {
        self.load(text).unwrap_err()
    }
}

const LEAST: &str = "[api]\ntoken = \"t\"\n";

fn connection(rest: &str) -> String {
    format!("{LEAST}[[connection]]\nname = \"wecom-main\"\nplugin = \"plugins/wecom.wasm\"\n{rest}")
}

#[test]
fn the_example_loads() {
    let config = Place::new().load(crate::EXAMPLE).unwrap();
    assert_eq!(config.api.token.unwrap().expose(), "a-token");
    assert_eq!(config.connections.len(), 2);
    assert_eq!(config.policies.len(), 2);
    let wecom = &config.connections[0];
    assert_eq!(wecom.name, "wecom-main");
    assert_eq!(wecom.poll_every, Duration::from_secs(300));
    assert!(wecom.settings.contains(r#""secret":"s3cr3t-of-wecom""#), "{}", wecom.settings);
    assert!(wecom.secrets.contains(&"s3cr3t-of-wecom".to_owned()));
    assert_eq!(config.policies.iter().map(|policy| policy.carry).collect::<Vec<_>>(), [false, false]);
    let segment = &config.segments[0];
    assert_eq!((segment.name(), segment.title()), ("drifting-buyers", "Bought, and not again for 90 days"));
}

/// serde itself tells which keys a section has.
fn keys_of<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let mut table = Table::new();
    table.insert("no such key".to_owned(), Value::Integer(1));
    match section::read::<T>(Value::Table(table)).err() {
        Some(Problem::UnknownKey { key: _, nearest: _, known }) => known,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_example_shows_every_key() {
    let sections = [
        ("at the top", keys_of::<File>()),
        ("[api]", keys_of::<ApiSection>()),
        ("[tls]", keys_of::<TlsSection>()),
        ("[log]", keys_of::<LogSection>()),
        ("[telemetry]", keys_of::<TelemetrySection>()),
        ("[identity]", keys_of::<IdentitySection>()),
        ("[limits]", keys_of::<LimitsSection>()),
        ("[change]", keys_of::<crate::change::ChangeSection>()),
        ("[plugins]", keys_of::<PluginsSection>()),
        ("[courier]", keys_of::<CourierSection>()),
        ("[courier.retry]", keys_of::<courier::RetrySection>()),
        ("[courier.outcomes]", keys_of::<courier::OutcomesSection>()),
        ("[[courier.preset]]", keys_of::<courier::PresetSection>()),
        ("[[courier.cap]]", keys_of::<courier::CapSection>()),
        ("[[courier.gap]]", keys_of::<courier::GapSection>()),
        ("[[courier.quiet]]", keys_of::<courier::QuietSection>()),
        ("[[courier.budget]]", keys_of::<courier::BudgetSection>()),
        ("[[courier.consent]]", keys_of::<courier::ConsentSection>()),
        ("[[courier.suppress]]", keys_of::<courier::SuppressSection>()),
        ("[[courier.priority]]", keys_of::<courier::PrioritySection>()),
        ("[[courier.route]]", keys_of::<courier::RouteSection>()),
        ("[[connection]]", keys_of::<ConnectionSection>()),
        ("[[policy]]", keys_of::<PolicySection>()),
        ("[[segment]]", keys_of::<SegmentSection>()),
    ];
    for (section, keys) in sections {
        assert!(keys.len() > 1 || section == "[identity]" || section == "[telemetry]", "{section}: {keys:?}");
        for key in keys {
            let shown = crate::EXAMPLE.lines().any(|line| {
                let line = line.trim_start_matches("# ").trim_start_matches('[');
                let line = line.strip_prefix("connection.").or(line.strip_prefix("policy.")).unwrap_or(line);
                let line = line.strip_prefix("courier.").unwrap_or(line);
                line.strip_prefix(&key).is_some_and(|rest| rest.starts_with([' ', ']']))
            });
            assert!(shown, "the example does not show {key} {section}");
        }
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let place = Place::new();
    let config = place.load(LEAST).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8480");
    assert_eq!(config.data_dir, place.0.path().join("data"));
    assert_eq!(config.clock, Clock::System);
    assert_eq!(config.phone_country, "86");
    let limits = Limits {
        body_max_bytes: 1_048_576,
        intake_waiting_max: 1024,
        connections_max: 1024,
        head_within: Duration::from_secs(10),
        body_within: Duration::from_secs(30),
        token_failures_per_minute: 30,
        webhook_failures_per_minute: 600,
        forwarded_by: Vec::new(),
        compile_memory_bytes: 1 << 30,
        compile_cpu: Duration::from_secs(60),
        compile_wall: Duration::from_secs(300),
        policy_failing_per_minute: Duration::from_secs(10),
    };
    assert_eq!(config.limits, limits);
    assert_eq!((config.api.listen, config.tls, config.otlp), (None, None, None));
    let log = Log { format: crate::LogFormat::Text, level: "info".to_owned(), plugin_text: false };
    assert_eq!(config.log, log);
    assert_eq!(place.load("").unwrap().api, Api::default(), "tokens may all be made later");
    assert!(config.connections.is_empty() && config.policies.is_empty());
    // The courier's own defaults are the file's, but for the zone.
    let zone = ::courier::Zone::named("Asia/Shanghai").unwrap();
    assert_eq!(config.courier, ::courier::Plan { zone, ..::courier::Plan::default() });
    let config = place.load(&connection("")).unwrap();
    let connection = &config.connections[0];
    assert_eq!((connection.settings.as_str(), connection.inward), ("{}", false));
    assert!(connection.hosts.is_empty() && connection.secrets.is_empty());
}

#[test]
fn a_proxy_is_a_network_or_one_address() {
    let place = Place::new();
    let config =
        place.load("[limits]\nforwarded_by = [\"10.1.2.3/8\", \"127.0.0.1\", \"fd00::/8\"]").unwrap();
    let nets: Vec<String> = config.limits.forwarded_by.iter().map(ToString::to_string).collect();
    assert_eq!(nets, ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]);
}

#[test]
fn an_error_names_the_file_the_section_and_the_key() {
    let place = Place::new();
    for (text, error) in [
        ("data = ", "heliu.toml: line 1: not TOML: "),
        (
            "[limits]\nforwarded_by = [\"10.0.0.0/33\"]",
            "heliu.toml: [limits] key \"forwarded_by\": \"10.0.0.0/33\" is no network: write it like \"10.0.0.0/8\", or an address",
        ),
        (
            "[limits]\ntoken_failures_per_minute = 1000001",
            "heliu.toml: [limits] key \"token_failures_per_minute\": 1000001 is more than 1000000",
        ),
        (
            "clock = \"manual\"\n[api]\ntoken = \"t\"\nlisten_on = \"x\"",
            "heliu.toml: [api] unknown key \"listen_on\": ",
        ),
        ("dat = \"x\"", "heliu.toml: unknown key \"dat\": did you mean \"data\"?"),
        ("[api]\nlisten = \"x\"", "heliu.toml: [api] key \"listen\": \"x\" is not an IP address with a port"),
        (
            "[api.tls]\ncert = \"heliu.crt\"\nkey = \"heliu.key\"",
            "heliu.toml: [api] key \"tls\": is for a listener of the API's own: give `listen`",
        ),
        ("[tls]\ncert = \"heliu.crt\"", "heliu.toml: [tls] key \"key\" is missing: "),
        (
            "[tls]\ncert = \"heliu.crt\"\nkey = \"none\"",
            "heliu.toml: [tls] key \"key\": file \"none\" does not exist (looked for none)",
        ),
        ("[log]\nformat = \"xml\"", "heliu.toml: [log] key \"format\": unknown variant `xml`"),
        ("[log]\nlevl = \"info\"", "heliu.toml: [log] unknown key \"levl\": did you mean \"level\"?"),
        (
            "[telemetry]\notlp = \"127.0.0.1:4318\"",
            "heliu.toml: [telemetry] key \"otlp\": \"127.0.0.1:4318\" has no scheme",
        ),
        (
            "[limits]\nhead_within = \"11m\"",
            "heliu.toml: [limits] key \"head_within\": \"11m\" is longer than 600 s",
        ),
        (
            "[limits]\nconnections_max = 0",
            "heliu.toml: [limits] key \"connections_max\": 0 is not between 1 and 65536",
        ),
        (
            "[limits]\ncompile_memory_bytes = 1000000",
            "heliu.toml: [limits] key \"compile_memory_bytes\": 1000000 is not between 134217728 and 68719476736",
        ),
        (
            "[limits]\ncompile_cpu = \"1500ms\"",
            "heliu.toml: [limits] key \"compile_cpu\": 1.5s is not a number of whole seconds",
        ),
        (
            "[limits]\ncompile_wall = \"2h\"",
            "heliu.toml: [limits] key \"compile_wall\": \"2h\" is not between 1 s and 3600 s",
        ),
        (
            "[limits]\npolicy_failing_per_minute = \"2h\"",
            "heliu.toml: [limits] key \"policy_failing_per_minute\": \"2h\" is longer than 3600 s",
        ),
        (
            "[limits]\npolicy_failing_per_minute = \"0s\"",
            "heliu.toml: [limits] key \"policy_failing_per_minute\": \"0s\" is no time at all",
        ),
        ("[change]\nby = \" \"", "heliu.toml: [change] key \"by\": it is not one line of 1 to 100 letters"),
        (
            "[api]\ntoken = 5",
            "heliu.toml: [api] key \"token\": invalid type: integer `5`, expected a text, { file",
        ),
        ("[api]\ntoken = {}", "heliu.toml: [api] key \"token\": expected { file = \"…\" }"),
        ("[api]\ntoken = \"\"", "heliu.toml: [api] key \"token\": is empty"),
        ("[api]\ntoken = \"a b\"", "heliu.toml: [api] key \"token\": has letters"),
        (
            "[api]\ntoken = { file = \"none\" }",
            "heliu.toml: [api] key \"token\": file \"none\" cannot be read: No such file",
        ),
        (
            "listen = \"localhost:80\"\n[api]\ntoken = \"t\"",
            "heliu.toml: key \"listen\": \"localhost:80\" is not an IP address with a port",
        ),
        (
            "clock = \"slow\"\n[api]\ntoken = \"t\"",
            "heliu.toml: key \"clock\": unknown variant `slow`, expected `system` or `manual`",
        ),
        (
            "[api]\ntoken = \"t\"\n[identity]\nphone_country = \"+86\"",
            "heliu.toml: [identity] key \"phone_country\": \"+86\" is not a country code",
        ),
        (
            "[api]\ntoken = \"t\"\n[courier.outcomes]\nscenes = [\"moments\"]",
            "heliu.toml: [courier.outcomes] key \"scenes\": alone says nothing: give replied",
        ),
        (
            "[api]\ntoken = \"t\"\n[courier.outcomes]\nbought = \"soon\"",
            "heliu.toml: [courier.outcomes] key \"bought\": ",
        ),
        (
            "[api]\ntoken = \"t\"\n[limits]\nbody_max_bytes = 0",
            "heliu.toml: [limits] key \"body_max_bytes\": 0 is not between 1 and 8388608",
        ),
        (
            "[api]\ntoken = \"t\"\n[[connection]]\nplugin = \"x\"",
            "heliu.toml: connection number 1: key \"name\" is missing",
        ),
        (
            "[api]\ntoken = \"t\"\n[[policy]]\nname = \"R\"\nplugin = \"plugins/repurchase.wasm\"",
            "heliu.toml: policy \"R\": key \"name\": \"R\" is not a name",
        ),
    ] {
        let told = place.error(text);
        assert!(told.starts_with(error), "{text}\n{told}");
    }
}

#[test]
fn windows_of_outcomes_leave_out_what_a_customer_does_not_notice() {
    let text = "[api]\ntoken = \"t\"\n[courier]\napart = [\"tag\"]\n[courier.outcomes]\nbought = \"7d\"";
    let outcomes = Place::new().load(text).unwrap().courier.outcomes;
    assert_eq!((outcomes.replied_ms, outcomes.bought_ms), (None, Some(7 * 86_400_000)));
    let covered = ["direct-message", "points", "tag", "remark"].map(|scene| outcomes.covers(scene));
    assert_eq!(covered, [true, true, false, false]);
}

#[test]
fn the_examples_rules_are_read_as_they_stand_there() {
    use ::courier::{Calendar, Limit, Of, Step, Then, TimeOfDay, Window};

    let plan = Place::new().load(crate::EXAMPLE).unwrap().courier;
    let caps: Vec<_> =
        plan.caps.iter().map(|cap| (cap.name.as_deref(), cap.limit, cap.window, cap.zone.name())).collect();
    let (week, day) = (Window::Calendar(Calendar::Week), Window::Calendar(Calendar::Day));
    let expected = [
        (Some("wecom-mass-weekly"), Limit::Count(7), week, "Asia/Shanghai"),
        (Some("not too much"), Limit::Count(3), week, "Asia/Shanghai"),
        (None, Limit::Count(1), day, "Asia/Shanghai"),
    ];
    assert_eq!(caps, expected);
    assert_eq!(plan.caps[2].scope.channels, ["wecom-main"]);
    assert_eq!(
        (plan.gaps[0].ms, plan.gaps[0].scope.except.as_slice()),
        (14_400_000, &["coupon".to_owned()][..])
    );
    assert_eq!(
        Some((plan.quiet[0].from, plan.quiet[0].to)),
        TimeOfDay::parse("22:00").zip(TimeOfDay::parse("08:00"))
    );
    let step = |day, budget| Step { day, budget };
    assert_eq!(
        (plan.budgets[0].of, plan.budgets[0].steps.as_slice()),
        (Of::Staff, &[step(0, 20), step(7, 50), step(30, 200)][..])
    );
    assert_eq!(plan.consents[0].needs_trait.as_deref(), Some("consent.direct-message"));
    assert_eq!(plan.consents[0].forbids_tags, ["optout:*"]);
    let suppression = &plan.suppressions[0];
    assert_eq!(
        (suppression.category.as_deref(), suppression.ms, suppression.then),
        (Some("cream"), 60 * 86_400_000, Then::Drop)
    );
    assert_eq!(
        (plan.priorities[0].policies.as_slice(), plan.priorities[0].priority),
        (&["repurchase".to_owned()][..], 10)
    );
    assert_eq!(plan.preferences[0].connections, ["wecom-main"]);
}

#[test]
fn a_preset_is_overridden_by_what_stands_beside_its_name() {
    use ::courier::{Limit, Window};

    let text = format!(
        "{LEAST}[[courier.preset]]\nname = \"wecom-moments\"\nat_most = 2\neach = \"36h\"\nzone = \"Asia/Tokyo\"\nchannels = [\"wecom-a\"]"
    );
    let cap = Place::new().load(&text).unwrap().courier.caps.remove(0);
    assert_eq!(
        (cap.limit, cap.window, cap.zone.name()),
        (Limit::Count(2), Window::Sliding(129_600_000), "Asia/Tokyo")
    );
    assert_eq!(
        (cap.scope.scenes.as_slice(), cap.scope.channels.as_slice()),
        (&["moments".to_owned()][..], &["wecom-a".to_owned()][..])
    );
}

#[test]
fn an_error_of_the_courier_names_the_rule_by_its_place_the_key_and_the_mend() {
    let place = Place::new();
    for (text, error) in [
        (
            "[courier]\nzone = \"Asia/Beijing\"",
            "[courier] key \"zone\": \"Asia/Beijing\" is not a time zone: write an IANA",
        ),
        ("[courier]\ncaps = []", "[courier] unknown key \"caps\": did you mean \"cap\"?"),
        (
            "[courier]\nwelcome_expires_after = \"20\"",
            "[courier] key \"welcome_expires_after\": \"20\" is not a duration",
        ),
        ("[courier]\napart = [\"\"]", "[courier] key \"apart\": has an empty name"),
        ("[courier.retry]\ntries = 0", "[courier.retry] key \"tries\": 0 tries"),
        (
            "[courier.retry]\nlongest = \"1s\"",
            "[courier.retry] key \"longest\": \"1s\" is shorter than first = \"30s\"",
        ),
        (
            "[[courier.preset]]\nname = \"wecom-mass\"",
            "[[courier.preset]] number 1: key \"name\": \"wecom-mass\" is no preset: known are wecom-mass-daily,",
        ),
        (
            "[[courier.preset]]\nname = \"wecom-mass-monthly\"\neach = \"day\"",
            "[[courier.preset]] number 1: key \"each\": at_most = \"days-of-month\" goes with",
        ),
        (
            "[[courier.cap]]\nat_most = 1\neach = \"day\"\n[[courier.cap]]\nat_most = 1",
            "[[courier.cap]] number 2: key \"each\" is missing",
        ),
        (
            "[[courier.cap]]\nat_most = 0\neach = \"day\"",
            "[[courier.cap]] number 1: key \"at_most\": 0 is no limit: write a number from 1 on",
        ),
        (
            "[[courier.cap]]\nat_most = 1\neach = \"year\"",
            "[[courier.cap]] number 1: key \"each\": \"year\" is no window: write day, week, month",
        ),
        (
            "[[courier.cap]]\nat_most = 1\neach = \"day\"\nscenes = [\"*-message\"]",
            "[[courier.cap]] number 1: key \"scenes\": \"*-message\": a star stands at the end",
        ),
        (
            "[[courier.gap]]\nat_least = \"0s\"",
            "[[courier.gap]] number 1: key \"at_least\": \"0s\" is no time at all",
        ),
        (
            "[[courier.quiet]]\nfrom = \"22:00\"\nto = \"8:00\"",
            "[[courier.quiet]] number 1: key \"to\": \"8:00\" is no time of day: write one like",
        ),
        (
            "[[courier.quiet]]\nfrom = \"22:00\"\nto = \"22:00\"",
            "[[courier.quiet]] number 1: key \"to\": \"22:00\" is `from` again",
        ),
        (
            "[[courier.budget]]\nof = \"staff\"\nsteps = []",
            "[[courier.budget]] number 1: key \"steps\": has no step",
        ),
        (
            "[[courier.budget]]\nof = \"corp\"\nsteps = []",
            "[[courier.budget]] number 1: key \"of\": unknown variant `corp`, expected `connection` or `staff`",
        ),
        (
            "[[courier.budget]]\nof = \"staff\"\nsteps = [{ day = 7, at_most = 1 }, { day = 7, at_most = 2 }]",
            "[[courier.budget]] number 1: key \"steps\": day 7 stands behind day 7",
        ),
        (
            "[[courier.consent]]\nscenes = [\"moments\"]",
            "[[courier.consent]] number 1: key \"needs_trait\" is missing: write needs_trait,",
        ),
        (
            "[[courier.suppress]]\ndays = 60",
            "[[courier.suppress]] number 1: key \"category\" is missing: write category,",
        ),
        (
            "[[courier.suppress]]\ncategory = \"cream\"\ndays = 0",
            "[[courier.suppress]] number 1: key \"days\": 0 days suppress nothing",
        ),
        (
            "[[courier.suppress]]\ncategory = \"cream\"\ndays = 1\nafter = \"viewed\"",
            "[[courier.suppress]] number 1: key \"after\": unknown variant `viewed`, expected `bought`",
        ),
        (
            "[[courier.priority]]\npolicies = [\"repurchas\"]\npriority = 1",
            "[[courier.priority]] number 1: key \"policies\": \"repurchas\" is no policy of this file: there is none",
        ),
        (
            "[[courier.route]]\nprefer = [\"wecom\"]",
            "[[courier.route]] number 1: key \"prefer\": \"wecom\" is no connection of this file: there is none",
        ),
    ] {
        let told = place.error(&format!("{LEAST}{text}"));
        assert!(told.starts_with(&format!("heliu.toml: {error}")), "{text}\n{told}");
    }
}

#[test]
fn an_error_of_a_connection_names_it() {
    let place = Place::new();
    for (rest, error) in [
        ("hosts = [\"a.example\"]", "key \"hosts\": \"a.example\" has no scheme"),
        ("poll_every = \"5\"", "key \"poll_every\": \"5\" is not a duration"),
        ("pol_every = \"5m\"", "unknown key \"pol_every\": did you mean \"poll_every\"?"),
        (
            "[connection.settings]\nsecret = { file = \"none\" }",
            "key \"settings.secret\": file \"none\" cannot be read",
        ),
        (
            "[connection.settings]\nsecret = { env = \"NONE\" }",
            "key \"settings.secret\": environment variable \"NONE\" is not set",
        ),
        (
            "[[connection]]\nname = \"wecom-main\"\nplugin = \"plugins/wecom.wasm\"",
            "the name is taken by another connection",
        ),
    ] {
        let told = place.error(&connection(rest));
        assert!(
            told.starts_with(&format!("heliu.toml: connection \"wecom-main\": {error}")),
            "{rest}\n{told}"
        );
    }
    let missing = connection("").replace("wecom.wasm", "wecon.wasm");
    assert_eq!(
        place.error(&missing),
        "heliu.toml: connection \"wecom-main\": plugin \"plugins/wecon.wasm\" does not exist: build it, or correct \
         the path (looked for plugins/wecon.wasm)"
    );
}

#[test]
fn a_policy_takes_no_secret() {
    let place = Place::new();
    let text = format!(
        "{LEAST}[[policy]]\nname = \"r\"\nplugin = \"plugins/repurchase.wasm\"\nsettings.key = {{ env = \"YOUZAN_X\" }}"
    );
    let told = place.error(&text);
    assert!(
        told.starts_with("heliu.toml: policy \"r\": key \"settings.key\": a policy's settings stand in"),
        "{told}"
    );
}

#[test]
fn no_secret_is_shown_by_debug_or_by_an_error() {
    let place = Place::new();
    let config = place.load(crate::EXAMPLE).unwrap();
    let shown = format!("{config:?}");
    for secret in ["a-token", "s3cr3t-of-wecom", "value of YOUZAN"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let told = place.error("[api]\ntoken = \"s3cr3t\" x");
    assert!(told.contains("line 2") && !told.contains("s3cr3t"), "{told}");
}

#[test]
fn paths_are_relative_to_the_file() {
    let place = Place::new();
    let config = place.load(&connection("")).unwrap();
    assert_eq!(config.connections[0].plugin, place.0.path().join("plugins/wecom.wasm"));
    let absolute = format!("data = \"{}\"\n{LEAST}", place.0.path().join("elsewhere").display());
    assert_eq!(place.load(&absolute).unwrap().data_dir, place.0.path().join("elsewhere"));
}

#[test]
fn a_segment_is_checked_when_the_file_is_read() {
    let place = Place::new();
    let segment = |rest: &str| format!("{LEAST}[[segment]]\nname = \"vips\"\n{rest}");
    let config = place.load(&segment("filter = '\"vip\" in tags'")).unwrap();
    assert_eq!((config.segments[0].title(), config.segments[0].text()), ("vips", "\"vip\" in tags"));
    for (rest, error) in [
        ("", "key \"filter\" is missing: add `filter = …`"),
        (
            "filter = '\"vip\" in tag'",
            "key \"filter\": at letter 10: unknown variable \"tag\": did you mean \"tags\"?",
        ),
        (
            "filter = \"\"\"\n\"vip\" in tags\n&& count.event > 1\"\"\"",
            "key \"filter\": at letter 9 of its line 2: unknown field \"event\": did you mean \"events\"?",
        ),
        (
            "title = \"a\\nb\"\nfilter = 'true'",
            "key \"title\": \"a\\nb\" is no title: write one line of 1 to 100",
        ),
        ("filer = 'true'", "unknown key \"filer\": did you mean \"filter\"?"),
        (
            "filter = 'true'\n[[segment]]\nname = \"vips\"\nfilter = 'true'",
            "the name is taken by another segment",
        ),
    ] {
        let told = place.error(&segment(rest));
        assert!(told.starts_with(&format!("heliu.toml: segment \"vips\": {error}")), "{rest}\n{told}");
    }
}

#[test]
fn segments_are_many_at_most() {
    let place = Place::new();
    let many = |count: usize| {
        let segment = |number| format!("[[segment]]\nname = \"s{number}\"\nfilter = 'true'\n");
        format!("{LEAST}{}", (0..count).map(segment).collect::<String>())
    };
    assert_eq!(place.load(&many(SEGMENTS_MAX)).unwrap().segments.len(), SEGMENTS_MAX);
    assert!(place.error(&many(SEGMENTS_MAX + 1)).starts_with("heliu.toml: 101 segments are more than 100"));
}

#[test]
fn who_vouches_for_components_is_read() {
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let place = Place::new();
    assert_eq!(place.load(LEAST).unwrap().plugins, Plugins::default());
    let plugins = |text: &str| format!("{LEAST}[plugins]\n{text}");
    let text = format!("require_signature = true\nkeys = [{{ name = \"ops\", key = \"{KEY}\" }}]");
    let Plugins { require_signature, keys } = place.load(&plugins(&text)).unwrap().plugins;
    assert_eq!((require_signature, keys.len(), keys[0].name.as_str()), (true, 1, "ops"));
    for (text, part) in [
        ("require_signature = true".to_owned(), "[plugins] key \"keys\" is missing: a signature by nobody"),
        (text.replace(KEY, &KEY[..20]), "[plugins] key \"keys\": \"ops\" is no public key of minisign"),
        (text.replace("ops", "Ops!"), "[plugins] key \"name\""),
        (
            text.replace("}]", &format!("}}, {{ name = \"ops\", key = \"{KEY}\" }}]")),
            "\"ops\" is there twice",
        ),
        ("require_signatures = true".to_owned(), "did you mean \"require_signature\"?"),
    ] {
        let error = place.error(&plugins(&text));
        assert!(error.contains(part), "{text}: {error}");
    }
}
