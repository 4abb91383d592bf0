//! `send_welcome_msg`: the first words to a customer who was just added.
//!
//! Its code lives for twenty seconds and is used once, over all apps of the corp. So a try that got lost may be repeated: if
//! the first was taken, the code says so.

use heliu_sdk::faults::Fault;
use serde_json::{Value, json};

use super::message::{TEXT_BYTES_MAX, put_message};
use super::{Bag, Parcel, attachment, no};

pub fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    if parcel.detail.welcome_code.as_deref().is_none_or(str::is_empty) {
        return Err(no("a welcome needs detail.welcome_code: WelcomeCode of the extra of the adding"));
    }
    attachment::check(&parcel.detail.attachments)?;
    parcel.check_message(TEXT_BYTES_MAX)
}

pub fn send(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<(), Fault> {
    let mut body = json!({"welcome_code": parcel.detail.welcome_code});
    put_message(&mut body, parcel);
    bag.api.post::<Value>("externalcontact/send_welcome_msg", &body)?;
    Ok(())
}
