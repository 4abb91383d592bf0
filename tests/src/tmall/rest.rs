//! The gateway: one endpoint, public parameters, signature, session, and the envelope of answers and errors.
//!
//! Errors come with HTTP status 200 as `{"error_response": {code, msg, sub_code, sub_msg, request_id}}`. The codes are
//! the platform's; in which order it looks for mistakes, and the sub codes beside `isv.invalid-parameter` and
//! `isp.call-limited`, are not confirmed.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::sign::SignMethod;
use super::{Failure, Inside, query, shape};
use crate::beijing::{self, MINUTE_MS};
use crate::digest::md5_hex;

/// How far a request's timestamp may be from the platform's clock.
const SKEW_MAX_MS: u64 = 10 * MINUTE_MS;

pub(super) struct Refusal {
    code: u32,
    msg: String,
    sub: Option<(&'static str, String)>,
}

impl Refusal {
    fn plain(code: u32, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), sub: None }
    }

    pub fn missing(parameter: &str) -> Self {
        let sub = Some(("isv.missing-parameter", format!("缺少参数: {parameter}")));
        Self { sub, ..Self::plain(40, format!("Missing required arguments:{parameter}")) }
    }

    pub fn invalid(parameter: &str) -> Self {
        let sub = Some(("isv.invalid-parameter", format!("非法参数: {parameter}")));
        Self { sub, ..Self::plain(41, format!("Invalid arguments:{parameter}")) }
    }

    pub fn unknown_trade() -> Self {
        let sub = Some(("isv.trade-not-exist", String::from("交易不存在")));
        Self { sub, ..Self::plain(15, "Remote service error") }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let (code, msg, sub_code, sub_msg) = match failure {
            Failure::CallLimited => {
                (7, "App Call Limited", "isp.call-limited", "This ban will last for 1 more seconds")
            }
            Failure::AppQuotaUsed => (7, "App Call Limited", "isv.call-limited", "应用调用次数超限"),
            Failure::RemoteTrouble => (15, "Remote service error", "isp.remote-service-error", "系统繁忙"),
        };
        Self { code, msg: msg.to_owned(), sub: Some((sub_code, sub_msg.to_owned())) }
    }
}

/// The sessions that sellers' authorisations gave; the last one is good unless it expired.
pub(crate) struct Sessions {
    current: Option<String>,
    first: String,
    renewed: u64,
}

impl Sessions {
    pub fn starting_with(session: &str) -> Self {
        Self { current: Some(session.to_owned()), first: session.to_owned(), renewed: 0 }
    }

    pub fn expire(&mut self) {
        self.current = None;
    }

    pub fn renew(&mut self) -> String {
        self.renewed += 1;
        let session = format!("6100{}", md5_hex(&[self.first.as_bytes(), &self.renewed.to_be_bytes()]));
        self.current.insert(session).clone()
    }

    pub fn current(&self) -> Option<String> {
        self.current.clone()
    }
}

/// The parameters of one call, decoded, in the order in which they came.
pub(super) struct Asked(Vec<(String, String)>);

impl Asked {
    /// Of a query and a form alike: `+` is a space, `%` escapes bytes of UTF-8.
    fn read(&mut self, encoded: &str) {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.0.push((decode(name), decode(value)));
        }
    }

    /// An empty value is as good as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::invalid(name)),
        }
    }
}

pub(super) fn routes(inside: Arc<Inside>) -> Router {
    Router::new().route("/router/rest", any(call)).with_state(inside)
}

async fn call(
    State(inside): State<Arc<Inside>>,
    http_method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut asked = Asked(Vec::new());
    asked.read(uri.query().unwrap_or_default());
    asked.read(&String::from_utf8_lossy(&body));
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let request_id = md5_hex(&[&body]).split_at(12).0.to_owned();
    let answer = if http_method == Method::POST && is_form {
        inside.answer(&asked)
    } else {
        Err(Refusal::plain(9, "Http Action Not Allowed"))
    };
    let is_json = asked.get("format") == Some("json");
    let answer = match answer {
        Ok((root, mut data)) => {
            if asked.get("simplify") == Some("true") {
                data = shape::simplified(data);
            }
            data["request_id"] = json!(request_id);
            json!({ root: data })
        }
        Err(refusal) if is_json => json!({"error_response": error(&refusal, &request_id)}),
        // XML is what the platform speaks unless it is asked for JSON.
        Err(Refusal { code, msg, .. }) => {
            let xml = format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\" ?><error_response><code>{code}</code><msg>{msg}</msg><request_id>{request_id}</request_id></error_response>"
            );
            return ([(header::CONTENT_TYPE, "text/xml;charset=UTF-8")], xml).into_response();
        }
    };
    ([(header::CONTENT_TYPE, "text/javascript;charset=UTF-8")], answer.to_string()).into_response()
}

/// The page shows a text of GMT+8 alone; the platform's own SDK for Python (`api/base.py`) sends milliseconds.
fn sent_at(timestamp: &str) -> Option<u64> {
    let is_milliseconds = timestamp.len() == 13 && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    if is_milliseconds { timestamp.parse().ok() } else { beijing::parse(timestamp) }
}

fn error(refusal: &Refusal, request_id: &str) -> Value {
    let Refusal { code, msg, sub } = refusal;
    let mut error = json!({"code": code, "msg": msg, "request_id": request_id});
    if let Some((sub_code, sub_msg)) = sub {
        error["sub_code"] = json!(sub_code);
        error["sub_msg"] = json!(sub_msg);
    }
    error
}

impl Inside {
    /// The answer's root and what stands in it.
    fn answer(&self, asked: &Asked) -> Result<(String, Value), Refusal> {
        let method = asked.get("method").ok_or_else(|| Refusal::plain(21, "Missing method"))?;
        *self.calls.lock().entry(method.to_owned()).or_default() += 1;
        if !query::METHODS.contains(&method) {
            return Err(Refusal::plain(22, "Invalid method"));
        }
        self.check_public(asked)?;
        self.check_session(asked)?;
        self.fail_if_told()?;
        let data = query::answer(&self.config, &self.shop.lock(), method, asked)?;
        let root = method.strip_prefix("taobao.").unwrap_or(method).replace('.', "_");
        Ok((format!("{root}_response"), data))
    }

    fn check_public(&self, asked: &Asked) -> Result<(), Refusal> {
        let wanted = |name: &str, code: u32, msg: &str| {
            asked.get(name).ok_or_else(|| Refusal::plain(code, msg.to_owned()))
        };
        if wanted("app_key", 28, "Missing app key")? != self.config.app_key {
            return Err(Refusal::plain(29, "Invalid app key"));
        }
        let at = sent_at(wanted("timestamp", 30, "Missing timestamp")?);
        if at.is_none_or(|at_ms| at_ms.abs_diff(self.config.clock.now_ms()) > SKEW_MAX_MS) {
            return Err(Refusal::plain(31, "Invalid timestamp"));
        }
        if wanted("v", 32, "Missing version")? != "2.0" {
            return Err(Refusal::plain(33, "Invalid version"));
        }
        // The platform would answer in XML. Nobody here reads it, so to forget the parameter is an error at once.
        if asked.get("format") != Some("json") {
            return Err(Refusal::plain(23, "Invalid format"));
        }
        let sign = wanted("sign", 24, "Missing signature")?;
        let signed_by = asked.get("sign_method").and_then(SignMethod::named);
        let signed_by = signed_by.ok_or_else(|| Refusal::invalid("sign_method"))?;
        if sign != signed_by.sign(&self.config.app_secret, &asked.0) {
            return Err(Refusal::plain(25, "Invalid signature"));
        }
        Ok(())
    }

    fn check_session(&self, asked: &Asked) -> Result<(), Refusal> {
        let session = asked.get("session").ok_or_else(|| Refusal::plain(26, "Missing session"))?;
        if self.sessions.lock().current.as_deref() != Some(session) {
            let sub = Some(("invalid-sessionkey", String::from("SessionKey非法")));
            return Err(Refusal { sub, ..Refusal::plain(27, "Invalid session") });
        }
        Ok(())
    }

    fn fail_if_told(&self) -> Result<(), Refusal> {
        let mut to_fail = self.to_fail.lock();
        let (left, failure) = &mut *to_fail;
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        Err(Refusal::from(*failure))
    }
}
