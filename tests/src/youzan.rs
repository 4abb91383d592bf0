//! Youzan (有赞云) as a self-use app of one shop meets it: `/auth/token`, `/api/{name}/{version}`, signed
//! pushes.
//!
//! [`YouzanSim::shop`] is the state behind the API; [`YouzanSim::push`] delivers a message. On the platform
//! too a push is a hint: it may be repeated, late or lost, and the API is what holds.

pub mod push;
mod rest;
pub mod shape;
pub mod shop;
pub mod wallet;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

pub use push::{Account, NamedBy, Push, TradeStep};
pub use shape::View;
pub use shop::{Buyer, Line, Order, OrderStatus, Refund, Shop};

use crate::clock::SimClock;
use crate::delivery::{self, Delivery, Patience};
use crate::server::Server;
use rest::Tokens;

#[derive(Clone, Debug)]
pub struct YouzanConfig {
    pub clock: SimClock,
    pub client_id: String,
    pub client_secret: String,
    pub kdt_id: u64,
    pub kdt_name: String,
    /// A token's life; the platform's is 7 days.
    pub token_life_ms: u64,
    /// An app whose role may not see phones is shown `138****0001`.
    pub masks_phones: bool,
    pub patience: Patience,
}

impl YouzanConfig {
    /// An invented shop.
    pub fn demo(clock: SimClock) -> Self {
        Self {
            clock,
            client_id: String::from("demo_client_0001"),
            client_secret: String::from("demo_secret_0001_abcdefghij"),
            kdt_id: 10_001,
            kdt_name: String::from("示例旗舰店"),
            token_life_ms: 7 * 86_400_000,
            masks_phones: true,
            // Two pages of the documentation disagree on the number of tries: 4, or 16 over hours. Here the
            // shorter.
            patience: Patience { timeout: Duration::from_secs(5), attempts_max: 4, pause: Duration::ZERO },
        }
    }
}

/// A running simulator; clones are the same one.
#[derive(Clone)]
pub struct YouzanSim {
    inside: Arc<Inside>,
    server: Arc<Server>,
}

pub(crate) struct Inside {
    config: YouzanConfig,
    client: reqwest::Client,
    shop: Mutex<Shop>,
    tokens: Mutex<Tokens>,
    calls: Mutex<BTreeMap<String, u64>>,
    calls_to_limit: Mutex<u64>,
    answers_to_lose: Mutex<Vec<String>>,
}

impl YouzanSim {
    pub async fn start(config: YouzanConfig) -> anyhow::Result<Self> {
        let inside = Arc::new(Inside {
            client: delivery::client(&config.patience)?,
            config,
            shop: Mutex::default(),
            tokens: Mutex::default(),
            calls: Mutex::default(),
            calls_to_limit: Mutex::default(),
            answers_to_lose: Mutex::default(),
        });
        let server = Server::start(rest::routes(inside.clone())).await.context("simulator of Youzan")?;
        Ok(Self { inside, server: Arc::new(server) })
    }

    /// What stands in place of `https://open.youzanyun.com`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    pub fn config(&self) -> &YouzanConfig {
        &self.inside.config
    }

    /// The state behind the API. Not to be held across an await: the endpoints wait for it.
    pub fn shop(&self) -> MutexGuard<'_, Shop> {
        self.inside.shop.lock()
    }

    /// Calls so far, by API name (`youzan.trade.get`, `auth/token`), refused ones included.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.inside.calls.lock().clone()
    }

    pub fn calls_of(&self, api: &str) -> u64 {
        self.inside.calls.lock().get(api).copied().unwrap_or(0)
    }

    /// The tokens handed out so far are answered with 4202.
    pub fn expire_tokens(&self) {
        self.inside.tokens.lock().expire();
    }

    /// The tokens handed out so far are answered with 4203.
    pub fn revoke_tokens(&self) {
        self.inside.tokens.lock().revoke();
    }

    /// The next `calls` API calls are answered with 4101.
    pub fn limit_next(&self, calls: u64) {
        *self.inside.calls_to_limit.lock() = calls;
    }

    /// The next call of this API is done, and answered with 5001: a service behind the gateway did not answer it.
    pub fn lose_next_answer(&self, api: &str) {
        self.inside.answers_to_lose.lock().push(api.to_owned());
    }

    /// An order's document as pushes carry it.
    pub fn document(&self, order: &Order) -> Value {
        shape::trade(&self.inside.config, &self.shop(), order, View::ListOrPush)
    }

    /// Delivers as the platform does: 5 s for an answer, which must be 200 with `success` in its body;
    /// otherwise again, with the same `msg_id` and a `sendCount` one higher.
    pub async fn push(&self, hook: &str, push: &Push) -> Delivery {
        let config = &self.inside.config;
        let request = |attempt: u32| {
            let body = push.again(attempt).body(config);
            self.request(hook, push.kind, body)
        };
        delivery::deliver(&config.patience, request, |status, body| status == 200 && body.contains("success"))
            .await
    }

    /// One attempt at a push. Was it taken?
    pub async fn push_once(&self, hook: &str, push: &Push) -> bool {
        let sent = delivery::send(self.request(hook, push.kind, push.body(&self.inside.config))).await;
        sent.is_ok_and(|(status, body)| status == 200 && body.contains("success"))
    }

    /// One attempt with a body that the test made, correctly signed.
    pub async fn push_raw(&self, hook: &str, kind: &str, body: &str) -> anyhow::Result<(u16, String)> {
        delivery::send(self.request(hook, kind, body.to_owned())).await.context("the hook did not answer")
    }

    fn request(&self, hook: &str, kind: &str, body: String) -> reqwest::RequestBuilder {
        let config = &self.inside.config;
        self.inside
            .client
            .post(hook)
            .header("content-type", "application/json")
            .header("Event-Sign", push::event_sign(&config.client_id, &body, &config.client_secret))
            .header("Event-Type", kind)
            .header("Client-Id", &config.client_id)
            .body(body)
    }
}
