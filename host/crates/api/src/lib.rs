//! Webhooks in, the HTTP read API out.
//!
//! [`router`] lists every route and the scopes that open it; each resource has a file under `routes`. What is answered is made in [`views`], which
//! the command line prints too. A webhook leaves here as an [`Incoming`] through a bounded queue and waits for its
//! [`Reply`]; everything else only reads.
//!
//! Knows no SQL and no plugin: it sees the journal and the store through their contracts, and the rest through the
//! channels in [`ApiState`].
//!
//! Invariant: what an error says of the host's inside goes to the log, never to the caller.

mod auth;
mod callers;
pub mod dead;
mod error;
mod guard;
mod intake;
pub mod lookup;
pub mod past;
mod query;
mod reading;
mod rereading;
mod retry;
mod router;
mod routes;
pub mod scan;
mod scanning;
mod state;
pub mod views;
pub mod why;

pub use auth::{
    CONFIG_TOKEN, Caller, Scope, TOKEN_PREFIX, TokenFile, TokenHash, TokenRecord, TokenStamp, TokenWord,
    Tokens, TokensError, make_token,
};
pub use callers::{CallerLimits, Callers, Peer};
pub use dead::TURNS_HEAL;
pub use guard::{API_BODY_MAX_BYTES, HEADER_BYTES_MAX, HEADERS_MAX, URI_BYTES_MAX};
pub use intake::{Incoming, Reply, TRACE};
pub use retry::{Retry, RetryRefused};
pub use router::{Access, Routers, accesses, router, routers};
pub use scanning::ScanLimits;
pub use state::{Advance, ApiState, BreakerState, Condition, HealthReport, Metrics, PluginState, Role};
