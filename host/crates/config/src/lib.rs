//! `heliu.toml`: parsed, checked, resolved.
//!
//! Each section of the file has a module of its own: what stands in the file (`…Section`, whose doc comments are the
//! user's documentation) and what the host gets. [`load`] reads the whole; [`EXAMPLE`] shows all of it.
//!
//! Knows nothing of what a plugin does with its settings; [`check_settings`] holds them against what the plugin says of
//! them.

mod api;
mod change;
mod connection;
mod courier;
mod duration;
mod error;
mod identity;
mod limits;
mod load;
mod log;
mod origin;
mod plugins;
mod policy;
mod schema;
mod secret;
mod section;
mod segment;
mod settings;
mod tls;
mod written;

pub use api::Api;
pub use change::Change;
pub use connection::Connection;
pub use duration::parse as parse_duration;
pub use error::{ConfigError, Problem};
pub use limits::Limits;
pub use load::{Clock, Config, TENANT, load};
pub use log::{Log, LogFormat};
pub use plugins::{PluginKey, Plugins};
pub use policy::{Policy, Shadow};
pub use schema::{SettingsError, check_settings};
pub use secret::Secret;
pub use tls::Tls;
pub use written::{CHANGE, Written};

/// A commented `heliu.toml` with every key there is. A test loads it.
pub const EXAMPLE: &str = include_str!("../heliu.example.toml");
