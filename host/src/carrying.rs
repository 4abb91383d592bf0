//! What the courier's rules are asked about, out of what the host has: a customer's document, and the connections.
//!
//! The mover asks so before it carries, and a broadcast's preview before anything is proposed. Knows no clock and calls no
//! channel.

mod carriers;
mod outlets;
mod purchases;
mod seen;
mod tally;

pub(crate) use carriers::Carriers;
pub(crate) use outlets::Outlet;
use purchases::{Bought, purchases};
use seen::Seen;
pub(crate) use seen::{candidate, handed_over, intent, place_taken};
pub(crate) use tally::{Sent, came_back};
