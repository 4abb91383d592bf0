//! Every attempt to reach what was not granted, in tables, and what a server can do to whoever asks it.

mod names;
mod refused;
mod servers;

use super::network::{LookUp, Network};
use super::{Carrier, Http, HttpRefusal, HttpRequest, HttpResponse};
use crate::http::HostGrant;
use crate::limits::Limits;
use std::sync::Arc;

fn granted(text: &str, inward: bool) -> HostGrant {
    HostGrant::parse(text, inward).unwrap()
}

fn get(url: &str) -> HttpRequest {
    HttpRequest { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None }
}

/// Sends a request under these grants.
async fn send(
    grants: Vec<HostGrant>,
    request: HttpRequest,
    limits: &Limits,
) -> Result<HttpResponse, HttpRefusal> {
    Http::new(grants, limits).unwrap().send(request, limits).await
}

/// The network of a machine whose names lead where `names` says.
fn with_names(grants: Vec<HostGrant>, limits: &Limits, names: &LookUp) -> Http {
    let network = Network::with_names(grants, limits, names).unwrap();
    Http { carrier: Arc::new(Carrier::Network(network)), on_refused: None }
}
