//! A host for tests: the golden's clock, an empty memory, and http that answers from the golden's cassette.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::golden::Golden;
use super::{shape, verbatim};
use crate::events::Instant;
use crate::http::{Failure, Request, Response};
use crate::log::Level;
use crate::{Host, http};

/// What may be asked, and what is answered. One exchange answers as often as it is asked.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    request: Question,
    response: Answer,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    method: String,
    url: String,
    #[serde(default, rename = "headers")]
    _headers: Vec<(String, String)>,
    body: Option<String>,
    body_json: Option<Box<RawValue>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    body_json: Option<Box<RawValue>>,
}

/// What an earlier call left in the connection's memory.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cell {
    key: String,
    value: Option<String>,
    value_base64: Option<String>,
}

/// A [`Host`] that answers from a cassette, with a clock that stands still and a memory that begins empty, or as its
/// golden says. Its random bytes count up from zero.
#[derive(Default)]
pub struct CassetteHost {
    now: Instant,
    exchanges: Vec<Exchange>,
    memory: BTreeMap<String, Vec<u8>>,
    random: u8,
    log: Vec<String>,
}

impl CassetteHost {
    /// A host whose clock shows `now` and whose cassette is the text of a golden's `http`.
    pub fn parse(now: Instant, http: &str) -> Result<CassetteHost, String> {
        let exchanges = serde_json::from_str(http).map_err(|error| format!("http: {error}"))?;
        Ok(CassetteHost { now, exchanges, ..CassetteHost::default() })
    }

    pub(super) fn new(golden: &Golden) -> Result<CassetteHost, String> {
        let exchanges = golden.http.clone();
        let cell = |Cell { key, value, value_base64 }: &Cell| {
            let value = shape::body_bytes(value.as_deref(), value_base64.as_deref(), None)
                .map_err(|why| format!("memory: {key}: {why}"))?;
            Ok((key.clone(), value))
        };
        let memory = golden.memory.iter().map(cell).collect::<Result<_, String>>()?;
        Ok(CassetteHost { now: golden.now.unwrap_or_default(), exchanges, memory, ..CassetteHost::default() })
    }

    /// What was logged, a line each, for a report.
    pub(super) fn log_lines(&self) -> String {
        self.log.iter().map(|line| format!("\n  log: {line}")).collect()
    }
}

impl Exchange {
    fn answers(&self, request: &Request) -> bool {
        let Question { method, url, _headers, body, body_json } = &self.request;
        let sent = request.body.as_deref().unwrap_or_default();
        let same_text = body.as_ref().is_none_or(|body| body.as_bytes() == sent);
        let same_json = body_json.as_ref().is_none_or(|expected| {
            serde_json::from_slice::<&RawValue>(sent)
                .is_ok_and(|sent| verbatim::difference(expected, sent).is_none())
        });
        *method == request.method && *url == request.url && same_text && same_json
    }
}

impl Answer {
    fn to_response(&self) -> Result<Response, String> {
        let Answer { status, headers, body, body_base64, body_json } = self;
        let json = body_json.as_ref().map(|json| json.get());
        let body = shape::body_bytes(body.as_deref(), body_base64.as_deref(), json)?;
        Ok(Response { status: *status, headers: headers.clone(), body })
    }
}

impl Host for CassetteHost {
    fn send(&mut self, request: Request) -> Result<Response, http::Failure> {
        let answer = match self.exchanges.iter().find(|exchange| exchange.answers(&request)) {
            Some(exchange) => exchange.response.to_response(),
            None => Err(format!("not in the cassette: {} {}", request.method, request.url)),
        };
        answer.map_err(|why| {
            let body = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
            self.log.push(format!("{why} {body}"));
            Failure::Unreachable(why)
        })
    }

    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.memory.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], ttl_ms: Option<u64>) {
        // The clock stands still: what lives at all lives for the whole call.
        if ttl_ms != Some(0) {
            self.memory.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Calls come one by one here: nobody waits.
    fn hold(&mut self, _key: &str) {}

    fn delete(&mut self, key: &str) {
        self.memory.remove(key);
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn random(&mut self, n: u32) -> Vec<u8> {
        (0..n)
            .map(|_| {
                let byte = self.random;
                self.random = byte.wrapping_add(1);
                byte
            })
            .collect()
    }

    fn log(&mut self, level: Level, text: &str) {
        self.log.push(format!("{level:?}: {text}"));
    }
}
