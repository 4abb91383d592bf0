//! Calls of TOP: one form out, one JSON document back, and the part of it that was asked for.
//!
//! The session travels in the body, so neither an address nor a transport's text can quote it. A platform's own text
//! never gets into a fault.

use heliu_sdk::Host;
use heliu_sdk::faults::Fault;
use heliu_sdk::http::{Failure, Request, Response};
use heliu_sdk::json::Json;

use crate::errors::{self, Trouble};
use crate::pace;
use crate::request::{self, Caller};
use crate::settings::Settings;

pub struct Api<'a> {
    pub settings: &'a Settings,
    pub host: &'a mut dyn Host,
}

impl Api<'_> {
    /// Calls an API by its name and gives what stands below the answer's root.
    pub fn call(&mut self, api: &str, params: &[(&str, String)]) -> Result<Json, Fault> {
        if let Some(left) = pace::left_ms(self.host) {
            return Err(Fault::later(format!("{api} waits: there were too many calls"), Some(left)));
        }
        let response = self.post(api, params)?;
        let answer = parse(api, &response)?;
        let error = answer.get("error_response");
        if error.is_object() {
            return Err(match errors::trouble(api, error) {
                Trouble::Fault(fault) => fault,
                Trouble::Crowded { why, told_ms } => {
                    Fault::later(why, Some(pace::crowded(told_ms, self.host)))
                }
            });
        }
        match answer.get(&root(api)) {
            found @ Json::Object(_) => Ok(found.clone()),
            _ => Err(Fault::Malformed(format!("{api} answered without {}", root(api)))),
        }
    }

    fn post(&mut self, api: &str, params: &[(&str, String)]) -> Result<Response, Fault> {
        let Settings { app_key, app_secret, session, sign_method, api_base, .. } = self.settings;
        let timestamp = self.settings.zone().text(self.host.now());
        let (sign_method, timestamp) = (*sign_method, timestamp.as_str());
        let caller = Caller { app_key, app_secret, session, sign_method, timestamp };
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let request = Request {
            method: "POST".into(),
            url: api_base.clone(),
            headers: vec![("content-type".into(), content_type.into())],
            body: Some(request::form(&caller, api, params).into_bytes()),
        };
        self.host.send(request).map_err(|failure| match failure {
            Failure::NotGranted(host) => Fault::Misconfigured(format!(
                "{api}: grant this connection the host of {api_base} ({host} is not granted)"
            )),
            Failure::TimedOut => Fault::later(format!("{api} did not answer in time"), None),
            Failure::Unreachable(why) => Fault::later(format!("{api} cannot be reached: {why}"), None),
            Failure::TooLarge => {
                Fault::Misconfigured(format!("{api} answers more than the host takes: lower page_size"))
            }
        })
    }
}

/// `taobao.trades.sold.get` answers below `trades_sold_get_response`; other prefixes than `taobao.` stay.
fn root(api: &str) -> String {
    format!("{}_response", api.strip_prefix("taobao.").unwrap_or(api).replace('.', "_"))
}

/// TOP says what is wrong in an answer of status 200. Another status is of something on the way.
fn parse(api: &str, response: &Response) -> Result<Json, Fault> {
    let answer = std::str::from_utf8(&response.body).ok().and_then(|text| Json::parse(text).ok());
    match (answer, response.status) {
        (Some(answer), 200) if answer.is_object() => Ok(answer),
        (Some(answer), _) if answer.get("error_response").is_object() => Ok(answer),
        (_, status @ (200..=299 | 429 | 500..)) => {
            Err(Fault::later(format!("{api} answered HTTP {status} without JSON of its own"), None))
        }
        (_, status) => Err(Fault::Misconfigured(format!("{api} answered HTTP {status}: is api_base right?"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_the_name_without_its_dots() {
        assert_eq!(root("taobao.trades.sold.increment.get"), "trades_sold_increment_get_response");
        assert_eq!(root("tmall.crm.member.point.change"), "tmall_crm_member_point_change_response");
    }

    #[test]
    fn what_something_on_the_way_says_is_no_answer() {
        let of = |status, body: &str| {
            parse("a", &Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
        };
        assert!(of(200, r#"{"a_response":{}}"#).is_ok());
        assert!(of(400, r#"{"error_response":{"code":29}}"#).is_ok());
        for (status, body) in [(200, "<html>"), (200, "[]"), (502, "<html>"), (429, "{}"), (503, "")] {
            assert!(matches!(of(status, body), Err(Fault::Later(_))), "{status}");
        }
        for (status, body) in [(302, ""), (403, "<html>"), (404, "{}")] {
            assert!(matches!(of(status, body), Err(Fault::Misconfigured(_))), "{status}");
        }
    }
}
