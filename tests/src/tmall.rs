//! TOP, the Taobao open platform, as the self-use app of one Tmall shop meets it: signed forms to `/router/rest`.
//!
//! [`TmallSim::shop`] is the state behind the API. Nothing is pushed: TOP's messages are a product of their own, and a
//! shop is known by asking.
//!
//! What the platform's pages leave open is marked where it is decided; where two readings are possible, the one stands
//! here that a careless connector fails on.

mod query;
mod rest;
pub mod shape;
pub mod shop;
pub mod sign;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use parking_lot::{Mutex, MutexGuard};

pub use shop::{Buyer, Dispute, Line, Receiver, Refund, RefundState, Shop, Trade, TradeStatus};
pub use sign::SignMethod;

use crate::clock::SimClock;
use crate::server::Server;
use rest::Sessions;

#[derive(Clone, Debug)]
pub struct TmallConfig {
    pub clock: SimClock,
    pub app_key: String,
    pub app_secret: String,
    /// The session at the start: what a seller's authorisation gives. There is no grant to renew it here.
    pub session: String,
    /// The shop's name, too.
    pub seller_nick: String,
}

impl TmallConfig {
    /// An invented shop.
    pub fn demo(clock: SimClock) -> Self {
        Self {
            clock,
            app_key: String::from("12345678"),
            app_secret: String::from("demo0secret0tmall0000000000000001"),
            session: String::from("6100e01demo0session0000000000000000000000001"),
            seller_nick: String::from("示例旗舰店"),
        }
    }
}

/// How the next calls fail, whatever they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Code 7, from the platform's side: it passes.
    CallLimited,
    /// Code 7, the app's own quota. Its sub code is not confirmed.
    AppQuotaUsed,
    /// Code 15, the platform's own trouble: HTTP status 200 all the same.
    RemoteTrouble,
}

/// A running simulator; clones are the same one.
#[derive(Clone)]
pub struct TmallSim {
    inside: Arc<Inside>,
    server: Arc<Server>,
}

pub(crate) struct Inside {
    config: TmallConfig,
    shop: Mutex<Shop>,
    sessions: Mutex<Sessions>,
    calls: Mutex<BTreeMap<String, u64>>,
    to_fail: Mutex<(u64, Failure)>,
}

impl TmallSim {
    pub async fn start(config: TmallConfig) -> anyhow::Result<Self> {
        let inside = Arc::new(Inside {
            sessions: Mutex::new(Sessions::starting_with(&config.session)),
            config,
            shop: Mutex::default(),
            calls: Mutex::default(),
            to_fail: Mutex::new((0, Failure::CallLimited)),
        });
        let server = Server::start(rest::routes(inside.clone())).await.context("simulator of TOP")?;
        Ok(Self { inside, server: Arc::new(server) })
    }

    /// What stands in place of `https://eco.taobao.com`: without `/router/rest`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    pub fn config(&self) -> &TmallConfig {
        &self.inside.config
    }

    /// The state behind the API. Not to be held across an await: the endpoint waits for it.
    pub fn shop(&self) -> MutexGuard<'_, Shop> {
        self.inside.shop.lock()
    }

    /// Calls so far, by method, refused ones included.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.inside.calls.lock().clone()
    }

    pub fn calls_of(&self, method: &str) -> u64 {
        self.inside.calls.lock().get(method).copied().unwrap_or(0)
    }

    /// The session is answered with code 27 from now on.
    pub fn expire_session(&self) {
        self.inside.sessions.lock().expire();
    }

    /// The seller authorises the app again: another session, the old one stays dead.
    pub fn authorise_again(&self) -> String {
        self.inside.sessions.lock().renew()
    }

    /// The session that is good now, if there is one.
    pub fn session(&self) -> Option<String> {
        self.inside.sessions.lock().current()
    }

    /// The next `calls` calls that are signed and authorised fail like this.
    pub fn fail_next(&self, calls: u64, failure: Failure) {
        *self.inside.to_fail.lock() = (calls, failure);
    }
}

#[cfg(test)]
mod tests;
