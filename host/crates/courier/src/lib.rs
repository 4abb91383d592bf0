//! When an intent may be carried, by which connection, and what is told of one that may not.
//!
//! [`Plan`] is what the operator says, the same for all policies. [`Rules`] judge by it: the same question always has
//! the same answer, since nothing here has a clock, a channel or a memory. What was carried before, who she is and what
//! the accounts have sent today is the caller's to know and to give.
//!
//! Invariant: carrying what [`Rules::judge`] lets be carried, and telling it so at the next call, never breaks a cap, a
//! gap or a budget. [`Ruling::Hold`] says from when on it is worth asking again, and before that the answer is not `Carry`.

mod accounts;
mod groups;
mod plan;
mod presets;
mod reason;
mod retry;
mod route;
mod rules;
mod standing;
mod stops;
mod zone;

pub use accounts::{Account, Accounts, Address, StaffAccount, Tally};
pub use groups::{Errand, GROUP_MAX, Group, merge_tasks};
pub use plan::{
    Budget, Cap, Consent, Gap, Limit, Of, Plan, Preference, Priority, Quiet, Scope, Step, Suppression, Then,
    Window,
};
pub use presets::{PRESETS, Preset};
pub use reason::{Code, Reason};
pub use retry::{After, Retry};
pub use route::named_staff;
pub use rules::{Rules, Ruling};
pub use standing::{Candidate, Carried, Known, Purchase, Standing};
pub use zone::{Calendar, Span, TimeOfDay, Zone};
