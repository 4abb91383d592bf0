//! The real network: resolves a name once, judges every address, and dials only what it judged.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::address::{Standing, judge};
use super::grant::HostGrant;
use super::request::{CheckedRequest, is_ours};
use super::{HttpRefusal, HttpResponse};
use crate::limits::Limits;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Where the addresses of names come from.
pub(super) type LookUp = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// The system's resolver. Port 0 stands for the port of the URL.
fn system() -> LookUp {
    Arc::new(|host| Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) }))
}

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
        Network::with_names(grants, limits, &system())
    }

    pub(super) fn with_names(
        grants: Vec<HostGrant>,
        limits: &Limits,
        names: &LookUp,
    ) -> Result<Network, String> {
        let client = |inward| client(Judging { inward, names: Arc::clone(names) }, limits);
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

fn client(names: Judging, limits: &Limits) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls()?)
        .dns_resolver(Arc::new(names))
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
    names: LookUp,
}

/// One of a name's addresses was refused, and so is the name.
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
        let host = name.as_str().to_owned();
        let found = (self.names)(host.clone());
        Box::pin(async move {
            let addresses = judged(&host, found.await?, inward)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// All of them, or none: a name that leads inside and outside at once is somebody's attempt, and which address would be dialled
/// is chance.
fn judged(host: &str, found: Vec<SocketAddr>, inward: bool) -> Result<Vec<SocketAddr>, Refused> {
    for address in &found {
        let address = address.ip();
        admit(address, inward).map_err(|why| Refused { host: host.to_owned(), address, why })?;
    }
    Ok(found)
}

async fn receive(mut response: Response, limits: &Limits) -> Result<HttpResponse, HttpRefusal> {
    let too_large = |length: u64| length > limits.http_response_bytes as u64;
    if response.content_length().is_some_and(too_large) {
        return Err(HttpRefusal::TooLarge("http_response_bytes"));
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(HttpRefusal::Unreachable(
            "it goes on in another protocol, which nobody asked for".to_owned(),
        ));
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
