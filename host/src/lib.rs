//! What the binaries of this package share: the wiring of concrete parts.
//!
//! Nobody else depends on it: the arrows end here.

pub mod erasures;
pub mod files;
pub mod shadows;
pub mod signature;
pub mod wiring;

/// The fold is many small values that live for one commit. Measured on it: a third faster than glibc's allocator, with a
/// tenth more memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
