//! `externalcontact/remark`: what a member of staff calls her.

use heliu_sdk::faults::Fault;
use serde_json::{Value, json};

use super::{Bag, Parcel, no};

/// Characters, by the platform's page.
const REMARK_MAX: usize = 20;
const DESCRIPTION_MAX: usize = 150;

pub fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    parcel.staff()?;
    let (remark, description) = said(parcel);
    if remark.is_none() && description.is_none() {
        return Err(no("a remark needs text, detail.remark or detail.description"));
    }
    for (what, text, max) in [("remark", remark, REMARK_MAX), ("description", description, DESCRIPTION_MAX)] {
        let chars = text.unwrap_or_default().chars().count();
        if chars > max {
            return Err(no(format!("the {what} has {chars} characters, and WeCom takes {max}")));
        }
    }
    Ok(())
}

/// What is not given is not sent: it stays as staff wrote it.
pub fn write(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<(), Fault> {
    let (remark, description) = said(parcel);
    let mut body = json!({"userid": parcel.staff()?, "external_userid": parcel.her});
    for (name, text) in [("remark", remark), ("description", description)] {
        if let Some(text) = text {
            body[name] = json!(text);
        }
    }
    bag.api.post::<Value>("externalcontact/remark", &body)?;
    Ok(())
}

fn said<'a>(parcel: &'a Parcel<'_>) -> (Option<&'a str>, Option<&'a str>) {
    let remark = parcel.detail.remark.as_deref().or(parcel.errand.text.as_deref());
    (remark.filter(|text| !text.is_empty()), parcel.detail.description.as_deref())
}
