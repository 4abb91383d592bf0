//! Reasons for people: what she bought, when, and how long it lasts.

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
    format!("{}; not shown to her for {}", bought(plan, category, stock), days(category.suppress_ms))
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
    format!("{}; {} goes with it", bought(plan, because_of, stock), category.title)
}

pub fn revisited(plan: &Plan, category: &Category, stock: &Stock, now: Instant) -> String {
    let since = now.saturating_sub(stock.start) / DAY_MS;
    format!("{}, and has had it for {since} days", bought(plan, category, Some(stock)))
}

pub fn stage(plan: &Plan, picture: &Picture, stage: Stage) -> String {
    let (last, expected) = (on(plan, picture.last_at), on(plan, picture.expected_by));
    let orders = match picture.orders {
        0 => return "all orders were cancelled or refunded".to_owned(),
        1 => format!("1 order, on {last}"),
        n => format!("{n} orders, the last on {last}"),
    };
    match stage {
        Stage::NoOrder | Stage::FirstOrder | Stage::SecondOrder | Stage::Repeat => orders,
        Stage::Vip => {
            format!("{orders}, {}.{:02} CNY in all", picture.spend_fen / 100, picture.spend_fen % 100)
        }
        Stage::Lapsing => format!("{orders}; expected again by {expected}"),
        Stage::Lapsed => format!("{orders}; expected again by {expected}, and gone for long"),
        Stage::Returned => format!("{orders}; was expected by {}", on(plan, picture.returned_after)),
    }
}

pub fn wake(plan: &Plan, due: Instant, next: &Next<'_>) -> String {
    let what = match next {
        Next::Revisit(category) => format!("time to ask about {}", category.title),
        Next::Overdue(category) => format!("{} is overdue then", category.title),
        Next::Stage(stage) => format!("the stage is {} then", stage.name(plan)),
    };
    format!("{}: {what}, unless she buys before", on(plan, due))
}

pub fn quiet() -> String {
    "nothing is waited for any more".to_owned()
}

fn bought(plan: &Plan, category: &Category, stock: Option<&Stock>) -> String {
    let bought_at = stock.map_or(0, |stock| stock.bought_at);
    format!("bought {} on {}", category.title, on(plan, bought_at))
}

fn days(ms: u64) -> String {
    match ms / DAY_MS {
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}

fn on(plan: &Plan, at: Instant) -> String {
    date(at, plan.utc_offset_minutes)
}
