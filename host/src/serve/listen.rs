//! The host's doors: one for channels and one for people, or one for both; with TLS where a certificate is configured.
//!
//! Whoever connects is a stranger. Here is what a connection may cost before a request is read: how many there are at
//! once, how long a head, a greeting of TLS, or a reader who does not read may take, and how much of a head is kept. What
//! a request may be is `api`'s.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::{ApiState, CallerLimits, Callers, Peer, Routers, TokenFile, Tokens};
use axum::Router;
use config::Config;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::tls::{Certificate, Certificates};

/// Bytes of a head that are kept until it is whole: what `api` lets pass, and as much again for what it tells of.
const HEAD_BYTES_MAX: usize = 2 * (api::URI_BYTES_MAX + api::HEADER_BYTES_MAX);

/// Headers that are read before `api` counts them.
const HEADERS_READ_MAX: usize = 2 * api::HEADERS_MAX;

/// How long a caller may take no byte of its answer.
const WRITE_MAX: Duration = Duration::from_secs(30);

/// How long no connection is taken after the machine had no file left for one.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// How long the word that there is no room may take.
const FULL_WRITE_MAX: Duration = Duration::from_secs(1);

/// Told to whom there is no room for.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What one connection may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DoorLimits {
    pub(crate) connections_max: usize,
    pub(crate) head_within: Duration,
    pub(crate) write_within: Duration,
}

/// Who is let in to the API: the tokens of the file, and the one of the configuration.
pub(crate) fn tokens(config: &Config) -> Tokens {
    let file = TokenFile::new(&config.data_dir, &config.tenant);
    let configured = config.api.token.as_ref().map(config::Secret::expose);
    if configured.is_none() && file.read().is_ok_and(|tokens| tokens.is_empty()) {
        tracing::warn!("nobody may use the API: there is no [api] token, and `heliu token create` made none");
    }
    Tokens::new(configured, Some(file))
}

/// Who fails too often.
pub(crate) fn callers(config: &Config) -> Callers {
    let limits = &config.limits;
    Callers::new(CallerLimits {
        token_failures: limits.token_failures_per_minute,
        webhook_failures: limits.webhook_failures_per_minute,
        forwarded_by: limits.forwarded_by.clone(),
    })
}

/// Bound, and not open yet.
pub(crate) struct Doors {
    hooks: Door,
    /// There where the API has one of its own.
    api: Option<Door>,
    limits: DoorLimits,
}

pub(crate) struct Door {
    listener: TcpListener,
    certificate: Option<Certificate>,
}

/// Where the host listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listening {
    pub(crate) hooks: Address,
    pub(crate) api: Address,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    pub(crate) at: SocketAddr,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.at)
    }
}

impl Doors {
    pub(crate) async fn bind(config: &Config, certificates: &Certificates) -> anyhow::Result<Doors> {
        let bind = async |key: &str, at: SocketAddr, certificate: Option<Certificate>| {
            let listener = TcpListener::bind(at).await;
            let listener =
                listener.with_context(|| format!("{}: {key}: listen on {at}", config.path.display()))?;
            anyhow::Ok(Door { listener, certificate })
        };
        let hooks = bind("listen", config.listen, certificates.hooks.clone()).await?;
        let api = match config.api.listen {
            Some(at) => Some(bind("[api] listen", at, certificates.api.clone()).await?),
            None => None,
        };
        let limits = DoorLimits {
            connections_max: config.limits.connections_max,
            head_within: config.limits.head_within,
            write_within: WRITE_MAX,
        };
        Ok(Doors { hooks, api, limits })
    }

    pub(crate) fn listening(&self) -> std::io::Result<Listening> {
        let address = |door: &Door| {
            std::io::Result::Ok(Address { tls: door.certificate.is_some(), at: door.listener.local_addr()? })
        };
        Ok(Listening {
            hooks: address(&self.hooks)?,
            api: address(self.api.as_ref().unwrap_or(&self.hooks))?,
        })
    }

    /// Serves until it is told to stop, and then until the requests under way are answered.
    pub(crate) async fn serve(self, state: ApiState, stop: watch::Receiver<bool>) {
        let Doors { hooks, api, limits } = self;
        // One number for both: it is the process that has so many files.
        let room = Arc::new(Semaphore::new(limits.connections_max));
        match api {
            None => open(hooks, api::router(state), limits, room, stop).await,
            Some(door) => {
                let Routers { hooks: channels, api: people } = api::routers(state);
                let channels = open(hooks, channels, limits, Arc::clone(&room), stop.clone());
                tokio::join!(channels, open(door, people, limits, room, stop));
            }
        }
    }
}

pub(crate) async fn open(
    door: Door,
    routes: Router,
    limits: DoorLimits,
    room: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    let Door { listener, certificate } = door;
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection is taken for a moment");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!(connections_max = limits.connections_max, "no room for a connection");
            connections.spawn(refuse(stream, certificate.is_some()));
            continue;
        };
        let (routes, stop) = (routes.clone(), stop.clone());
        let certificate = certificate.clone();
        connections.spawn(async move {
            attend(stream, Peer(from.ip()), certificate.as_ref(), routes, limits, stop).await;
            drop(place);
        });
    }
    drop(listener);
    connections.join_all().await;
}

/// Until the host stops.
async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// The caller hung up before it was heard: nothing of ours.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// A word where one can be said; behind TLS it would cost the greeting.
async fn refuse(mut stream: TcpStream, tls: bool) {
    if !tls {
        drop(tokio::time::timeout(FULL_WRITE_MAX, stream.write_all(FULL)).await);
    }
}

async fn attend(
    stream: TcpStream,
    peer: Peer,
    certificate: Option<&Certificate>,
    routes: Router,
    limits: DoorLimits,
    stop: watch::Receiver<bool>,
) {
    // Answers are small and whole; waiting for more to send with them helps nobody.
    drop(stream.set_nodelay(true));
    let mut stream = Box::pin(TimeoutStream::new(stream));
    stream.as_mut().set_write_timeout_pinned(Some(limits.write_within));
    match certificate {
        None => converse(stream, peer, routes, limits, stop).await,
        Some(certificate) => {
            let greeting = tokio::time::timeout(limits.head_within, certificate.acceptor().accept(stream));
            match greeting.await {
                Ok(Ok(stream)) => converse(stream, peer, routes, limits, stop).await,
                // Strangers who speak no TLS, or none of ours: normal, and nothing to tell of each.
                Ok(Err(error)) => tracing::debug!(%error, "a greeting of TLS failed"),
                Err(_) => tracing::debug!("a greeting of TLS did not come in time"),
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    routes: Router,
    limits: DoorLimits,
    mut stop: watch::Receiver<bool>,
) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_READ_MAX);
    let routes = TowerToHyperService::new(routes);
    let asked = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        routes.call(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), asked));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests;
