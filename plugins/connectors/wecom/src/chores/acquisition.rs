//! `customer_acquisition/get_chat_info`: who stands behind the chat that an acquisition link led to.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Fact, Touchpoint};
use heliu_sdk::faults::Fault;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Desk, Row, id, only};
use crate::identity;
use crate::push::plain;
use crate::rest::Api;

const PATH: &str = "externalcontact/customer_acquisition/get_chat_info";

pub fn read(desk: &Desk<'_>, api: &mut Api<'_>, chat_key: &str) -> Result<Harvest, Fault> {
    let raw: Box<RawValue> = api.post(PATH, &json!({"chat_key": chat_key}))?;
    let answer = Row::read(PATH, &raw)?;
    let chat = |name: &str| answer.fields.get("chat_info").and_then(|chat| chat.get(name)).and_then(plain);
    let customer = answer
        .text("external_userid")
        .ok_or_else(|| Fault::Malformed(format!("{PATH} answered without an external_userid")))?;
    let mut event = desk.act(id("acquisition", &[chat_key]), "wecom.customer_acquisition.chat", "");
    if let Fact::Did(act) = &mut event.fact {
        act.object = chat("link_id");
        act.state = chat("state");
        act.quantity = chat("recv_msg_cnt").and_then(|count| count.parse().ok());
    }
    event.who = vec![identity::external(&desk.settings.corp_id, &customer)];
    event.who.extend(identity::of_state(desk.settings, chat("state").as_deref()));
    event.staff = answer.text("userid");
    event.touchpoint = Touchpoint::DirectMessage;
    event.extra = Some(answer.text);
    Ok(only(event))
}
