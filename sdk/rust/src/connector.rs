//! Connectors: the traits that they implement, the values that they take and give, and the host behind them.

use serde::de::DeserializeOwned;

use crate::chores::{Chore, Harvest};
use crate::events::{Content, Identity, Instant, Json};
use crate::faults::{Fault, Pause};
use crate::fitting;
use crate::host::Host;
use crate::http::Failure;
use crate::settings;

/// Speaks for one kind of channel. Every connector implements this, and whichever of the other four its world has.
pub trait Connector {
    /// What the operator fills in for one connection. Derive `schemars::JsonSchema` for it and give the schema
    /// in the [`Descriptor`] by [`schema`](crate::schema); mark secrets `#[schemars(extend("writeOnly" = true))]`.
    type Settings: DeserializeOwned;

    /// What it tells of itself. Called without settings: it must be the same for every connection.
    fn describe() -> Descriptor;
}

/// The channel calls us.
pub trait Webhook: Connector {
    /// Checks one call and turns it into events. It is answered after they are durable, so keep it quick: what
    /// needs a call to the channel is better a chore.
    fn receive(
        settings: &Self::Settings,
        request: Request,
        host: &mut dyn Host,
    ) -> Result<Reception, Refusal>;
}

/// We call the channel, again and again.
pub trait Feed: Connector {
    /// Fetches what is new since `cursor`, which is the one of the last page, and none at the first time.
    fn poll(settings: &Self::Settings, cursor: Option<Json>, host: &mut dyn Host) -> Result<Page, Fault>;
}

/// Does the chores that the connector asked for.
pub trait ChoreWorker: Connector {
    /// Does one chore. What it yields is kept together with the chore's end.
    fn work(settings: &Self::Settings, chore: Chore, host: &mut dyn Host) -> Result<Harvest, Fault>;
}

/// Carries intents to the customer.
pub trait Outlet: Connector {
    /// Carries the errands and tells the outcome of each, in their order, with the chores that read the rest later.
    /// An errand that was carried must say so whatever becomes of the others: it is not tried again then.
    fn carry(settings: &Self::Settings, errands: Vec<Errand>, host: &mut dyn Host) -> Delivery;
}

/// What a connector tells of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// The channel that it speaks for: `wecom`, `youzan`.
    pub channel: String,
    /// Its name for people.
    pub title: String,
    /// JSON Schema (2020-12) of the connection's settings. A property with `writeOnly` is a secret.
    pub settings_schema: Json,
    /// The handles that it may put on an event.
    pub schemes: Vec<Scheme>,
    /// The scenes that its outlet can play. Empty where it has none.
    pub abilities: Vec<Ability>,
    /// Hosts that it must reach, with their scheme: `https://qyapi.weixin.qq.com`. The operator grants them, or not.
    pub hosts: Vec<String>,
}

/// A kind of handle that a connector may put on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// Its name in the host's table of schemes: `wechat.unionid`.
    pub name: String,
    /// The same person for as long as the account lives; false for a handle that rotates.
    pub lasting: bool,
    /// A person has at most one of it in a scope: two values then mean two people.
    pub one_per_person: bool,
}

/// A scene that an outlet can play, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ability {
    /// `direct-message`, `group-message`, `moments`, `welcome`, `tag`, `remark`, `coupon`, `friend-request`, `points`;
    /// `staff-task`, which tells a member of staff what to do for her: the title is the text, `due` in the detail the time.
    pub scene: String,
    /// How an intent of this scene reaches the customer.
    pub carriage: Carriage,
}

/// How an intent reaches the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// The platform sends it at once.
    Sends,
    /// The platform asks a member of staff to confirm; the receipt comes later as an event.
    AsksStaff,
}

/// A call of the channel, as it came over the wire: platforms sign the undecoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In upper case: `POST`.
    pub method: String,
    /// The part of the path behind the connection's own address, not decoded.
    pub path: String,
    /// What follows the question mark, not decoded.
    pub query: String,
    /// In their order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

/// What the channel is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside the host's own.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

/// What to keep of a call, and what to answer once it is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Reception {
    /// The events that it tells of, and the chores that they need.
    pub kept: Harvest,
    /// The answer, sent after `kept` is durable.
    pub answer: Response,
}

/// Why an authentic call cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// For people.
    pub why: String,
    /// What the channel is told. A platform that delivers again on failure wants a success here.
    pub answer: Response,
}

/// Why a call is not received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The signature does not hold. Nothing is kept; answered 401.
    NotAuthentic(String),
    /// Authentic, but not to be understood. Kept as a dead letter.
    Malformed(Complaint),
}

/// What one poll found.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The events, and the chores that they need.
    pub kept: Harvest,
    /// Committed together with the events: what to start from next time.
    pub cursor: Json,
    /// More is waiting: call again at once.
    pub more: bool,
}

/// One approved intent, addressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// The same for every try of one intent. Pass it on where the channel takes such a key.
    pub id: String,
    /// One of the connector's abilities.
    pub scene: String,
    /// The customer's handles in this channel.
    pub to: Vec<Identity>,
    /// The member of staff who should speak.
    pub staff: Option<String>,
    /// What to say.
    pub text: Option<String>,
    /// What to show.
    pub content: Option<Content>,
    /// Scene-specific: a tag's name, a coupon's id, the audience of a post.
    pub detail: Json,
    /// Of no use after this, in milliseconds since 1970. What waits for staff is to be taken back then, where the channel
    /// can do that, and told as expired.
    pub not_after: Option<Instant>,
}

/// What became of an errand.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done. The channel's own id for it, where there is one.
    Sent(Option<String>),
    /// A member of staff must confirm it; a `carried` event will tell.
    AwaitingStaff(Option<String>),
    /// Not carried. [`Fault::Later`] is tried again; [`Fault::Malformed`] says that this errand will never be taken as
    /// it is: she is no friend any more, its code was used before.
    Failed(Fault),
}

/// What became of the errands at once, and what has to be done to learn the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// One outcome for each errand, in their order.
    pub outcomes: Vec<Outcome>,
    /// To read the results later: they come as `carried` events. Kept together with the outcomes.
    pub chores: Vec<Chore>,
}

impl Response {
    /// A plain text answer.
    pub fn text(status: u16, body: impl Into<String>) -> Response {
        let headers = vec![("content-type".into(), "text/plain; charset=utf-8".into())];
        Response { status, headers, body: body.into().into_bytes() }
    }

    /// A JSON answer.
    pub fn json(status: u16, body: impl Into<Json>) -> Response {
        Response {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.into().into_bytes(),
        }
    }
}

impl Request {
    /// The first header of this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of this name in the query, percent-decoded. For a signature over the wire's text use `query`.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_percent(key) == name).then(|| decode_percent(value))
        })
    }
}

/// Decodes `%XX` and `+` as forms do. What is not an escape, or no UTF-8, is kept as well as may be.
fn decode_percent(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, escape) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Parses the settings and receives. Settings that do not fit answer 500, so that the channel delivers again. Events that
/// the host would not take are a complaint with the connector's own answer: the same would come again.
pub fn receive<C: Webhook>(
    settings: &str,
    request: Request,
    host: &mut dyn Host,
) -> Result<Reception, Refusal> {
    let settings = settings::parse::<C::Settings>(settings)
        .map_err(|why| Refusal::Malformed(Complaint { answer: Response::text(500, "misconfigured"), why }))?;
    let received = C::receive(&settings, request, host)?;
    match fitting::check(&received.kept) {
        Ok(()) => Ok(received),
        Err(why) => Err(Refusal::Malformed(Complaint { why, answer: received.answer })),
    }
}

/// Parses the settings and polls.
pub fn poll<C: Feed>(settings: &str, cursor: Option<Json>, host: &mut dyn Host) -> Result<Page, Fault> {
    let settings = settings::parse::<C::Settings>(settings).map_err(Fault::Misconfigured)?;
    C::poll(&settings, cursor, host)
}

/// Parses the settings and does a chore.
pub fn work<C: ChoreWorker>(settings: &str, chore: Chore, host: &mut dyn Host) -> Result<Harvest, Fault> {
    let settings = settings::parse::<C::Settings>(settings).map_err(Fault::Misconfigured)?;
    C::work(&settings, chore, host)
}

/// Parses the settings and carries. Settings that do not fit fail every errand.
pub fn carry<C: Outlet>(settings: &str, errands: Vec<Errand>, host: &mut dyn Host) -> Delivery {
    match settings::parse::<C::Settings>(settings) {
        Ok(settings) => C::carry(&settings, errands, host),
        Err(why) => {
            let failed = |_| Outcome::Failed(Fault::Misconfigured(why.clone()));
            Delivery { outcomes: errands.iter().map(failed).collect(), chores: Vec::new() }
        }
    }
}

impl Fault {
    /// The other side is busy or down. Without a pause the host backs off by itself.
    pub fn later(why: impl Into<String>, retry_after_ms: Option<u32>) -> Fault {
        Fault::Later(Pause { why: why.into(), retry_after_ms })
    }
}

impl Fault {
    /// What it says, for people.
    pub fn why(&self) -> &str {
        match self {
            Fault::Misconfigured(why) | Fault::Malformed(why) | Fault::Unauthorised(why) => why,
            Fault::Later(pause) => &pause.why,
        }
    }
}

impl From<Failure> for Fault {
    /// What a request that got no answer means for the call that needed it.
    fn from(failure: Failure) -> Fault {
        match failure {
            // Nobody but the operator can mend it.
            Failure::NotGranted(host) => Fault::Misconfigured(format!("{host} is not granted")),
            Failure::TimedOut => Fault::later("the channel did not answer in time", None),
            Failure::Unreachable(why) => Fault::later(why, None),
            // It would be as large the next time.
            Failure::TooLarge => {
                Fault::Malformed("the channel's answer is larger than the host takes".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_as_forms_are() {
        let request = Request {
            method: "GET".to_owned(),
            path: String::new(),
            query: "a=1&echostr=%E5%B0%8F+%2B%zz&empty&sig=x%3D%3D".to_owned(),
            headers: vec![("x-a".to_owned(), "1".to_owned())],
            body: vec![],
        };
        assert_eq!(request.query_value("echostr").as_deref(), Some("小 +%zz"));
        assert_eq!(request.query_value("sig").as_deref(), Some("x=="));
        assert_eq!(request.query_value("empty").as_deref(), Some(""));
        assert_eq!(request.query_value("b"), None);
        assert_eq!(request.header("x-a"), Some("1"));
    }
}
