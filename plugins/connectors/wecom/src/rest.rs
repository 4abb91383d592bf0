//! The platform's API: the access token, one call, and what its answer means.
//!
//! Invariant: neither the secret nor a token is ever part of a text that leaves here. They stand in URLs, so no
//! message quotes a URL.

use heliu_sdk::Host;
use heliu_sdk::faults::{Fault, Pause};
use heliu_sdk::http::{Failure, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::crypto::hex;
use crate::errcode::{self, Class};
use crate::settings::Settings;

const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A token is renewed this long before its end, so that a call on its way does not meet it.
const TOKEN_MARGIN_MS: u64 = 300_000;
const TOKEN_TTL_MIN_MS: u64 = 60_000;
/// What a token lives where the answer does not say: the documented two hours.
const TOKEN_SECONDS: u64 = 7200;
/// Says nothing of what the platform did before it had too much to do.
const SYSTEM_BUSY: i64 = -1;
/// Characters of the platform's own message that are passed on.
const MESSAGE_MAX: usize = 200;

/// Why a call gave nothing.
#[derive(Debug)]
pub enum ApiError {
    /// The platform said no, with a code that the caller may know what to do with.
    Refused { code: i64, fault: Fault },
    /// It was asked, and what it said is not known: no answer in time, or one that cannot be read.
    Lost(Fault),
    /// It was not asked, or not understood.
    Failed(Fault),
}

impl ApiError {
    /// The class of the code, where there is one.
    pub fn class(&self) -> Option<Class> {
        match self {
            ApiError::Refused { code, fault: _ } => Some(errcode::class(*code)),
            ApiError::Lost(_) | ApiError::Failed(_) => None,
        }
    }

    /// May what was asked have been done?
    pub fn may_be_done(&self) -> bool {
        match self {
            ApiError::Refused { code, fault: _ } => *code == SYSTEM_BUSY,
            ApiError::Lost(_) => true,
            ApiError::Failed(_) => false,
        }
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Fault {
        match error {
            ApiError::Refused { code: _, fault } | ApiError::Lost(fault) | ApiError::Failed(fault) => fault,
        }
    }
}

/// The API as one connection may use it.
pub struct Api<'a> {
    settings: &'a Settings,
    secret: &'a str,
    host: &'a mut dyn Host,
    token: Option<String>,
    /// The one that the platform would not have.
    refused: Option<String>,
    /// One renewal a call: a platform that refuses every token must not be asked for ever.
    renewed: bool,
    calls: u32,
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    errcode: Option<Value>,
    #[serde(default)]
    errmsg: Option<String>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl<'a> Api<'a> {
    /// Needs the secret. Calls nobody yet.
    pub fn new(settings: &'a Settings, host: &'a mut dyn Host) -> Result<Api<'a>, Fault> {
        Api::by(settings.secret.as_deref(), settings, host)
    }

    /// The same by the customer service's own secret, where there is one.
    pub fn of_service(settings: &'a Settings, host: &'a mut dyn Host) -> Result<Api<'a>, Fault> {
        Api::by(settings.service_secret(), settings, host)
    }

    fn by(secret: Option<&'a str>, settings: &'a Settings, host: &'a mut dyn Host) -> Result<Api<'a>, Fault> {
        match secret {
            Some(secret) if !secret.is_empty() => {
                Ok(Api { settings, secret, host, token: None, refused: None, renewed: false, calls: 0 })
            }
            _ => Err(Fault::Misconfigured(
                "setting secret is missing: without it the API cannot be read".to_owned(),
            )),
        }
    }

    /// How often it was asked.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// The host, for what is not the API's.
    pub fn host(&mut self) -> &mut dyn Host {
        self.host
    }

    /// Reads by GET. `path` is what follows `/cgi-bin/`.
    pub fn get<T: DeserializeOwned>(&mut self, path: &str, query: &[(&str, &str)]) -> Result<T, ApiError> {
        self.ask(path, query, None)
    }

    /// Reads or writes by POST.
    pub fn post<T: DeserializeOwned>(&mut self, path: &str, body: &Value) -> Result<T, ApiError> {
        self.ask(path, &[], Some(body))
    }

    fn ask<T: DeserializeOwned>(
        &mut self,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<T, ApiError> {
        loop {
            let token = self.token()?;
            let mut all = vec![("access_token", token.as_str())];
            all.extend_from_slice(query);
            match self.send(path, &all, body) {
                Err(error) if error.class() == Some(Class::Token) && !self.renewed => {
                    self.renewed = true;
                    self.refused = self.token.take();
                }
                Err(error) => return Err(error),
                Ok(text) => return parse(path, &text),
            }
        }
    }

    /// The token: of this chore, of the connection's memory, or a new one.
    fn token(&mut self) -> Result<String, ApiError> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let key = self.memory_key();
        let token = match self.remembered(&key) {
            Some(token) => token,
            None => {
                // Many chores find out at once that they need one: the first fetches it, the others wait and find it.
                self.host.hold(&key);
                match self.remembered(&key) {
                    Some(token) => token,
                    None => self.fetch_token(&key)?,
                }
            }
        };
        self.token = Some(token.clone());
        Ok(token)
    }

    /// The connection's token, unless it is the one that was just refused.
    fn remembered(&mut self, key: &str) -> Option<String> {
        let token = String::from_utf8(self.host.get(key)?).ok()?;
        (self.refused.as_ref() != Some(&token)).then_some(token)
    }

    fn fetch_token(&mut self, key: &str) -> Result<String, ApiError> {
        let settings = self.settings;
        let text = self.send(
            "gettoken",
            &[("corpid", settings.corp_id.as_str()), ("corpsecret", self.secret)],
            None,
        )?;
        let granted: Granted = parse("gettoken", &text)?;
        let life_ms = granted.expires_in.unwrap_or(TOKEN_SECONDS).saturating_mul(1000);
        let ttl_ms = life_ms.saturating_sub(TOKEN_MARGIN_MS).max(TOKEN_TTL_MIN_MS);
        self.host.set(key, granted.access_token.as_bytes(), Some(ttl_ms));
        Ok(granted.access_token)
    }

    /// Each secret has its own token: after a new one is set the old one's must not be used.
    fn memory_key(&self) -> String {
        let hash = Sha256::digest(format!("{}\0{}", self.settings.corp_id, self.secret));
        format!("access-token:{}", hex(&hash[..8]))
    }

    fn send(&mut self, path: &str, query: &[(&str, &str)], body: Option<&Value>) -> Result<String, ApiError> {
        let base = self.settings.api_base.trim_end_matches('/');
        let encode =
            |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, QUERY_VALUE));
        let query = query.iter().map(encode).collect::<Vec<_>>().join("&");
        let request = Request {
            method: if body.is_some() { "POST" } else { "GET" }.to_owned(),
            url: format!("{base}/cgi-bin/{path}?{query}"),
            headers: body
                .iter()
                .map(|_| ("content-type".to_owned(), "application/json".to_owned()))
                .collect(),
            body: body.map(|body| body.to_string().into_bytes()),
        };
        let later = |why: String| ApiError::Lost(Fault::Later(Pause { why, retry_after_ms: None }));
        self.calls += 1;
        let response = match self.host.send(request) {
            Ok(response) => response,
            Err(Failure::NotGranted(_)) => {
                let why = format!("the host {base} is not granted, and {path} needs it");
                return Err(ApiError::Failed(Fault::Misconfigured(why)));
            }
            Err(Failure::TimedOut) => return Err(later(format!("{path} timed out"))),
            Err(Failure::Unreachable(_)) => return Err(later(format!("{path}: {base} is not reached"))),
            Err(Failure::TooLarge) => {
                return Err(ApiError::Lost(Fault::Malformed(format!(
                    "{path} answered more than the host takes"
                ))));
            }
        };
        if response.status != 200 {
            return Err(later(format!("{path} answered with HTTP status {}", response.status)));
        }
        judge(path, response.body)
    }
}

/// The text of an answer that is a success.
fn judge(path: &str, body: Vec<u8>) -> Result<String, ApiError> {
    // A page in between, such as a proxy's: likely gone the next time.
    let unreadable = || {
        let why = format!("{path} answered something that is not JSON");
        ApiError::Lost(Fault::Later(Pause { why, retry_after_ms: None }))
    };
    let text = String::from_utf8(body).map_err(|_| unreadable())?;
    let verdict: Verdict = serde_json::from_str(&text).map_err(|_| unreadable())?;
    let code = match &verdict.errcode {
        None | Some(Value::Null) => 0,
        Some(code) => code
            .as_i64()
            .or_else(|| code.as_str().and_then(|code| code.parse().ok()))
            .ok_or_else(unreadable)?,
    };
    if code == 0 {
        return Ok(text);
    }
    let message: String = verdict.errmsg.unwrap_or_default().chars().take(MESSAGE_MAX).collect();
    Err(ApiError::Refused { code, fault: errcode::fault(code, path, &message) })
}

fn parse<T: DeserializeOwned>(path: &str, text: &str) -> Result<T, ApiError> {
    // serde's message tells what was awaited and where, not what stood there, except for a wrong scalar.
    serde_json::from_str(text).map_err(|error| {
        let why = format!(
            "{path} answered a JSON of another shape (line {}, column {})",
            error.line(),
            error.column()
        );
        ApiError::Failed(Fault::Malformed(why))
    })
}
