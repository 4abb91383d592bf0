//! What the binaries of this package share: the wiring of concrete parts.
//!
//! Nobody else depends on it: the arrows end here.

pub mod wiring;
