//! Somebody whom no member of staff knows yet should become a friend. No API adds a customer, and none ever has: so a member of
//! staff is told, by a message of the app, whom to look for and what to say. He adds her by hand, and notes the number down;
//! that he did is what the profile tells ([`found`]).

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::connector::Outcome;
use heliu_sdk::events::{Event, Fact, Instant, Receipt, ReceiptStep, Touchpoint};
use heliu_sdk::faults::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Bag, Parcel, no};
use crate::identity;
use crate::jobs::Job;
use crate::push::plain;

/// Bytes of a text message of an app, by the platform's page.
const NOTICE_BYTES_MAX: usize = 2048;
/// The platform takes the same message for one message within this: a try whose answer was lost may be repeated.
const SAME_S: u32 = 14_400;

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    invaliduser: Value,
    #[serde(default)]
    msgid: Option<String>,
}

/// Who is to be added, in the memory under her number.
#[derive(Serialize, Deserialize)]
struct Wanted {
    errand: String,
}

/// Digits alone, without the country of a mainland number: so staff type them.
pub fn bare(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("86") {
        Some(mobile) if mobile.len() == 11 => mobile.to_owned(),
        _ => digits,
    }
}

pub(super) fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    parcel.staff()?;
    let bytes = notice(parcel).len();
    if bytes > NOTICE_BYTES_MAX {
        return Err(no(format!("the notice to staff has {bytes} bytes, and WeCom takes {NOTICE_BYTES_MAX}")));
    }
    Ok(())
}

fn notice(parcel: &Parcel<'_>) -> String {
    let number = &parcel.her;
    let words = parcel.text();
    let words = if words.is_empty() { String::new() } else { format!("\n验证语：{words}") };
    format!("请添加客户为好友：{number}{words}\n添加后请在客户备注中填写这个手机号。")
}

/// Tells the member of staff.
pub(super) fn ask(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<Outcome, Fault> {
    let staff = parcel.staff()?;
    let Some(agent) = bag.settings.agent_id else {
        let why =
            "setting agent_id is missing: staff are told by a message of the app, which needs its AgentId";
        return Err(Fault::Misconfigured(why.into()));
    };
    let body = json!({
        "touser": staff,
        "msgtype": "text",
        "agentid": agent,
        "text": {"content": notice(parcel)},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": SAME_S,
    });
    let sent: Sent = bag.api.post("message/send", &body)?;
    if plain(&sent.invaliduser).is_some() {
        return Err(no(format!("WeCom told {staff} nothing: he is no member whom the app may see")));
    }
    let until = bag.now + bag.settings.confirm_ms();
    let wanted = Wanted { errand: parcel.errand.id.clone() };
    let bytes = serde_json::to_vec(&wanted).expect("because it has text only");
    bag.api.host().set(&key(&parcel.her), &bytes, Some(bag.settings.confirm_ms() + LATE_MS));
    let job = Job::Friend { number: parcel.her.clone(), errand: parcel.errand.id.clone() };
    bag.chores.push(job.due(until));
    Ok(Outcome::AwaitingStaff(sent.msgid))
}

/// A chore may be done later than it is due.
const LATE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

fn key(number: &str) -> String {
    format!("friend:{number}")
}

fn wanted(host: &mut dyn Host, number: &str) -> Option<Wanted> {
    serde_json::from_slice(&host.get(&key(number))?).ok()
}

/// Staff noted a number down that was asked for: she was found. The receipt is hers whom the number belongs to; whether the new
/// friend is she is for the host to say, by the handles that it trusts.
pub fn found(host: &mut dyn Host, number: &str, staff: Option<String>, now: Instant) -> Option<Event> {
    let number = bare(number);
    let Wanted { errand } = wanted(host, &number)?;
    host.delete(&key(&number));
    Some(receipt(&number, &errand, ReceiptStep::Confirmed, "confirmed", staff, now))
}

/// Nobody added her in time.
pub fn over(host: &mut dyn Host, number: &str, errand: &str, now: Instant) -> Harvest {
    let mut harvest = Harvest { events: Vec::new(), chores: Vec::new() };
    let Some(wanted) = wanted(host, number) else { return harvest };
    // Somebody else's errand for the same number goes on.
    if wanted.errand == errand {
        host.delete(&key(number));
    }
    harvest.events.push(receipt(number, errand, ReceiptStep::Expired, "expired", None, now));
    harvest
}

fn receipt(
    number: &str,
    errand: &str,
    step: ReceiptStep,
    name: &str,
    staff: Option<String>,
    now: Instant,
) -> Event {
    Event {
        id: format!("friend:{errand}:{name}"),
        at: now,
        who: identity::phone(number).into_iter().collect(),
        staff,
        touchpoint: Touchpoint::DirectMessage,
        fact: Fact::Carried(Receipt { errand: errand.to_owned(), step, why: None }),
        extra: None,
    }
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn a_number_is_one_however_staff_type_it() {
        for typed in ["13800138000", "+8613800138000", "86 138-0013-8000", "138 0013 8000"] {
            assert_eq!(bare(typed), "13800138000", "{typed}");
        }
        assert_eq!(bare("+852 5123 4567"), "85251234567");
    }
}
