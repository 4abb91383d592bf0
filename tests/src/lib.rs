//! What the end to end tests stand on: simulators of the platforms and a brand whose customers live on them.
//!
//! In reading order: the simulated [`clock`]; [`wecom`], [`youzan`] and [`tmall`], three platforms as they
//! behave on the wire; [`brand`], a skin-care brand with a deterministic life that is played through them, and the
//! truth that a host must arrive at; [`tenant`] and [`host`], the real host set up for that brand; [`soak`], which kills that host
//! and says whether anything was lost.
//!
//! Invariant: nothing here uses a crate of the host, of the SDK or of a plugin. The simulators are written
//! from the platforms' facts, so that a mistake in a connector cannot be repeated here by sharing its code.

// A test that unwraps is a test that fails with a place.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod beijing;
pub mod brand;
pub mod clock;
pub mod conservation;
pub mod delivery;
pub mod dice;
pub mod digest;
pub mod host;
pub mod platforms;
pub mod receiver;
pub mod server;
pub mod soak;
pub mod tenant;
pub mod tmall;
pub mod web;
pub mod wecom;
pub mod youzan;

pub use brand::{Brand, Happening, Hooks};
pub use clock::SimClock;
pub use delivery::{Delivery, Outcome};
pub use host::{Host, Launch, Launched};
pub use platforms::Platforms;
pub use tenant::Tenant;
pub use tmall::{TmallConfig, TmallSim};
pub use wecom::{WecomConfig, WecomSim};
pub use youzan::{YouzanConfig, YouzanSim};
