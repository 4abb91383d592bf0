//! The router as a caller sees it, over journals and stores in memory.
//!
//! One binary; every test reaches the router through [`world::World`].
#![expect(clippy::unwrap_used, reason = "a test that unwraps is a test that fails with a place")]

#[path = "http/access.rs"]
mod access;
#[path = "http/acts.rs"]
mod acts;
#[path = "http/callers.rs"]
mod callers;
#[path = "http/customers.rs"]
mod customers;
#[path = "http/dead.rs"]
mod dead;
#[path = "http/hooks.rs"]
mod hooks;
#[path = "http/host.rs"]
mod host;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/past.rs"]
mod past;
#[path = "http/reasons.rs"]
mod reasons;
#[path = "http/segments.rs"]
mod segments;
#[path = "http/world.rs"]
mod world;
