//! WeCom (企业微信) as an app of a corp meets it: REST under `/cgi-bin/`, and encrypted callbacks.
//!
//! [`WecomSim::corp`] is the state behind the API and is changed by the test; [`WecomSim::push`] delivers
//! what the platform would say about such a change. The two are separate because they are on the platform:
//! an event carries ids, and the receiver asks for the rest.

pub mod corp;
pub mod event;
pub mod limits;
pub mod outbox;
mod rest;
pub mod seal;
pub mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use parking_lot::{Mutex, MutexGuard};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use corp::Corp;
pub use event::{Addressee, Change, Contact, MemberRoll, TagKind, WecomEvent, Wrapping};
pub use limits::MassLimit;
pub use seal::Seal;

use crate::clock::SimClock;
use crate::delivery::{self, Delivery, Patience};
use crate::dice::{self, Dice};
use crate::server::Server;
use limits::Gate;
use rest::Tokens;

/// Names the dice of this simulator among all that hang on one seed.
const DICE_STREAM: u64 = 0x7765_636f_6d00;

#[derive(Clone, Debug)]
pub struct WecomConfig {
    pub clock: SimClock,
    /// Decides randoms and nonces of the callbacks.
    pub seed: u64,
    pub corp_id: String,
    pub secret: String,
    /// A token's life; the platform's is 7200 s.
    pub token_life_s: u64,
    /// Relations on one page of `externalcontact/get`; the platform's is 500.
    pub followers_per_page: usize,
    /// Rows on one page of what became of tasks and posts, at most; the platform's is 500.
    pub results_per_page: usize,
    /// Mass messages that one customer gets.
    pub mass_limit: MassLimit,
    /// Calls of one endpoint in a minute, after which 45009 is answered. The platform's numbers differ by endpoint and size of
    /// the corp; none: as many as one likes.
    pub calls_per_minute: Option<u64>,
    /// Messages on one page of the customer service, at most; the platform's is 1000.
    pub service_per_page: usize,
    pub callback: CallbackConfig,
}

#[derive(Clone, Debug)]
pub struct CallbackConfig {
    pub token: String,
    pub encoding_aes_key: String,
    /// The corp for self-built apps, the suite for a suite's instructions, empty for some provider callbacks.
    pub receive_id: String,
    /// In the envelope of app-related callbacks only; present and empty in some.
    pub agent_id: Option<String>,
    pub addressee: Addressee,
    pub wrapping: Wrapping,
    pub patience: Patience,
}

impl WecomConfig {
    /// An invented corp with a self-built app.
    pub fn demo(clock: SimClock) -> Self {
        let corp_id = String::from("ww0fab1e5c0de5a17e");
        Self {
            clock,
            seed: 1,
            secret: String::from("demo-wecom-secret-0123456789abcdefghijklmno"),
            token_life_s: 7200,
            followers_per_page: 500,
            results_per_page: 500,
            mass_limit: MassLimit::OneADay,
            calls_per_minute: None,
            service_per_page: 1000,
            callback: CallbackConfig {
                token: String::from("Scrm7HostTok"),
                encoding_aes_key: String::from("CAT9AG498DYt5BL5gHCQRgI0QX020VORWniVvAp3rJB"),
                receive_id: corp_id.clone(),
                agent_id: Some(String::from("1000021")),
                addressee: Addressee::Corp { corp_id: corp_id.clone() },
                wrapping: Wrapping::Cdata,
                // "3 attempts in total" is one reading of the page; the pause between them is not documented.
                patience: Patience {
                    timeout: Duration::from_secs(5),
                    attempts_max: 3,
                    pause: Duration::ZERO,
                },
            },
            corp_id,
        }
    }
}

/// One request to the receiver, sealed: a retry must be sealed anew.
#[derive(Clone, Debug)]
pub struct SealedPush {
    /// `msg_signature=…&timestamp=…&nonce=…`, as it stands in the URL.
    pub query: String,
    /// The envelope.
    pub body: String,
}

/// A running simulator; clones are the same one.
#[derive(Clone)]
pub struct WecomSim {
    inside: Arc<Inside>,
    server: Arc<Server>,
}

pub(crate) struct Inside {
    config: WecomConfig,
    seal: Seal,
    client: reqwest::Client,
    corp: Mutex<Corp>,
    tokens: Mutex<Tokens>,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    gate: Mutex<Gate>,
    answers_to_lose: Mutex<BTreeSet<&'static str>>,
    answers_to_keep: Mutex<BTreeSet<&'static str>>,
    dice: Mutex<Dice>,
}

impl WecomSim {
    pub async fn start(config: WecomConfig) -> anyhow::Result<Self> {
        let seal = Seal::new(&config.callback.token, &config.callback.encoding_aes_key)?;
        let inside = Arc::new(Inside {
            seal,
            client: delivery::client(&config.callback.patience)?,
            corp: Mutex::default(),
            tokens: Mutex::default(),
            calls: Mutex::default(),
            gate: Mutex::default(),
            answers_to_lose: Mutex::default(),
            answers_to_keep: Mutex::default(),
            dice: Mutex::new(Dice::new(config.seed, DICE_STREAM)),
            config,
        });
        let server = Server::start(rest::routes(inside.clone())).await.context("simulator of WeCom")?;
        Ok(Self { inside, server: Arc::new(server) })
    }

    /// What stands in place of `https://qyapi.weixin.qq.com`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    pub fn config(&self) -> &WecomConfig {
        &self.inside.config
    }

    /// The state behind the API. Not to be held across an await: the endpoints wait for it.
    pub fn corp(&self) -> MutexGuard<'_, Corp> {
        self.inside.corp.lock()
    }

    /// Calls so far, by endpoint (`externalcontact/get`), refused ones included.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.inside.calls.lock().clone()
    }

    pub fn calls_of(&self, endpoint: &str) -> u64 {
        self.inside.calls.lock().get(endpoint).copied().unwrap_or(0)
    }

    /// Tokens handed out so far are answered with 42001, as if their time were over.
    pub fn expire_tokens(&self) {
        self.inside.tokens.lock().expire();
    }

    /// Tokens handed out so far are unknown from now on (40014): the platform may withdraw them early.
    pub fn revoke_tokens(&self) {
        self.inside.tokens.lock().revoke();
    }

    /// The next `calls` calls with a token are answered with 45009.
    pub fn limit_next(&self, calls: u64) {
        self.inside.gate.lock().to_limit = calls;
    }

    /// The next call of an endpoint is answered with this code, and not done.
    pub fn fail_next(&self, endpoint: &'static str, code: i64) {
        self.inside.gate.lock().to_fail.insert(endpoint, code);
    }

    /// The next call of a writing endpoint (`externalcontact/add_msg_template`) is done, and its answer lost: the caller gets
    /// a 502.
    pub fn lose_next_answer(&self, endpoint: &'static str) {
        self.inside.answers_to_lose.lock().insert(endpoint);
    }

    /// The next call of a writing endpoint is done, and never answered: the caller waits for as long as it has patience.
    pub fn keep_next_answer(&self, endpoint: &'static str) {
        self.inside.answers_to_keep.lock().insert(endpoint);
    }

    /// Staff confirm all tasks that wait for them. Gives to how many customers and groups something was sent.
    pub fn confirm_all(&self, staff: &str) -> usize {
        let (now_s, limit) = (self.inside.config.clock.now_s(), self.inside.config.mass_limit);
        let mut corp = self.corp();
        corp.unconfirmed(staff).iter().map(|msgid| corp.confirm(msgid, now_s, limit)).sum()
    }

    /// A customer writes to an account of the customer service. Nobody is told by this.
    pub fn write_to_service(&self, account: &str, external_userid: &str, text: &str) {
        let now_s = self.inside.config.clock.now_s();
        self.corp().service.say(account, external_userid, text, now_s);
    }

    /// The customer service rings for an account.
    pub async fn ring(&self, hook: &str, account: &str) -> anyhow::Result<Delivery> {
        let at_s = self.inside.config.clock.now_s();
        let (account, token) = (account.to_owned(), self.corp().service.ring(at_s));
        self.push(hook, &WecomEvent { at_s, change: Change::ServiceRang { account, token } }).await
    }

    /// The inner XML of an event in this simulator's form.
    pub fn xml(&self, event: &WecomEvent) -> String {
        let callback = &self.inside.config.callback;
        event.to_xml(&callback.addressee, callback.wrapping)
    }

    /// Encrypts and signs inner XML with a new random and a new nonce.
    pub fn seal(&self, inner_xml: &str) -> anyhow::Result<SealedPush> {
        self.inside.seal_push(inner_xml)
    }

    /// Delivers an event. A welcome's code in it lives from now on.
    pub async fn push(&self, hook: &str, event: &WecomEvent) -> anyhow::Result<Delivery> {
        if let Some((code, contact)) = event.change.welcome() {
            let now_s = self.inside.config.clock.now_s();
            self.corp().issue_welcome(code, &contact.staff, &contact.external_userid, now_s);
        }
        self.push_xml(hook, &self.xml(event)).await
    }

    /// Delivers inner XML as the platform does: 5 s for an answer, every status but 200 is a failure, three
    /// attempts in total, each sealed anew. Suites must answer `success`.
    pub async fn push_xml(&self, hook: &str, inner_xml: &str) -> anyhow::Result<Delivery> {
        let callback = &self.inside.config.callback;
        let mut sealed = Vec::new();
        for _ in 0..callback.patience.attempts_max {
            sealed.push(self.seal(inner_xml)?);
        }
        let wants_success = matches!(callback.addressee, Addressee::Suite { .. });
        let request = |attempt: u32| {
            let SealedPush { query, body } = &sealed[attempt as usize];
            let url = with_query(hook, query);
            self.inside.client.post(url).header("content-type", "text/xml").body(body.clone())
        };
        let is_accepted = |status, body: &str| status == 200 && (!wants_success || body.trim() == "success");
        Ok(delivery::deliver(&callback.patience, request, is_accepted).await)
    }

    /// What the console does when a callback URL is saved: a GET that must be answered with the decrypted
    /// echo and nothing else.
    pub async fn verify_url(&self, hook: &str) -> anyhow::Result<()> {
        let (query, echo) = self.inside.seal_echo()?;
        let (status, body) = delivery::send(self.inside.client.get(with_query(hook, &query))).await?;
        ensure!(status == 200, "the callback URL answered with status {status}");
        ensure!(body == echo, "the callback URL answered {body:?} in place of {echo:?}");
        Ok(())
    }
}

impl Inside {
    fn seal_push(&self, inner_xml: &str) -> anyhow::Result<SealedPush> {
        let callback = &self.config.callback;
        let (query, encrypted) = self.seal_text(inner_xml)?;
        let receiver = match &callback.addressee {
            Addressee::Corp { corp_id } => corp_id,
            Addressee::Suite { suite_id, .. } => suite_id,
        };
        let agent = callback.agent_id.as_ref().map(|agent| format!("<AgentID><![CDATA[{agent}]]></AgentID>"));
        let body = format!(
            "<xml><ToUserName><![CDATA[{receiver}]]></ToUserName>{}<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>",
            agent.unwrap_or_default()
        );
        Ok(SealedPush { query, body })
    }

    /// A query with `echostr`, and the plaintext that must come back.
    fn seal_echo(&self) -> anyhow::Result<(String, String)> {
        let echo = self.dice.lock().text(dice::DIGITS, 19);
        let (query, encrypted) = self.seal_text(&echo)?;
        let echostr = utf8_percent_encode(&encrypted, NON_ALPHANUMERIC);
        Ok((format!("{query}&echostr={echostr}"), echo))
    }

    fn seal_text(&self, text: &str) -> anyhow::Result<(String, String)> {
        let (random, nonce) = {
            let mut dice = self.dice.lock();
            (dice.text(dice::HEX, 16), dice.text(dice::DIGITS, 10))
        };
        let random = <[u8; 16]>::try_from(random.as_bytes()).context("16 characters")?;
        let encrypted = self.seal.encrypt(random, text, &self.config.callback.receive_id)?;
        let timestamp = self.config.clock.now_s().to_string();
        let signature = self.seal.sign(&timestamp, &nonce, &encrypted);
        Ok((format!("msg_signature={signature}&timestamp={timestamp}&nonce={nonce}"), encrypted))
    }
}

fn with_query(hook: &str, query: &str) -> String {
    let mark = if hook.contains('?') { '&' } else { '?' };
    format!("{hook}{mark}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Outcome;
    use crate::receiver::Receiver;

    fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        text.split_once(from).unwrap().1.split_once(to).unwrap().0
    }

    #[tokio::test]
    async fn a_retry_is_sealed_anew_around_the_same_xml() {
        let config = WecomConfig::demo(SimClock::at(1_795_140_000_000));
        let seal = Seal::new(&config.callback.token, &config.callback.encoding_aes_key).unwrap();
        let sim = WecomSim::start(config).await.unwrap();
        let receiver = Receiver::start("").await.unwrap();
        receiver.answer_next(500, "");
        let edited = Change::ContactEdited { contact: Contact::new("lin", "wm1") };
        let event = WecomEvent { at_s: 1_795_140_000, change: edited };
        let delivery = sim.push(&receiver.hook(), &event).await.unwrap();
        assert_eq!(
            delivery,
            Delivery { attempts: 2, outcome: Outcome::Accepted { status: 200, body: String::new() } }
        );
        let received = receiver.received();
        assert_ne!(received[0].path_and_query, received[1].path_and_query);
        for push in received {
            let encrypted = between(&push.body, "<Encrypt><![CDATA[", "]]>");
            let query = format!("{}&", push.path_and_query);
            let signature = seal.sign("1795140000", between(&query, "&nonce=", "&"), encrypted);
            assert_eq!(between(&query, "?msg_signature=", "&"), signature);
            assert_eq!(seal.decrypt(encrypted).unwrap(), (sim.xml(&event), sim.config().corp_id.clone()));
        }
    }

    #[tokio::test]
    async fn after_three_failures_the_event_is_gone() {
        let sim = WecomSim::start(WecomConfig::demo(SimClock::at(0))).await.unwrap();
        let receiver = Receiver::start("").await.unwrap();
        for status in [500, 404, 302] {
            receiver.answer_next(status, "");
        }
        let delivery = sim.push_xml(&receiver.hook(), "<xml></xml>").await.unwrap();
        assert_eq!((delivery.attempts, delivery.is_accepted(), receiver.received().len()), (3, false, 3));
    }

    #[tokio::test]
    async fn a_suite_must_be_answered_with_success() {
        let mut config = WecomConfig::demo(SimClock::at(0));
        let suite_id = String::from("ww5f5e1ab1e0000001");
        config.callback.receive_id = suite_id.clone();
        config.callback.agent_id = None;
        config.callback.addressee =
            Addressee::Suite { suite_id: suite_id.clone(), auth_corp_id: "wpFabLeDDDAuthCorp01".into() };
        let sim = WecomSim::start(config).await.unwrap();
        let receiver = Receiver::start("success").await.unwrap();
        receiver.answer_next(200, "");
        let left = Change::ContactLeft { contact: Contact::new("woFabLeEEEmember01", "wm1") };
        let delivery = sim.push(&receiver.hook(), &WecomEvent { at_s: 5, change: left }).await.unwrap();
        assert_eq!((delivery.attempts, delivery.is_accepted()), (2, true));
        let body = &receiver.received()[0].body;
        assert!(
            body.starts_with("<xml><ToUserName><![CDATA[ww5f5e1ab1e0000001]]></ToUserName><Encrypt>"),
            "{body}"
        );
        let inner = sim.inside.seal.decrypt(between(body, "<Encrypt><![CDATA[", "]]>")).unwrap();
        assert!(
            inner
                .0
                .contains("<InfoType><![CDATA[change_external_contact]]></InfoType><TimeStamp>5</TimeStamp>")
        );
        assert_eq!(inner.1, suite_id);
    }

    #[tokio::test]
    async fn a_url_that_does_not_give_the_echo_is_refused() {
        let sim = WecomSim::start(WecomConfig::demo(SimClock::at(0))).await.unwrap();
        let receiver = Receiver::start("success").await.unwrap();
        assert!(sim.verify_url(&receiver.hook()).await.is_err());
        assert!(receiver.received()[0].path_and_query.contains("&echostr="));
    }
}
