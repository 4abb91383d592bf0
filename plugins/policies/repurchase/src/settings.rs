//! The settings as an operator writes them. `plan` makes them into what the policy runs on.

use schemars::JsonSchema;
use serde::Deserialize;

/// The lifecycle of a customer who buys again and again: it turns and goes on, and never ends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What is sold, and how fast it is used up. At most 32.
    pub categories: Vec<Category>,
    /// Products whose category or content the channel does not tell rightly. At most 2 000.
    pub products: Vec<Product>,
    /// From when on a product is used up: from its payment, or from its receipt once that is known.
    pub measure_from: MeasureFrom,
    /// Days after her stock has run out until she is overdue, where a category says nothing else.
    pub grace_days: u32,
    /// Days after an order of which nothing is known to be used up, until she is lapsing.
    pub lapsing_days: u32,
    /// Days after the last order until a lapsing customer has lapsed.
    pub lapsed_days: u32,
    /// So many orders make a repeat customer. At least 3.
    pub repeat_orders: u32,
    /// What makes a VIP.
    pub vip: Vip,
    /// Days after which a revisit that was not carried is of no use.
    pub revisit_valid_days: u32,
    /// What the stages are called.
    pub stages: Stages,
    /// The zone of the dates in the reasons, in minutes ahead of UTC. 480 is China's.
    pub utc_offset_minutes: i32,
}

/// One category of products.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// The end of its tags: `suppress:cream`.
    pub name: String,
    /// Its name for people. Left out: `name`.
    pub title: Option<String>,
    /// What else channels call it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Days that one unit lasts. Left out: it is not used up, so nothing is expected.
    pub days_per_unit: Option<f64>,
    /// Overrides the policy's `grace_days`.
    pub grace_days: Option<u32>,
    /// For so many days after she bought it, the tag `suppress:` keeps it from being shown to her.
    pub suppress_days: Option<u32>,
    /// Categories that go with it: each gets the tag `offer:` when she bought this one.
    #[serde(default)]
    pub offers: Vec<String>,
    /// For so many days.
    #[serde(default = "month")]
    pub offer_days: u32,
    /// What reaches her when it is time to buy it again.
    pub revisit: Option<Revisit>,
}

/// What reaches a customer some time after she bought something.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revisit {
    /// Days after the purchase.
    #[serde(default = "month")]
    pub after_days: u32,
    /// If she bought more than lasts for that time, wait until it is used up.
    #[serde(default = "yes")]
    pub waits_for_stock: bool,
    /// The direct message. `{title}` stands for the category's. Left out: none.
    pub message: Option<String>,
    /// The Moments post that is meant for her. Left out: none.
    pub moments: Option<String>,
    /// The channel's tags whose bearers may see that post, hers among them. Where a channel shows posts by tag and never to one
    /// customer, as WeCom does, it refuses a post without.
    #[serde(default)]
    pub moments_tags: Vec<String>,
    /// What both show: a coupon, a page.
    pub content: Option<Shown>,
}

/// A content that is shown.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The same wherever it appears.
    pub id: String,
    /// `coupon`, `product`, `page`.
    pub kind: String,
    /// For people.
    pub title: Option<String>,
}

/// One product.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// As order lines have it.
    pub sku: String,
    /// One of the categories.
    pub category: String,
    /// Units in one of it: 2 in a double pack.
    #[serde(default = "one")]
    pub units: u32,
    /// Overrides the category's.
    pub days_per_unit: Option<f64>,
}

/// When a product begins to be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasureFrom {
    /// When the order was paid.
    Paid,
    /// When it was received; until that is known, when it was paid.
    Received,
}

/// What makes a VIP: the number of orders, what they came to, or both.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vip {
    /// At least so many orders.
    pub orders: Option<u32>,
    /// At least so much paid and not given back, in fen. Only orders in CNY add to it.
    pub spend_fen: Option<i64>,
    /// Whether it takes both. Otherwise either will do.
    #[serde(default)]
    pub both: bool,
}

/// The names of the stages of the journey `repurchase`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stages {
    /// All her orders were taken back.
    pub no_order: String,
    /// One order.
    pub first_order: String,
    /// Two.
    pub second_order: String,
    /// More.
    pub repeat: String,
    /// A VIP.
    pub vip: String,
    /// Her stock ought to have run out a while ago.
    pub lapsing: String,
    /// She has not bought for long.
    pub lapsed: String,
    /// She bought again after she was lapsing or had lapsed.
    pub returned: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            categories: default_categories(),
            products: Vec::new(),
            measure_from: MeasureFrom::Paid,
            grace_days: 30,
            lapsing_days: 90,
            lapsed_days: 180,
            repeat_orders: 3,
            vip: Vip { orders: Some(6), spend_fen: Some(100_000), both: false },
            revisit_valid_days: 7,
            stages: Stages::default(),
            utc_offset_minutes: 480,
        }
    }
}

impl Default for Stages {
    fn default() -> Stages {
        Stages {
            no_order: "no-order".to_owned(),
            first_order: "first-order".to_owned(),
            second_order: "second-order".to_owned(),
            repeat: "repeat".to_owned(),
            vip: "vip".to_owned(),
            lapsing: "lapsing".to_owned(),
            lapsed: "lapsed".to_owned(),
            returned: "returned".to_owned(),
        }
    }
}

/// Skin care, where a cleanser and a cream last a month each.
fn default_categories() -> Vec<Category> {
    let category = |name: &str, title: &str, suppress_days| Category {
        name: name.to_owned(),
        title: Some(title.to_owned()),
        aliases: vec![title.to_owned()],
        days_per_unit: Some(30.0),
        grace_days: None,
        suppress_days: Some(suppress_days),
        offers: Vec::new(),
        offer_days: month(),
        revisit: None,
    };
    let revisit = Revisit {
        after_days: month(),
        waits_for_stock: true,
        message: Some("您的{title}用得怎么样?快用完的话,给您留了一份老客户的优惠。".to_owned()),
        moments: Some("{title}老客户专享优惠,只给您看。".to_owned()),
        moments_tags: Vec::new(),
        content: None,
    };
    vec![
        Category { revisit: Some(revisit), ..category("cleanser", "洗面奶", 30) },
        Category { offers: vec!["eye-cream".to_owned()], ..category("cream", "面霜", 60) },
        category("eye-cream", "眼霜", 30),
    ]
}

fn month() -> u32 {
    30
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}
