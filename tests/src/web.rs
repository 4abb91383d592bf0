//! One HTTP client for everything here: no proxy, no redirect.

use std::sync::Once;
use std::time::Duration;

use anyhow::Context as _;

/// A client that gives up after this long.
pub fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    builder(timeout).build().context("make an HTTP client")
}

/// As [`client`], and takes whatever certificate a host shows: those under test make their own, and another one while they run.
pub fn client_of_hosts(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    builder(timeout).tls_danger_accept_invalid_certs(true).build().context("make an HTTP client")
}

fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    // The client wants to know its cryptography, also where it speaks plain HTTP. An error means that somebody chose before,
    // which will do.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(timeout)
}
