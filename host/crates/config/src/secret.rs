//! Texts that may come from a file or from the environment, and that are never printed.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use crate::Problem;

/// A secret's file is a line or a key. More is another file.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// The text itself. Say only where it must be known.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where a text of the file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It stands there itself.
    Plain(Secret),
    /// `{ file = "wecom.secret" }`, relative to `heliu.toml`.
    File(String),
    /// `{ env = "WECOM_SECRET" }`.
    Variable(String),
}

/// What a file's texts may refer to.
pub(crate) struct Surroundings<'a> {
    /// Where `heliu.toml` stands.
    pub(crate) folder: &'a Path,
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Source {
    /// `{ file = … }` or `{ env = … }` with nothing beside it; any other table is a table.
    pub(crate) fn of_table(table: &toml::Table) -> Option<Source> {
        let mut entries = table.iter();
        let (Some((key, toml::Value::String(text))), None) = (entries.next(), entries.next()) else {
            return None;
        };
        match key.as_str() {
            "file" => Some(Source::File(text.clone())),
            "env" => Some(Source::Variable(text.clone())),
            _ => None,
        }
    }

    /// Fetches the text. One line end at the end of a file is not part of it; an empty text is refused.
    pub(crate) fn resolve(self, key: &str, surroundings: &Surroundings<'_>) -> Result<Secret, Problem> {
        let key = key.to_owned();
        match self {
            Source::Plain(text) if text.expose().is_empty() => Err(Problem::wrong(&key, "is empty")),
            Source::Plain(text) => Ok(text),
            Source::File(file) => match read_file(&surroundings.folder.join(&file)) {
                Ok(text) => Ok(Secret(text)),
                Err(reason) => Err(Problem::SecretFile { key, file, reason }),
            },
            Source::Variable(variable) => match (surroundings.variable)(&variable) {
                Some(text) if !text.is_empty() => Ok(Secret(text)),
                Some(_) => Err(Problem::SecretVariable { key, variable, reason: "is empty".to_owned() }),
                None => Err(Problem::SecretVariable {
                    key,
                    variable,
                    reason: "is not set (to UTF-8 text)".to_owned(),
                }),
            },
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("has {length} bytes, {FILE_BYTES_MAX} at most: it holds more than a secret"));
    }
    let mut text = std::fs::read_to_string(path).map_err(unreadable)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

// By hand and not `untagged`: the message must say what is expected.
impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
        struct SourceVisitor;
        impl<'de> Visitor<'de> for SourceVisitor {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a text, { file = "…" } or { env = "…" }"#)
            }

            fn visit_str<E>(self, text: &str) -> Result<Source, E> {
                Ok(Source::Plain(Secret(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Source, A::Error> {
                let expected = r#"expected { file = "…" } or { env = "…" }"#;
                let source = match map.next_entry::<String, String>()? {
                    Some((key, file)) if key == "file" => Source::File(file),
                    Some((key, variable)) if key == "env" => Source::Variable(variable),
                    _ => return Err(de::Error::custom(expected)),
                };
                match map.next_key::<String>()? {
                    None => Ok(source),
                    Some(_) => Err(de::Error::custom(expected)),
                }
            }
        }
        deserializer.deserialize_any(SourceVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(source: Source, folder: &Path) -> Result<String, String> {
        let variable = |name: &str| match name {
            "SET" => Some("from the environment".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let surroundings = Surroundings { folder, variable: &variable };
        let resolved = source.resolve("secret", &surroundings);
        resolved.map(|secret| secret.expose().to_owned()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_secret_is_never_shown() {
        let source = Source::Plain(Secret::new("hunter2".to_owned()));
        assert!(!format!("{source:?}").contains("hunter2"));
    }

    #[test]
    fn one_line_end_at_the_end_of_a_file_is_not_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        for (written, read) in [("a b", "a b"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n")] {
            std::fs::write(folder.path().join("s"), written).unwrap();
            assert_eq!(resolved(Source::File("s".to_owned()), folder.path()), Ok(read.to_owned()));
        }
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        let text = |source| resolved(source, folder.path()).unwrap_err();
        assert_eq!(text(Source::File("empty".to_owned())), r#"key "secret": file "empty" is empty"#);
        let missing = text(Source::File("missing".to_owned()));
        assert!(
            missing.starts_with(r#"key "secret": file "missing" cannot be read: No such file"#),
            "{missing}"
        );
        assert!(text(Source::Variable("UNSET".to_owned())).contains("\"UNSET\" is not set"));
        assert!(text(Source::Variable("EMPTY".to_owned())).contains("\"EMPTY\" is empty"));
        assert_eq!(
            resolved(Source::Variable("SET".to_owned()), folder.path()).as_deref(),
            Ok("from the environment")
        );
    }
}
