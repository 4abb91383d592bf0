//! What becomes a dead letter, and what a dead letter was.

use journal::{DeadRequest, DeadWhat};
use model::{Chore, Json, Request};
use sandbox::{LogLine, PluginFault};

use super::connection::Connection;

/// Lines of a plugin's log that stay with a letter: the last ones.
const LOG_LINES_MAX: usize = 20;

/// The word for what a connector itself says that it cannot understand.
pub(crate) const MALFORMED: &str = "malformed";

/// The connector said that it cannot be understood.
pub(crate) fn malformed(
    connection: &Connection,
    what: DeadWhat,
    request: Request,
    why: String,
    log: &[LogLine],
) -> DeadRequest {
    DeadRequest {
        what,
        reason: MALFORMED.to_owned(),
        why,
        plugin: connection.connector.digest(),
        title: connection.connector.descriptor().title.clone(),
        log: last(log),
        backtrace: None,
        request,
    }
}

/// The plugin failed at it.
pub(crate) fn failed(
    connection: &Connection,
    what: DeadWhat,
    request: Request,
    fault: &PluginFault,
) -> DeadRequest {
    DeadRequest {
        reason: fault.kind.name().to_owned(),
        backtrace: fault.backtrace.clone(),
        ..malformed(connection, what, request, fault.kind.to_string(), &fault.log)
    }
}

fn last(log: &[LogLine]) -> Vec<String> {
    let from = log.len().saturating_sub(LOG_LINES_MAX);
    log[from..].iter().map(|LogLine { level, text }| format!("{}: {text}", level.name())).collect()
}

/// A chore in the shape in which letters are kept.
pub(crate) fn of_chore(chore: &Chore) -> Request {
    of("CHORE", chore.key.clone(), chore.job.clone())
}

/// The page of the feed behind this cursor.
pub(crate) fn of_poll(cursor: Option<&Json>) -> Request {
    of("POLL", String::new(), cursor.cloned().unwrap_or_default())
}

fn of(method: &str, path: String, body: String) -> Request {
    let (query, headers) = (String::new(), Vec::new());
    Request { method: method.to_owned(), path, query, headers, body: body.into_bytes() }
}

/// The chore that it was.
pub(crate) fn chore(request: &Request) -> Chore {
    let job = String::from_utf8_lossy(&request.body).into_owned();
    Chore { key: request.path.clone(), due: None, job }
}

/// The cursor that it was asked from.
pub(crate) fn cursor(request: &Request) -> Option<Json> {
    let cursor = String::from_utf8_lossy(&request.body).into_owned();
    (!cursor.is_empty()).then_some(cursor)
}
