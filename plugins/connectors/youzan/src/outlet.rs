//! Errands: points and coupons, which Youzan books at once.
//!
//! Points are booked once for an errand, whatever is retried: its id goes along as the booking's key. Coupons have no such
//! key. So a grant whose answer is lost is not tried again: it fails, with words that say so, and the push that tells of
//! the coupon, if it comes, makes it good.
//!
//! What was granted is remembered under each of her handles, for the pushes and orders that tell what became of it.

use heliu_sdk::Host;
use heliu_sdk::connector::{Ability, Carriage, Delivery, Errand, Outcome};
use heliu_sdk::events::{Event, Fact, Identity, Instant, OrderStep, Receipt, ReceiptStep, Touchpoint};
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, Refused, later};
use crate::facts;
use crate::handles::{FANS_ID, PHONE, YZ_OPEN_ID};
use crate::json::Json;
use crate::settings::Settings;

/// Calls of the API after which no errand is begun. The host allows 64 in one call of the connector, and a token takes two.
const CALLS_MAX: usize = 50;
/// Time after which no errand is begun: the host ends a call after 30 s, and one request may take 20.
const BEGIN_MS: u64 = 8_000;
/// How long a coupon is watched: most are over by then.
const WATCHED_MS: u64 = 90 * 86_400_000;
/// More in one errand is a slip of the pen.
const POINTS_MAX: u64 = 1_000_000;
/// The booking is there already.
const BOOKED_BEFORE: i64 = 142_100_106;
/// Codes of the gateway are below; those of services, which know what was asked, are not.
const SERVICE_CODES: i64 = 10_000;

const COUPON: &str = "coupon";
const POINTS: &str = "points";

/// What a policy says besides text and content. Keys that are not ours are its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    /// The number of the coupon, as the shop's console shows it. Without it the content's id, where that is a coupon.
    coupon: Option<Value>,
    points: Option<u64>,
    /// Shown to her beside the points.
    reason: Option<String>,
}

enum Grant {
    Coupon { number: String },
    Points { amount: u64, reason: String },
}

/// By what Youzan finds her account.
struct Account<'a> {
    /// As points know it, and as coupons do.
    kind: u8,
    name: &'static str,
    value: &'a str,
}

struct Parcel<'a> {
    errand: &'a Errand,
    account: Account<'a>,
    grant: Grant,
}

/// What the descriptor says of the scenes.
pub fn abilities() -> Vec<Ability> {
    [COUPON, POINTS].map(|scene| Ability { scene: scene.into(), carriage: Carriage::Sends }).into()
}

/// Carries the errands.
pub fn carry(settings: &Settings, errands: &[Errand], host: &mut dyn Host) -> Delivery {
    let begun = host.now();
    let read: Vec<Result<Parcel<'_>, Fault>> =
        errands.iter().map(|errand| Parcel::read(settings, errand)).collect();
    let mut api = Api { settings, host };
    // Nothing is in doubt while Youzan does not answer at all: it is asked first for something that does no harm.
    let coupons = read.iter().flatten().any(|parcel| matches!(parcel.grant, Grant::Coupon { .. }));
    let mut ended = if coupons { api.knock().err() } else { None };
    let (mut outcomes, mut calls) = (Vec::with_capacity(read.len()), 0);
    for parcel in read {
        let done = match (parcel, &ended) {
            (Err(fault), _) => Err(fault.into()),
            (Ok(_), Some(fault)) => Err(fault.clone().into()),
            (Ok(_), None) if calls >= CALLS_MAX || api.host.now().saturating_sub(begun) >= BEGIN_MS => {
                let why = "there was no time left for it in this call; the next one does it";
                Err(later(why.into(), Some(1)).into())
            }
            (Ok(parcel), None) => {
                calls += 1;
                parcel.grant(&mut api)
            }
        };
        if let Err(Failed { ends: Some(fault), .. }) = &done {
            ended.get_or_insert_with(|| fault.clone());
        }
        outcomes.push(done.map_or_else(|failed| Outcome::Failed(failed.fault), Outcome::Sent));
    }
    Delivery { outcomes, chores: Vec::new() }
}

/// An errand that was not carried, and whether there is sense in going on with the others.
struct Failed {
    fault: Fault,
    ends: Option<Fault>,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        let ends = matches!(fault, Fault::Later(_) | Fault::Unauthorised(_)).then(|| fault.clone());
        Failed { fault, ends }
    }
}

fn no(why: impl Into<String>) -> Fault {
    Fault::Malformed(why.into())
}

impl<'a> Parcel<'a> {
    fn read(settings: &Settings, errand: &'a Errand) -> Result<Parcel<'a>, Fault> {
        let detail = serde_json::from_str::<Option<Detail>>(&errand.detail)
            .map_err(|error| no(format!("the intent's detail does not fit: {error}")))?
            .unwrap_or_default();
        let grant = match errand.scene.as_str() {
            COUPON => coupon(errand, &detail)?,
            POINTS => points(errand, detail)?,
            other => return Err(no(format!("scene {other:?} is none that Youzan plays"))),
        };
        let account = Account::of(settings, &errand.to)
            .ok_or_else(|| no("she has no youzan.yz-open-id, phone or youzan.fans-id of this shop"))?;
        Ok(Parcel { errand, account, grant })
    }

    /// Does it. Gives Youzan's own number for it, where it tells one.
    fn grant(&self, api: &mut Api<'_>) -> Result<Option<String>, Failed> {
        match &self.grant {
            Grant::Points { amount, reason } => Ok(self.book(api, *amount, reason).map(|()| None)?),
            Grant::Coupon { number } => self.give(api, number),
        }
    }

    fn book(&self, api: &mut Api<'_>, amount: u64, reason: &str) -> Result<(), Fault> {
        let Account { kind, name: _, value } = self.account;
        let user = Json::object([
            ("account_type", Json::Number(kind.to_string())),
            ("account_id", Json::text(value)),
        ]);
        let booking = Json::object([
            ("user", user),
            ("points", Json::Number(amount.to_string())),
            ("reason", Json::text(reason)),
            ("biz_value", Json::text(&self.errand.id)),
            ("biz_token", Json::text(&self.errand.id)),
        ]);
        let name = api.settings.points_api.clone();
        match api.ask(&name, &Json::object([("params", booking)])) {
            Ok(data) if said_yes(data.get("is_success")) => Ok(()),
            Ok(_) => Err(no(format!("{name} answered that it did not book the points"))),
            Err(Refused { code: Some(BOOKED_BEFORE), .. }) => Ok(()),
            Err(refused) => Err(for_good(api.settings, &name, refused)),
        }
    }

    fn give(&self, api: &mut Api<'_>, number: &str) -> Result<Option<String>, Failed> {
        let Account { kind: _, name, value } = self.account;
        let params =
            Json::object([("coupon_group_id", Json::Number(number.to_owned())), (name, Json::text(value))]);
        let named = api.settings.coupon_api.clone();
        match api.ask(&named, &params) {
            Ok(data) => {
                let own = [data.at(&["promocard", "id"]), data.at(&["promocode", "id"])];
                let own = own.into_iter().find_map(Json::id).map(str::to_owned);
                self.watch(api.host, number);
                if let Some(own) = &own {
                    self.watch(api.host, own);
                }
                Ok(own)
            }
            Err(refused) if refused.perhaps_done => {
                self.watch(api.host, number);
                let fault = no(format!(
                    "{named} was asked and its answer was lost: look in the shop whether she has coupon {number}"
                ));
                // The next one would be in doubt, too.
                let ends = Some(later(format!("{named}: the answer before was lost"), None));
                Err(Failed { fault, ends })
            }
            Err(refused) => Err(for_good(api.settings, &named, refused).into()),
        }
    }

    fn watch(&self, host: &mut dyn Host, coupon: &str) {
        for handle in &self.errand.to {
            host.set(&key(coupon, handle), self.errand.id.as_bytes(), Some(WATCHED_MS));
        }
    }
}

/// What a service refuses is refused for good, unless it says that it is only busy: tried again, it would hold up the others.
fn for_good(settings: &Settings, api: &str, refused: Refused) -> Fault {
    match (refused.code, &refused.fault) {
        (Some(code), Fault::Later(pause))
            if code >= SERVICE_CODES
                && pause.retry_after_ms.is_none()
                && !settings.busy_codes.contains(&code) =>
        {
            no(format!("{api} refuses it: code {code}"))
        }
        _ => refused.fault,
    }
}

/// `true`, or the text of it.
fn said_yes(json: &Json) -> bool {
    json.truth() == Some(true) || json.word() == Some("true")
}

fn coupon(errand: &Errand, detail: &Detail) -> Result<Grant, Fault> {
    let of_detail = detail.coupon.as_ref().map(|said| match said {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let of_content = errand.content.as_ref().filter(|content| content.kind == COUPON);
    let number = of_detail.or_else(|| of_content.map(|content| content.id.clone()));
    let number = number.ok_or_else(|| no("a coupon errand needs detail.coupon, or a coupon for content"))?;
    if number.is_empty() || number.len() > 20 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no(format!(
            "{number:?} is not the number of a coupon: the shop's console shows it in digits"
        )));
    }
    Ok(Grant::Coupon { number })
}

fn points(errand: &Errand, detail: Detail) -> Result<Grant, Fault> {
    let Detail { coupon: _, points, reason } = detail;
    let amount = points.filter(|amount| (1..=POINTS_MAX).contains(amount));
    let amount =
        amount.ok_or_else(|| no(format!("a points errand needs detail.points, from 1 to {POINTS_MAX}")))?;
    let reason = reason.or_else(|| errand.text.clone()).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or_else(|| no("a points errand needs detail.reason, or text: she is shown it"))?;
    Ok(Grant::Points { amount, reason })
}

impl<'a> Account<'a> {
    /// The most certain of her handles; of several of a kind the newest.
    fn of(settings: &Settings, handles: &'a [Identity]) -> Option<Account<'a>> {
        let newest = |scheme: &str, scope: &str| {
            handles.iter().rev().find(|handle| handle.scheme == scheme && handle.scope == scope)
        };
        if let Some(handle) = newest(YZ_OPEN_ID, settings.group()) {
            return Some(Account { kind: 5, name: "yz_open_id", value: &handle.value });
        }
        // Youzan writes mainland mobiles without their country.
        let mobile = newest(PHONE, "").and_then(|handle| handle.value.strip_prefix("+86"));
        if let Some(value) = mobile {
            return Some(Account { kind: 2, name: "mobile", value });
        }
        let handle = newest(FANS_ID, settings.group())?;
        Some(Account { kind: 1, name: "fans_id", value: &handle.value })
    }
}

fn key(coupon: &str, handle: &Identity) -> String {
    let Identity { scheme, scope, value } = handle;
    format!("coupon:{coupon}:{scheme}:{scope}:{value}")
}

/// The errand that gave this coupon to whoever has one of these handles.
pub fn errand_of(coupon: &str, who: &[Identity], host: &mut dyn Host) -> Option<String> {
    let errand = who.iter().find_map(|handle| host.get(&key(coupon, handle)))?;
    String::from_utf8(errand).ok()
}

/// She has what the errand gave.
pub fn has_it(errand: &str, at: Instant, who: Vec<Identity>, why: &str) -> Event {
    receipt(format!("has:{errand}"), errand, ReceiptStep::Confirmed, at, who, why.to_owned())
}

/// An order that was paid with a coupon of ours is what came of it.
pub fn bought_with(document: &Json, event: &Event, host: &mut dyn Host) -> Option<Event> {
    let Fact::Bought(order) = &event.fact else { return None };
    let paid = [OrderStep::Paid, OrderStep::Shipped, OrderStep::Received, OrderStep::Completed];
    if !paid.contains(&order.step) {
        return None;
    }
    let lists = [["order_promotion", "order"], ["order_promotion", "item"]];
    let coupons = lists.iter().flat_map(|path| document.at(path).items());
    let mut coupons = coupons.filter_map(|used| used.get("coupon_id").id());
    let errand = coupons.find_map(|coupon| errand_of(coupon, &event.who, host))?;
    let (id, why) =
        (format!("bought:{errand}:{}", order.id), format!("order {} was paid with the coupon", order.id));
    Some(receipt(id, &errand, ReceiptStep::Bought, event.at, event.who.clone(), why))
}

fn receipt(
    id: String,
    errand: &str,
    step: ReceiptStep,
    at: Instant,
    who: Vec<Identity>,
    why: String,
) -> Event {
    let fact = Fact::Carried(Receipt { errand: errand.to_owned(), step, why: Some(why) });
    facts::event(id, at, who, Touchpoint::Shop, fact, Json::Object(Vec::new()))
}
