//! Takes a guest's request apart before anything is done with it.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{HttpRefusal, HttpRequest};
use crate::limits::Limits;

/// A request that says nothing it must not.
pub(super) struct CheckedRequest {
    /// As the guest wrote it, for a cassette.
    pub(super) text: String,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

/// They speak of the connection between us and the next machine, or would make it believe that another was meant.
const OURS: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Is this header about the hop and not about the message?
pub(super) fn is_ours(name: &str) -> bool {
    OURS.contains(&name)
}

pub(super) fn check(request: HttpRequest, limits: &Limits) -> Result<CheckedRequest, HttpRefusal> {
    let HttpRequest { method, url: text, headers, body } = request;
    let method = check_method(&method)?;
    let url = check_url(&text)?;
    let headers = check_headers(&headers, limits)?;
    if body.as_ref().is_some_and(|body| body.len() > limits.http_request_bytes) {
        return Err(HttpRefusal::TooLarge("http_request_bytes"));
    }
    Ok(CheckedRequest { text, method, url, headers, body })
}

fn check_method(method: &str) -> Result<Method, HttpRefusal> {
    match method {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        "OPTIONS" => Ok(Method::OPTIONS),
        other => Err(HttpRefusal::Forbidden(format!(
            "method \"{other}\" is none of GET HEAD POST PUT PATCH DELETE OPTIONS"
        ))),
    }
}

/// Reads an URL as browsers do: `http://0x7f.1/` becomes 127.0.0.1 here, before anything is compared.
pub(super) fn check_url(text: &str) -> Result<Url, HttpRefusal> {
    let mut url = Url::parse(text)
        .map_err(|error| HttpRefusal::Malformed(format!("\"{text}\" is not an URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HttpRefusal::Forbidden(format!("scheme \"{}\" is neither https nor http", url.scheme())));
    }
    // `https://granted.example@evil.example/` fools whoever reads it.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpRefusal::Forbidden("an URL with a user name in it".to_owned()));
    }
    // `example.com.` is `example.com` to the resolver, and must be to the grants.
    if let Some(host) = url.host_str()
        && let Some(bare) = host.strip_suffix('.')
    {
        let bare = bare.to_owned();
        url.set_host(Some(&bare))
            .map_err(|error| HttpRefusal::Malformed(format!("\"{text}\" is not an URL: {error}")))?;
    }
    url.set_fragment(None);
    Ok(url)
}

fn check_headers(headers: &[(String, String)], limits: &Limits) -> Result<HeaderMap, HttpRefusal> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits.http_header_bytes {
        return Err(HttpRefusal::TooLarge("http_header_bytes"));
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            HttpRefusal::Malformed(format!("\"{}\" is not a header's name", name.escape_debug()))
        })?;
        if is_ours(key.as_str()) {
            return Err(HttpRefusal::Forbidden(format!("header \"{key}\" is the host's own")));
        }
        // The value may be a secret: only its header is named.
        let value = HeaderValue::from_str(value).map_err(|_| {
            HttpRefusal::Malformed(format!("the value of header \"{key}\" has control characters"))
        })?;
        map.append(key, value);
    }
    Ok(map)
}
