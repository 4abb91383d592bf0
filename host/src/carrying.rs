//! What the courier's rules are asked about, out of what the host has: a customer's document, and the connections.
//!
//! The mover asks so before it carries, and a broadcast's preview before anything is proposed. Knows no clock and calls no
//! channel.

mod outlets;
mod purchases;
mod seen;
mod tally;

pub(crate) use outlets::Outlet;
pub(crate) use purchases::{Bought, purchases};
pub(crate) use seen::{Seen, candidate, handed_over};
pub(crate) use tally::Sent;
