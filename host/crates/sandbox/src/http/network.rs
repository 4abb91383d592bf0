//! The real network: resolves a name once, judges every address, and dials only what it judged.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::address::{Standing, judge};
use super::grant::HostGrant;
use super::request::{CheckedRequest, is_ours};
use super::{HttpRefusal, HttpResponse};
use crate::limits::Limits;

/// One connection's clients. Two, because a pooled connection to an inner address must not serve a grant that does not
/// reach inside.
pub(super) struct Network {
    grants: Vec<HostGrant>,
    outward: Client,
    inward: Client,
    in_flight: Semaphore,
}

impl Network {
    pub(super) fn new(grants: Vec<HostGrant>, limits: &Limits) -> Result<Network, String> {
        let client = |inward| client(inward, limits);
        Ok(Network {
            grants,
            outward: client(false)?,
            inward: client(true)?,
            in_flight: Semaphore::new(limits.http_in_flight),
        })
    }

    pub(super) async fn send(
        &self,
        request: CheckedRequest,
        limits: &Limits,
    ) -> Result<HttpResponse, HttpRefusal> {
        let grant = self.grant(&request.url)?;
        let client = if grant.inward() { &self.inward } else { &self.outward };
        judge_literal(&request.url, grant.inward())?;
        // One deadline over the wait, the request and the body.
        tokio::time::timeout(limits.http_total, async {
            let _turn = self
                .in_flight
                .acquire()
                .await
                .map_err(|_| HttpRefusal::Bug("the client is closed".to_owned()))?;
            let CheckedRequest { text: _, method, url, headers, body } = request;
            let mut builder = client.request(method, url).headers(headers);
            if let Some(body) = body {
                builder = builder.body(body);
            }
            let response = builder.send().await.map_err(|error| refusal(&error))?;
            receive(response, limits).await
        })
        .await
        .unwrap_or(Err(HttpRefusal::TimedOut))
    }

    /// Where several grants cover a host, one that reaches inside holds.
    fn grant(&self, url: &Url) -> Result<&HostGrant, HttpRefusal> {
        let covering = || self.grants.iter().filter(|grant| grant.covers(url));
        covering().find(|grant| grant.inward()).or_else(|| covering().next()).ok_or_else(|| {
            HttpRefusal::NotGranted(format!("{} is not granted", url.origin().ascii_serialization()))
        })
    }
}

fn client(inward: bool, limits: &Limits) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls()?)
        .dns_resolver(Arc::new(Judging { inward }))
        // A redirect is the plugin's to follow, through the grants again.
        .redirect(Policy::none())
        // A proxy from the environment would dial what nobody judged.
        .no_proxy()
        .connect_timeout(limits.http_connect)
        .user_agent(concat!("heliu/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| chain(&error))
}

/// Mozilla's roots, compiled in: the same on every machine, in a container without certificates, too. Made once.
fn tls() -> Result<ClientConfig, String> {
    static CONFIG: OnceLock<Result<ClientConfig, String>> = OnceLock::new();
    let make = || {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    };
    CONFIG.get_or_init(make).clone()
}

/// An address in the URL itself is never resolved, so it is judged here.
fn judge_literal(url: &Url, inward: bool) -> Result<(), HttpRefusal> {
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) => return Ok(()),
        None => return Err(HttpRefusal::Malformed("an URL without a host".to_owned())),
    };
    admit(address, inward).map_err(|why| HttpRefusal::NotGranted(format!("{address} {why}")))
}

fn admit(address: IpAddr, inward: bool) -> Result<(), String> {
    match judge(address) {
        Standing::Outward => Ok(()),
        Standing::Inward(_) if inward => Ok(()),
        Standing::Inward(what) => Err(format!("is {what}: grant the host with inward = true to allow it")),
        Standing::Never(what) => Err(format!("is {what}: never reached")),
    }
}

/// Gives the client judged addresses only. It dials one of them: there is no second look-up to answer differently.
struct Judging {
    inward: bool,
}

/// All of a name's addresses were refused.
#[derive(Debug, thiserror::Error)]
#[error("{host}: its address {address} {why}")]
struct Refused {
    host: String,
    address: IpAddr,
    why: String,
}

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let inward = self.inward;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // Port 0 stands for the port of the URL.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let addresses = judged(&host, found, inward)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn judged(host: &str, found: Vec<SocketAddr>, inward: bool) -> Result<Vec<SocketAddr>, Refused> {
    let mut refused = None;
    let mut addresses = Vec::with_capacity(found.len());
    for address in found {
        match admit(address.ip(), inward) {
            Ok(()) => addresses.push(address),
            Err(why) => refused = Some(Refused { host: host.to_owned(), address: address.ip(), why }),
        }
    }
    match refused {
        Some(refused) if addresses.is_empty() => Err(refused),
        Some(_) | None => Ok(addresses),
    }
}

async fn receive(mut response: Response, limits: &Limits) -> Result<HttpResponse, HttpRefusal> {
    let too_large = |length: u64| length > limits.http_response_bytes as u64;
    if response.content_length().is_some_and(too_large) {
        return Err(HttpRefusal::TooLarge("http_response_bytes"));
    }
    let status = response.status().as_u16();
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| !is_ours(name.as_str()) || name.as_str() == "content-length")
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits.http_header_bytes {
        return Err(HttpRefusal::TooLarge("http_header_bytes"));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| refusal(&error))? {
        if body.len() + chunk.len() > limits.http_response_bytes {
            return Err(HttpRefusal::TooLarge("http_response_bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body })
}

fn refusal(error: &reqwest::Error) -> HttpRefusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return HttpRefusal::NotGranted(refused.to_string());
        }
        cause = error.source();
    }
    if error.is_timeout() { HttpRefusal::TimedOut } else { HttpRefusal::Unreachable(chain(error)) }
}

/// The causes, without reqwest's own words: they hold the URL, and a URL may hold a token.
fn chain(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        cause = error.source();
    }
    if texts.is_empty() { "the request failed".to_owned() } else { texts.join(": ") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::{Http, HttpRequest};

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn of_a_mixed_answer_only_public_addresses_are_dialled() {
        let mixed = addresses(&["10.0.0.1", "1.1.1.1", "169.254.169.254"]);
        assert_eq!(judged("a.example", mixed.clone(), false).unwrap(), addresses(&["1.1.1.1"]));
        assert_eq!(judged("a.example", mixed, true).unwrap(), addresses(&["10.0.0.1", "1.1.1.1"]));
        let inside = judged("a.example", addresses(&["10.0.0.1"]), false).unwrap_err();
        assert!(inside.to_string().contains("inward = true"), "{inside}");
        assert!(judged("a.example", addresses(&["169.254.169.254"]), true).is_err());
    }

    /// Answers one request with `answer`, and gives the port.
    async fn server(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    async fn get(grant: &str, inward: bool, url: &str, limits: &Limits) -> Result<HttpResponse, HttpRefusal> {
        let http = Http::new(vec![HostGrant::parse(grant, inward).unwrap()], limits).unwrap();
        let request =
            HttpRequest { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None };
        http.send(request, limits).await
    }

    #[tokio::test]
    async fn an_inner_address_needs_a_grant_that_says_so() {
        let port =
            server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\nx-a: b\r\n\r\nhi").await;
        let limits = Limits::default();
        for url in [format!("http://127.0.0.1:{port}/"), format!("http://localhost:{port}/")] {
            let refused = get(&url, false, &url, &limits).await;
            assert!(
                matches!(refused, Err(HttpRefusal::NotGranted(ref why)) if why.contains("inward")),
                "{refused:?}"
            );
            let answer = get(&url, true, &url, &limits).await.unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"hi"[..]));
            assert!(answer.headers.iter().any(|(name, _)| name == "x-a"));
            assert!(!answer.headers.iter().any(|(name, _)| name == "connection"));
        }
        let other = get("https://a.example", true, &format!("http://127.0.0.1:{port}/"), &limits).await;
        assert!(matches!(other, Err(HttpRefusal::NotGranted(_))), "{other:?}");
    }

    #[tokio::test]
    async fn a_redirect_is_given_back_and_not_followed() {
        let port = server(
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        )
        .await;
        let url = format!("http://127.0.0.1:{port}/");
        let answer = get(&url, true, &url, &Limits::default()).await.unwrap();
        assert_eq!(answer.status, 302);
    }

    #[tokio::test]
    async fn bodies_end_at_the_limit_whether_announced_or_not() {
        let announced = server("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n123").await;
        let endless = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n123").await;
        for port in [announced, endless] {
            let url = format!("http://127.0.0.1:{port}/");
            let at = Limits { http_response_bytes: 3, ..Limits::default() };
            let past = Limits { http_response_bytes: 2, ..Limits::default() };
            assert!(get(&url, true, &url, &at).await.is_ok());
            assert!(matches!(get(&url, true, &url, &past).await, Err(HttpRefusal::TooLarge(_))));
        }
    }

    #[tokio::test]
    async fn a_silent_server_times_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
        let limits = Limits { http_total: Duration::from_millis(50), ..Limits::default() };
        assert!(matches!(get(&url, true, &url, &limits).await, Err(HttpRefusal::TimedOut)));
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/?access_token=t0ken", listener.local_addr().unwrap().port());
        drop(listener);
        let refused = get(url.split("/?").next().unwrap(), true, &url, &Limits::default()).await;
        let Err(HttpRefusal::Unreachable(why)) = refused else { panic!("{refused:?}") };
        assert!(!why.contains("t0ken"), "{why}");
    }
}
