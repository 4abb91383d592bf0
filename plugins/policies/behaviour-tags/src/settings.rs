//! The settings as an operator writes them. `rules` makes them into what the policy runs on.

use schemars::JsonSchema;
use serde::Deserialize;

/// Rules that give a tag to a customer for what she does, or for what she has not done for a while.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// At most 64. Each stands for itself.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The zone of the dates in the reasons, in minutes ahead of UTC. 480 is China's.
    #[serde(default = "china")]
    pub utc_offset_minutes: i32,
}

/// One rule: a tag, and when a customer has it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names the rule in reasons and alarms. No two rules share one; no slash.
    pub name: String,
    /// The tag, without the `behaviour:` that is put before it. `{value}` stands for what `per` tells apart.
    pub tag: String,
    /// The facts that count.
    pub when: When,
    /// Counts each content, category, group or object for itself.
    pub per: Option<Per>,
    /// How many facts it takes. 1 to 32.
    #[serde(default = "once")]
    pub at_least: u32,
    /// The newest `at_least` facts must lie within so many days, by the channel's time.
    pub within_days: Option<u32>,
    /// The same in milliseconds. Not both.
    pub within_ms: Option<u64>,
    /// The tag goes so many days after the fact that gave it; each further one renews it. Left out: it stays.
    pub lifetime_days: Option<u32>,
    /// The tag comes when, after the facts, so many days pass without another one, and goes with the next.
    pub without_days: Option<u32>,
    /// The tag comes so many days after a customer joined a group, if she has not left it; it goes when she leaves.
    pub stay_days: Option<u32>,
    /// A fact that takes the tag off and begins the count anew.
    pub untag_on: Option<When>,
}

/// Which facts. Every key that is given must hold; of a list, one is enough.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// `saw`, `said`, `bought`, `did` or `met`, or one kind of it: `saw.clicked`, `bought.refunded`,
    /// `did.joined-group`, `met.added`. `said` is what she said; what was said to her is `said.to-customer`.
    /// `bought` is any order that has been paid, once.
    pub fact: String,
    /// Ids of contents that were seen or spoken of, or SKUs that were bought.
    pub content: Option<OneOrMore>,
    /// Categories of the content, or of what was bought.
    pub category: Option<OneOrMore>,
    /// Ids of groups: where it was said, or which was joined or left.
    pub group: Option<OneOrMore>,
    /// What it was done to: a coupon's id, a form's, a code's.
    pub object: Option<OneOrMore>,
    /// Words of which one stands in what was said. Upper and lower case are the same.
    pub text_contains: Option<OneOrMore>,
    /// What the buyer paid for the order, at least, in fen. Orders in other currencies do not count then.
    pub order_min_fen: Option<i64>,
    /// Only at these touchpoints: `moments`, `group_chat`, `mini_program`. Left out: wherever it happened.
    pub touchpoint: Option<OneOrMore>,
}

/// What a rule tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// The content that was seen or spoken of, or the SKU that was bought.
    Content,
    /// The category of either.
    Category,
    /// The group where it was said, or which was joined.
    Group,
    /// What it was done to.
    Object,
}

/// A text, or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Any of these.
    More(Vec<String>),
}

impl OneOrMore {
    pub fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(texts) => texts,
        }
    }
}

fn once() -> u32 {
    1
}

fn china() -> i32 {
    480
}
