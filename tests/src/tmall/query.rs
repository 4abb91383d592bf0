//! The four queries, with their windows, pages and limits.
//!
//! Not confirmed, and decided so that a careless connector fails: a window contains its begin and not its end; rows of
//! the increment and of refunds come newest change first, as those of the plain list come newest created first.

use serde_json::{Value, json};

use super::TmallConfig;
use super::rest::{Asked, Refusal};
use super::shape::{self, Fields, View};
use super::shop::{Refund, Shop, Trade};
use crate::beijing::{self, Civil, DAY_MS};

pub(super) const METHODS: [&str; 4] = [
    "taobao.trades.sold.get",
    "taobao.trades.sold.increment.get",
    "taobao.trade.fullinfo.get",
    "taobao.refunds.receive.get",
];

const PAGE_SIZE_MAX: usize = 100;
const PAGE_SIZE_DEFAULT: usize = 40;
/// The increment's widest window.
const WINDOW_MAX_MS: u64 = DAY_MS;
/// Trades that were created longer ago are not listed.
const HISTORY_MONTHS: u64 = 3;
/// What is listed if `type` is not sent.
const KINDS_DEFAULT: [&str; 5] = ["guarantee_trade", "auto_delivery", "ec", "cod", "step"];

pub(super) fn answer(
    config: &TmallConfig,
    shop: &Shop,
    method: &str,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let fields = asked.get("fields").and_then(Fields::of).ok_or_else(|| Refusal::missing("fields"))?;
    match method {
        "taobao.trades.sold.get" => {
            let window = Window::asked(asked, "start_created", "end_created")?;
            trades(config, shop, asked, &fields, |trade| trade.created_ms, &window)
        }
        "taobao.trades.sold.increment.get" => {
            let window = Window::asked(asked, "start_modified", "end_modified")?;
            let from_ms = window.from_ms.ok_or_else(|| Refusal::missing("start_modified"))?;
            let to_ms = window.to_ms.ok_or_else(|| Refusal::missing("end_modified"))?;
            if to_ms - from_ms > WINDOW_MAX_MS {
                return Err(Refusal::invalid("end_modified"));
            }
            trades(config, shop, asked, &fields, |trade| trade.modified_ms, &window)
        }
        "taobao.trade.fullinfo.get" => {
            let tid = asked.get("tid").ok_or_else(|| Refusal::missing("tid"))?;
            let tid: u64 = tid.parse().map_err(|_| Refusal::invalid("tid"))?;
            let trade = shop.trades.get(&tid).ok_or_else(Refusal::unknown_trade)?;
            // Any word but `false` asks for it: the page shows the parameter's own name as its value.
            let with_oaid = asked.get("include_oaid").is_some_and(|word| word != "false");
            Ok(json!({"trade": shape::trade(config, shop, trade, View::Full { with_oaid }, &fields)}))
        }
        "taobao.refunds.receive.get" => refunds(config, shop, asked, &fields),
        _ => Err(Refusal::invalid("method")),
    }
}

/// Of times in whole seconds, as texts have them.
struct Window {
    from_ms: Option<u64>,
    to_ms: Option<u64>,
}

impl Window {
    fn asked(asked: &Asked, start: &str, end: &str) -> Result<Self, Refusal> {
        let time = |name: &str| match asked.get(name) {
            None => Ok(None),
            Some(text) => beijing::parse(text).map(Some).ok_or_else(|| Refusal::invalid(name)),
        };
        let (from_ms, to_ms) = (time(start)?, time(end)?);
        if from_ms.zip(to_ms).is_some_and(|(from_ms, to_ms)| from_ms > to_ms) {
            return Err(Refusal::invalid(end));
        }
        Ok(Self { from_ms, to_ms })
    }

    fn holds(&self, at_ms: u64) -> bool {
        let at_ms = at_ms / 1000 * 1000;
        self.from_ms.is_none_or(|from_ms| from_ms <= at_ms) && self.to_ms.is_none_or(|to_ms| at_ms < to_ms)
    }
}

/// One page of a list.
struct Page {
    no: usize,
    size: usize,
    by_has_next: bool,
}

impl Page {
    fn asked(asked: &Asked) -> Result<Self, Refusal> {
        let number = |name: &str, default: usize, max: usize| match asked.get(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (1..=max).contains(number))
                .ok_or_else(|| Refusal::invalid(name)),
        };
        Ok(Self {
            no: number("page_no", 1, usize::MAX)?,
            size: number("page_size", PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)?,
            by_has_next: asked.flag("use_has_next")?,
        })
    }

    /// `has_next` or `total_results`, never both; no list at all where the page is empty.
    fn answer<T>(&self, found: &[T], list: &str, element: &str, row: impl Fn(&T) -> Option<Value>) -> Value {
        let skipped = (self.no - 1).saturating_mul(self.size);
        let rows = found.iter().skip(skipped).take(self.size).filter_map(row).collect();
        let mut answer = if self.by_has_next {
            json!({"has_next": skipped.saturating_add(self.size) < found.len()})
        } else {
            json!({"total_results": found.len()})
        };
        shape::put_list(&mut answer, list, element, rows);
        answer
    }
}

/// Newest first by the time that the window is about.
fn trades(
    config: &TmallConfig,
    shop: &Shop,
    asked: &Asked,
    fields: &Fields,
    time: fn(&Trade) -> u64,
    window: &Window,
) -> Result<Value, Refusal> {
    let page = Page::asked(asked)?;
    let now = Civil::of(config.clock.now_ms());
    let is_kept = |trade: &Trade| Civil::of(trade.created_ms).plus_months(HISTORY_MONTHS) >= now;
    let kinds: Option<Vec<&str>> = asked.get("type").map(|kinds| kinds.split(',').map(str::trim).collect());
    let is_asked = |trade: &&Trade| {
        window.holds(time(trade))
            && is_kept(trade)
            && asked.get("status").is_none_or(|status| status == trade.status.name())
            && kinds.as_ref().map_or(KINDS_DEFAULT.contains(&trade.kind), |kinds| kinds.contains(&trade.kind))
    };
    let mut found: Vec<&Trade> = shop.trades.values().filter(is_asked).collect();
    found.sort_by_key(|trade| std::cmp::Reverse((time(trade), trade.tid)));
    Ok(page.answer(&found, "trades", "trade", |trade| {
        Some(shape::trade(config, shop, trade, View::List, fields))
    }))
}

fn refunds(config: &TmallConfig, shop: &Shop, asked: &Asked, fields: &Fields) -> Result<Value, Refusal> {
    let page = Page::asked(asked)?;
    let window = Window::asked(asked, "start_modified", "end_modified")?;
    let is_asked = |refund: &&Refund| {
        window.holds(refund.modified_ms)
            && asked.get("status").is_none_or(|status| status == refund.state.name())
    };
    let mut found: Vec<&Refund> = shop.refunds.values().filter(is_asked).collect();
    found.sort_by_key(|refund| std::cmp::Reverse((refund.modified_ms, refund.refund_id)));
    Ok(page.answer(&found, "refunds", "refund", |refund| shape::refund(config, shop, refund, fields)))
}
