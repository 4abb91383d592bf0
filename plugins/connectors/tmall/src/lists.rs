//! The three lists of TOP that are polled, and one page of them.

use heliu_sdk::Host;
use heliu_sdk::faults::Fault;
use heliu_sdk::json::Json;
use heliu_sdk::passes::{Reach, Window};
use heliu_sdk::time::DAY_MS;
use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::settings::Settings;

/// The last page that is asked for. A window of more is halved: what moves while so many are read is read again and
/// again.
const PAGES_MAX: u64 = 100;

/// A list, in the order of their turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// Orders by the time of their change.
    Trades,
    /// Refunds by the time of their change.
    Refunds,
    /// Orders by the time of their creation.
    Backfill,
}

/// One page.
pub struct Found {
    /// Rows of the whole window.
    pub total: u64,
    pub rows: Vec<Json>,
}

impl List {
    pub fn next(self) -> List {
        match self {
            List::Trades => List::Refunds,
            List::Refunds => List::Backfill,
            List::Backfill => List::Trades,
        }
    }

    pub fn api(self) -> &'static str {
        match self {
            List::Trades => "taobao.trades.sold.increment.get",
            List::Refunds => "taobao.refunds.receive.get",
            List::Backfill => "taobao.trades.sold.get",
        }
    }

    pub fn reach(self, settings: &Settings) -> Reach {
        let overlap_ms = u64::from(settings.overlap_s) * 1000;
        match self {
            // A window begins a second before it has to: it is no wider than it may be all the same.
            List::Trades => {
                Reach { span_max_ms: (u64::from(settings.window_s.clamp(60, 86_400)) - 1) * 1000, overlap_ms }
            }
            List::Refunds => Reach { span_max_ms: DAY_MS - 1000, overlap_ms },
            // What was created while it is read is told by its change.
            List::Backfill => Reach { span_max_ms: DAY_MS - 1000, overlap_ms: 0 },
        }
    }

    pub fn rows_max(settings: &Settings) -> u64 {
        PAGES_MAX * settings.page_size()
    }

    /// Fetches the page of this window that is to be read next.
    pub fn fetch(self, settings: &Settings, window: &Window, host: &mut dyn Host) -> Result<Found, Fault> {
        let params = self.params(settings, window);
        let answer = Api { settings, host }.call(self.api(), &params)?;
        // A list of nothing is left out.
        let rows = match self {
            List::Trades | List::Backfill => answer.at(&["trades", "trade"]),
            List::Refunds => answer.at(&["refunds", "refund"]),
        };
        let rows = rows.items().to_vec();
        let total = self.total(settings, window, &answer, rows.is_empty())?;
        Ok(Found { total, rows })
    }

    fn params(self, settings: &Settings, window: &Window) -> Vec<(&'static str, String)> {
        let zone = settings.zone();
        let (from, to) = (zone.text(window.from), zone.text(window.to));
        let mut params = vec![
            ("page_no", window.page.unwrap_or(1).to_string()),
            ("page_size", settings.page_size().to_string()),
        ];
        match self {
            List::Trades => {
                params.extend([("start_modified", from), ("end_modified", to)]);
                // Counting is what costs: the first page is counted, the others only tell whether there is more.
                params.push(("use_has_next", window.page.is_some().to_string()));
            }
            List::Refunds => params.extend([("start_modified", from), ("end_modified", to)]),
            List::Backfill => params.extend([("start_created", from), ("end_created", to)]),
        }
        match self {
            // The order itself is fetched: of a row only what names its state is of use.
            List::Trades | List::Backfill => {
                params.extend([
                    ("fields", "tid,status,modified".into()),
                    ("type", settings.trade_types.join(",")),
                ]);
            }
            List::Refunds => params.push(("fields", settings.refund_fields.clone())),
        }
        params
    }

    fn total(
        self,
        settings: &Settings,
        window: &Window,
        answer: &Json,
        is_empty: bool,
    ) -> Result<u64, Fault> {
        let told = answer.get("total_results").int().and_then(|total| u64::try_from(total).ok());
        let has_next = answer.get("has_next").truth() == Some(true);
        match (told, window.page) {
            (Some(total), _) => Ok(total),
            // Not counted: nothing has changed, unless something stands behind the last page.
            (None, Some(page)) => {
                let is_last = page >= window.total.div_ceil(settings.page_size());
                Ok(if is_last && has_next { window.total + 1 } else { window.total })
            }
            (None, None) if is_empty && !has_next => Ok(0),
            (None, None) => Err(Fault::Malformed(format!("{} tells no total_results", self.api()))),
        }
    }
}
