//! `heliu:plugin@0.1.0`.
//!
//! The sandbox loads exported interfaces one by one, because a connector exports whichever it needs. The world below
//! therefore stands for no plugin: it is the union of all of them.

mod connector;
mod event;
mod packed;
mod policy;
mod turn;

mod generated {
    // A copy of the contract without the package comments of `connector.wit` and `policy.wit`: the parser of the pinned
    // wasmtime takes such a comment in one file only. A test below compares the two.
    wasmtime::component::bindgen!({
        path: "../../../wit/v0.1",
        inline: "
            package heliu:host;
            world every-plugin {
                include heliu:plugin/full-connector@0.1.0;
                include heliu:plugin/packed-tagging-policy@0.1.0;
            }
        ",
        world: "heliu:host/every-plugin",
        imports: {
            // Those that wait for something: the network, another call.
            "heliu:plugin/http@0.1.0.send": async | trappable,
            "heliu:plugin/memory@0.1.0.hold": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        // Unpacked, and packed.
        additional_derives: [serde::Serialize, serde::Deserialize],
    });
}

pub use generated::exports::heliu::plugin::{
    about_connector, chore_worker, feed, outlet, policy as policy_types, webhook,
};
pub use generated::heliu::plugin::{chores, clock, events, faults, http, log, memory};
pub use packed::{PackedVerdicts, PackingError};
pub use policy::{Answer, PolicyExports, PolicyInstance};
pub use turn::TurnRef;

/// The package that every plugin of ours speaks, without its version.
pub const PACKAGE: &str = "heliu:plugin";
/// The version of the contract in this module.
pub const VERSION: &str = "0.1.0";

/// Interfaces that hold types alone. Importing one asks for nothing.
pub const TYPES: [&str; 3] =
    ["heliu:plugin/chores@0.1.0", "heliu:plugin/events@0.1.0", "heliu:plugin/faults@0.1.0"];

pub const HTTP: &str = "heliu:plugin/http@0.1.0";
pub const MEMORY: &str = "heliu:plugin/memory@0.1.0";
pub const CLOCK: &str = "heliu:plugin/clock@0.1.0";
pub const LOG: &str = "heliu:plugin/log@0.1.0";

pub const ABOUT_CONNECTOR: &str = "heliu:plugin/about-connector@0.1.0";
pub const WEBHOOK: &str = "heliu:plugin/webhook@0.1.0";
pub const FEED: &str = "heliu:plugin/feed@0.1.0";
pub const CHORE_WORKER: &str = "heliu:plugin/chore-worker@0.1.0";
pub const OUTLET: &str = "heliu:plugin/outlet@0.1.0";
pub const POLICY: &str = "heliu:plugin/policy@0.1.0";
pub const PACKED_POLICY: &str = "heliu:plugin/packed-policy@0.1.0";
