//! One file for each resource.

pub(crate) mod acts;
pub(crate) mod clock;
pub(crate) mod conflicts;
pub(crate) mod customers;
pub(crate) mod dead;
pub(crate) mod digest;
pub(crate) mod edges;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod intents;
pub(crate) mod metrics;
pub(crate) mod notes;
pub(crate) mod plugins;
pub(crate) mod proposals;
pub(crate) mod segments;
pub(crate) mod tags;
pub(crate) mod timeline;
pub(crate) mod why;
pub(crate) mod why_not;
