//! Write Heliu plugins in Rust.
//!
//! A connector implements [`connector::Connector`] and the traits of its world; a policy implements [`policy::Policy`].
//! One `export_…!` call and the SDK feature of the same name make it a component. The README shows a whole plugin.
#![warn(missing_docs)]

// The generated code names this crate as its users see it.
extern crate self as heliu_sdk;

pub mod connector;
mod fitting;
#[cfg(all(feature = "harness", not(target_arch = "wasm32")))]
pub mod harness;
pub mod json;
pub mod money;
pub mod passes;
pub mod policy;
pub mod time;
pub mod words;

mod export;
#[doc(hidden)]
#[allow(missing_docs, unsafe_code, reason = "generated from the contract")]
pub mod glue;
mod host;
mod json_text;
mod panic;
mod run;
mod settings;
mod unpack;
#[allow(missing_docs, unsafe_code, reason = "generated from the contract, whose fields speak for themselves")]
mod wit;

pub use connector::{ChoreWorker, Connector, Feed, Outlet, Webhook};
pub use host::{Host, Sandbox};
pub use policy::Policy;
pub use settings::schema;

/// A connector's. The standard library's takes three calls for each allocation; this one is inlined, and knows that a guest
/// has one thread.
#[cfg(all(target_arch = "wasm32", not(feature = "tagging-policy")))]
#[global_allocator]
static TALC: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A policy's: it never gives memory back, since the instance itself is gone after the call. Giving back took a sixth of a
/// turn. A connector's call may read page after page, and does need its memory again.
#[cfg(all(target_arch = "wasm32", feature = "tagging-policy"))]
#[global_allocator]
static BUMP: mini_alloc::MiniAlloc = mini_alloc::MiniAlloc::INIT;

/// Events: what happened, to whom, and where.
pub mod events {
    pub use crate::wit::heliu::plugin::events::{
        Act, Bond, Content, Direction, Event, Fact, Identity, Instant, Json, Look, Message, Order, OrderLine,
        OrderStep, Receipt, ReceiptStep, Tie, Touchpoint, TraitValue, Value, View,
    };
}

/// Work that the host keeps for a connector and gives back to it.
pub mod chores {
    pub use crate::wit::heliu::plugin::chores::{Chore, Harvest};
}

/// Why a connector could not do its work.
pub mod faults {
    pub use crate::wit::heliu::plugin::faults::{Fault, Pause};
}

/// Outbound HTTP, to the granted hosts alone.
pub mod http {
    pub use crate::wit::heliu::plugin::http::{Failure, Request, Response};
}

/// The host's log.
pub mod log {
    pub use crate::wit::heliu::plugin::log::Level;
}

#[doc(hidden)]
pub mod __private {
    pub use crate::glue;
    pub use wit_bindgen;
}

/// The README's plugin compiles.
#[cfg(all(doctest, feature = "tagging-policy"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
