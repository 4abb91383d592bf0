//! What is left for later: fetch an order's detail, fetch a refund.
//!
//! A push is a hint. The detail, half a minute later, is the record: it alone tells the buyer's real payment,
//! and a refund's detail alone proves that money went back.

use heliu_sdk::Host;
use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::faults::Fault;
use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::json::{self, Json};
use crate::known::Known;
use crate::settings::Settings;
use crate::trade::{self, Origin, Reading};
use crate::{outlet, refund, sign};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Job {
    Detail { tid: String },
    Refund { tid: String, refund_id: String, tries: u32 },
}

impl Job {
    fn chore(&self, key: String, due: u64) -> Chore {
        // A struct of texts and numbers always has a JSON text.
        Chore { key, due: Some(due), job: serde_json::to_string(self).unwrap_or_default() }
    }
}

pub fn detail(tid: &str, due: u64) -> Chore {
    Job::Detail { tid: tid.into() }.chore(format!("detail:{tid}"), due)
}

pub fn refund(tid: &str, refund_id: &str, due: u64) -> Chore {
    refund_again(tid, refund_id, due, 0)
}

pub fn refund_again(tid: &str, refund_id: &str, due: u64, tries: u32) -> Chore {
    let job = Job::Refund { tid: tid.into(), refund_id: refund_id.into(), tries };
    job.chore(format!("refund:{tid}:{refund_id}"), due)
}

/// What a trade document leaves to be found out.
pub fn after(reading: &Reading, with_detail: bool, due: u64) -> Vec<Chore> {
    let mut chores = Vec::new();
    if with_detail && reading.wants_detail {
        chores.push(detail(&reading.tid, due));
    }
    chores.extend(reading.open_refunds.iter().map(|id| refund(&reading.tid, id, due)));
    chores
}

pub fn work(settings: &Settings, chore: &Chore, host: &mut dyn Host) -> Result<Harvest, Fault> {
    let job = serde_json::from_str(&chore.job)
        .map_err(|e| Fault::Malformed(format!("chore {}: {}", chore.key, json::complaint(&e))))?;
    match job {
        Job::Detail { tid } => fetch_detail(settings, &tid, host),
        Job::Refund { tid, refund_id, tries } => refund::fetch(settings, &tid, &refund_id, tries, host),
    }
}

fn fetch_detail(settings: &Settings, tid: &str, host: &mut dyn Host) -> Result<Harvest, Fault> {
    let document = fetch_trade(settings, tid, host)?;
    let mut known = Known::of(tid, host);
    let reading = read(settings, &document, &known, host)?;
    learn(&mut known, &reading);
    known.keep(tid, host);
    let due = settings.detail_due(host.now());
    // Not the detail again: if it does not tell now, it will not tell in a minute.
    let chores = after(&reading, false, due);
    let bought = outlet::bought_with(&document, &reading.event, host);
    Ok(Harvest { chores, events: std::iter::once(reading.event).chain(bought).collect() })
}

pub fn fetch_trade(settings: &Settings, tid: &str, host: &mut dyn Host) -> Result<Json, Fault> {
    let params = Json::object([("tid", Json::text(tid))]);
    let document = Api { settings, host }.call(&settings.trade_api, &params)?;
    if trade::tid(&document) != Some(tid) {
        return Err(Fault::Malformed(format!(
            "{} answered with another order than {tid}",
            settings.trade_api
        )));
    }
    Ok(document)
}

/// Reads a detail. What it does not date is dated now.
pub fn read(
    settings: &Settings,
    document: &Json,
    known: &Known,
    host: &mut dyn Host,
) -> Result<Reading, Fault> {
    let unique = sign::md5_hex(&[document.to_string().as_bytes()]);
    let origin = Origin { at: host.now(), unique: format!("content:{unique}"), is_edit: false };
    trade::read(document, known, settings, &origin).map_err(Fault::Malformed)
}

pub fn learn(known: &mut Known, reading: &Reading) {
    if let Some((due_fen, real_fen)) = reading.payment {
        known.due_fen = Some(due_fen);
        known.real_fen = real_fen;
    }
}
