//! What a row of a list leaves to be done: fetch the order, and tell how it stands; the same at a refund.

use heliu_sdk::Host;
use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::events::Instant;
use heliu_sdk::faults::Fault;
use heliu_sdk::json::{self, Json};
use heliu_sdk::time::DAY_MS;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::api::Api;
use crate::known::Known;
use crate::lists::List;
use crate::settings::Settings;
use crate::{refund, trade};

const DETAIL_API: &str = "taobao.trade.fullinfo.get";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Job {
    /// Fetch an order.
    Detail { tid: String },
    /// Fetch the order of this refund. The list tells all of the refund, as it was listed.
    Refund { refund: Box<RawValue> },
}

impl Job {
    fn chore(&self, key: String, due: Instant) -> Chore {
        // Texts and JSON always have a JSON text.
        Chore { key, due: Some(due), job: serde_json::to_string(self).unwrap_or_default() }
    }
}

/// When to do the chore of a row. The earlier due stands in front: what happens now must not wait for months of orders
/// that are still to be fetched.
pub fn due(list: List, now: Instant) -> Instant {
    match list {
        List::Trades | List::Refunds => now.saturating_sub(DAY_MS),
        List::Backfill => now,
    }
}

pub fn detail(tid: &str, due: Instant) -> Chore {
    Job::Detail { tid: tid.into() }.chore(format!("detail:{tid}"), due)
}

pub fn refund(refund_id: &str, row: &Json, due: Instant) -> Chore {
    // A document that was read is a JSON text.
    let refund = RawValue::from_string(row.to_string()).unwrap_or_default();
    Job::Refund { refund }.chore(format!("refund:{refund_id}"), due)
}

pub fn work(settings: &Settings, chore: &Chore, host: &mut dyn Host) -> Result<Harvest, Fault> {
    let job = serde_json::from_str(&chore.job)
        .map_err(|e| Fault::Malformed(format!("chore {}: {}", chore.key, json::complaint(&e))))?;
    let events = match job {
        Job::Detail { tid } => {
            let mut known = Known::hold(&tid, host);
            let document = fetch_trade(settings, &tid, host)?;
            let now = host.now();
            let reading = trade::read(&document, &tid, &mut known, settings, now);
            known.saw(reading.modified, reading.status.as_deref(), now);
            known.keep(&tid, host);
            vec![reading.event]
        }
        Job::Refund { refund } => {
            let row = Json::parse(refund.get())
                .map_err(|why| Fault::Malformed(format!("chore {}: {why}", chore.key)))?;
            refund::work(&row, settings, host)?
        }
    };
    Ok(Harvest { events, chores: Vec::new() })
}

/// The order as it stands now.
pub fn fetch_trade(settings: &Settings, tid: &str, host: &mut dyn Host) -> Result<Json, Fault> {
    let params = [
        ("fields", settings.trade_fields.clone()),
        ("tid", tid.to_owned()),
        ("include_oaid", settings.include_oaid.clone()),
    ];
    let answer = Api { settings, host }.call(DETAIL_API, &params)?;
    let document = answer.get("trade");
    if document.get("tid").id() != Some(tid) {
        return Err(Fault::Malformed(format!(
            "{DETAIL_API} answered with another order than {tid}, or none"
        )));
    }
    Ok(document.clone())
}
