//! What stands in the file, section by section, as the journal is told of it where nothing else in the journal speaks of it.
//!
//! Policies and their settings, `[identity]` and `[courier.outcomes]` stand in setups, what connections may do in grants. This is the rest.
//! Invariant: equal contents give equal text, in whatever order they stand in the file. No text of these holds a secret.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::Problem;
use crate::settings;

/// A section as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// `courier`, `segment new-friends`, `shadow of recency`.
    pub name: String,
    /// One line of JSON, keys sorted.
    pub text: String,
}

/// The name under which the journal is told that `[change]` is another.
pub const CHANGE: &str = "change";

/// Sections that stand in the file once, and whole.
const WHOLE: [&str; 7] = ["courier", "limits", "plugins", "log", "telemetry", "tls", CHANGE];

/// Keys of the file's head that are no section.
const HEAD: [&str; 2] = ["listen", "clock"];

/// The sections of a file. Connections are not among them: secrets may stand there.
pub(crate) fn sections(file: &Table) -> Result<Vec<Written>, Problem> {
    let mut sections: BTreeMap<String, Table> = BTreeMap::new();
    for name in WHOLE {
        if let Some(section) = file.get(name).and_then(Value::as_table) {
            sections.insert(name.to_owned(), section.clone());
        }
    }
    let head: Table = file.iter().filter(|(key, _)| HEAD.contains(&key.as_str())).map(owned).collect();
    let mut api = file.get("api").and_then(Value::as_table).cloned().unwrap_or_default();
    // It opens everything.
    drop(api.remove("token"));
    for (name, section) in [("head", head), ("api", api)] {
        if !section.is_empty() {
            sections.insert(name.to_owned(), section);
        }
    }
    for (name, segment) in named(file, "segment") {
        sections.insert(format!("segment {name}"), segment.clone());
    }
    for (name, policy) in named(file, "policy") {
        if let Some(shadow) = policy.get("shadow").and_then(Value::as_table) {
            sections.insert(format!("shadow of {name}"), shadow.clone());
        }
    }
    let written =
        |(name, section): (String, Table)| Ok(Written { text: settings::as_it_stands(&section)?, name });
    sections.into_iter().map(written).collect()
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// The sections of a list, with their names.
fn named<'a>(file: &'a Table, kind: &str) -> impl Iterator<Item = (&'a str, &'a Table)> {
    let list = file.get(kind).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    list.filter_map(|section| Some((section.get("name")?.as_str()?, section)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, String)> {
        let sections = sections(&toml::from_str(text).unwrap()).unwrap();
        sections.into_iter().map(|Written { name, text }| (name, text)).collect()
    }

    #[test]
    fn a_section_is_its_content_and_not_its_form() {
        let one = of("[limits]\nb = 1\na = [\"x\"]\n");
        assert_eq!(one, [("limits".to_owned(), r#"{"a":["x"],"b":1}"#.to_owned())]);
        assert_eq!(of("# why\nlimits = { a = ['x'], b = 1 }"), one);
        assert_ne!(of("limits = { a = ['y'], b = 1 }"), one);
        assert_eq!(of(""), []);
    }

    #[test]
    fn each_section_of_which_nothing_else_speaks_is_there_and_no_secret() {
        let text = r#"
            listen = "127.0.0.1:1"
            data = "d"
            tenant = "t"
            identity = { phone_country = "86" }
            api = { listen = "127.0.0.1:2", token = "s3cr3t" }
            tls = { cert = "a", key = "b" }
            log = { plugin_text = true }
            telemetry = { otlp = "http://c" }
            limits = { calls = 1 }
            plugins = { require_signature = true }
            courier = { cap = [{ at_most = 1 }] }
            change = { by = "li" }
            connection = [{ name = "wecom", settings = { key = "s3cr3t" } }]
            policy = [{ name = "one", settings = { a = 1 } }, { name = "two", shadow = { settings = { a = 2 } } }]
            segment = [{ name = "new", filter = "true" }]
        "#;
        let told = of(text);
        let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "api",
            "change",
            "courier",
            "head",
            "limits",
            "log",
            "plugins",
            "segment new",
            "shadow of two",
            "telemetry",
            "tls",
        ];
        assert_eq!(names, expected);
        assert!(told.iter().all(|(_, text)| !text.contains("s3cr3t")), "{told:?}");
        assert_eq!(told[8].1, r#"{"settings":{"a":2}}"#);
    }
}
