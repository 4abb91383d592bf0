//! Reads the orders that changed since the last time, one page for each call.
//!
//! Pushes get lost; the list does not. Passes over the time of change overlap, so that every order is read
//! after it came to rest. The same state of an order has the same event id in a push and in a page: what is
//! read twice is kept once.
//!
//! A window's pages are read from the last to the first. An order that changes again leaves the window, and
//! those behind it move up: into pages that are still to be read. From the first to the last they would move
//! into pages that were read already, and be missed. If the count grows, the window is read anew.

use heliu_sdk::Host;
use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::Page;
use heliu_sdk::events::{Act, Event, Fact, Json as JsonText, Touchpoint};
use heliu_sdk::faults::Fault;

use crate::api::Api;
use crate::cursor::{Cursor, Window, whole_second};
use crate::json::Json;
use crate::known::Known;
use crate::settings::Settings;
use crate::trade::{self, Origin};
use crate::{chores, facts, sign};

/// Youzan gives at most so many rows of one query, whatever the pages.
const ROWS_MAX: u64 = 10_000;
/// The last page that may be asked for.
const PAGES_MAX: u64 = 100;
/// A window that orders get into while it is paged through is read again so many times before it is narrowed.
const RESTARTS_MAX: u32 = 2;
/// The end moves on while a page is read. Only more than this is called being behind, or polling would never
/// rest.
const BEHIND_MS: u64 = 60_000;

pub fn poll(settings: &Settings, cursor: Option<&JsonText>, host: &mut dyn Host) -> Result<Page, Fault> {
    let now = host.now();
    let mut cursor = Cursor::read(cursor, settings, now)?;
    let limit = whole_second(now.saturating_sub(settings.settle_ms));
    let Some(window) = cursor.take_window(settings, limit) else {
        return Ok(page(nothing(), &cursor, false));
    };
    let size = u64::from(page_size(settings));
    let number = window.page.unwrap_or(1);
    let found = fetch(settings, &window, number, host)?;

    let is_too_much = found.total > ROWS_MAX.min(PAGES_MAX * size);
    let has_grown = window.page.is_some() && found.total > window.total;
    if is_too_much || has_grown {
        let is_restless = window.restarts >= RESTARTS_MAX;
        if (is_too_much || is_restless) && cursor.narrow(&window) {
            return Ok(page(nothing(), &cursor, true));
        }
        if is_too_much {
            let why = format!("{} orders changed within a second", found.total);
            return Err(Fault::Misconfigured(format!(
                "{why}, and pages of {size} rows do not reach them all"
            )));
        }
        cursor.put_back(window.restart());
        return Ok(page(nothing(), &cursor, true));
    }

    if window.page.is_none()
        && found.total > size
        && let Some(calm) = cursor.calm_part(&window)
    {
        cursor.put_back(calm);
        return Ok(page(nothing(), &cursor, true));
    }

    let kept = harvest(settings, &found.rows, host);
    let next = match window.page {
        // Counted by its first page. If there are others, the first is read again as the last.
        None => Some(found.total.div_ceil(size)).filter(|last| *last > 1),
        Some(number) => Some(number - 1).filter(|next| *next > 0),
    };
    if let Some(next) = next {
        cursor.put_back(Window { page: Some(next), total: found.total, ..window });
        return Ok(page(kept, &cursor, true));
    }
    cursor.finish(&window, settings);
    let is_behind = cursor.pass.is_some() || limit.saturating_sub(cursor.done_to) > BEHIND_MS;
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
        kept.events.push(event);
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
