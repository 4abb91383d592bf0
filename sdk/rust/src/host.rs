//! What the host gives to a connector.

use crate::events::Instant;
use crate::{http, log};

/// The four imports of a connector: http, memory, clock and log. [`Sandbox`] is the real one;
/// the harness has one that answers from a cassette.
pub trait Host {
    /// Sends one request to a granted host and waits for its answer. A redirect is an answer; it is not followed.
    fn send(&mut self, request: http::Request) -> Result<http::Response, http::Failure>;

    /// What the connection remembers under this key.
    fn get(&mut self, key: &str) -> Option<Vec<u8>>;

    /// Remembers, from the moment that the call's yield is committed; gone after `ttl_ms`, where given.
    fn set(&mut self, key: &str, value: &[u8], ttl_ms: Option<u64>);

    /// Forgets.
    fn delete(&mut self, key: &str);

    /// Waits until no other call of this connection holds the key, and holds it until what this call yields is
    /// committed. After it, [`Host::get`] reads what the holder before left: so one call renews a token, and the others
    /// find it.
    fn hold(&mut self, key: &str);

    /// The time, in milliseconds since the Unix epoch.
    fn now(&mut self) -> Instant;

    /// `n` bytes from the host's secure source.
    fn random(&mut self, n: u32) -> Vec<u8>;

    /// A line in the host's log, under the plugin's name.
    fn log(&mut self, level: log::Level, text: &str);
}

/// The real host, around the guest. It works inside a component only; natively every call of it panics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sandbox;

mod imports {
    pub use crate::wit::heliu::plugin::{clock, http, log, memory};
}

impl Host for Sandbox {
    fn send(&mut self, request: http::Request) -> Result<http::Response, http::Failure> {
        imports::http::send(&request)
    }

    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        imports::memory::get(key)
    }

    fn set(&mut self, key: &str, value: &[u8], ttl_ms: Option<u64>) {
        imports::memory::set(key, value, ttl_ms);
    }

    fn delete(&mut self, key: &str) {
        imports::memory::delete(key);
    }

    fn hold(&mut self, key: &str) {
        imports::memory::hold(key);
    }

    fn now(&mut self) -> Instant {
        imports::clock::now()
    }

    fn random(&mut self, n: u32) -> Vec<u8> {
        imports::clock::random(n)
    }

    fn log(&mut self, level: log::Level, text: &str) {
        imports::log::log(level, text);
    }
}
