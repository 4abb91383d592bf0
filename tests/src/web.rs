//! One HTTP client for everything here: no proxy, no redirect.

use std::sync::Once;
use std::time::Duration;

use anyhow::Context as _;

/// A client that gives up after this long.
pub fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    static PROVIDER: Once = Once::new();
    // Everything here speaks plain HTTP on one machine; the client wants to know its cryptography all the same. An error
    // means that somebody chose before, which will do.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .context("make an HTTP client")
}
