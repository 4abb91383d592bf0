//! `[api]`: where it listens, and the token that is there before any other.

use std::net::SocketAddr;

use serde::Deserialize;
use toml::Value;

use crate::secret::{Source, Surroundings};
use crate::tls::{Tls, TlsSection};
use crate::{Problem, Secret, load, section};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiSection {
    /// A token with every scope, for the beginning: a caller of `/api/v1` shows it as `Authorization: Bearer …`. A text,
    /// `{ file = "api.token" }` or `{ env = "HELIU_TOKEN" }`. None if left out: then `heliu token create` makes them all.
    token: Option<Source>,
    /// The address and port of the API, where it is to be another than the webhooks'. On each of the two the other's
    /// routes do not exist. Together on `listen` if left out.
    listen: Option<String>,
    /// The API's own certificate, as `[tls]`, whose certificate it has if this is left out. Needs `listen`.
    tls: Option<Value>,
}

/// The API as it was configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Api {
    /// Opens everything.
    pub token: Option<Secret>,
    /// None: where the webhooks come.
    pub listen: Option<SocketAddr>,
    /// None: that of the webhooks.
    pub tls: Option<Tls>,
}

impl ApiSection {
    pub(crate) fn resolve(self, surroundings: &Surroundings<'_>) -> Result<Api, Problem> {
        let ApiSection { token, listen, tls } = self;
        let token = token.map(|token| token.resolve("token", surroundings)).transpose()?;
        if token.as_ref().is_some_and(|token| !token.expose().bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Problem::wrong(
                "token",
                "has letters that a header cannot carry: use ASCII letters, digits and signs, no spaces",
            ));
        }
        let listen = listen.as_deref().map(load::address).transpose()?;
        if tls.is_some() && listen.is_none() {
            let reason = "is for a listener of the API's own: give `listen` beside it, or use [tls]";
            return Err(Problem::wrong("tls", reason));
        }
        let tls = tls.map(section::read::<TlsSection>).transpose()?;
        let tls = tls.map(|tls| tls.resolve(surroundings)).transpose()?;
        Ok(Api { token, listen, tls })
    }
}
