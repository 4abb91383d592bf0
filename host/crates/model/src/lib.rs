//! What Heliu talks about: events, identities, customers, decisions, journal records.
//!
//! Plain values without behaviour beyond their own invariants. No I/O, no async, nothing derived for a wire: `abi` and
//! `wire` convert at their edges, by hand, so that a change here is felt there.

mod class;
mod customer;
mod decision;
mod event;
mod fold;
mod ids;
mod plugin;
mod record;
mod turn;

pub use class::Class;
pub use customer::{
    Alarm, Cause, Customer, FIRST_ERRAND, Handle, HeldIntent, HeldSegment, HeldStage, HeldTag, HeldTask,
    HeldTrait, IntentState, IntentStep, Latest, Memory, Missed, Reaction, Told, WELCOME,
};
pub use decision::{Change, Decision, Intent, NewTag, StaffTask, Stage, Verdict, Wake};
pub use event::{
    Act, Bond, Content, Direction, ENTERED, Event, Fact, Identity, LEFT, Look, Message, Order, OrderLine,
    OrderStep, Receipt, ReceiptStep, SEGMENTS, Tie, Touchpoint, Trait, Value, View,
};
pub use fold::{
    Apart, Conflict, Corrections, DeadTurn, Erasure, FoldState, Joined, Note, Overflow, Section,
    StrayReceipt, Version,
};
pub use ids::{CustomerId, Digest, Instant, Json, ParseIdError, Position};
pub use plugin::{
    Ability, Answer, Carriage, Chore, ConnectorDescriptor, Delivery, Errand, Fault, Harvest, MemoryCell,
    MemoryWrite, Outcome, Page, PolicyDescriptor, Reception, Refusal, Request, Scheme, name_matches,
};
pub use record::{
    Attest, Binding, ChannelEvent, Configure, Configured, Deed, DerivedEvent, Dropped, ERASED, Entry, Erase,
    Erased, Grant, HandTag, HandUntag, Join, OperatorAct, Outcomes, Pause, Progress, Proposal, Record,
    Retelling, Retract, Retry, Setup, Source, Split,
};
pub use turn::{CustomerView, Happening, IntentOutcome, Turn, is_part_of_turn};
