//! End to end: signed HTTP in, customers out, through the real binary and the real components.
//!
//! One binary, port 0, temporary folders, simulated time where time matters, and no sleeps.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with a place")]

mod access;
mod arrival;
mod backtest;
mod backup;
mod brand_life;
mod broadcasts;
mod carried;
mod cli;
mod courier;
mod crash;
mod damage;
mod erased;
mod faults;
mod friend;
mod hostile;
mod kept;
mod outcomes;
mod outlet;
mod overload;
mod peers;
mod privacy;
mod reload;
mod service;
mod stage;
mod tag_sync;
mod tmall_feed;
mod unmerge;
mod wallet;
mod webhook;
mod why_not;
