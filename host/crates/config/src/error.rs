//! What can be wrong with a `heliu.toml`: always which file, which section, which key, and what to do.

use model::Class;

/// The first thing that is wrong with a configuration. Its text is one line for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {section}{problem}")]
pub struct ConfigError {
    /// As it was named to [`crate::load`].
    pub file: String,
    /// `[api] `, `connection "wecom-main": `, or empty for what stands at the top.
    pub section: String,
    pub problem: Box<Problem>,
}

impl ConfigError {
    /// Always the operator: nothing but the file, or a file that it names, mends it.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Operator
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("cannot be read: {reason}")]
    Unreadable { reason: String },
    #[error("line {line}: not TOML: {reason}")]
    Syntax { line: usize, reason: String },
    #[error("unknown key \"{key}\": {}", mend(.nearest.as_deref(), .known))]
    UnknownKey { key: String, nearest: Option<String>, known: Vec<String> },
    #[error("key \"{key}\" is missing: {mend}")]
    MissingKey { key: String, mend: String },
    #[error("key \"{key}\": {reason}")]
    WrongKey { key: String, reason: String },
    /// The text of serde, where it does not say more.
    #[error("{reason}")]
    Shape { reason: String },
    #[error("plugin \"{plugin}\" does not exist: build it, or correct the path (looked for {looked})")]
    NoSuchPlugin { plugin: String, looked: String },
    #[error("the name is taken by another {kind}: give each its own")]
    NameTaken { kind: &'static str },
    #[error("key \"{key}\": file \"{file}\" {reason}")]
    SecretFile { key: String, file: String, reason: String },
    #[error("key \"{key}\": environment variable \"{variable}\" {reason}")]
    SecretVariable { key: String, variable: String, reason: String },
    #[error(
        "key \"{key}\": a policy's settings stand in the journal, where a secret does not belong: write the value \
         itself, not where it comes from"
    )]
    SecretInPolicy { key: String },
}

fn mend(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => format!("known here are {}", known.join(", ")),
    }
}

impl Problem {
    /// The error of this problem in this section of this file.
    pub(crate) fn at(self, file: &str, section: &str) -> ConfigError {
        ConfigError { file: file.to_owned(), section: section.to_owned(), problem: Box::new(self) }
    }

    pub(crate) fn wrong(key: &str, reason: impl Into<String>) -> Problem {
        Problem::WrongKey { key: key.to_owned(), reason: reason.into() }
    }
}
