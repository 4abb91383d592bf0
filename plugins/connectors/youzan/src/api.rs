//! Calls of Youzan's API: the token, the four shapes of a failure, and who must act on it.
//!
//! Neither an address nor a platform's own text ever gets into a fault: the one holds the token, the other
//! may quote it.

use heliu_sdk::Host;
use heliu_sdk::faults::{Fault, Pause};
use heliu_sdk::http::{Failure, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::json::Json;
use crate::settings::Settings;

/// A token is renewed so long before its end, so that no call begins with one that ends under way.
const TOKEN_MARGIN_MS: u64 = 600_000;
/// For a token whose end is not told. Real ones live for a week.
const TOKEN_LIFE_MS: u64 = 3_600_000;
/// The first of the pauses that Youzan advises after too many calls: 3 s, 6 s, 12 s, and so on.
const CROWDED_PAUSE_MS: u32 = 3_000;

/// Business codes that mean too many calls.
const CROWDED_CODES: [i64; 3] = [500_100_004, 123_000_042, 141_500_203];

pub struct Api<'a> {
    pub settings: &'a Settings,
    pub host: &'a mut dyn Host,
}

/// How a call ended, short of its data.
enum Trouble {
    /// The token is missing, has expired or is unknown: another one may help.
    Token(i64),
    Refused(Refused),
}

/// Why there is no data.
pub struct Refused {
    pub fault: Fault,
    /// Youzan's own, where it told one.
    pub code: Option<i64>,
    /// Nobody knows whether it was done.
    pub perhaps_done: bool,
}

impl Refused {
    fn undone(fault: Fault) -> Refused {
        Refused { fault, code: None, perhaps_done: false }
    }

    fn perhaps(fault: Fault) -> Refused {
        Refused { fault, code: None, perhaps_done: true }
    }
}

impl Api<'_> {
    /// Calls an API, named with its version, and gives its `data`. A dead token is renewed once.
    pub fn call(&mut self, api: &str, params: &Json) -> Result<Json, Fault> {
        self.ask(api, params).map_err(|refused| refused.fault)
    }

    /// The same, for what changes something: whoever asks must know whether it may have been done.
    pub fn ask(&mut self, api: &str, params: &Json) -> Result<Json, Refused> {
        let token = match self.remembered_token() {
            Some(token) => token,
            None => self.renewed_token(None).map_err(Refused::undone)?,
        };
        match self.try_call(api, params, &token) {
            Ok(data) => Ok(data),
            Err(Trouble::Refused(refused)) => Err(refused),
            Err(Trouble::Token(_)) => {
                let token = self.renewed_token(Some(&token)).map_err(Refused::undone)?;
                self.try_call(api, params, &token).map_err(|trouble| match trouble {
                    Trouble::Refused(refused) => refused,
                    Trouble::Token(code) => Refused::undone(Fault::Unauthorised(format!(
                        "{api} refuses a new token: code {code}"
                    ))),
                })
            }
        }
    }

    /// Does Youzan answer? It is asked for the token that it gave before.
    pub fn knock(&mut self) -> Result<(), Fault> {
        self.host.hold(&self.token_key());
        self.new_token().map(drop)
    }

    /// A token other than the one that was refused. Calls that need one at once wait for the first, and find what it got.
    fn renewed_token(&mut self, refused: Option<&str>) -> Result<String, Fault> {
        self.host.hold(&self.token_key());
        match self.remembered_token() {
            Some(token) if Some(token.as_str()) != refused => Ok(token),
            _ => self.new_token(),
        }
    }

    fn try_call(&mut self, api: &str, params: &Json, token: &str) -> Result<Json, Trouble> {
        let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
        let path = format!("api/{api}?access_token={token}");
        let response = self.post(api, &path, params).map_err(|fault| {
            // What is misconfigured did not get out.
            let perhaps_done = matches!(fault, Fault::Later(_));
            Trouble::Refused(Refused { fault, code: None, perhaps_done })
        })?;
        let answer = parse(api, &response).map_err(|fault| {
            let perhaps_done = response.status < 300 || response.status >= 500;
            Trouble::Refused(Refused { fault, code: None, perhaps_done })
        })?;
        match failure_code(&answer) {
            None => data(api, answer).map_err(|fault| Trouble::Refused(Refused::perhaps(fault))),
            Some(code @ (4201..=4203)) => Err(Trouble::Token(code)),
            Some(code) => Err(Trouble::Refused(Refused {
                fault: fault_of(api, code, response.status),
                code: Some(code),
                // Its services' own troubles, and a failure that tells no code.
                perhaps_done: matches!(code, -1 | 5001..=5003) || response.status >= 500,
            })),
        }
    }

    fn remembered_token(&mut self) -> Option<String> {
        let bytes = self.host.get(&self.token_key())?;
        String::from_utf8(bytes).ok()
    }

    /// One key for each shop and application: two connections may share a memory, and a settings' edit must
    /// not be answered with the token of before.
    fn token_key(&self) -> String {
        format!("token:{}:{}", self.settings.client_id, self.settings.kdt_id.as_str())
    }

    fn new_token(&mut self) -> Result<String, Fault> {
        const API: &str = "auth/token";
        let params = Json::object([
            ("authorize_type", Json::text("silent")),
            ("client_id", Json::text(&self.settings.client_id)),
            ("client_secret", Json::text(&self.settings.client_secret)),
            ("grant_id", Json::text(self.settings.kdt_id.as_str())),
            // Not a renewal: it would ask for a second token, to renew this one with.
            ("refresh", Json::Truth(false)),
        ]);
        let response = self.post(API, API, &params)?;
        let answer = parse(API, &response)?;
        if let Some(code) = failure_code(&answer) {
            return Err(match fault_of(API, code, response.status) {
                known @ (Fault::Misconfigured(_) | Fault::Unauthorised(_)) => known,
                busy @ Fault::Later(_) if is_gateway(&answer) || response.status >= 500 => busy,
                _ => Fault::Unauthorised(format!(
                    "{API} refuses client_id, client_secret or kdt_id: code {code}"
                )),
            });
        }
        let data = data(API, answer)?;
        let token =
            data.get("access_token").word().ok_or_else(|| unexpected(API, "no access_token"))?.to_owned();
        let now = self.host.now();
        let ttl = self
            .settings
            .zone()
            .instant(data.get("expires"))
            .map_or(TOKEN_LIFE_MS, |end| end.saturating_sub(now).saturating_sub(TOKEN_MARGIN_MS));
        if ttl > 0 {
            self.host.set(&self.token_key(), token.as_bytes(), Some(ttl));
        }
        Ok(token)
    }

    fn post(&mut self, api: &str, path: &str, params: &Json) -> Result<Response, Fault> {
        let base = self.settings.api_base.trim_end_matches('/');
        let request = Request {
            method: "POST".into(),
            url: format!("{base}/{path}"),
            headers: vec![("content-type".into(), "application/json".into())],
            body: Some(params.to_string().into_bytes()),
        };
        self.host.send(request).map_err(|failure| match failure {
            Failure::NotGranted(host) => Fault::Misconfigured(format!(
                "{api}: grant this connection the host {base} ({host} is not granted)"
            )),
            Failure::TimedOut => later(format!("{api} did not answer in time"), None),
            Failure::Unreachable(why) => {
                later(format!("{api} cannot be reached: {}", without_token(&why)), None)
            }
            Failure::TooLarge => {
                Fault::Misconfigured(format!("{api} answers more than the host takes: lower page_size"))
            }
        })
    }
}

/// The transport's text may quote the address.
fn without_token(why: &str) -> &str {
    why.split("access_token").next().unwrap_or_default()
}

fn parse(api: &str, response: &Response) -> Result<Json, Fault> {
    let answer = std::str::from_utf8(&response.body).ok().and_then(|text| Json::parse(text).ok());
    match (answer, response.status) {
        // Failures come with any status, a 200 included: what the answer says goes before.
        (Some(answer), _)
            if answer.is_object() && (response.status == 200 || failure_code(&answer).is_some()) =>
        {
            Ok(answer)
        }
        (_, status @ (429 | 500..)) => Err(later(format!("{api} answered HTTP {status}"), None)),
        (_, status @ (401 | 403)) => Err(Fault::Unauthorised(format!("{api} answered HTTP {status}"))),
        (_, status @ 300..) => Err(Fault::Misconfigured(format!(
            "{api} answered HTTP {status}: is api_base, is the API's name right?"
        ))),
        // A page of some proxy on the way.
        (_, status) => Err(later(format!("{api} answered HTTP {status} without JSON"), None)),
    }
}

/// The code of a failure in any of its four shapes. None is a success, and only its documented form is one.
fn failure_code(answer: &Json) -> Option<i64> {
    let code = |json: &Json| Some(json.int().unwrap_or(-1));
    if is_gateway(answer) {
        return code(answer.at(&["gw_err_resp", "err_code"]));
    }
    if answer.get("error_response").is_object() {
        return code(answer.at(&["error_response", "code"]));
    }
    if answer.get("response").is_object() {
        return None;
    }
    match (answer.get("success"), answer.get("code").int()) {
        (Json::Truth(true), Some(200)) => None,
        // A failure without a code of its own.
        (_, Some(200) | None) => Some(-1),
        (_, Some(other)) => Some(other),
    }
}

fn is_gateway(answer: &Json) -> bool {
    answer.get("gw_err_resp").is_object()
}

fn data(api: &str, answer: Json) -> Result<Json, Fault> {
    let data = match answer.get("response") {
        legacy @ Json::Object(_) => legacy,
        _ => answer.get("data"),
    };
    if data.fields().is_empty() { Err(unexpected(api, "no data")) } else { Ok(data.clone()) }
}

/// Who must act on a code.
fn fault_of(api: &str, code: i64, status: u16) -> Fault {
    match code {
        4001 => Fault::Misconfigured(format!("{api} is not an API of Youzan: correct its name and version")),
        4004 | 4005 => Fault::Malformed(format!("{api} does not take these parameters: code {code}")),
        4007 => Fault::Misconfigured(format!(
            "{api}: Youzan blocks this address; put it on the application's IP whitelist"
        )),
        4204 => Fault::Misconfigured(format!(
            "{api}: the application lacks the permission; apply for it in the console"
        )),
        1000 | 1004 | 1005 | 1103 | 1105 => {
            Fault::Unauthorised(format!("{api} refuses the credentials: code {code}"))
        }
        4101 => later(format!("{api}: too many calls"), Some(CROWDED_PAUSE_MS)),
        _ if CROWDED_CODES.contains(&code) => {
            later(format!("{api}: too many calls (code {code})"), Some(CROWDED_PAUSE_MS))
        }
        // Its services' own troubles, 5001 to 5003, and all that is not known to be for good.
        _ => later(format!("{api} failed: code {code}, HTTP {status}"), None),
    }
}

fn unexpected(api: &str, what: &str) -> Fault {
    Fault::Malformed(format!("{api} answered a success with {what}"))
}

pub fn later(why: String, retry_after_ms: Option<u32>) -> Fault {
    Fault::Later(Pause { why, retry_after_ms })
}

#[cfg(test)]
mod tests {
    use heliu_sdk::harness::CassetteHost;

    use super::*;
    use crate::settings::sample;

    const TOKEN_KEY: &str = "token:demo_client_0001:10001";

    fn exchange(path: &str, answer: &str) -> String {
        format!(
            r#"{{"request":{{"method":"POST","url":"https://open.youzanyun.com/{path}"}},
                "response":{{"status":200,"body_json":{answer}}}}}"#
        )
    }

    fn host(exchanges: &[String]) -> CassetteHost {
        let http = format!("[{}]", exchanges.join(","));
        CassetteHost::parse(1_795_140_702_000, &http).unwrap_or_else(|why| panic!("{why}"))
    }

    fn call(host: &mut dyn Host) -> Result<Json, Fault> {
        Api { settings: &sample(), host }.call("demo.api/1.0.0", &Json::Object(Vec::new()))
    }

    const AUTH: &str =
        r#"{"success":true,"code":200,"data":{"access_token":"new/token","expires":1795745500000}}"#;
    const GOOD: &str = r#"{"success":true,"code":"200","data":{"a":1}}"#;

    #[test]
    fn a_dead_token_is_renewed_once_and_the_call_goes_on() {
        let dead = r#"{"gw_err_resp":{"err_code":"4202","err_msg":"expired"}}"#;
        let mut host = host(&[
            exchange("api/demo.api/1.0.0?access_token=old", dead),
            exchange("auth/token", AUTH),
            exchange("api/demo.api/1.0.0?access_token=new%2Ftoken", GOOD),
        ]);
        host.set(TOKEN_KEY, b"old", None);
        assert_eq!(call(&mut host).map(|data| data.to_string()), Ok(r#"{"a":1}"#.into()));
        assert_eq!(host.get(TOKEN_KEY).as_deref(), Some(&b"new/token"[..]));
    }

    #[test]
    fn a_token_is_kept_for_the_next_call() {
        let mut host = host(&[exchange("api/demo.api/1.0.0?access_token=kept", GOOD)]);
        host.set(TOKEN_KEY, b"kept", None);
        assert!(call(&mut host).is_ok());
    }

    /// A host whose network fails.
    struct Deaf(Failure);

    impl Host for Deaf {
        fn send(&mut self, _: Request) -> Result<Response, Failure> {
            Err(self.0.clone())
        }

        fn get(&mut self, _: &str) -> Option<Vec<u8>> {
            Some(b"secret-token".to_vec())
        }

        fn set(&mut self, _: &str, _: &[u8], _: Option<u64>) {}

        fn hold(&mut self, _key: &str) {}
        fn delete(&mut self, _: &str) {}

        fn now(&mut self) -> u64 {
            0
        }

        fn random(&mut self, _: u32) -> Vec<u8> {
            Vec::new()
        }

        fn log(&mut self, _: heliu_sdk::log::Level, _: &str) {}
    }

    #[test]
    fn what_the_network_does_has_its_own_fault() {
        let fault = |failure| call(&mut Deaf(failure)).err();
        let Some(Fault::Misconfigured(why)) = fault(Failure::NotGranted("open.youzanyun.com".into())) else {
            panic!("an operator must grant the host");
        };
        assert!(why.contains("https://open.youzanyun.com"), "{why}");
        assert!(matches!(fault(Failure::TimedOut), Some(Fault::Later(_))));
        assert!(matches!(fault(Failure::TooLarge), Some(Fault::Misconfigured(_))));
        let quoted = "https://open.youzanyun.com/api/x?access_token=secret-token: refused";
        let Some(Fault::Later(pause)) = fault(Failure::Unreachable(quoted.into())) else {
            panic!("it is tried again");
        };
        assert!(!pause.why.contains("secret-token"), "{}", pause.why);
    }
}
