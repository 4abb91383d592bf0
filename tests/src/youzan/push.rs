//! Youzan's pushes (developer documentation, "message push"): a JSON envelope whose `msg` is JSON again,
//! percent-encoded, signed over the raw bytes.
//!
//! `Event-Sign` is the lower-case hex of md5(client_id ‖ body ‖ client_secret). The older `sign` inside the
//! body is the same over `msg` as it stands there, still encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};

use super::YouzanConfig;
use super::shape::yuan;
use super::shop::{Order, Refund};
use crate::beijing;
use crate::digest::md5_hex;

/// What `encodeURIComponent` escapes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// Trade pushes leave these two as they are.
const ESCAPED_IN_TRADES: &AsciiSet = &ESCAPED.remove(b':').remove(b',');

/// One message of the platform, kept as it is between its attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// `type`, for example `trade_TradePaid`.
    pub kind: &'static str,
    /// One per message, the same on each attempt.
    pub msg_id: String,
    /// Attempts made before this one.
    pub send_count: u32,
    /// The business id: a tid, a customer's id, a coupon's.
    id: String,
    status: String,
    msg: String,
    version_s: u64,
}

/// Field order as the platform writes it.
#[derive(Serialize)]
struct Envelope<'a> {
    client_id: &'a str,
    id: &'a str,
    kdt_id: u64,
    kdt_name: &'a str,
    root_kdt_id: u64,
    mode: u8,
    msg: &'a str,
    msg_id: &'a str,
    #[serde(rename = "sendCount")]
    send_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<String>,
    status: &'a str,
    test: bool,
    #[serde(rename = "type")]
    kind: &'a str,
    version: Value,
}

/// The steps of an order that are pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeStep {
    Created,
    Paid,
    Shipped,
    Succeeded,
    Closed,
}

impl TradeStep {
    fn kind(self) -> &'static str {
        match self {
            TradeStep::Created => "trade_TradeCreate",
            TradeStep::Paid => "trade_TradePaid",
            TradeStep::Shipped => "trade_TradeSellerShip",
            TradeStep::Succeeded => "trade_TradeSuccess",
            TradeStep::Closed => "trade_TradeClose",
        }
    }
}

/// Whom a customer, card or points push names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub yz_open_id: String,
    pub fans_id: u64,
    pub mobile: String,
    pub name: String,
    /// 0 unknown, 1 male, 2 female.
    pub gender: u8,
    pub birthday: String,
}

/// How a push names an account. Both are met on the platform; only the first carries the open id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    OpenId,
    Mobile,
}

impl Push {
    fn new(kind: &'static str, id: &str, status: &str, msg: &Value, at_ms: u64) -> Self {
        let escaped = if kind.starts_with("trade_") { ESCAPED_IN_TRADES } else { ESCAPED };
        let msg = utf8_percent_encode(&msg.to_string(), escaped).to_string();
        let seed = md5_hex(&[kind.as_bytes(), id.as_bytes(), &at_ms.to_be_bytes(), msg.as_bytes()]);
        let msg_id =
            format!("{}-{}-4{}-8{}-{}", &seed[..8], &seed[8..12], &seed[13..16], &seed[17..20], &seed[20..]);
        Self {
            kind,
            msg_id,
            send_count: 0,
            id: id.to_owned(),
            status: status.to_owned(),
            msg,
            version_s: at_ms / 1000,
        }
    }

    /// `document` is the order's full document at this step.
    pub fn trade(step: TradeStep, order: &Order, document: &Value, at_ms: u64) -> Self {
        Self::new(step.kind(), &order.tid, order.status.name(), document, at_ms)
    }

    /// `trade_refund_BuyerCreated`, or `trade_refund_RefundSuccess` once the money is back. The envelope's
    /// status and the form of `oids` are not confirmed.
    pub fn refund(refund: &Refund) -> Self {
        let (kind, status) = match refund.done_ms {
            None => ("trade_refund_BuyerCreated", "BUYER_CREATED"),
            Some(_) => ("trade_refund_RefundSuccess", "REFUND_SUCCESS"),
        };
        let msg = json!({
            "tid": refund.tid,
            "oids": refund.oids.join(","),
            "refund_id": refund.refund_id,
            "refunded_fee": yuan(refund.fee_fen),
            "refund_type": if refund.returns_goods { "REFUND_AND_RETURN" } else { "REFUND_ONLY" },
            "refund_reason": refund.reason,
            "update_time": beijing::text(refund.updated_ms),
        });
        Self::new(kind, &refund.tid, status, &msg, refund.updated_ms)
    }

    /// `SCRM_CUSTOMER_EVENT` with status `CUSTOMER_CREATED` or `CUSTOMER_UPDATED`.
    pub fn customer(account: &Account, named_by: NamedBy, is_new: bool, is_member: bool, at_ms: u64) -> Self {
        let (id, kind_of_id) = account.named(named_by);
        let msg = json!({
            "account_id": id,
            "account_type": kind_of_id,
            "src": if is_new { 200 } else { 400 },
            "name": account.name,
            "mobile": account.mobile,
            "is_member": is_member,
            "gender": account.gender,
            "created_at": at_ms / 1000,
            "birthday": account.birthday,
            "contact_address": {"area_code": 330_106, "address": "示例路1号"},
        });
        let status = if is_new { "CUSTOMER_CREATED" } else { "CUSTOMER_UPDATED" };
        Self::new("SCRM_CUSTOMER_EVENT", &account.fans_id.to_string(), status, &msg, at_ms)
    }

    /// `SCRM_CUSTOMER_CARD`: a membership card was given. Field names beyond the account are not confirmed.
    pub fn card_given(account: &Account, card_name: &str, card_no: &str, at_ms: u64) -> Self {
        let (id, kind_of_id) = account.named(NamedBy::OpenId);
        let msg = json!({
            "account_id": id,
            "account_type": kind_of_id,
            "mobile": account.mobile,
            "card_name": card_name,
            "card_no": card_no,
            "event_time": beijing::text(at_ms),
        });
        Self::new("SCRM_CUSTOMER_CARD", card_no, "CUSTOMER_CARD_GIVEN", &msg, at_ms)
    }

    /// `POINTS`. `client_hash` is md5 of the app that changed them; here it was the shop itself. The
    /// account's fields and the time are not confirmed.
    pub fn points(
        account: &Account,
        amount: i64,
        total: i64,
        reason: &str,
        biz_value: &str,
        at_ms: u64,
    ) -> Self {
        let (id, kind_of_id) = account.named(NamedBy::OpenId);
        let msg = json!({
            "account_id": id,
            "account_type": kind_of_id,
            "mobile": account.mobile,
            "amount": amount,
            "total": total,
            "description": reason,
            "biz_value": biz_value,
            "client_hash": md5_hex(&[b"the shop itself"]),
            "event_type": if amount < 0 { 110 } else { 100 },
            "create_time": beijing::text(at_ms),
        });
        Self::new("POINTS", &account.fans_id.to_string(), "POINTS_CHANGED", &msg, at_ms)
    }

    /// `COUPON_CUSTOMER_PROMOTION`: taken, or used. Such pushes come without the legacy `sign`.
    pub fn coupon(account: &Account, coupon_id: u64, code: &str, is_used: bool, at_ms: u64) -> Self {
        let msg = json!({
            "id": coupon_id,
            "fans_id": account.fans_id,
            "fans_type": 1,
            "mobile": account.mobile,
            "code_value": code,
            "event_time": beijing::text(at_ms),
        });
        let status = if is_used { "CARD_CONSUME" } else { "CARD_TAKE" };
        Self::new("COUPON_CUSTOMER_PROMOTION", &coupon_id.to_string(), status, &msg, at_ms)
    }

    /// The heartbeat: answered, never stored.
    pub fn heartbeat(at_ms: u64) -> Self {
        Self::new("trade_TradePaid", "0", "test", &json!({}), at_ms)
    }

    /// The same message after `attempts` more.
    pub fn again(&self, attempts: u32) -> Self {
        Self { send_count: self.send_count + attempts, ..self.clone() }
    }

    /// The raw body of this attempt.
    pub fn body(&self, config: &YouzanConfig) -> String {
        let is_trade = self.kind.starts_with("trade_");
        let signed_in_body = self.kind != "COUPON_CUSTOMER_PROMOTION";
        let legacy =
            || md5_hex(&[config.client_id.as_bytes(), self.msg.as_bytes(), config.client_secret.as_bytes()]);
        let envelope = Envelope {
            client_id: &config.client_id,
            id: &self.id,
            kdt_id: config.kdt_id,
            kdt_name: &config.kdt_name,
            root_kdt_id: config.kdt_id,
            mode: 1,
            msg: &self.msg,
            msg_id: &self.msg_id,
            send_count: self.send_count,
            sign: signed_in_body.then(legacy),
            status: &self.status,
            test: self.status == "test",
            kind: self.kind,
            // Trade pushes write the version as text, the others as a number; seconds both.
            version: if is_trade { json!(self.version_s.to_string()) } else { json!(self.version_s) },
        };
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

impl Account {
    fn named(&self, by: NamedBy) -> (&str, &'static str) {
        match by {
            NamedBy::OpenId => (&self.yz_open_id, "YzOpenId"),
            NamedBy::Mobile => (&self.mobile, "Mobile"),
        }
    }
}

/// `Event-Sign` of a raw body.
pub fn event_sign(client_id: &str, body: &str, client_secret: &str) -> String {
    md5_hex(&[client_id.as_bytes(), body.as_bytes(), client_secret.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;

    const CLIENT: &str = "demo_client_0001";
    const SECRET: &str = "demo_secret_0001_abcdefghij";

    fn account() -> Account {
        Account {
            yz_open_id: "YzOpenIdOfXiaoman00001".into(),
            fans_id: 8_800_001,
            mobile: "19900000001".into(),
            name: "张三".into(),
            gender: 2,
            birthday: "1995-05-05".into(),
        }
    }

    #[test]
    fn the_signature_is_over_the_raw_bytes() {
        let coupon = r#"{"client_id":"demo_client_0001","id":"70001","kdt_id":10001,"mode":1,"msg":"%7B%22id%22%3A70001%2C%22fans_id%22%3A8800001%2C%22fans_type%22%3A1%2C%22mobile%22%3A%22%22%2C%22code_value%22%3A%22CP2611%22%2C%22event_time%22%3A%222026-11-20%2010%3A01%3A02%22%7D","msg_id":"a1b2c3d4-0000-4000-8000-000000000003","sendCount":1,"status":"CARD_TAKE","test":false,"type":"COUPON_CUSTOMER_PROMOTION","version":1795140062}"#;
        assert_eq!(event_sign(CLIENT, coupon, SECRET), "f9d84d1380e668770cd158aac6e59ed6");
        let customer = r#"{"client_id":"demo_client_0001","id":"66000001","kdt_id":10001,"kdt_name":"示例旗舰店","mode":1,"msg":"%7B%22account_id%22%3A%2213800000001%22%2C%22account_type%22%3A%22Mobile%22%2C%22src%22%3A100%2C%22name%22%3A%22%E5%BC%A0%E4%B8%89%22%2C%22mobile%22%3A%2213800000001%22%2C%22is_member%22%3Atrue%2C%22gender%22%3A2%2C%22created_at%22%3A1795140000%2C%22birthday%22%3A%221995-05-05%22%2C%22contact_address%22%3A%7B%22area_code%22%3A330106%2C%22address%22%3A%22%E7%A4%BA%E4%BE%8B%E8%B7%AF1%E5%8F%B7%22%7D%7D","msg_id":"a1b2c3d4-0000-4000-8000-000000000002","sendCount":0,"status":"CUSTOMER_CREATED","test":false,"type":"SCRM_CUSTOMER_EVENT","version":1795140000,"sign":"b3b3b2fc49917c7d12a934fc0a7366dc"}"#;
        assert_eq!(event_sign(CLIENT, customer, SECRET), "b85cb7f337de1b4801faf2612d056af7");
    }

    #[test]
    fn a_message_keeps_its_id_and_counts_its_attempts() {
        let config = YouzanConfig::demo(SimClock::at(0));
        let push = Push::customer(&account(), NamedBy::OpenId, true, true, 1_795_140_000_000);
        let (first, third) = (push.body(&config), push.again(2).body(&config));
        assert!(first.contains("\"sendCount\":0") && third.contains("\"sendCount\":2"));
        assert_eq!(first.replace("\"sendCount\":0", "\"sendCount\":2"), third);
    }

    #[test]
    fn the_legacy_sign_is_over_the_encoded_msg() {
        let config = YouzanConfig::demo(SimClock::at(0));
        let body: Value = serde_json::from_str(
            &Push::customer(&account(), NamedBy::Mobile, true, true, 5_000).body(&config),
        )
        .unwrap();
        let msg = body["msg"].as_str().unwrap();
        assert!(msg.starts_with("%7B%22") && msg.contains("%3A") && !msg.contains(':'), "{msg}");
        assert_eq!(body["sign"], json!(md5_hex(&[CLIENT.as_bytes(), msg.as_bytes(), SECRET.as_bytes()])));
        let coupon: Value =
            serde_json::from_str(&Push::coupon(&account(), 70_001, "CP1", false, 5_000).body(&config))
                .unwrap();
        assert_eq!(coupon.get("sign"), None);
    }

    #[test]
    fn trade_messages_leave_colons_and_commas() {
        let refund = Refund {
            refund_id: "1".into(),
            tid: "E1".into(),
            oids: vec!["7".into()],
            fee_fen: 5_805,
            returns_goods: false,
            reason: "不喜欢".into(),
            created_ms: 0,
            updated_ms: 1_795_140_701_000,
            done_ms: None,
        };
        let push = Push::refund(&refund);
        assert!(push.msg.contains("%22update_time%22:%222026-11-20%2010:11:41%22"), "{}", push.msg);
        assert!(push.msg.contains("%22refunded_fee%22:%2258.05%22"), "{}", push.msg);
    }
}
