//! What is refused before anything is looked up or dialled.

use super::{get, granted, send};
use crate::http::address::{Standing, judge};
use crate::http::request::check_url;
use crate::http::{HostGrant, HttpRefusal, HttpRequest};
use crate::limits::Limits;

/// Hosts as they stand in an URL. Each is inside: refused, unless the grant says `inward`.
const INSIDE: &[&str] = &[
    // The machine itself, in decimal, octal, hexadecimal, short, padded, mixed, and with a dot behind.
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "0177.0x0.0.1",
    "00000177.0.0.01",
    "127.255.255.254",
    "%31%32%37.0.0.1",
    // The same in other scripts, which IDNA maps to ours.
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    // IPv4 inside IPv6: mapped, translated by the system, compatible, NAT64, 6to4.
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    // Private networks, in the same ways.
    "10.0.0.1",
    "10.1",
    "167772161",
    "0x0a000001",
    "012.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "3232235777",
    "0xc0.0xa8.1.1",
    "0300.0250.1.1",
    "192.168.257",
    "100.64.0.1",
    "100.127.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "[::ffff:10.0.0.1]",
    "[::ffff:c0a8:101]",
    "[::10.0.0.1]",
    "[64:ff9b::192.168.0.1]",
    "[64:ff9b:1::8.8.8.8]",
    "[2002:0a00:0001::1]",
    "[2002:c0a8:101::]",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[fdff:ffff::1]",
    // Link-local and site-local.
    "169.254.1.1",
    "169.254.255.255",
    "[fe80::1]",
    "[febf::1]",
    "[::ffff:169.254.1.1]",
    "[fec0::1]",
];

/// Hosts that nothing reaches, whatever is granted.
const NEVER: &[&str] = &[
    // Where cloud machines learn their credentials, in every spelling.
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.43518",
    "169.16689662",
    "１６９.２５４.１６９.２５４",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
    "169。254。169。254",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0:169.254.169.254]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::169.254.169.254]",
    "[64:ff9b:1:a9fe:00a9:fe00::]",
    "[2002:a9fe:a9fe::]",
    "[fd00:ec2::254]",
    "[fd00:ec2::23]",
    "[fd20:ce::254]",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.0.23",
    "100.100.100.200",
    "1684301000",
    "100.96.0.96",
    "192.0.0.192",
    "168.63.129.16",
    // No address of a machine.
    "0.0.0.0",
    "0",
    "0x0",
    "0.1.2.3",
    "[::]",
    "[::ffff:0.0.0.0]",
    "192.0.0.8",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "0xffffffff",
    "[ff02::1]",
    "[2001:db8::1]",
    // Teredo, which has an IPv4 address in it, and what else is reserved.
    "[2001:0:a9fe:a9fe::1]",
    "[2001::1]",
    "[3fff::1]",
    "[100::1]",
    "[4000::1]",
];

/// Public hosts, at the edges of what is not.
const OUTSIDE: &[&str] = &[
    "1.1.1.1",
    "16843009",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "[2606:4700::1111]",
    "[64:ff9b::8.8.8.8]",
    "[::ffff:8.8.8.8]",
    "[2002:808:808::]",
];

/// A port at which nothing listens, should it be dialled all the same.
const PORT: u16 = 1;

async fn refusal_of(host: &str, inward: bool) -> String {
    let origin = format!("http://{host}:{PORT}");
    let grant = HostGrant::parse(&origin, inward).unwrap_or_else(|error| panic!("{origin}: {error}"));
    match send(vec![grant], get(&format!("{origin}/")), &Limits::default()).await {
        Err(HttpRefusal::NotGranted(why)) => why,
        other => panic!("{host}: {other:?}"),
    }
}

#[tokio::test]
async fn no_spelling_of_an_inner_address_is_dialled_unless_the_grant_reaches_inside() {
    for host in INSIDE {
        let why = refusal_of(host, false).await;
        assert!(why.contains("inward = true"), "{host}: {why}");
    }
}

#[tokio::test]
async fn no_spelling_of_a_metadata_service_or_of_no_address_is_dialled_whatever_is_granted() {
    for host in NEVER {
        for inward in [false, true] {
            let why = refusal_of(host, inward).await;
            assert!(why.contains("never reached"), "{host}: {why}");
        }
    }
}

#[test]
fn public_addresses_are_outward() {
    for host in OUTSIDE {
        let url = check_url(&format!("http://{host}/")).unwrap();
        let address = match url.host().unwrap() {
            url::Host::Ipv4(address) => address.into(),
            url::Host::Ipv6(address) => address.into(),
            url::Host::Domain(name) => panic!("{name}"),
        };
        assert_eq!(judge(address), Standing::Outward, "{host}");
    }
}

/// What is granted, and an URL that is not, however much it looks like it.
const NOT_GRANTED: &[(&str, &str)] = &[
    ("https://api.example.com", "https://other.example.com/"),
    ("https://api.example.com", "https://example.com/"),
    ("https://api.example.com", "https://com/"),
    ("https://api.example.com", "https://api.example.com.evil.example/"),
    ("https://api.example.com", "https://evil-api.example.com/"),
    ("https://api.example.com", "https://apixexample.com/"),
    ("https://api.example.com", "https://evil.example/api.example.com"),
    ("https://api.example.com", "https://evil.example/?https://api.example.com/"),
    ("https://api.example.com", "https://evil.example/#https://api.example.com/"),
    ("https://api.example.com", "https://evil.example\\.api.example.com/"),
    ("https://api.example.com", "https:\\\\evil.example\\api.example.com"),
    ("https://api.example.com", "https:evil.example/api.example.com"),
    // Another scheme or port of the same host.
    ("https://api.example.com", "http://api.example.com/"),
    ("https://api.example.com", "http://api.example.com:443/"),
    ("https://api.example.com", "https://api.example.com:80/"),
    ("https://api.example.com", "https://api.example.com:8443/"),
    ("http://api.example.com:8080", "http://api.example.com/"),
    // Letters that look alike: Cyrillic а, Greek ο, a dotless i, a letter beside its mark, a dash that is none.
    ("https://api.example.com", "https://\u{430}pi.example.com/"),
    ("https://api.example.com", "https://api.example.c\u{3bf}m/"),
    ("https://api.example.com", "https://ap\u{131}.example.com/"),
    ("https://api.example.com", "https://api.e\u{301}xample.com/"),
    ("https://my-shop.example.com", "https://my\u{2010}shop.example.com/"),
    ("https://api.example.com", "https://xn--pi-6kc.example.com/"),
    // Dots that are no dots, behind a domain.
    ("https://*.example.com", "https://a.example.com\u{2024}evil.example/"),
    ("https://*.example.com", "https://a.example.com\u{3002}evil.example/"),
    ("https://*.example.com", "https://example.com/"),
    ("https://*.example.com", "https://.example.com/"),
    ("https://*.example.com", "https://evilexample.com/"),
    ("https://*.example.com", "https://a.example.com.evil.example/"),
    ("https://*.example.com", "http://a.example.com/"),
    // A name is not the address that it stands for, nor the other way round.
    ("http://127.0.0.1:9000", "http://localhost:9000/"),
    ("http://localhost:9000", "http://127.0.0.1:9000/"),
    ("http://localhost:9000", "http://[::1]:9000/"),
    ("http://127.0.0.1:9000", "http://127.0.0.1:9001/"),
    ("http://127.0.0.1:9000", "http://[::ffff:127.0.0.1]:9000/"),
];

#[tokio::test]
async fn what_only_looks_like_a_granted_host_is_refused() {
    for (grant, url) in NOT_GRANTED {
        let refused = send(vec![granted(grant, true)], get(url), &Limits::default()).await;
        // Some are no URL at all.
        assert!(
            matches!(&refused, Err(HttpRefusal::NotGranted(why)) if why.contains("is not granted"))
                || matches!(&refused, Err(HttpRefusal::Malformed(_))),
            "{grant} and {url}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_granted_unless_somebody_granted_it() {
    for url in ["https://api.example.com/", "http://127.0.0.1/", "http://1.1.1.1/"] {
        let refused = send(Vec::new(), get(url), &Limits::default()).await;
        assert!(matches!(refused, Err(HttpRefusal::NotGranted(_))), "{url}: {refused:?}");
    }
}

/// URLs that are none, or that say more than where to ask what.
const NO_URL: &[&str] = &[
    "https://api.example.com@evil.example/",
    "https://evil.example@api.example.com/",
    "https://user:secret@api.example.com/",
    "https://:secret@api.example.com/",
    "https://api.example.com:443@evil.example/",
    "https://api.example.com%40evil.example/",
    "https://api.example.com%00.evil.example/",
    "https://api.example.com%2fevil.example/",
    "https://api.example.com%0d%0a/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
    "https://::1/",
    "http://127.0.0.256/",
    "http://0x100000000/",
    "https://api.example.com:65536/",
    "https://api.example.com:-1/",
    "https://",
    "https:///",
    "//api.example.com/",
    "/relative",
    "api.example.com",
    "",
    "file:///etc/passwd",
    "ftp://api.example.com/",
    "gopher://api.example.com:11211/_stats",
    "data:text/plain,x",
    "javascript:alert(1)",
    "ws://api.example.com/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/containers",
    "blob:https://api.example.com/x",
    "view-source:https://api.example.com/",
];

#[tokio::test]
async fn an_url_with_more_or_less_than_an_address_is_refused() {
    for url in NO_URL {
        let grants = vec![granted("https://api.example.com", true)];
        let refused = send(grants, get(url), &Limits::default()).await;
        assert!(
            matches!(refused, Err(HttpRefusal::Malformed(_) | HttpRefusal::Forbidden(_))),
            "{url}: {refused:?}"
        );
    }
}

#[test]
fn every_spelling_of_a_host_is_compared_as_one() {
    for (text, host) in [
        ("https://EXAMPLE.com./a", "example.com"),
        ("https://ｅxample.com/", "example.com"),
        ("https://ex\tam\nple.com/", "example.com"),
        ("https://例子.example/", "xn--fsqu00a.example"),
        ("https://ex%61mple.com/", "example.com"),
        ("https:\\\\example.com\\a", "example.com"),
    ] {
        assert_eq!(check_url(text).unwrap().host_str(), Some(host), "{text}");
    }
}

/// They speak of the hop between two machines, or would make the next one believe that another was meant.
const HEADERS: &[&str] = &[
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

async fn with_header(name: &str, value: &str) -> Result<(), HttpRefusal> {
    let headers = vec![(name.to_owned(), value.to_owned())];
    let request = HttpRequest { headers, ..get("https://api.example.com/") };
    send(Vec::new(), request, &Limits::default()).await.map(drop)
}

#[tokio::test]
async fn the_hosts_own_headers_are_refused_in_any_spelling() {
    for name in HEADERS {
        let mixed: String =
            name.char_indices().map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
        for name in [(*name).to_owned(), name.to_uppercase(), mixed] {
            let refused = with_header(&name, "x").await;
            assert!(
                matches!(&refused, Err(HttpRefusal::Forbidden(why)) if why.contains("host's own")),
                "{name}: {refused:?}"
            );
        }
    }
    // Not theirs: the refusal is the missing grant's.
    assert!(matches!(with_header("authorization", "x").await, Err(HttpRefusal::NotGranted(_))));
}

#[tokio::test]
async fn no_header_holds_another_one() {
    for (name, value) in [
        ("x", "a\r\nhost: evil.example"),
        ("x", "a\nhost: evil.example"),
        ("x", "a\rhost: evil.example"),
        ("x", "a\0"),
        ("x", "a\u{7f}"),
        ("x: a\r\nhost", "evil.example"),
        ("x\r\n\r\nGET / HTTP/1.1", "a"),
        ("host ", "evil.example"),
        (" host", "evil.example"),
        ("host\t", "evil.example"),
        ("host:", "evil.example"),
        ("hoſt", "evil.example"),
        ("", "a"),
    ] {
        let refused = with_header(name, value).await;
        assert!(matches!(refused, Err(HttpRefusal::Malformed(_))), "{name:?}: {value:?}: {refused:?}");
    }
}

#[tokio::test]
async fn only_methods_that_ask_are_sent() {
    for method in
        ["CONNECT", "TRACE", "TRACK", "get", "PRI", "", "GET / HTTP/1.1\r\nhost: evil.example\r\n\r\nGET"]
    {
        let request = HttpRequest { method: method.to_owned(), ..get("https://api.example.com/") };
        let refused =
            send(vec![granted("https://api.example.com", false)], request, &Limits::default()).await;
        assert!(matches!(refused, Err(HttpRefusal::Forbidden(_))), "{method:?}: {refused:?}");
    }
}

#[tokio::test]
async fn requests_pass_at_their_limits_and_not_one_byte_past_them() {
    let limits = Limits { http_request_bytes: 2, http_header_bytes: 4, ..Limits::default() };
    let ask = async |body: &[u8], value: &str| {
        let headers = vec![("x".to_owned(), value.to_owned())];
        let request = HttpRequest { body: Some(body.to_owned()), headers, ..get("https://api.example.com/") };
        send(Vec::new(), request, &limits).await.map(drop)
    };
    assert!(matches!(ask(b"12", "abc").await, Err(HttpRefusal::NotGranted(_))));
    assert!(matches!(ask(b"123", "abc").await, Err(HttpRefusal::TooLarge("http_request_bytes"))));
    assert!(matches!(ask(b"12", "abcd").await, Err(HttpRefusal::TooLarge("http_header_bytes"))));
}

#[tokio::test]
async fn whoever_watches_hears_of_each_request_that_nobody_allowed_and_of_no_other() {
    use std::sync::{Arc, Mutex};
    let heard: Arc<Mutex<Vec<(&str, String)>>> = Arc::default();
    let telling = Arc::clone(&heard);
    // Nobody listens at port 1.
    let http = crate::http::Http::new(vec![granted("http://127.0.0.1:1", true)], &Limits::default()).unwrap();
    let http =
        http.telling(Arc::new(move |word, text| telling.lock().unwrap().push((word, text.to_owned()))));
    let with_header =
        HttpRequest { headers: vec![("host".to_owned(), "x".to_owned())], ..get("http://127.0.0.1:1/") };
    for request in [
        get("http://169.254.169.254/latest/meta-data/"),
        with_header,
        get("http://127.0.0.1:1/"),
        get("no address"),
    ] {
        assert!(http.send(request, &Limits::default()).await.is_err());
    }
    let heard = heard.lock().unwrap();
    let words: Vec<&str> = heard.iter().map(|(word, _)| *word).collect();
    assert_eq!(words, ["not_granted", "forbidden"], "{heard:?}");
    assert!(heard[0].1.contains("169.254.169.254"), "{heard:?}");
}
