//! One trade document, as pushes, pages and details carry it, becomes one event.
//!
//! Invariant: the event's id comes from what the document says (order, status, time of change, where the
//! payment was read), so that a push, a page and a retry of the same state are one event, and whatever is
//! better known is another.

mod amounts;

use heliu_sdk::events::{Act, Event, Fact, Identity, Order, OrderLine, OrderStep, Touchpoint};

use crate::facts;
use crate::handles::Handles;
use crate::json::Json;
use crate::known::Known;
use crate::settings::Settings;
use crate::trade::amounts::{Amounts, Basis};

/// Of the id of a document whose amounts are none. Read rightly the next time, it must not be taken for the
/// same.
const UNREADABLE: &str = ":unreadable";
/// Of the id of an order whose real payment is known. It comes after the same order without.
const REAL: &str = ":real";

/// Where a document came from, for what it may not say itself.
pub struct Origin {
    /// When it was told.
    pub at: u64,
    /// An id of this telling.
    pub unique: String,
    /// Youzan does not move the time of change for a memo or an address: each telling is then its own event.
    pub is_edit: bool,
}

pub struct Reading {
    pub tid: String,
    pub event: Event,
    /// What the document knows of the payment: the amount due, and what was really paid. None where it is
    /// unreadable.
    pub payment: Option<(i64, Option<i64>)>,
    /// The detail may know the payment better.
    pub wants_detail: bool,
    /// Refunds that the document names and that are not known to be over.
    pub open_refunds: Vec<String>,
}

impl Reading {
    /// The order, unless the document was kept as it came.
    pub fn order(&mut self) -> Option<&mut Order> {
        match &mut self.event.fact {
            Fact::Bought(order) => Some(order),
            _ => None,
        }
    }
}

/// Whether this is a trade document at all. Some pushes name an order and say nothing more of it.
pub fn is_document(json: &Json) -> bool {
    full(json).get("order_info").is_object()
}

/// The order's number.
pub fn tid(document: &Json) -> Option<&str> {
    full(document).at(&["order_info", "tid"]).id()
}

/// Of a chain, the shop that the order belongs to.
pub fn shop(document: &Json) -> Option<&str> {
    full(document).at(&["order_info", "node_kdt_id"]).id()
}

pub fn read(document: &Json, known: &Known, settings: &Settings, origin: &Origin) -> Result<Reading, String> {
    let page =
        Page { full: full(document), status: full(document).at(&["order_info", "status"]).word(), settings };
    let tid = tid(document).ok_or("the order has no tid")?.to_owned();
    let changed_at = settings.zone().instant(page.info("update_time"));

    let amounts = amounts::read(page.full, page.status, known, settings.zone());
    let lines =
        amounts.as_ref().map_err(String::clone).and_then(|amounts| amounts::lines(page.full, amounts));
    let (fact, extra, mark) = match (&amounts, lines, page.step()) {
        (Ok(amounts), Ok((lines, is_rough)), Some(step)) => {
            let order = page.order(&tid, step, amounts, lines, known, origin);
            let mark = if amounts.basis == Basis::RealPayment { REAL } else { "" };
            (Fact::Bought(order), slim(document, amounts.basis, is_rough), mark)
        }
        (Ok(_), Ok(_), None) => (page.as_it_came(&tid), keep_all(document, "this status is not known"), ""),
        (Err(why), _, _) => (page.as_it_came(&tid), keep_all(document, why), UNREADABLE),
        (_, Err(why), _) => (page.as_it_came(&tid), keep_all(document, &why), UNREADABLE),
    };

    let time = changed_at.map_or_else(|| origin.unique.clone(), |ms| ms.to_string());
    let edit = if origin.is_edit { format!(":{}", origin.unique) } else { String::new() };
    let id = format!("trade:{tid}:{}:{time}{mark}{edit}", page.status.unwrap_or("unknown"));
    let event = facts::event(id, changed_at.unwrap_or(origin.at), page.who(), page.touchpoint(), fact, extra);
    let is_order = matches!(event.fact, Fact::Bought(_));
    let may_be_better_known =
        |amounts: &Amounts| amounts.basis.is_provisional() && known.due_fen != Some(amounts.due_fen);
    Ok(Reading {
        wants_detail: mark == UNREADABLE || (is_order && amounts.as_ref().is_ok_and(may_be_better_known)),
        payment: amounts.ok().map(|amounts| (amounts.due_fen, amounts.real_fen)),
        open_refunds: open_refunds(document, known),
        tid,
        event,
    })
}

fn full(document: &Json) -> &Json {
    match document.get("full_order_info") {
        full @ Json::Object(_) => full,
        _ => document,
    }
}

/// A `full_order_info`, being read.
struct Page<'a> {
    full: &'a Json,
    status: Option<&'a str>,
    settings: &'a Settings,
}

impl Page<'_> {
    fn info(&self, name: &str) -> &Json {
        self.full.at(&["order_info", name])
    }

    /// What the order's status means. The inner one: the envelope's has other words, and `refund_state` has
    /// meanings that two descriptions give differently. Statuses are an open set: one that is not here means
    /// nothing to us.
    fn step(&self) -> Option<OrderStep> {
        match self.status? {
            "WAIT_BUYER_PAY" => Some(OrderStep::Placed),
            // Paid, and waiting for a group to be complete or the shop to take it. Or taken, and paid on
            // delivery.
            "TRADE_PAID" | "WAIT_CONFIRM" | "WAIT_SELLER_SEND_GOODS" => {
                let is_paid = amounts::is_paid(self.full, self.status, self.settings.zone());
                Some(if is_paid { OrderStep::Paid } else { OrderStep::Placed })
            }
            "WAIT_BUYER_CONFIRM_GOODS" => Some(OrderStep::Shipped),
            "TRADE_SUCCESS" => Some(OrderStep::Completed),
            "TRADE_CLOSED" => Some(OrderStep::Cancelled),
            _ => None,
        }
    }

    fn order(
        &self,
        tid: &str,
        step: OrderStep,
        amounts: &Amounts,
        lines: Vec<OrderLine>,
        known: &Known,
        origin: &Origin,
    ) -> Order {
        let refunded = known.refunded_fen();
        let time = |name: &str| self.settings.zone().instant(self.info(name));
        Order {
            id: tid.to_owned(),
            step: match step {
                // Youzan closes an order that was given back whole. That it was is proven elsewhere.
                OrderStep::Cancelled
                    if refunded > 0 && amounts.paid_fen.is_some_and(|paid| refunded >= paid) =>
                {
                    OrderStep::Refunded
                }
                other => other,
            },
            currency: "CNY".into(),
            total: Some(amounts.due_fen),
            paid: amounts.paid_fen,
            refunded: Some(refunded),
            lines,
            placed_at: ["created", "pay_time", "update_time"].into_iter().find_map(time).unwrap_or(origin.at),
            source: self.full.at(&["channel_info", "entrance"]).word().map(str::to_owned),
        }
    }

    /// A document that is not understood, as an act of its own: nothing is guessed, nothing is lost.
    fn as_it_came(&self, tid: &str) -> Fact {
        Fact::Did(Act {
            object: Some(tid.to_owned()),
            title: self.info("status_str").word().map(str::to_owned),
            ..facts::act(format!("youzan.trade.{}", self.status.unwrap_or("unknown")))
        })
    }

    /// The buyer. The receiver may be somebody else: flowers go to another phone.
    fn who(&self) -> Vec<Identity> {
        let buyer = self.full.get("buyer_info");
        let entrance = self.full.at(&["source_info", "source", "wx_entrance"]);
        let mut handles = Handles::new(self.settings);
        handles.yz_open_id(buyer.get("yz_open_id"));
        handles.outer_user_id(buyer.get("outer_user_id"), entrance);
        handles.phone(buyer.get("buyer_phone"));
        handles.fan(buyer.get("fans_id"), buyer.get("fans_type"));
        handles.buyer_id(buyer.get("buyer_id"));
        handles.into_who()
    }

    fn touchpoint(&self) -> Touchpoint {
        let source = self.full.get("source_info");
        let entrance = self.full.at(&["channel_info", "entrance"]).word().unwrap_or_default();
        match source.at(&["source", "wx_entrance"]).word() {
            _ if source.get("is_offline_order").truth() == Some(true) => Touchpoint::Store,
            _ if entrance.starts_with("wx_video") => Touchpoint::ShortVideo,
            Some("merchant_xcx" | "yzdh_xcx") => Touchpoint::MiniProgram,
            Some("wx_gzh") => Touchpoint::OfficialAccount,
            _ if source.at(&["source", "platform"]).word() == Some("browser") => Touchpoint::Web,
            _ => Touchpoint::Shop,
        }
    }
}

fn open_refunds(document: &Json, known: &Known) -> Vec<String> {
    let ids = document.get("refund_order").items().iter().filter_map(|refund| refund.get("refund_id").id());
    let mut open: Vec<String> =
        ids.filter(|id| !known.refunds_fen.contains_key(*id)).map(str::to_owned).collect();
    open.sort();
    open.dedup();
    open
}

fn keep_all(document: &Json, why: &str) -> Json {
    Json::object([("why", Json::text(why)), ("trade", document.clone())])
}

/// What the document says beyond the event. Not the receiver's name, phone and street: they are somebody's
/// address, stand in every push of an order, and decide nothing. Nor the buyer's: her handles are on the
/// event.
fn slim(document: &Json, basis: Basis, is_rough: bool) -> Json {
    let mut fields = vec![("paid_from".to_owned(), Json::text(basis.word()))];
    if is_rough {
        fields.push(("lines_paid_from".to_owned(), Json::text("total_fee")));
    }
    let is_wrapped = document.get("full_order_info").is_object();
    for (name, value) in document.fields() {
        match (name.as_str(), is_wrapped) {
            ("full_order_info", _) => fields.push((name.clone(), without_people(value))),
            (_, true) => fields.push((name.clone(), value.clone())),
            (_, false) => {}
        }
    }
    if !is_wrapped {
        fields.push(("full_order_info".to_owned(), without_people(document)));
    }
    Json::Object(fields)
}

fn without_people(full: &Json) -> Json {
    let region = ["delivery_province", "delivery_city", "delivery_district"];
    let kept = full.fields().iter().filter_map(|(name, value)| match name.as_str() {
        "buyer_info" => None,
        "address_info" => {
            let known = value.fields().iter().filter(|(name, _)| region.contains(&name.as_str()));
            Some((name.clone(), Json::Object(known.cloned().collect())))
        }
        _ => Some((name.clone(), value.clone())),
    });
    Json::Object(kept.collect())
}
