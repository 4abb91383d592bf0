//! Records that were appended and are not folded yet, as spans: they lead from a webhook's trace to the fold's.

use std::sync::{Arc, Mutex, PoisonError};

use model::Position;
use tracing::Span;

/// Of a backlog the first so many are led on.
const WAITING_MAX: usize = 10_000;

/// Cheap to clone; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Inside>);

#[derive(Default)]
struct Inside {
    spans: Mutex<Vec<(Position, Span)>>,
    /// The fold that is under way.
    fold: Mutex<Option<Span>>,
}

impl Waiting {
    /// The record there waits from now on, on behalf of the span that is current.
    pub(crate) fn begin(&self, position: Position) {
        let span = tracing::info_span!(target: api::TRACE, "wait_for_fold", position);
        let mut spans = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        // Where nobody collects traces there is no span.
        if !span.is_disabled() && spans.len() < WAITING_MAX {
            spans.push((position, span));
        }
    }

    /// The fold that is under way, if anybody waits for one: it may have begun before they did.
    pub(crate) fn fold(&self) -> Span {
        let mut fold = self.0.fold.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(span) = &*fold {
            return span.clone();
        }
        if self.0.spans.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return Span::none();
        }
        let span =
            tracing::info_span!(target: api::TRACE, parent: None, "fold", position = tracing::field::Empty);
        *fold = Some(span.clone());
        span
    }

    /// It has come so far: those up to there do not wait any more, and it follows from them.
    pub(crate) fn folded(&self, position: Position) {
        let fold = self.fold();
        *self.0.fold.lock().unwrap_or_else(PoisonError::into_inner) = None;
        fold.record("position", position);
        let mut spans = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.retain(|(waits, span)| {
            let done = *waits <= position;
            if done {
                fold.follows_from(span);
            }
            !done
        });
    }

    /// A commit of the fold that is under way.
    pub(crate) fn commit(&self) -> Span {
        let fold = self.fold();
        if fold.is_disabled() {
            fold
        } else {
            tracing::info_span!(target: api::TRACE, parent: &fold, "commit")
        }
    }
}
