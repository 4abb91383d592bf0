//! The fold: journal records in, customers out.
//!
//! Start with [`Router::settle`]. A batch of records is given to lanes, one for each customer (`identity`); the lanes
//! are run in rounds in which a customer stands at most once (`rounds`); what the policies say is written into the
//! customers (`apply`); all of it is one commit of the store.
//!
//! Invariants: the result depends on the journal and on the time up to which alarms fired, on nothing else: not on how
//! the journal was cut into batches, not on when the clock ticked, not on restarts. The router knows no wasm and no
//! clock: plugins are behind [`Plugins`].

mod apply;
mod correct;
mod desk;
mod error;
mod identity;
mod lane;
mod parts;
mod pending;
mod port;
mod rebuild;
mod rounds;
mod router;
mod setup;
mod slice;
mod telling;
mod trial;

pub use error::RouterError;
pub use identity::handles;
pub use port::{Plugins, PluginsError, TurnOutcome};
pub use rebuild::{Rebuilt, rebuild};
pub use router::{Folded, Router, RouterConfig};
pub use trial::{Pair, Side, Trial, trial};
pub use slice::{Alter, Replayed, Slice, as_of_position, as_of_time, moments, replay};
