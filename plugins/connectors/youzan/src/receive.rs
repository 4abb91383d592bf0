//! A push comes in: is it Youzan's, is it this shop's, what does it say.
//!
//! Whatever is authentic is answered with success, understood or not: Youzan would deliver a failure up to
//! sixteen times, and then stop calling the shop's address at all.

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::connector::{Complaint, Reception, Refusal, Request, Response};
use heliu_sdk::log::Level;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::facts::{self, Desk};
use crate::json::Json;
use crate::push::Push;
use crate::settings::Settings;
use crate::{sign, trade};

pub fn receive(settings: &Settings, request: &Request, host: &mut dyn Host) -> Result<Reception, Refusal> {
    authenticate(settings, request).map_err(Refusal::NotAuthentic)?;
    let envelope = read(&request.body).map_err(malformed)?;
    if let Some(client_id) = envelope.get("client_id").word()
        && client_id != settings.client_id
    {
        return Err(Refusal::NotAuthentic("the push is for another client_id".into()));
    }
    // A heartbeat. Only this flag tells: `mode` says the same of real pushes.
    if envelope.get("test").truth() == Some(true) {
        return Ok(success(nothing()));
    }

    let push = Push::open(envelope).map_err(malformed)?;
    let shop =
        trade::shop(&push.msg).or(push.shop()).ok_or_else(|| malformed("the push names no shop".into()))?;
    if !settings.is_ours(shop) {
        // An application has one address for the pushes of all its shops. Another shop's customers are none
        // of ours, and a dead letter for each would bury the real ones.
        host.log(
            Level::Warn,
            &format!("left out a {} of shop {shop}: this connection is another shop's", push.kind),
        );
        return Ok(success(nothing()));
    }
    let now = host.now();
    facts::of(&push, &mut Desk { settings, host, now }).map(success).map_err(malformed)
}

/// The header signs the whole body. Where a gateway has lost it, the body's own `sign` counts, if the
/// operator lets it: it leaves the envelope unsigned.
fn authenticate(settings: &Settings, request: &Request) -> Result<(), String> {
    if let Some(came) = request.header("event-sign") {
        let expected = sign::event_sign(&settings.client_id, &request.body, &settings.client_secret);
        return if sign::matches(came, &expected) { Ok(()) } else { Err("Event-Sign does not hold".into()) };
    }
    if !settings.accept_body_sign {
        return Err("no Event-Sign, and accept_body_sign is off".into());
    }
    let signed: Signed =
        serde_json::from_slice(&request.body).map_err(|_| "no Event-Sign, and no sign in the body")?;
    // Signed as it came: the text that JSON holds, or the very characters of an object.
    let msg = match serde_json::from_str::<String>(signed.msg.get()) {
        Ok(text) => text,
        Err(_) => signed.msg.get().to_owned(),
    };
    let expected = sign::body_sign(&settings.client_id, &msg, &settings.client_secret);
    if sign::matches(&signed.sign, &expected) { Ok(()) } else { Err("the body's sign does not hold".into()) }
}

#[derive(Deserialize)]
struct Signed<'a> {
    sign: String,
    #[serde(borrow)]
    msg: &'a RawValue,
}

fn read(body: &[u8]) -> Result<Json, String> {
    let text = std::str::from_utf8(body).map_err(|e| format!("the body is no UTF-8: {e}"))?;
    let envelope = Json::parse(text).map_err(|why| format!("the body is no JSON: {why}"))?;
    if envelope.is_object() { Ok(envelope) } else { Err("the body is no JSON object".into()) }
}

fn nothing() -> Harvest {
    Harvest { events: Vec::new(), chores: Vec::new() }
}

fn success(kept: Harvest) -> Reception {
    Reception { kept, answer: answer() }
}

fn malformed(why: String) -> Refusal {
    Refusal::Malformed(Complaint { why, answer: answer() })
}

/// Youzan looks for the word `success` in a 200.
fn answer() -> Response {
    Response::json(200, r#"{"code":0,"msg":"success"}"#)
}
