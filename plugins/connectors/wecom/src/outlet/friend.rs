//! Somebody whom no member of staff knows yet should become a friend. No API adds a customer, and none ever has: so a member of
//! staff is told, by a message of the app, whom to look for and what to say. He adds her by hand, and notes the number down;
//! that he did is what the profile tells ([`found`]).

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::connector::Outcome;
use heliu_sdk::events::{Event, Fact, Instant, Receipt, ReceiptStep, Touchpoint};
use heliu_sdk::faults::Fault;
use serde::{Deserialize, Serialize};

use super::{Bag, Parcel, notice};
use crate::identity;
use crate::jobs::Job;

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
    notice::check(&words(parcel))
}

fn words(parcel: &Parcel<'_>) -> String {
    let (number, say) = (&parcel.her, parcel.text());
    let say = if say.is_empty() { String::new() } else { format!("\n验证语：{say}") };
    let end = parcel
        .errand
        .not_after
        .map(|end| format!("\n请在 {} 前添加。", notice::minute(end)))
        .unwrap_or_default();
    format!("请添加客户为好友：{number}{say}{end}\n添加后请在客户备注中填写这个手机号。")
}

/// Tells the member of staff.
pub(super) fn ask(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<Outcome, Fault> {
    let msgid = notice::tell(bag, parcel.staff()?, &words(parcel))?;
    let until = bag.settings.confirm_until(bag.now, parcel.errand.not_after);
    let wanted = Wanted { errand: parcel.errand.id.clone() };
    let bytes = serde_json::to_vec(&wanted).expect("because it has text only");
    bag.api.host().set(&key(&parcel.her), &bytes, Some(bag.settings.confirm_ms() + LATE_MS));
    let job = Job::Friend { number: parcel.her.clone(), errand: parcel.errand.id.clone() };
    bag.chores.push(job.due(until));
    Ok(Outcome::AwaitingStaff(msgid))
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
