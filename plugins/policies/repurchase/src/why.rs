//! Reasons for people: what she bought, when, and how long it lasts.
//!
//! Put together from their parts: the formatter was a fifth of a turn's instructions.

use heliu_sdk::events::Instant;
use heliu_sdk::time::{DAY_MS, date};

use crate::memory::Stage;
use crate::picture::{Picture, Stock};
use crate::plan::{Category, Plan};

/// What the alarm waits for.
pub enum Next<'a> {
    Revisit(&'a Category),
    Overdue(&'a Category),
    Stage(Stage),
}

pub fn suppressed(plan: &Plan, category: &Category, stock: Option<&Stock>) -> String {
    [&bought(plan, category, stock), "; not shown to her for ", &days(category.suppress_ms)].concat()
}

pub fn suppression_over(plan: &Plan, category: &Category, until: Instant) -> String {
    format!("{} may be shown to her again since {}", category.title, on(plan, until))
}

pub fn taken_back(category: &Category) -> String {
    format!("the order of {} was cancelled or refunded", category.title)
}

pub fn nothing_goes_with(category: &Category) -> String {
    format!("the order that {} goes with was cancelled or refunded", category.title)
}

pub fn has_it(category: &Category) -> String {
    format!("she bought {}", category.title)
}

pub fn overdue(plan: &Plan, category: &Category, stock: Option<&Stock>, is_overdue: bool) -> String {
    match stock {
        Some(stock) if is_overdue => format!(
            "{}, enough until {}; {} have passed since",
            bought(plan, category, Some(stock)),
            on(plan, stock.ends_at),
            days(category.grace_ms)
        ),
        Some(stock) => {
            format!("{}, enough until {}", bought(plan, category, Some(stock)), on(plan, stock.ends_at))
        }
        None => taken_back(category),
    }
}

pub fn offered(plan: &Plan, because_of: &Category, stock: Option<&Stock>, category: &Category) -> String {
    [&bought(plan, because_of, stock), "; ", &category.title, " goes with it"].concat()
}

pub fn revisited(plan: &Plan, category: &Category, stock: &Stock, now: Instant) -> String {
    let since = now.saturating_sub(stock.start) / DAY_MS;
    format!("{}, and has had it for {since} days", bought(plan, category, Some(stock)))
}

pub fn stage(plan: &Plan, picture: &Picture, stage: Stage) -> String {
    let last = on(plan, picture.last_at);
    let expected = || on(plan, picture.expected_by);
    let orders = match picture.orders {
        0 => return "all orders were cancelled or refunded".to_owned(),
        1 => format!("1 order, on {last}"),
        n => [&n.to_string(), " orders, the last on ", &last].concat(),
    };
    match stage {
        Stage::NoOrder | Stage::FirstOrder | Stage::SecondOrder | Stage::Repeat => orders,
        Stage::Vip => [&orders, ", ", &yuan(picture.spend_fen), " CNY in all"].concat(),
        Stage::Lapsing => format!("{orders}; expected again by {}", expected()),
        Stage::Lapsed => format!("{orders}; expected again by {}, and gone for long", expected()),
        Stage::Returned => format!("{orders}; was expected by {}", on(plan, picture.returned_after)),
    }
}

pub fn wake(plan: &Plan, due: Instant, next: &Next<'_>) -> String {
    let what = match next {
        Next::Revisit(category) => ["time to ask about ", &category.title].concat(),
        Next::Overdue(category) => [&category.title, " is overdue then"].concat(),
        Next::Stage(stage) => ["the stage is ", stage.name(plan), " then"].concat(),
    };
    [&on(plan, due), ": ", &what, ", unless she buys before"].concat()
}

pub fn quiet() -> String {
    "nothing is waited for any more".to_owned()
}

fn bought(plan: &Plan, category: &Category, stock: Option<&Stock>) -> String {
    let bought_at = stock.map_or(0, |stock| stock.bought_at);
    ["bought ", &category.title, " on ", &on(plan, bought_at)].concat()
}

fn days(ms: u64) -> String {
    match ms / DAY_MS {
        1 => "1 day".to_owned(),
        n => [&n.to_string(), " days"].concat(),
    }
}

fn yuan(fen: i64) -> String {
    let (yuan, cents) = (fen / 100, fen % 100);
    let point = if cents < 10 { ".0" } else { "." };
    [&yuan.to_string(), point, &cents.to_string()].concat()
}

fn on(plan: &Plan, at: Instant) -> String {
    date(at, plan.utc_offset_minutes)
}
