//! What a caller is told when a plugin misbehaved, and when it was not the plugin.

use std::borrow::Cow;
use std::fmt;

use model::{Class, Digest};

use crate::call::LogLine;

/// A connector's call that came to nothing.
#[derive(Clone, Debug)]
pub struct PluginFault {
    /// The connector's channel.
    pub plugin: String,
    pub digest: Digest,
    pub kind: FaultKind,
    /// The last things that it logged, secrets left out.
    pub log: Vec<LogLine>,
    /// The functions that it was in, innermost first.
    pub backtrace: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It reached this limit of `Limits`.
    Limit { name: &'static str, text: String },
    /// It broke off: a panic, an access out of bounds.
    Trap { text: String },
    /// Its answer is not one that the host may keep. It may be that it passed this limit.
    Answer { text: String, limit: Option<&'static str> },
    /// It was asked for something that it does not offer.
    NotOffered { interface: &'static str },
    /// The host had no instance or no memory left. Nothing to do with this plugin.
    Busy { text: String },
    /// A mistake of ours.
    Bug { text: String },
}

impl PluginFault {
    #[must_use]
    pub fn class(&self) -> Class {
        match self.kind {
            // The same input may pass next time: a token may be there, the other side may answer faster.
            FaultKind::Limit { .. } | FaultKind::Trap { .. } | FaultKind::Busy { .. } => Class::Retry,
            FaultKind::Answer { .. } => Class::Reject,
            FaultKind::NotOffered { .. } => Class::Operator,
            FaultKind::Bug { .. } => Class::Bug,
        }
    }
}

impl FaultKind {
    /// All names that there are.
    pub const NAMES: [&'static str; 6] = ["limit", "trap", "answer", "not_offered", "busy", "bug"];

    /// The limit of `Limits` at which it ended, by its name there.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            FaultKind::Limit { name, text: _ } => Some(name),
            FaultKind::Answer { text: _, limit } => *limit,
            FaultKind::Trap { .. }
            | FaultKind::NotOffered { .. }
            | FaultKind::Busy { .. }
            | FaultKind::Bug { .. } => None,
        }
    }

    /// In metrics and dead letters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let place = match self {
            FaultKind::Limit { .. } => 0,
            FaultKind::Trap { .. } => 1,
            FaultKind::Answer { .. } => 2,
            FaultKind::NotOffered { .. } => 3,
            FaultKind::Busy { .. } => 4,
            FaultKind::Bug { .. } => 5,
        };
        FaultKind::NAMES[place]
    }
}

impl PluginFault {
    /// The same without anything that the plugin said or answered, which may quote what a channel sent: for logs, and for
    /// whoever looks at the host.
    #[must_use]
    pub fn outline(&self) -> String {
        let PluginFault { plugin, digest, kind, log: _, backtrace } = self;
        let what = match kind {
            FaultKind::Answer { text, limit: _ } => format!("answer out of bounds: {}", unquoted(text)),
            FaultKind::Limit { .. }
            | FaultKind::Trap { .. }
            | FaultKind::NotOffered { .. }
            | FaultKind::Busy { .. }
            | FaultKind::Bug { .. } => kind.to_string(),
        };
        let place = backtrace.as_ref().map(|functions| format!("; in {functions}")).unwrap_or_default();
        format!("plugin \"{plugin}\" ({}): {what}{place}", digest.short())
    }
}

/// Without what stands in quotes: all that a plugin answered stands in some. What it answered may have quotes of its own, so nothing
/// between the first and the last one is kept.
fn unquoted(text: &str) -> Cow<'_, str> {
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            Cow::Owned(format!("{}…{}", &text[..=first], &text[last..]))
        }
        (Some(first), _) => Cow::Borrowed(&text[..first]),
        (None, _) => Cow::Borrowed(text),
    }
}

impl std::error::Error for PluginFault {}

impl fmt::Display for PluginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PluginFault { plugin, digest, kind, log, backtrace } = self;
        write!(f, "plugin \"{plugin}\" ({}): {kind}", digest.short())?;
        if let Some(backtrace) = backtrace {
            write!(f, "; in {backtrace}")?;
        }
        if let Some(last) = log.last() {
            write!(f, "; its last words: {}", last.text)?;
        }
        Ok(())
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::Limit { name: _, text } | FaultKind::Trap { text } => f.write_str(text),
            FaultKind::Answer { text, limit: _ } => write!(f, "answer out of bounds: {text}"),
            FaultKind::NotOffered { interface } => write!(f, "does not export {interface}"),
            FaultKind::Busy { text } => write!(f, "not called, the host is busy: {text}"),
            FaultKind::Bug { text } => write!(f, "host bug: {text}"),
        }
    }
}

/// A turn without a verdict, through the policy's own doing. The same on every machine and on every try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnFault {
    pub kind: TurnFaultKind,
    /// For an operator. Names the limit or the value, and the functions that the policy was in.
    pub text: String,
    /// The limit of `Limits` that it reached, by its name there.
    pub limit: Option<&'static str>,
}

impl TurnFault {
    /// How it failed in fixed words, none of them the policy's.
    pub(crate) fn outline(&self) -> String {
        match self.limit {
            Some(limit) => format!("{}, limit {limit}", self.kind.name()),
            None => self.kind.name().to_owned(),
        }
    }
}

impl fmt::Display for TurnFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnFaultKind {
    /// It broke off.
    Trap,
    /// `policy_fuel`.
    Fuel,
    /// `policy_memory_bytes`, or another limit on what its instance holds.
    Memory,
    /// The verdict, or the number of verdicts, is not one that the host may keep.
    Bounds,
    /// `evaluate` returned an error of the policy's own.
    Refused,
}

impl TurnFaultKind {
    /// All names that there are.
    pub const NAMES: [&'static str; 5] = ["trap", "fuel", "memory", "bounds", "refused"];

    /// In metrics and dead letters.
    #[must_use]
    pub fn name(self) -> &'static str {
        let place = match self {
            TurnFaultKind::Trap => 0,
            TurnFaultKind::Fuel => 1,
            TurnFaultKind::Memory => 2,
            TurnFaultKind::Bounds => 3,
            TurnFaultKind::Refused => 4,
        };
        TurnFaultKind::NAMES[place]
    }
}

/// A policy was not heard, through no doing of this turn's. Nothing may be skipped: the caller tries again, or goes on without the
/// policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The wall-clock backstop: the machine is so loaded that fuel had no time to run out.
    #[error("policy \"{policy}\": no answer within policy_wall ({seconds} s); the machine is overloaded")]
    Backstop { policy: String, seconds: u64 },
    /// Found by trying a turn alone, too. What it decided cannot be trusted, nor told again.
    #[error(
        "policy \"{policy}\" ({digest}): the turn at position {position} comes out otherwise alone than among others: it keeps state \
         from one turn to the next, which its contract forbids; unbind it, or bind a version that does not"
    )]
    Unsteady { policy: String, digest: String, position: u64 },
    /// At turn after turn it comes to nothing, the same every time, and everybody waits for that. What failed last were so many
    /// turns, the first of which is of this position.
    #[error(
        "policy \"{policy}\" ({digest}): it keeps failing: calls that came to nothing took more than limit policy_failing_per_minute \
         leaves them, {failing_max_ms} ms; the last was about {turns} turns from position {position} on: {how}"
    )]
    KeepsFailing {
        policy: String,
        digest: String,
        failing_max_ms: u128,
        turns: usize,
        position: u64,
        how: String,
    },
    #[error("policy \"{policy}\": not called, the host is busy: {text}")]
    Busy { policy: String, text: String },
    #[error("policy \"{policy}\": host bug: {text}")]
    Bug { policy: String, text: String },
}

impl Trouble {
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Trouble::Backstop { .. } | Trouble::Busy { .. } => Class::Retry,
            // It is no trouble of the moment; but the fold must go on for everybody else, without it.
            Trouble::Unsteady { .. } => Class::Bug,
            // The same turns come to nothing however often they are tried.
            Trouble::KeepsFailing { .. } => Class::Reject,
            Trouble::Bug { .. } => Class::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Level;

    #[test]
    fn what_is_in_quotes_goes_with_the_quotes_in_it() {
        for (text, outline) in [
            ("7 events, limit harvest_events is 6", "7 events, limit harvest_events is 6"),
            ("event \"a\": staff \"b\" is empty", "event \"…\" is empty"),
            ("event \"a\" b \"c\" is empty", "event \"…\" is empty"),
            ("event \"a", "event "),
        ] {
            assert_eq!(unquoted(text), outline);
        }
    }

    #[test]
    fn an_outline_has_nothing_that_the_plugin_said_or_answered() {
        let fault = |kind| PluginFault {
            plugin: "wecom".to_owned(),
            digest: Digest([1; 32]),
            kind,
            log: vec![LogLine { level: Level::Error, text: "panicked at 13900000000".to_owned() }],
            backtrace: Some("parse".to_owned()),
        };
        let answer = fault(FaultKind::Answer {
            text: "staff \"13900000000\" has control characters".to_owned(),
            limit: None,
        });
        assert!(answer.to_string().contains("13900000000"));
        assert_eq!(
            answer.outline().split_once("): ").unwrap().1,
            "answer out of bounds: staff \"…\" has control characters; in parse"
        );
        let trap = fault(FaultKind::Trap { text: "wasm trap: unreachable".to_owned() });
        assert!(trap.outline().ends_with("): wasm trap: unreachable; in parse"), "{}", trap.outline());
    }
}
