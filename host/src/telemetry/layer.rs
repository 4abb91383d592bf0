//! Gathers the spans of `tracing` that make up a trace.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::Word;

/// Links of one span. A fold takes up thousands of webhooks after a pause.
const LINKS_MAX: usize = 128;

/// One span's place in the world of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace: u128,
    pub(super) span: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) parent: Option<u64>,
    pub(super) start_ns: u128,
    pub(super) end_ns: u128,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) links: Vec<Place>,
}

/// A span under way. It has ended when it was left for the last time: those below it may hold it longer.
struct Live {
    finished: Finished,
    left: bool,
}

pub(crate) struct Spans {
    out: mpsc::Sender<Word>,
    lost: Arc<AtomicU64>,
}

impl Spans {
    pub(super) fn new(out: mpsc::Sender<Word>, lost: Arc<AtomicU64>) -> Spans {
        Spans { out, lost }
    }

    /// Which spans make up traces, of all that there are.
    pub(crate) fn wants(span: &Metadata<'_>) -> bool {
        span.is_span() && span.target() == api::TRACE
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Live>().map(Live::place));
        let fresh = || u128::from(random()) << 64 | u128::from(random());
        let place = Place { trace: parent.map_or_else(fresh, |parent| parent.trace), span: random() };
        let finished = Finished {
            name: span.name(),
            place,
            parent: parent.map(|parent| parent.span),
            start_ns: now_ns(),
            end_ns: 0,
            attributes: Vec::new(),
            links: Vec::new(),
        };
        let mut live = Live { finished, left: false };
        attributes.record(&mut live);
        span.extensions_mut().insert(live);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(live) = span.extensions_mut().get_mut::<Live>() {
            values.record(live);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let (Some(span), Some(before)) = (context.span(id), context.span(follows)) else { return };
        let Some(place) = before.extensions().get::<Live>().map(Live::place) else { return };
        if let Some(live) = span.extensions_mut().get_mut::<Live>()
            && live.finished.links.len() < LINKS_MAX
        {
            live.finished.links.push(place);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(live) = span.extensions_mut().get_mut::<Live>() {
            (live.finished.end_ns, live.left) = (now_ns(), true);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Live { mut finished, left }) = span.extensions_mut().remove::<Live>() else { return };
        if !left {
            finished.end_ns = now_ns();
        }
        if self.out.try_send(Word::Finished(finished)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Live {
    fn place(&self) -> Place {
        self.finished.place
    }

    fn put(&mut self, field: &Field, value: Value) {
        let attributes = &mut self.finished.attributes;
        match attributes.iter_mut().find(|(name, _)| *name == field.name()) {
            Some(held) => held.1 = value,
            None => attributes.push((field.name(), value)),
        }
    }
}

impl Visit for Live {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Number(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::Number(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Truth(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::Text(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, Value::Text(format!("{value:?}")));
    }
}

/// A number that no other span has. Never zero, which means none.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    hasher.finish() | 1
}

fn now_ns() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}
