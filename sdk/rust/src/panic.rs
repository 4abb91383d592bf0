//! What a panic leaves behind. In a guest it ends as a bare `unreachable` trap: what it said must be told before.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::host::{Host, Sandbox};
use crate::log::Level;

/// Makes panics tell the host's log what and where, before the trap. Does nothing outside of a component, where
/// there is no such log. Policies have no import to tell it by: they have the trap's backtrace alone.
#[allow(dead_code, reason = "a plugin of the world of policies does not call it")]
pub fn install_for_connector() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);

    if cfg!(target_arch = "wasm32") && !INSTALLED.swap(true, Ordering::Relaxed) {
        std::panic::set_hook(Box::new(|info| Sandbox.log(Level::Error, &info.to_string())));
    }
}
