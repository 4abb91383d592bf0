//! `[identity]`: what it takes to know people again.

use serde::Deserialize;

use crate::Problem;

/// Country codes have one to three digits.
const PHONE_COUNTRY_DIGITS_MAX: usize = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdentitySection {
    /// Put before phone numbers that have no country code, so that all are compared in E.164. `"86"` if left out.
    phone_country: String,
}

impl Default for IdentitySection {
    fn default() -> IdentitySection {
        IdentitySection { phone_country: "86".to_owned() }
    }
}

impl IdentitySection {
    pub(crate) fn resolve(self) -> Result<String, Problem> {
        let IdentitySection { phone_country } = self;
        let digits = phone_country.bytes().all(|byte| byte.is_ascii_digit());
        let one_to_three = (1..=PHONE_COUNTRY_DIGITS_MAX).contains(&phone_country.len());
        if digits && one_to_three && !phone_country.starts_with('0') {
            Ok(phone_country)
        } else {
            let reason =
                format!("\"{phone_country}\" is not a country code: write digits alone, like \"86\"");
            Err(Problem::wrong("phone_country", reason))
        }
    }
}
