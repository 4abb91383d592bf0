//! The settings as an operator writes them. `plan` makes them into what the policy runs on.

use heliu_sdk::events::Touchpoint;
use schemars::JsonSchema;
use serde::Deserialize;

/// How long ago the customer was last active: one tag at a time of several that exclude one another.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The tiers, from the freshest on, each longer than the one before. 1 to 16.
    pub tiers: Vec<Tier>,
    /// The tag of those who were last active before all tiers. `recency:` is put in front.
    pub beyond: String,
    /// Which facts count as activity of hers. At least one.
    pub activity: Vec<Activity>,
    /// Tiers end at a full so many minutes of the day, so that what she does within them moves no alarm. 0 or 1: to
    /// the second, or the minute. At most 1440.
    pub round_minutes: u32,
    /// The zone of the dates in the reasons, in minutes ahead of UTC. 480 is China's.
    pub utc_offset_minutes: i32,
}

/// One tier: those whose last activity is not longer ago.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Its length, in hours or in days: one of the two.
    pub within_hours: Option<u32>,
    /// Its length in days.
    pub within_days: Option<u32>,
    /// Its tag. `recency:` is put in front.
    pub tag: String,
}

/// A kind of fact that counts as activity.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// `bought` (placing, paying, asking for a refund), `said` (by her), `saw`, `did` (what is hers to do), or one kind
    /// of them: `bought.paid`, `saw.clicked`, `did.joined-group`; `met.added`, `met.half-added`.
    pub fact: String,
    /// Where it must have happened. Left out: anywhere.
    #[serde(default)]
    pub touchpoints: Option<Vec<Place>>,
}

/// Where something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    DirectMessage,
    GroupChat,
    Moments,
    OfficialAccount,
    MiniProgram,
    ShortVideo,
    LiveRoom,
    Web,
    Shop,
    Store,
    Phone,
    Sms,
    Parcel,
    Other,
}

impl Place {
    pub fn touchpoint(self) -> Touchpoint {
        match self {
            Place::DirectMessage => Touchpoint::DirectMessage,
            Place::GroupChat => Touchpoint::GroupChat,
            Place::Moments => Touchpoint::Moments,
            Place::OfficialAccount => Touchpoint::OfficialAccount,
            Place::MiniProgram => Touchpoint::MiniProgram,
            Place::ShortVideo => Touchpoint::ShortVideo,
            Place::LiveRoom => Touchpoint::LiveRoom,
            Place::Web => Touchpoint::Web,
            Place::Shop => Touchpoint::Shop,
            Place::Store => Touchpoint::Store,
            Place::Phone => Touchpoint::Phone,
            Place::Sms => Touchpoint::Sms,
            Place::Parcel => Touchpoint::Parcel,
            Place::Other => Touchpoint::Other,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let days =
            |days, tag: &str| Tier { within_hours: None, within_days: Some(days), tag: tag.to_owned() };
        let fact = |fact: &str| Activity { fact: fact.to_owned(), touchpoints: None };
        Settings {
            tiers: vec![
                Tier { within_hours: Some(48), within_days: None, tag: "48h".to_owned() },
                days(30, "30d"),
                days(90, "90d"),
                days(180, "180d"),
            ],
            beyond: "beyond".to_owned(),
            activity: ["bought", "said", "saw", "did", "met.added", "met.half-added"].map(fact).into(),
            round_minutes: 60,
            utc_offset_minutes: 480,
        }
    }
}
