//! What is answered: the documents of `model` with the names behind their numbers. The API sends them, the command
//! line prints them.
//!
//! Every key is always there, `null` when absent, but for `event` and `source` of a cause: they are there where the
//! record was fetched with it. Times are milliseconds since the epoch, UTC; ids, digests and bytes are text.
//!
//! Knows nothing of HTTP. Where a view needs the fold's list of versions, it must be read after the customer: the list
//! only grows, so it then has every version that she refers to.

mod acts;
mod at;
mod cause;
mod customer;
mod dead;
mod held;
mod host;
mod identity;
mod intents;
mod segments;
mod timeline;
mod why;
mod why_not;

pub use acts::{
    ActView, DifferenceView, ErasesView, HandleMoveView, HeldStageView, HeldTagView, HeldTraitView,
    IntentChangeView, ProposedView, Reason, ReportView, StageChangeView, ToldView, TraitChangeView,
};
pub use at::{AsOf, AtView};
pub use cause::{Explained, SourceView, explain};
pub use customer::{
    CustomerPage, IntentView, StageName, StageView, Summary, TagView, TaskView, TraitView, Whole, page,
    summary, whole,
};
pub use dead::{
    DeadGroupView, DeadGroupsView, DeadLetterView, DeadPage, DeadTurnPage, DeadTurnView, DroppedView,
    EndedView, RequestView, RetriedView,
};
pub use held::{Held, HeldKind, held};
pub use host::{
    BoundView, BreakerView, DigestView, FailingView, HealthView, NotePage, NoteView, PluginView, PluginsView,
    SetupView,
};
pub use identity::{
    ConflictPage, ConflictView, DivisionView, EdgeView, EdgesView, HandleView, Mend, MergedView,
    RetractionView,
};
pub use intents::{IntentCount, IntentCountsView, IntentLine, IntentsPage};
pub use segments::{CountsView, MembersPage, NameCount, SegmentCount, SegmentView, SegmentsView, StageCount};
pub use timeline::{Caused, RecordView, TagsView, TimelinePage, record, tags, timeline, timeline_page};
pub use why::{HeldView, TellingView, WhyView};
pub use why_not::{
    Clock, DecisionView, HandView, LineView, MemoryView, PausedView, ReasonView, WhyNotView, decided,
    sentence, utc, why_not,
};

/// A part that `wire` writes.
pub type Raw = Box<serde_json::value::RawValue>;
