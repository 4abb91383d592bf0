//! A task for a member of staff, about one customer: call her, bring her the sample. WeCom has no list of tasks that an app may
//! write into, so he is told by a message of the app: what to do, about whom, and until when.

use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::Value;

use super::{Bag, Parcel, no, notice};
use crate::errcode::Class;
use crate::identity;
use crate::push::plain;

const PROFILE: &str = "externalcontact/get";
/// Characters of a name that are shown.
const NAME_MAX: usize = 64;
/// Bytes that are left for who she is, and for the number.
const ABOUT_BYTES: usize = 700;
/// Characters of the errand's id that tell two tasks of the same words apart.
const NUMBER_CHARS: usize = 12;

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    external_contact: Value,
    #[serde(default)]
    follow_user: Option<Vec<Value>>,
}

pub(super) fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    parcel.staff()?;
    let title = parcel.text();
    if title.trim().is_empty() {
        return Err(no("it says nothing: a task needs its title as text"));
    }
    let max = notice::BYTES_MAX - ABOUT_BYTES;
    if title.len() > max {
        return Err(no(format!("the title has {} bytes, and a notice to staff takes {max}", title.len())));
    }
    Ok(())
}

pub(super) fn tell(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<Option<String>, Fault> {
    let staff = parcel.staff()?;
    let her = match identity::external_of(bag.settings, &parcel.errand.to) {
        Some(id) => called(bag, &id, staff)?.unwrap_or(id),
        None => parcel.her.clone(),
    };
    let due =
        parcel.detail.due.as_u64().map(|due| format!("\n截止：{}", notice::minute(due))).unwrap_or_default();
    let id = parcel.errand.id.trim_start_matches("int_");
    let number: String = id.chars().take(NUMBER_CHARS).collect();
    let words = format!("任务：{}\n客户：{her}{due}\n编号：{number}", parcel.text());
    notice::tell(bag, staff, &words)
}

/// What this member of staff calls her, and what she calls herself. None where nobody is told any more.
fn called(bag: &mut Bag<'_>, id: &str, staff: &str) -> Result<Option<String>, Fault> {
    let profile: Profile = match bag.api.get(PROFILE, &[("external_userid", id)]) {
        Ok(profile) => profile,
        Err(error) if matches!(error.class(), Some(Class::NoTie | Class::Data)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let short = |text: String| text.chars().take(NAME_MAX).collect::<String>();
    let text = |row: &Value, field: &str| row.get(field).and_then(plain).map(short);
    let ties = profile.follow_user.unwrap_or_default();
    let tie = ties.iter().find(|tie| text(tie, "userid").as_deref() == Some(staff));
    let (name, remark) = (text(&profile.external_contact, "name"), tie.and_then(|tie| text(tie, "remark")));
    Ok(match (remark, name) {
        (Some(remark), Some(name)) if remark != name => Some(format!("{remark}（{name}）")),
        (remark, name) => remark.or(name),
    })
}
