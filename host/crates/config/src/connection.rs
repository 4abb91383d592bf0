//! `[[connection]]`: one configured account of a channel.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use model::{Instant, Json};
use serde::Deserialize;
use toml::Table;

use crate::secret::Surroundings;
use crate::settings::{self, Secrets, Settings};
use crate::{Problem, courier, duration, limits, origin};

/// A name becomes part of an address, of file names and of metrics.
const NAME_BYTES_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionSection {
    /// Lower-case letters, digits and dashes. Its webhooks come to `/hooks/NAME`, and its events bear this name in the
    /// journal for ever: a renamed connection is another one.
    pub(crate) name: String,
    /// The connector's component, relative to this file.
    plugin: String,
    /// The hosts that it may reach: scheme, host and, where it is not the usual one, port. `https://*.taobao.com`
    /// grants every host below a domain. `heliu plugin inspect` tells what a connector asks for. None if left out.
    #[serde(default)]
    hosts: Vec<String>,
    /// May those hosts have addresses inside your own network? Off if left out: a name that resolves to an inner
    /// address is then refused, whoever controls it.
    #[serde(default)]
    inward: bool,
    /// How often a connector that can be polled is. `"5m"` if left out.
    #[serde(default = "default_poll_every")]
    poll_every: String,
    /// Kinds of handles of people that this connection has in common with one of another plugin, like `phone`: who has such a
    /// handle on the one is the person who has it on the other. Both must say so. None if left out: each has its own.
    #[serde(default)]
    shares: Vec<String>,
    /// Calls of its connector at once, webhooks, feed, chores and errands together: so many places of those that all connections
    /// share. 48 if left out. Some places are left to each of the others whatever stands here.
    #[serde(default = "default_calls_max")]
    calls_max: usize,
    /// Scenes of which this channel lets one errand be handed over twice without its reaching anybody twice. None if left
    /// out: an errand whose end nobody knows, because the host broke off in the middle of it, is then not tried again.
    #[serde(default)]
    carry_again: Vec<String>,
    /// The day on which the account began to work, like `"2024-03-01"`: budgets rise with its age. If left out, that of
    /// its first record.
    since: Option<String>,
    /// The connector's own settings. Any text among them may be `{ file = "…" }` or `{ env = "…" }`.
    #[serde(default)]
    settings: Table,
}

fn default_poll_every() -> String {
    "5m".to_owned()
}

/// There are fewer places in all.
const CALLS_MAX_MAX: usize = 1024;

fn default_calls_max() -> usize {
    48
}

/// One configured account of a channel. `Debug` shows none of its settings.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    pub name: String,
    /// An existing file.
    pub plugin: PathBuf,
    /// Granted: scheme, host and optional port, in lower case; a host may begin with `*.`.
    pub hosts: Vec<String>,
    pub inward: bool,
    pub poll_every: Duration,
    /// Kinds of handles that others may have too.
    pub shares: Vec<String>,
    /// Calls at once, of all kinds.
    pub calls_max: usize,
    /// Names of scenes; a trailing `*` stands for any ending.
    pub carry_again: Vec<String>,
    /// The first instant of that day, in UTC.
    pub since: Option<Instant>,
    /// One line, keys sorted, secrets filled in.
    pub settings: Json,
    /// The texts in `settings` that came from files or from the environment.
    pub secrets: Vec<String>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Connection {
            name,
            plugin,
            hosts,
            inward,
            poll_every,
            shares,
            calls_max,
            carry_again,
            since,
            settings: _,
            secrets,
        } = self;
        f.debug_struct("Connection")
            .field("name", name)
            .field("plugin", plugin)
            .field("hosts", hosts)
            .field("inward", inward)
            .field("poll_every", poll_every)
            .field("shares", shares)
            .field("calls_max", calls_max)
            .field("carry_again", carry_again)
            .field("since", since)
            .field("settings", &"[settings]")
            .field("secrets", &secrets.len())
            .finish()
    }
}

impl ConnectionSection {
    pub(crate) fn resolve(self, surroundings: &Surroundings<'_>) -> Result<Connection, Problem> {
        let ConnectionSection {
            name,
            plugin,
            hosts,
            inward,
            poll_every,
            shares,
            calls_max,
            carry_again,
            since,
            settings,
        } = self;
        check_name(&name)?;
        if name == model::SEGMENTS {
            let reason =
                format!("\"{name}\" is where the host's own facts about segments come from: choose another");
            return Err(Problem::wrong("name", reason));
        }
        let plugin = existing_plugin(plugin, surroundings)?;
        let hosts = hosts.iter().map(|host| origin::check(host)).collect::<Result<_, _>>();
        let hosts = hosts.map_err(|reason| Problem::wrong("hosts", reason))?;
        let poll_every =
            duration::parse(&poll_every).map_err(|reason| Problem::wrong("poll_every", reason))?;
        limits::within("calls_max", calls_max, CALLS_MAX_MAX)?;
        courier::check_names("carry_again", &carry_again)?;
        let since = since.map(|day| first_instant(&day)).transpose()?;
        let Settings { json, secrets } = settings::resolve(&settings, Secrets::Fetched, surroundings)?;
        Ok(Connection {
            name,
            plugin,
            hosts,
            inward,
            poll_every,
            shares,
            calls_max,
            carry_again,
            since,
            settings: json,
            secrets,
        })
    }
}

fn first_instant(day: &str) -> Result<Instant, Problem> {
    let reason = || format!("\"{day}\" is not a day: write it like \"2024-03-01\"");
    ::courier::Zone::utc().day(day).ok_or_else(|| Problem::wrong("since", reason()))
}

pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(fit) {
        Ok(())
    } else {
        let reason = format!(
            "\"{name}\" is not a name: use lower-case letters, digits and dashes, {NAME_BYTES_MAX} at most"
        );
        Err(Problem::wrong("name", reason))
    }
}

pub(crate) fn existing_plugin(plugin: String, surroundings: &Surroundings<'_>) -> Result<PathBuf, Problem> {
    let path = surroundings.folder.join(&plugin);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Problem::NoSuchPlugin { plugin, looked: path.display().to_string() })
    }
}
