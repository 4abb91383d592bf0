//! `message/send`: what a member of staff is told by a message of the app.

use heliu_sdk::events::Instant;
use heliu_sdk::faults::Fault;
use heliu_sdk::time::Zone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bag, no};
use crate::push::plain;

/// Bytes of a text message of an app, by the platform's page.
pub(super) const BYTES_MAX: usize = 2048;
/// The platform takes the same message for one message within this: a try whose answer was lost may be repeated, and what
/// are two must not read the same.
const SAME_S: u32 = 14_400;
/// WeCom's own times are China's, and so are the clocks of those who use it.
const CHINA_MINUTES: i16 = 8 * 60;

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    invaliduser: Value,
    #[serde(default)]
    msgid: Option<String>,
}

pub(super) fn check(words: &str) -> Result<(), Fault> {
    let bytes = words.len();
    if bytes > BYTES_MAX {
        return Err(no(format!("the notice to staff has {bytes} bytes, and WeCom takes {BYTES_MAX}")));
    }
    Ok(())
}

/// `2026-01-02 09:30`.
pub(super) fn minute(at: Instant) -> String {
    let text = Zone::of_minutes(CHINA_MINUTES).text(at);
    text.rsplit_once(':').map_or("", |(minute, _)| minute).to_owned()
}

/// Tells one member of staff. Gives the message's id.
pub(super) fn tell(bag: &mut Bag<'_>, staff: &str, words: &str) -> Result<Option<String>, Fault> {
    let Some(agent) = bag.settings.agent_id else {
        let why =
            "setting agent_id is missing: staff are told by a message of the app, which needs its AgentId";
        return Err(Fault::Misconfigured(why.into()));
    };
    let body = json!({
        "touser": staff,
        "msgtype": "text",
        "agentid": agent,
        "text": {"content": words},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": SAME_S,
    });
    let sent: Sent = bag.api.post("message/send", &body)?;
    if plain(&sent.invaliduser).is_some() {
        return Err(no(format!("WeCom told {staff} nothing: he is no member whom the app may see")));
    }
    Ok(sent.msgid)
}
