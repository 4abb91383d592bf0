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
const OURS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> HttpRequest {
        HttpRequest { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None }
    }

    fn host(url: &str) -> String {
        check_url(url)
            .map_or_else(|refusal| refusal.to_string(), |url| url.host_str().unwrap_or("").to_owned())
    }

    #[test]
    fn every_spelling_of_a_host_becomes_one() {
        for url in [
            "http://127.1/",
            "http://0x7f.0.0.1/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
        ] {
            assert_eq!(host(url), "127.0.0.1", "{url}");
        }
        assert_eq!(host("https://EXAMPLE.com./a"), "example.com");
        assert_eq!(host("https://例子.example/"), "xn--fsqu00a.example");
        assert_eq!(host("https://ｅxample.com/"), "example.com");
    }

    #[test]
    fn users_and_other_schemes_are_refused() {
        assert!(check_url("https://a@b.example/").is_err());
        assert!(check_url("https://a:b@b.example/").is_err());
        assert!(check_url("file:///etc/passwd").is_err());
        assert!(check_url("ftp://b.example/").is_err());
        assert!(check_url("/relative").is_err());
        assert!(check_url("https:///").is_err());
    }

    #[test]
    fn the_hosts_own_headers_are_refused_in_any_spelling() {
        for name in
            ["Host", "host", "Transfer-Encoding", "CONTENT-LENGTH", "connection", "Proxy-Authorization"]
        {
            let mut request = request("https://a.example/");
            request.headers.push((name.to_owned(), "x".to_owned()));
            let refusal = check(request, &Limits::default()).err().map(|refusal| refusal.to_string());
            assert!(refusal.is_some_and(|text| text.contains("host's own")), "{name}");
        }
    }

    #[test]
    fn a_header_cannot_hold_a_second_one() {
        let mut smuggling = request("https://a.example/");
        smuggling.headers.push(("x".to_owned(), "a\r\nhost: b".to_owned()));
        assert!(check(smuggling, &Limits::default()).is_err());
        let mut smuggling = request("https://a.example/");
        smuggling.headers.push(("x: a\r\nhost".to_owned(), "b".to_owned()));
        assert!(check(smuggling, &Limits::default()).is_err());
    }

    #[test]
    fn bodies_pass_at_the_limit_and_not_one_past_it() {
        let limits = Limits { http_request_bytes: 2, ..Limits::default() };
        let with = |body: &[u8]| HttpRequest { body: Some(body.to_owned()), ..request("https://a.example/") };
        assert!(check(with(b"12"), &limits).is_ok());
        assert!(matches!(check(with(b"123"), &limits), Err(HttpRefusal::TooLarge("http_request_bytes"))));
    }
}
