//! Plugins that behave, to stand beside those that do not.

use crate::frame::framed;

/// Tags everybody `vip`, and remembers the position.
#[must_use]
pub fn policy() -> Vec<u8> {
    framed(include_str!("../healthy/policy.wat"))
}

/// Answers a webhook with its own body.
#[must_use]
pub fn connector() -> Vec<u8> {
    framed(include_str!("../healthy/connector.wat"))
}
