//! The fold: journal records in, customers out.
//!
//! Start with [`Router::settle`]. A batch of records is given to lanes, one for each customer (`identity`); the lanes
//! are run in rounds in which a customer stands at most once (`rounds`); what the policies say is written into the
//! customers (`apply`); all of it is one commit of the store.
//!
//! Invariants: the result depends on the journal and on the time up to which alarms fired, on nothing else: not on how
//! the journal was cut into batches, not on when the clock ticked, not on restarts. The router knows no wasm and no
//! clock: plugins are behind [`Plugins`].

mod acts;
mod apply;
mod correct;
mod desk;
mod document;
mod edges;
mod erase;
mod error;
mod identity;
mod judging;
mod lane;
mod outcomes;
mod owners;
mod parts;
mod pauses;
mod pending;
mod port;
mod rebuild;
mod report;
mod rounds;
mod router;
mod setup;
mod shadow;
mod slice;
mod staff_task;
mod telling;
mod trace;
mod trial;
mod walk;
mod why_not;

pub use acts::{ActError, Looked, Refused, check, look};
pub use document::TOO_MANY_HANDLES;
pub use edges::{Division, Edge, EdgeKind, Edges, Merged, Retraction, edges};
pub use erase::{Erases, waiting_names};
pub use error::RouterError;
pub use identity::handles;
pub use port::{PassedOver, Plugins, PluginsError, TurnOutcome};
pub use rebuild::{Rebuilt, UnderWay, rebuild, under_way};
pub use report::{
    Difference, Fate, HandleMove, IntentChange, IntentFate, Report, StageChange, ToldChange, TraitChange,
    report,
};
pub use router::{Folded, Router, RouterConfig};
pub use setup::{settings_digest, version_of};
pub use shadow::Shadow;
pub use slice::{Refolded, Slice, as_of_position, as_of_time, refold};
pub use trace::{Last, Shown, Skipped, Tracing};
pub use trial::{Pair, Side, Trial, trial};
pub use walk::{Moment, Since, Walk};
pub use why_not::{
    Before, Doer, Hand, Line, Missed, Question, Reason, Rung, Seen, Target, Turned, WhyNot, why_not,
};
