//! Answers that a platform would give: what the fuzzer made stands inside, whole, and around it what its platform puts around every
//! answer. Without it nearly every change of a byte ends at “no JSON”, at a code that is not zero, or at the token that comes first, and what
//! connectors read of people, orders and errands is hardly reached.

use heliu_sdk::http::Request;
use serde_json::{Map, Value, json};

use crate::script::NOW;

/// What one platform puts around its answers.
pub struct Platform {
    /// The answer to a request for a token: it is no part of the input.
    pub token: fn(&Request) -> Option<Value>,
    pub wrap: fn(&Request, Value) -> Value,
    /// What `wrap` would be given to make this. None: it is a refusal, or a token.
    pub unwrap: fn(&Value) -> Option<Value>,
}

pub static WECOM: Platform = Platform {
    token: |request| {
        let granted = json!({ "errcode": 0, "errmsg": "ok", "access_token": "t", "expires_in": 7200 });
        request.url.contains("/gettoken").then_some(granted)
    },
    wrap: |_, inner| {
        let mut answer = object(inner);
        answer.insert("errcode".to_owned(), json!(0));
        answer.insert("errmsg".to_owned(), json!("ok"));
        Value::Object(answer)
    },
    unwrap: |answer| {
        let mut inner = answer.as_object()?.clone();
        let code = inner.remove("errcode").unwrap_or(json!(0));
        inner.remove("errmsg");
        (code == json!(0) && !inner.contains_key("access_token")).then_some(Value::Object(inner))
    },
};

pub static YOUZAN: Platform = Platform {
    token: |request| {
        let data =
            json!({ "access_token": "t", "expires": NOW + 604_800_000, "scope": "", "authority_id": "1" });
        let granted = json!({ "success": true, "code": 200, "data": data });
        request.url.ends_with("/auth/token").then_some(granted)
    },
    wrap: |_, data| json!({ "trace_id": "t", "code": 200, "success": true, "message": "successful", "data": data }),
    unwrap: |answer| {
        let data = answer.get("data")?;
        (answer["success"] == json!(true) && data.get("access_token").is_none()).then(|| data.clone())
    },
};

pub static TOP: Platform = Platform {
    token: |_| None,
    wrap: |request, inner| json!({ root(request): object(inner) }),
    unwrap: |answer| {
        let (name, inner) = answer.as_object()?.iter().next()?;
        (name.ends_with("_response") && name != "error_response").then(|| inner.clone())
    },
};

/// Below what TOP answers the API that a form names.
fn root(request: &Request) -> String {
    let form = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
    let method = form.split('&').find_map(|pair| pair.strip_prefix("method=")).unwrap_or_default();
    let method = method.replace("%2E", "_").replace('.', "_");
    format!("{}_response", method.strip_prefix("taobao_").unwrap_or(&method))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// How often a text is cut to become JSON.
const CUTS_MAX: usize = 16;

/// The bytes as JSON: as they are; or cut before what does not belong there, and everything closed that is open; or as a text.
pub fn whole(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let mut cut = text.as_ref();
    for _ in 0..CUTS_MAX {
        if let Ok(value) = serde_json::from_str(&closed(cut)) {
            return value;
        }
        let Some(before) = cut.rfind([',', '{', '[', '}', ']']) else { break };
        // An opening stays: nothing may stand in it.
        let end = if cut[before..].len() > 1 && cut[before..].starts_with(['{', '[', '}', ']']) {
            before + 1
        } else {
            before
        };
        cut = &cut[..end];
    }
    Value::String(text.into_owned())
}

/// With an end of each text, list and object that has none.
fn closed(text: &str) -> String {
    let (mut open, mut in_text, mut escaped) = (Vec::new(), false, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '{' if !in_text => open.push('}'),
            '[' if !in_text => open.push(']'),
            '}' | ']' if !in_text => drop(open.pop()),
            _ => {}
        }
    }
    let mut closed = text.to_owned();
    if escaped {
        closed.pop();
    }
    if in_text {
        closed.push('"');
    }
    closed.extend(open.into_iter().rev());
    closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_off_or_spoilt_is_made_whole() {
        for (broken, wanted) in [
            (r#"{"a":[1,2]}"#, json!({"a": [1, 2]})),
            (r#"{"a":[1,{"b":"c"#, json!({"a": [1, {"b": "c"}]})),
            (r#"{"a":1,"b":"#, json!({"a": 1})),
            (r#"{"a":1,"b":tru}"#, json!({"a": 1})),
            (r#"{"a":"b\"#, json!({"a": "b"})),
            (r#"[{"a":1},{"#, json!([{"a": 1}, {}])),
            (r#"{"a":{"b":1}}garbage"#, json!({"a": {"b": 1}})),
            ("nothing of it", json!("nothing of it")),
            ("", json!("")),
        ] {
            assert_eq!(whole(broken.as_bytes()), wanted, "{broken}");
        }
        assert_eq!(whole(b"{\"a\":\"\xff\"}"), json!({"a": "\u{fffd}"}));
    }

    #[test]
    fn what_is_taken_out_of_an_answer_comes_back_when_it_is_put_in() {
        let body = Some(b"a=b&method=taobao%2Etrade%2Efullinfo%2Eget&v=2%2E0".to_vec());
        let (method, url, headers) = ("POST".to_owned(), String::new(), Vec::new());
        let request = Request { method, url, headers, body };
        for (platform, answer) in [
            (&WECOM, json!({"errcode": 0, "errmsg": "ok", "external_contact": {"name": "小满"}})),
            (
                &YOUZAN,
                json!({"trace_id": "t", "code": 200, "success": true, "message": "successful", "data": {"total": 1}}),
            ),
            (&TOP, json!({"trade_fullinfo_get_response": {"trade": {"tid": 1}}})),
        ] {
            let inner = (platform.unwrap)(&answer).unwrap();
            assert_eq!((platform.wrap)(&request, inner), answer);
        }
        assert_eq!((WECOM.unwrap)(&json!({"errcode": 40014})), None);
        assert_eq!((YOUZAN.unwrap)(&json!({"success": false, "data": {}})), None);
        assert_eq!((TOP.unwrap)(&json!({"error_response": {"code": 7}})), None);
    }
}
