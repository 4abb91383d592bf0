//! Whole files: what is read, and what an operator is told.

use std::time::Duration;

use super::*;

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
    assert_eq!(config.api_token.expose(), "a-token");
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
        ("[identity]", keys_of::<IdentitySection>()),
        ("[limits]", keys_of::<LimitsSection>()),
        ("[[connection]]", keys_of::<ConnectionSection>()),
        ("[[policy]]", keys_of::<PolicySection>()),
        ("[[segment]]", keys_of::<SegmentSection>()),
    ];
    for (section, keys) in sections {
        assert!(keys.len() > 1 || section == "[identity]" || section == "[api]", "{section}: {keys:?}");
        for key in keys {
            let shown = crate::EXAMPLE.lines().any(|line| {
                let line = line.trim_start_matches("# ").trim_start_matches('[');
                let line = line.strip_prefix("connection.").or(line.strip_prefix("policy.")).unwrap_or(line);
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
    assert_eq!(config.limits, Limits { body_max_bytes: 1_048_576, intake_waiting_max: 1024 });
    assert!(config.connections.is_empty() && config.policies.is_empty());
    let config = place.load(&connection("")).unwrap();
    let connection = &config.connections[0];
    assert_eq!((connection.settings.as_str(), connection.inward), ("{}", false));
    assert!(connection.hosts.is_empty() && connection.secrets.is_empty());
}

#[test]
fn an_error_names_the_file_the_section_and_the_key() {
    let place = Place::new();
    for (text, error) in [
        ("data = ", "heliu.toml: line 1: not TOML: "),
        (
            "clock = \"manual\"\n[api]\ntoken = \"t\"\nlisten = \"x\"",
            "heliu.toml: [api] unknown key \"listen\": ",
        ),
        ("dat = \"x\"", "heliu.toml: unknown key \"dat\": did you mean \"data\"?"),
        ("", "heliu.toml: key \"api\" is missing: add a section `[api]`"),
        ("[api]", "heliu.toml: [api] key \"token\" is missing: "),
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
