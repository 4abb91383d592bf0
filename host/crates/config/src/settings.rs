//! A plugin's settings: TOML in the file, JSON for the plugin.
//!
//! Invariant: equal settings give equal text, in whatever order they stand in the file. The text is part of what a
//! policy's version is.

use std::path::Path;

use toml::{Table, Value};

use crate::Problem;
use crate::secret::{Source, Surroundings};

/// May a setting come from a file or from the environment?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    Fetched,
    Refused,
    /// It may, and is left where it is.
    Named,
}

/// Settings as the plugin gets them.
pub(crate) struct Settings {
    pub(crate) json: String,
    /// The texts in them that came from a file or from the environment.
    pub(crate) secrets: Vec<String>,
}

/// Integers keep their digits, keys are sorted, there is no space. TOML's dates have no JSON and are refused.
pub(crate) fn resolve(
    table: &Table,
    secrets: Secrets,
    surroundings: &Surroundings<'_>,
) -> Result<Settings, Problem> {
    let mut writer = Writer { json: String::new(), found: Vec::new(), secrets, surroundings };
    writer.table(table, "settings")?;
    Ok(Settings { json: writer.json, secrets: writer.found })
}

/// A table as it stands in the file: what comes from elsewhere is not fetched.
pub(crate) fn as_it_stands(table: &Table) -> Result<String, Problem> {
    let surroundings = Surroundings { folder: Path::new(""), variable: &|_| None };
    Ok(resolve(table, Secrets::Named, &surroundings)?.json)
}

struct Writer<'a> {
    json: String,
    found: Vec<String>,
    secrets: Secrets,
    surroundings: &'a Surroundings<'a>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, key: &str) -> Result<(), Problem> {
        match value {
            Value::String(text) => self.text(text),
            Value::Integer(number) => self.json.push_str(&number.to_string()),
            Value::Float(number) if number.is_finite() => {
                self.json.push_str(&serde_json::json!(number).to_string());
            }
            Value::Float(number) => {
                return Err(Problem::wrong(key, format!("{number} is a number that JSON does not have")));
            }
            Value::Boolean(truth) => self.json.push_str(if *truth { "true" } else { "false" }),
            Value::Datetime(date) => {
                let reason = format!("{date} is a date, which JSON does not have: put it in quotes");
                return Err(Problem::wrong(key, reason));
            }
            Value::Array(values) => return self.array(values, key),
            Value::Table(table) => match (Source::of_table(table), self.secrets) {
                (None, _) | (Some(_), Secrets::Named) => return self.table(table, key),
                (Some(source), Secrets::Fetched) => {
                    let secret = source.resolve(key, self.surroundings)?;
                    self.text(secret.expose());
                    self.found.push(secret.expose().to_owned());
                }
                (Some(_), Secrets::Refused) => {
                    return Err(Problem::SecretInPolicy { key: key.to_owned() });
                }
            },
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.json.push_str(&serde_json::json!(text).to_string());
    }

    fn array(&mut self, values: &[Value], key: &str) -> Result<(), Problem> {
        self.json.push('[');
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.json.push(',');
            }
            self.value(value, &format!("{key}[{place}]"))?;
        }
        self.json.push(']');
        Ok(())
    }

    fn table(&mut self, table: &Table, key: &str) -> Result<(), Problem> {
        // Sorted here, and not by trust: whether a table is depends on a feature of its crate that any other may set.
        let mut entries: Vec<(&String, &Value)> = table.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        self.json.push('{');
        for (place, (name, value)) in entries.into_iter().enumerate() {
            if place > 0 {
                self.json.push(',');
            }
            self.text(name);
            self.json.push(':');
            self.value(value, &format!("{key}.{name}"))?;
        }
        self.json.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn resolved(text: &str, secrets: Secrets) -> Result<Settings, String> {
        let variable = |name: &str| (name == "KEY").then(|| "k\"e\ny".to_owned());
        let surroundings = Surroundings { folder: Path::new("nowhere"), variable: &variable };
        resolve(&toml::from_str(text).unwrap(), secrets, &surroundings).map_err(|problem| problem.to_string())
    }

    fn json(text: &str) -> String {
        resolved(text, Secrets::Fetched).map(|settings| settings.json).unwrap()
    }

    #[test]
    fn numbers_keep_their_digits_and_keys_are_sorted() {
        assert_eq!(
            json(
                "z = 9223372036854775807\na = -9007199254740993\nf = 1.5\nt = true\n[m]\nb = [1, 'x\"y']\na = '小'"
            ),
            r#"{"a":-9007199254740993,"f":1.5,"m":{"a":"小","b":[1,"x\"y"]},"t":true,"z":9223372036854775807}"#
        );
        assert_eq!(json("f = 1.0\ng = 0.1\nh = 1e300"), r#"{"f":1.0,"g":0.1,"h":1e+300}"#);
    }

    #[test]
    fn dates_and_endless_numbers_are_refused_by_name() {
        let error = |text| resolved(text, Secrets::Fetched).err().unwrap();
        assert_eq!(
            error("[[rules]]\n[[rules]]\nsince = 2026-01-01"),
            r#"key "settings.rules[1].since": 2026-01-01 is a date, which JSON does not have: put it in quotes"#
        );
        assert!(error("n = inf").starts_with(r#"key "settings.n": inf is a number"#));
        assert!(error("n = nan").contains("JSON does not have"));
    }

    #[test]
    fn any_text_of_a_connection_may_be_fetched() {
        let settings = resolved("a = { env = 'KEY' }\nb = [{ env = 'KEY' }]", Secrets::Fetched).unwrap();
        assert_eq!(settings.json, r#"{"a":"k\"e\ny","b":["k\"e\ny"]}"#);
        assert_eq!(settings.secrets, ["k\"e\ny", "k\"e\ny"]);
        assert_eq!(json("a = { env = 'KEY', more = 1 }"), r#"{"a":{"env":"KEY","more":1}}"#);
    }

    #[test]
    fn no_text_of_a_policy_may_be_fetched() {
        let error = resolved("[a]\nb = { env = 'KEY' }", Secrets::Refused).err().unwrap();
        assert!(
            error.starts_with(r#"key "settings.a.b": a policy's settings stand in the journal"#),
            "{error}"
        );
    }
}
