//! A platform's HTTP side: an axum router on a free port of the loopback, gone when its last handle is
//! dropped.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub struct Server {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    pub async fn start(routes: Router) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port on the loopback")?;
        let address = listener.local_addr().context("a bound socket without an address")?;
        let serving = tokio::spawn(async move {
            // Ends only when the task is aborted; an accept error would show as refused connections in the
            // test.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, serving })
    }

    /// Without a slash at the end: `http://127.0.0.1:40123`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
