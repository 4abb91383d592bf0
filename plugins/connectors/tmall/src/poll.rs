//! Reads one page of one list for each call, and leaves a chore behind for each row.
//!
//! Chores, and not the orders at once: a page would need as many further calls as it has rows, more than one call of
//! ours may make and longer than it may take, and a refusal in the middle would throw away all of them. A chore is kept
//! with the cursor in one commit, tried again by itself, and one for an order however often the order is listed.
//!
//! Lists overlap, so that everything is read after it came to rest. A row whose state was read already leaves nothing.

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::connector::Page;
use heliu_sdk::events::{Event, Json as JsonText};
use heliu_sdk::faults::Fault;
use heliu_sdk::json::Json;
use heliu_sdk::log::Level;
use heliu_sdk::passes::{Turn, whole_second};

use crate::cursor::Cursor;
use crate::known::Known;
use crate::lists::List;
use crate::settings::Settings;
use crate::{chores, refund, sign, trade};

/// Every list gets its turn, and the first its second.
const TURNS_MAX: usize = 4;

pub fn poll(settings: &Settings, cursor: Option<&JsonText>, host: &mut dyn Host) -> Result<Page, Fault> {
    let settle_ms = u64::from(settings.settle_s) * 1000;
    let limit = whole_second(host.now().saturating_sub(settle_ms));
    let mut cursor = Cursor::read(cursor, settings, limit)?;
    if let Some((list, from, to)) = cursor.skip_what_is_gone(settings, limit) {
        let (from, to) = (settings.zone().text(from), settings.zone().text(to));
        host.log(
            Level::Warn,
            &format!("{}: what changed from {from} to {to} is too old to be read", list.api()),
        );
    }
    let mut kept = Harvest { events: Vec::new(), chores: Vec::new() };
    for _ in 0..TURNS_MAX {
        let list = cursor.turn;
        let Some(window) = cursor.take_window(settings, limit) else {
            cursor.turn = list.next();
            // A round that ends where nothing is left to do ends this poll.
            if !cursor.is_behind(limit) {
                break;
            }
            continue;
        };
        let found = list.fetch(settings, &window, host)?;
        match cursor.turn_page(window, found.total, settings) {
            Turn::Keep => kept = harvest(list, settings, &found.rows, host),
            Turn::Reread => {}
            Turn::TooMuch => {
                let (total, size) = (found.total, settings.page_size());
                return Err(Fault::Misconfigured(format!(
                    "{}: {total} rows of one second are more than pages of {size} reach; raise page_size",
                    list.api()
                )));
            }
        }
        break;
    }
    let more = cursor.is_behind(limit);
    Ok(Page { kept, cursor: cursor.write(), more })
}

fn harvest(list: List, settings: &Settings, rows: &[Json], host: &mut dyn Host) -> Harvest {
    let mut kept = Harvest { events: Vec::new(), chores: Vec::new() };
    let now = host.now();
    for row in rows {
        let Some(tid) = row.get("tid").id() else {
            kept.events.push(unreadable(list, row, now));
            continue;
        };
        let known = Known::of(tid, host);
        match list {
            List::Trades | List::Backfill => {
                let modified = settings.zone().instant(row.get("modified"));
                if !known.has_seen(modified, row.get("status").word()) {
                    kept.chores.push(chores::detail(tid, chores::due(list, now)));
                }
            }
            List::Refunds => match row.get("refund_id").id() {
                Some(id) if refund::is_known(row, id, &known, settings) => {}
                Some(id) => kept.chores.push(chores::refund(id, row, chores::due(list, now))),
                None => kept.events.push(unreadable(list, row, now)),
            },
        }
    }
    kept
}

/// A row without a number is kept as it came, and the rest of the page goes on: failing the page would stop the list
/// there for ever.
fn unreadable(list: List, row: &Json, now: u64) -> Event {
    let kind = match list {
        List::Trades | List::Backfill => "trade",
        List::Refunds => "refund",
    };
    let act = trade::act(format!("tmall.{kind}.unreadable"), None);
    let id = format!("{kind}:content:{}", sign::content_hash(&row.to_string()));
    trade::event(id, now, Vec::new(), act, Json::object([(kind, row.clone())]))
}
