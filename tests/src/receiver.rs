//! A receiver of pushes that answers as it is told and keeps what it was sent: what a platform's side is
//! tested with.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use parking_lot::Mutex;

use crate::server::Server;

#[derive(Clone, Debug)]
pub struct Received {
    pub path_and_query: String,
    pub headers: HeaderMap,
    pub body: String,
}

pub struct Receiver {
    kept: Arc<Kept>,
    server: Server,
}

struct Kept {
    /// Status and body of the next answers; the usual one after them.
    answers: Mutex<VecDeque<(u16, String)>>,
    usual: String,
    received: Mutex<Vec<Received>>,
}

impl Receiver {
    /// Answers 200 with `usual`.
    pub async fn start(usual: &str) -> anyhow::Result<Self> {
        let kept =
            Arc::new(Kept { answers: Mutex::default(), usual: usual.to_owned(), received: Mutex::default() });
        let server = Server::start(Router::new().fallback(receive).with_state(kept.clone())).await?;
        Ok(Self { kept, server })
    }

    pub fn answer_next(&self, status: u16, body: &str) {
        self.kept.answers.lock().push_back((status, body.to_owned()));
    }

    pub fn hook(&self) -> String {
        format!("{}/hook", self.server.base_url())
    }

    pub fn received(&self) -> Vec<Received> {
        self.kept.received.lock().clone()
    }
}

async fn receive(
    State(kept): State<Arc<Kept>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let path_and_query = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    kept.received.lock().push(Received { path_and_query, headers, body });
    let (status, answer) = kept.answers.lock().pop_front().unwrap_or_else(|| (200, kept.usual.clone()));
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), answer)
}
