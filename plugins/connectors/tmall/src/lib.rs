//! Connector for Tmall and Taobao 天猫淘宝 over TOP, the open platform: orders and refunds of one shop.
//!
//! Three lists are polled ([`poll`], [`cursor`], [`lists`]): orders by the time of their creation, for the past; orders
//! and refunds by the time of their change, from then on. A list's rows are partial, so each leaves a chore behind
//! ([`chores`]), which fetches the order and tells of it ([`trade`], [`refund`]).
//!
//! Below them: [`api`] calls TOP and [`errors`] says who must act when it refuses, [`pace`] keeps quiet when it says that
//! there were too many calls, [`known`] remembers what only earlier states of an order tell, [`handles`] names people.
//! At the bottom [`request`] and [`sign`] know nothing of events.

mod connector;

mod api;
mod chores;
mod cursor;
mod errors;
mod handles;
mod known;
mod lists;
mod pace;
mod poll;
mod refund;
mod settings;
mod trade;

pub mod request;
pub mod sign;

/// The connector. Its traits are in the module of that name.
pub struct Tmall;

heliu_sdk::export_feed_connector!(Tmall);
