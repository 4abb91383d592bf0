//! Reads the orders that changed since the last time, one page for each call.
//!
//! Pushes get lost; the list does not. Passes over the time of change overlap, so that every order is read
//! after it came to rest. The same state of an order has the same event id in a push and in a page: what is
//! read twice is kept once.

use heliu_sdk::Host;
use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::Page;
use heliu_sdk::events::{Act, Event, Fact, Json as JsonText, Touchpoint};
use heliu_sdk::faults::Fault;
use heliu_sdk::passes::{Count, Turn, Window, whole_second};

use crate::api::Api;
use crate::cursor::{Cursor, reach};
use crate::json::Json;
use crate::known::Known;
use crate::settings::Settings;
use crate::trade::{self, Origin};
use crate::{chores, facts, outlet, sign};

/// Youzan gives at most so many rows of one query, whatever the pages.
const ROWS_MAX: u64 = 10_000;
/// The last page that may be asked for.
const PAGES_MAX: u64 = 100;

pub fn poll(settings: &Settings, cursor: Option<&JsonText>, host: &mut dyn Host) -> Result<Page, Fault> {
    let now = host.now();
    let mut cursor = Cursor::read(cursor, settings, now)?;
    let limit = whole_second(now.saturating_sub(settings.settle_ms));
    let reach = reach(settings);
    let Some(window) = cursor.progress.take_window(reach, limit) else {
        return Ok(page(nothing(), &cursor, false));
    };
    let size = u64::from(page_size(settings));
    let found = fetch(settings, &window, window.page.unwrap_or(1), host)?;
    let count = Count { total: found.total, size, rows_max: ROWS_MAX.min(PAGES_MAX * size) };
    match cursor.progress.turn(window, count, reach) {
        Turn::Keep => {}
        Turn::Reread => return Ok(page(nothing(), &cursor, true)),
        Turn::TooMuch => {
            let why = format!("{} orders changed within a second", found.total);
            return Err(Fault::Misconfigured(format!(
                "{why}, and pages of {size} rows do not reach them all"
            )));
        }
    }
    let kept = harvest(settings, &found.rows, host);
    let is_behind = cursor.progress.is_behind(limit);
    Ok(page(kept, &cursor, is_behind))
}

fn nothing() -> Harvest {
    Harvest { events: Vec::new(), chores: Vec::new() }
}

fn page(kept: Harvest, cursor: &Cursor, more: bool) -> Page {
    Page { kept, cursor: cursor.write(), more }
}

struct Found {
    total: u64,
    rows: Vec<Json>,
}

fn page_size(settings: &Settings) -> u16 {
    settings.page_size.clamp(1, 100)
}

fn fetch(settings: &Settings, window: &Window, number: u64, host: &mut dyn Host) -> Result<Found, Fault> {
    let zone = settings.zone();
    let params = Json::object([
        ("start_update", Json::text(zone.text(window.from))),
        ("end_update", Json::text(zone.text(window.to))),
        ("page_no", Json::Number(number.to_string())),
        ("page_size", Json::Number(page_size(settings).to_string())),
    ]);
    let data = Api { settings, host }.call(&settings.trades_api, &params)?;
    let total = data.get("total_results").int().and_then(|total| u64::try_from(total).ok());
    let total =
        total.ok_or_else(|| Fault::Malformed(format!("{} tells no total_results", settings.trades_api)))?;
    Ok(Found { total, rows: data.get("full_order_info_list").items().to_vec() })
}

fn harvest(settings: &Settings, rows: &[Json], host: &mut dyn Host) -> Harvest {
    let now = host.now();
    let mut kept = nothing();
    for row in rows {
        if trade::shop(row).is_some_and(|shop| !settings.is_ours(shop)) {
            continue;
        }
        let (event, chores) = one(settings, row, now, host);
        let bought = outlet::bought_with(row, &event, host);
        kept.events.push(event);
        kept.events.extend(bought);
        kept.chores.extend(chores);
    }
    kept
}

/// A row that cannot be read is kept as it came, and the rest of the page goes on: failing the page would
/// stop the feed at this order for ever.
fn one(settings: &Settings, row: &Json, now: u64, host: &mut dyn Host) -> (Event, Vec<Chore>) {
    let unique = format!("content:{}", sign::md5_hex(&[row.to_string().as_bytes()]));
    let known = trade::tid(row).map(|tid| Known::of(tid, host)).unwrap_or_default();
    let origin = Origin { at: now, unique: unique.clone(), is_edit: false };
    match trade::read(row, &known, settings, &origin) {
        Ok(reading) => {
            let chores = chores::after(&reading, settings.detail_on_poll, settings.detail_due(now));
            (reading.event, chores)
        }
        Err(why) => {
            let act = Fact::Did(Act { title: Some(why), ..facts::act("youzan.trade.unreadable") });
            let extra = Json::object([("trade", row.clone())]);
            (
                facts::event(format!("trade:{unique}"), now, Vec::new(), Touchpoint::Shop, act, extra),
                Vec::new(),
            )
        }
    }
}
