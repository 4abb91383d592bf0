//! The settings, checked, with everything counted in seconds.

use heliu_sdk::events::{Event, Instant};
use serde::{Deserialize, Deserializer};

use crate::activity::Counted;
use crate::settings::{Settings, Tier};

/// Every tag begins with it: the descriptor can name them without knowing the settings.
pub const PREFIX: &str = "recency:";

const TIERS_MAX: usize = 16;
/// Kinds of fact that count.
const ACTIVITY_MAX: usize = 64;
/// Ten years.
const HOURS_MAX: u32 = 10 * 366 * 24;
/// Bytes of a tag's name without the prefix.
const NAME_BYTES_MAX: usize = 64;
const ROUND_MINUTES_MAX: u32 = 24 * 60;

/// What the policy runs on.
pub struct Plan {
    /// Ascending.
    tiers: Vec<Length>,
    /// One for each tier, and one for those who are beyond.
    tags: Vec<String>,
    activity: Vec<Counted>,
    round_s: u64,
    pub utc_offset_minutes: i32,
}

/// How long a tier is.
struct Length {
    seconds: u64,
    /// As the settings say it: `48 hours`.
    text: String,
}

impl Plan {
    /// When the customer was active, if this event says that she was.
    pub fn activity(&self, event: &Event) -> Option<Instant> {
        self.activity.iter().filter_map(|counted| counted.at(event)).max()
    }

    /// The end of what is rounded.
    pub fn rounded(&self, second: u64) -> u64 {
        second.div_ceil(self.round_s).saturating_mul(self.round_s)
    }

    /// The place of the tier that she is in; the number of tiers where she is beyond.
    pub fn tier(&self, last: u64, now: Instant) -> usize {
        let places = 0..self.tiers.len();
        places.into_iter().find(|&tier| self.end(last, tier) > Some(now)).unwrap_or(self.tiers.len())
    }

    /// When a tier ends for her. None: it has no end.
    pub fn end(&self, last: u64, tier: usize) -> Option<Instant> {
        let Length { seconds, text: _ } = self.tiers.get(tier)?;
        Some(self.rounded(last).saturating_add(*seconds).saturating_mul(1000))
    }

    pub fn length(&self, tier: usize) -> Option<&str> {
        self.tiers.get(tier).map(|length| length.text.as_str())
    }

    pub fn tag(&self, tier: usize) -> Option<&str> {
        self.tags.get(tier).map(String::as_str)
    }

    fn check(settings: Settings) -> Result<Plan, String> {
        let Settings { tiers, beyond, activity, round_minutes, utc_offset_minutes } = settings;
        count("tiers", tiers.len(), TIERS_MAX)?;
        count("activity", activity.len(), ACTIVITY_MAX)?;
        if round_minutes > ROUND_MINUTES_MAX {
            return Err(format!("round_minutes: {round_minutes} is more than a day, {ROUND_MINUTES_MAX}"));
        }
        let mut lengths: Vec<Length> = Vec::new();
        let mut tags: Vec<String> = Vec::new();
        for (at, tier) in tiers.into_iter().enumerate() {
            let key = |why: String| format!("tiers[{at}].{why}");
            let length = length(&tier).map_err(key)?;
            if let Some(before) = lengths.last().filter(|before| before.seconds >= length.seconds) {
                return Err(key(format!(
                    "within: {} is not longer than {}, the tier before it",
                    length.text, before.text
                )));
            }
            lengths.push(length);
            tags.push(tag(&tier.tag, &tags).map_err(|why| key(format!("tag: {why}")))?);
        }
        tags.push(tag(&beyond, &tags).map_err(|why| format!("beyond: {why}"))?);
        let mut counted = Vec::new();
        for (at, activity) in activity.into_iter().enumerate() {
            counted.push(Counted::check(activity).map_err(|why| format!("activity[{at}].{why}"))?);
        }
        let round_s = u64::from(round_minutes).saturating_mul(60).max(1);
        Ok(Plan { tiers: lengths, tags, activity: counted, round_s, utc_offset_minutes })
    }
}

fn count(key: &str, there: usize, most: usize) -> Result<(), String> {
    if there == 0 || there > most {
        return Err(format!("{key}: {there} of them, and 1 to {most} can be"));
    }
    Ok(())
}

fn length(tier: &Tier) -> Result<Length, String> {
    let (number, hours, unit) = match (tier.within_hours, tier.within_days) {
        (Some(hours), None) => (hours, Some(hours), "hour"),
        (None, Some(days)) => (days, days.checked_mul(24), "day"),
        (None, None) | (Some(_), Some(_)) => {
            return Err("within: it takes one of `within_hours` and `within_days`".to_owned());
        }
    };
    let hours = hours
        .filter(|hours| (1..=HOURS_MAX).contains(hours))
        .ok_or_else(|| format!("within_{unit}s: {number} is not within 1 and ten years"))?;
    let plural = if number == 1 { "" } else { "s" };
    Ok(Length { seconds: u64::from(hours) * 3600, text: format!("{number} {unit}{plural}") })
}

fn tag(name: &str, others: &[String]) -> Result<String, String> {
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("{name:?} has {} bytes, {NAME_BYTES_MAX} at most", name.len()));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err(format!("{name:?} has blanks around it, or control characters"));
    }
    let tag = format!("{PREFIX}{name}");
    if others.contains(&tag) {
        return Err(format!("{name:?} is another tier's too"));
    }
    Ok(tag)
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plan, D::Error> {
        Plan::check(Settings::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
