//! Connector for Youzan 有赞: orders, refunds, customers, points and coupons of one shop.
//!
//! Three ways in, one out. A push is received ([`receive`]) and becomes events by its type ([`facts`]). What
//! a push only hints at is fetched half a minute later ([`chores`], [`refund`]). What no push told is found
//! by polling ([`poll`], [`cursor`]). Points and coupons go out by [`outlet`]. All three ways in read an order by [`trade`] alone, and give one state of it
//! one id.
//!
//! Below them: [`push`] opens the envelope, [`api`] calls Youzan, [`known`] remembers what only details tell,
//! [`handles`] names people. At the bottom [`sign`] knows nothing of events, nor do the
//! SDK's [`json`], [`money`] and times.

mod connector;
mod receive;

mod api;
mod chores;
mod cursor;
mod facts;
mod handles;
mod known;
mod outlet;
mod poll;
mod push;
mod refund;
mod settings;
mod trade;

pub mod sign;

pub use heliu_sdk::json;
use heliu_sdk::money;

/// The connector. Its traits are in the module of that name.
pub struct Youzan;

// The names of a component's exports are none that a native linker takes.
#[cfg(target_arch = "wasm32")]
heliu_sdk::export_full_connector!(Youzan);
