//! The settings as an operator writes them, and checked.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

const PUT_MAX: usize = 64;
/// Characters of a tag's name in WeCom, the shortest limit of a channel that we know.
const NAME_CHARS_MAX: usize = 30;
/// A year.
const HOURS_MAX: u32 = 366 * 24;

/// The tags of a channel and our own, kept alike.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Tags of other policies, or given by hand, that are put on her in the channel too. At most 64; none: the channel's tags are only
    /// taken over.
    pub put: Vec<Put>,
    /// How often it is looked whether a tag came or went at an alarm of its own policy, or ended, in hours: of that no policy is told.
    /// 1 to 8784.
    pub look_every_hours: u32,
}

/// One tag that goes out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// The tag here: `repurchase:due`.
    pub tag: String,
    /// Its name in the channel, 1 to 30 characters.
    #[serde(rename = "as")]
    pub named: String,
}

/// What the policy runs on.
pub struct Plan {
    pub put: Vec<Put>,
    pub look_every_ms: u64,
}

impl Plan {
    fn check(settings: Settings) -> Result<Plan, String> {
        let Settings { put, look_every_hours } = settings;
        if put.len() > PUT_MAX {
            return Err(format!("put: {} of them, and at most {PUT_MAX} can be", put.len()));
        }
        if !(1..=HOURS_MAX).contains(&look_every_hours) {
            return Err(format!(
                "look_every_hours: {look_every_hours} is not within 1 and a year, {HOURS_MAX}"
            ));
        }
        let mut named = BTreeSet::new();
        for (at, Put { tag, named: name }) in put.iter().enumerate() {
            if tag.is_empty() {
                return Err(format!("put[{at}].tag: it is empty"));
            }
            if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) || name.trim() != name {
                return Err(format!(
                    "put[{at}].as: {name:?} is not a name of 1 to {NAME_CHARS_MAX} characters without blanks around it"
                ));
            }
            if !named.insert(name) {
                return Err(format!("put[{at}].as: {name:?} is another tag's too"));
            }
        }
        Ok(Plan { put, look_every_ms: u64::from(look_every_hours) * 3_600_000 })
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { put: Vec::new(), look_every_hours: 24 }
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plan, D::Error> {
        Plan::check(Settings::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
