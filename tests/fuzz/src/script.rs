//! How bytes become a call of a connector: a letter, and parts between bytes that no text has.
//!
//! The fuzzer changes bytes without knowing what they are for, so the form is loose: every input is some call.

use std::collections::BTreeMap;

use heliu_sdk::Host;
use heliu_sdk::events::Instant;
use heliu_sdk::http::{Failure, Request, Response};
use heliu_sdk::log::Level;

use crate::mended::{self, Platform};

/// In no UTF-8, so in no seed but between parts.
pub const BETWEEN: u8 = 0xff;

/// The time of every call: a golden's.
pub const NOW: Instant = 1_795_140_702_000;

/// A call: which, and its parts.
pub struct Script<'a> {
    pub call: u8,
    parts: std::slice::Split<'a, u8, fn(&u8) -> bool>,
}

impl<'a> Script<'a> {
    pub fn read(bytes: &'a [u8]) -> Option<Script<'a>> {
        let (&call, rest) = bytes.split_first()?;
        let is_between: fn(&u8) -> bool = |&byte| byte == BETWEEN;
        Some(Script { call, parts: rest.split(is_between) })
    }

    /// The next part; empty where there is none.
    pub fn part(&mut self) -> &'a [u8] {
        self.parts.next().unwrap_or_default()
    }

    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.part()).into_owned()
    }

    /// A host that answers requests with the parts that are left.
    pub fn host(self) -> Answering<'a> {
        Answering { answers: self.parts, platform: None, memory: BTreeMap::new(), random: 0 }
    }

    /// The same, where each part stands inside an answer that this platform would give.
    pub fn mended(self, platform: &'static Platform) -> Answering<'a> {
        Answering { platform: Some(platform), ..self.host() }
    }
}

/// The bytes of a script.
pub fn write<T: AsRef<[u8]>>(call: u8, parts: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut bytes = vec![call];
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            bytes.push(BETWEEN);
        }
        bytes.extend_from_slice(part.as_ref());
    }
    bytes
}

/// A platform that says what the fuzzer wants, until it has nothing more to say.
pub struct Answering<'a> {
    answers: std::slice::Split<'a, u8, fn(&u8) -> bool>,
    platform: Option<&'static Platform>,
    memory: BTreeMap<String, Vec<u8>>,
    random: u8,
}

impl Host for Answering<'_> {
    /// A part that begins with `#` and three digits is an answer with that status.
    fn send(&mut self, request: Request) -> Result<Response, Failure> {
        let answer = |status, body| Response { status, headers: Vec::new(), body };
        if let Some(token) = self.platform.and_then(|platform| (platform.token)(&request)) {
            return Ok(answer(200, token.to_string().into_bytes()));
        }
        let part = self.answers.next().ok_or(Failure::TimedOut)?;
        let status = part
            .strip_prefix(b"#")
            .and_then(|rest| rest.split_first_chunk::<3>())
            .and_then(|(digits, body)| Some((std::str::from_utf8(digits).ok()?.parse().ok()?, body)));
        Ok(match (status, self.platform) {
            (Some((status, body)), _) => answer(status, body.to_vec()),
            (None, None) => answer(200, part.to_vec()),
            (None, Some(platform)) => {
                let body = (platform.wrap)(&request, mended::whole(part));
                answer(200, body.to_string().into_bytes())
            }
        })
    }

    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.memory.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], ttl_ms: Option<u64>) {
        if ttl_ms != Some(0) {
            self.memory.insert(key.to_owned(), value.to_owned());
        }
    }

    fn delete(&mut self, key: &str) {
        self.memory.remove(key);
    }

    fn hold(&mut self, _: &str) {}

    fn now(&mut self) -> Instant {
        NOW
    }

    fn random(&mut self, n: u32) -> Vec<u8> {
        (0..n)
            .map(|_| {
                self.random = self.random.wrapping_add(1);
                self.random
            })
            .collect()
    }

    fn log(&mut self, _: Level, _: &str) {}
}
