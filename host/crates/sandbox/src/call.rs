//! One call of a connector: what the host lends it, and what it leaves behind.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Instant, Json, MemoryCell, MemoryWrite};

use tokio::sync::OwnedMutexGuard;

use crate::http::Http;
use crate::limits::Limits;
use crate::meter::Meter;
use crate::redact::Redactor;
use crate::stop::Stop;

/// The time, in milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// What a connector is lent for one call.
#[derive(Clone)]
pub struct Call {
    /// The connection's name: log lines and faults bear it.
    pub connection: String,
    pub settings: Json,
    /// Values among the settings that are secret wherever they stand, besides those that the schema marks.
    pub secrets: Vec<String>,
    pub clock: Clock,
    pub memory: ConnectionMemory,
    /// The network as this connection may use it.
    pub http: Http,
    /// How long it may wait for its place. Past it, nothing was called.
    pub patience: Duration,
}

/// A call that came back.
#[derive(Debug)]
pub struct Called<T> {
    pub value: T,
    /// By key, each at most once.
    pub memory: Vec<MemoryWrite>,
    /// What the call held of the memory: to be dropped once `memory` is committed and applied.
    pub held: Held,
    pub log: Vec<LogLine>,
    /// Lines that gave way to younger ones.
    pub log_dropped: u64,
    pub http_requests: usize,
    /// Linear memory at its highest.
    pub memory_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// What a plugin logged: secrets and control characters are gone from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub level: Level,
    pub text: String,
}

/// What a connection remembers: read by its calls as they go, changed when what they yield is committed. Clones are one
/// memory.
#[derive(Clone, Default)]
pub struct ConnectionMemory {
    inside: Arc<Remembered>,
}

#[derive(Default)]
struct Remembered {
    cells: Mutex<Cells>,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Cells by key, and what they weigh.
#[derive(Default)]
struct Cells {
    by_key: HashMap<String, MemoryCell>,
    bytes: usize,
}

impl Cells {
    fn put(&mut self, cell: MemoryCell) {
        self.bytes += weight(&cell);
        if let Some(old) = self.by_key.insert(cell.key.clone(), cell) {
            self.bytes -= weight(&old);
        }
    }

    fn delete(&mut self, key: &str) {
        if let Some(old) = self.by_key.remove(key) {
            self.bytes -= weight(&old);
        }
    }

    fn forget_what_is_over(&mut self, now: Instant) {
        self.by_key.retain(|_, cell| cell.expires.is_none_or(|expires| now < expires));
        self.bytes = self.by_key.values().map(weight).sum();
    }
}

fn weight(cell: &MemoryCell) -> usize {
    cell.key.len() + cell.value.len()
}

impl ConnectionMemory {
    #[must_use]
    pub fn new(cells: Vec<MemoryCell>) -> ConnectionMemory {
        let mut remembered = Cells::default();
        cells.into_iter().for_each(|cell| remembered.put(cell));
        ConnectionMemory {
            inside: Arc::new(Remembered { cells: Mutex::new(remembered), turns: Mutex::default() }),
        }
    }

    /// What was committed is what calls read from now on; cells whose time is over are forgotten.
    pub fn apply(&self, writes: Vec<MemoryWrite>, now: Instant) {
        if writes.is_empty() {
            return;
        }
        let mut cells = self.inside.cells.lock().unwrap_or_else(PoisonError::into_inner);
        // Seldom enough to cost nothing, often enough that what is over never outnumbers what is not.
        if cells.by_key.len().is_power_of_two() {
            cells.forget_what_is_over(now);
        }
        for write in writes {
            match write {
                MemoryWrite::Set(cell) => cells.put(cell),
                MemoryWrite::Delete { key } => cells.delete(&key),
            }
        }
    }

    fn bytes(&self) -> usize {
        self.inside.cells.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// What it would weigh, of what lives, with these writes.
    fn bytes_with(&self, written: &BTreeMap<String, Option<MemoryCell>>, now: Instant) -> usize {
        let mut cells = self.inside.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.forget_what_is_over(now);
        let gone: usize = written.keys().filter_map(|key| cells.by_key.get(key)).map(weight).sum();
        cells.bytes - gone + written.values().flatten().map(weight).sum::<usize>()
    }

    fn get(&self, key: &str) -> Option<MemoryCell> {
        self.inside.cells.lock().unwrap_or_else(PoisonError::into_inner).by_key.get(key).cloned()
    }

    async fn hold(&self, key: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.inside.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody holds or waits for go before a new one comes.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

/// Keys of a connection's memory that are held until this is dropped.
#[derive(Debug, Default)]
pub struct Held {
    _guards: Vec<OwnedMutexGuard<()>>,
}

/// What a connector's store holds. Each host interface sees its part of it, through a view of its own.
pub(crate) struct State {
    pub(crate) meter: Meter,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    pub(crate) memory: CallMemory,
    pub(crate) log: CallLog,
    pub(crate) http: Http,
    pub(crate) http_requests: usize,
}

/// The connection's memory as the call sees it: what was there, and over it what the call wrote.
pub(crate) struct CallMemory {
    connection: ConnectionMemory,
    written: BTreeMap<String, Option<MemoryCell>>,
    written_bytes: usize,
    held: BTreeMap<String, OwnedMutexGuard<()>>,
}

impl CallMemory {
    pub(crate) fn new(connection: ConnectionMemory) -> CallMemory {
        CallMemory { connection, written: BTreeMap::new(), written_bytes: 0, held: BTreeMap::new() }
    }

    pub(crate) fn get(&self, key: &str, now: Instant) -> Option<Vec<u8>> {
        let cell = match self.written.get(key) {
            Some(written) => written.clone()?,
            None => self.connection.get(key)?,
        };
        let lives = cell.expires.is_none_or(|expires| now < expires);
        lives.then_some(cell.value)
    }

    pub(crate) fn set(&mut self, cell: MemoryCell, now: Instant, limits: &Limits) -> Result<(), Stop> {
        if cell.value.len() > limits.memory_value_bytes {
            let text = format!("the value of memory key \"{}\" has {} bytes", cell.key, cell.value.len());
            return Err(Stop::limit("memory_value_bytes", limits.memory_value_bytes, text));
        }
        self.write(cell.key.clone(), Some(cell), limits)?;
        // Counted exactly only where it may matter.
        if self.connection.bytes() + self.written_bytes <= limits.memory_bytes {
            return Ok(());
        }
        let bytes = self.connection.bytes_with(&self.written, now);
        if bytes > limits.memory_bytes {
            let text = format!("the connection's memory would have {bytes} bytes: let it forget something");
            return Err(Stop::limit("memory_bytes", limits.memory_bytes, text));
        }
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: String, limits: &Limits) -> Result<(), Stop> {
        self.write(key, None, limits)
    }

    fn write(&mut self, key: String, cell: Option<MemoryCell>, limits: &Limits) -> Result<(), Stop> {
        if key.len() > limits.memory_key_bytes {
            let text = format!("a memory key has {} bytes", key.len());
            return Err(Stop::limit("memory_key_bytes", limits.memory_key_bytes, text));
        }
        self.written_bytes += cell.as_ref().map_or(0, weight);
        if let Some(before) = self.written.insert(key, cell) {
            self.written_bytes -= before.as_ref().map_or(0, weight);
        }
        if self.written.len() > limits.memory_writes {
            let text = format!("it wrote {} memory keys", self.written.len());
            return Err(Stop::limit("memory_writes", limits.memory_writes, text));
        }
        Ok(())
    }

    /// Waits for its turn. Whoever waits longer than a call may last fails by that limit, not by this one.
    pub(crate) async fn hold(&mut self, key: String, limits: &Limits) -> Result<(), Stop> {
        if key.len() > limits.memory_key_bytes {
            let text = format!("a memory key has {} bytes", key.len());
            return Err(Stop::limit("memory_key_bytes", limits.memory_key_bytes, text));
        }
        if self.held.contains_key(&key) {
            return Ok(());
        }
        if self.held.len() >= limits.memory_holds {
            let text = format!("it holds {} memory keys", self.held.len());
            return Err(Stop::limit("memory_holds", limits.memory_holds, text));
        }
        let guard = self.connection.hold(&key).await;
        self.held.insert(key, guard);
        Ok(())
    }

    pub(crate) fn into_writes(self) -> (Vec<MemoryWrite>, Held) {
        let write = |(key, cell)| match cell {
            Some(cell) => MemoryWrite::Set(cell),
            None => MemoryWrite::Delete { key },
        };
        (self.written.into_iter().map(write).collect(), Held { _guards: self.held.into_values().collect() })
    }
}

/// The last lines of one call's log.
pub(crate) struct CallLog {
    redactor: Arc<Redactor>,
    lines: VecDeque<LogLine>,
    bytes: usize,
    dropped: u64,
}

impl CallLog {
    pub(crate) fn new(redactor: Arc<Redactor>) -> CallLog {
        CallLog { redactor, lines: VecDeque::new(), bytes: 0, dropped: 0 }
    }

    pub(crate) fn push(&mut self, level: Level, text: &str, limits: &Limits) {
        let text = self.redactor.shown(text, limits.log_line_bytes);
        self.bytes += text.len();
        self.lines.push_back(LogLine { level, text });
        while self.bytes > limits.log_bytes {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.text.len();
            self.dropped += 1;
        }
    }

    pub(crate) fn into_lines(self) -> (Vec<LogLine>, u64) {
        (self.lines.into(), self.dropped)
    }
}

/// Without control characters: a plugin must not forge lines of the host's log, or steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_bidi(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that turn the direction of what follows them.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most so many bytes, ending in `…` where something is missing.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(key: &str, value: &[u8], expires: Option<Instant>) -> MemoryCell {
        MemoryCell { key: key.to_owned(), value: value.to_owned(), expires }
    }

    #[test]
    fn a_call_reads_its_own_writes_and_no_expired_cell() {
        let limits = Limits::default();
        let cells = vec![cell("token", b"old", Some(100)), cell("mark", b"7", None)];
        let connection = ConnectionMemory::new(cells);
        let mut memory = CallMemory::new(connection.clone());
        assert_eq!(memory.get("token", 99).as_deref(), Some(&b"old"[..]));
        assert_eq!(memory.get("token", 100), None);
        memory.set(cell("token", b"new", None), 1, &limits).unwrap();
        memory.delete("mark".to_owned(), &limits).unwrap();
        assert_eq!(memory.get("token", 100).as_deref(), Some(&b"new"[..]));
        assert_eq!(memory.get("mark", 100), None);
        let (writes, _) = memory.into_writes();
        assert_eq!(
            writes,
            [MemoryWrite::Delete { key: "mark".to_owned() }, MemoryWrite::Set(cell("token", b"new", None))]
        );
    }

    #[test]
    fn memory_limits_hold_at_the_limit_and_one_past_it() {
        let limits =
            Limits { memory_key_bytes: 3, memory_value_bytes: 2, memory_writes: 1, ..Limits::default() };
        let mut memory = CallMemory::new(ConnectionMemory::default());
        assert!(memory.set(cell("abc", b"12", None), 1, &limits).is_ok());
        assert!(memory.set(cell("abc", b"123", None), 1, &limits).is_err());
        assert!(memory.set(cell("abcd", b"1", None), 1, &limits).is_err());
        assert!(memory.set(cell("abc", b"1", None), 1, &limits).is_ok());
        assert!(memory.set(cell("x", b"1", None), 1, &limits).is_err());
    }

    #[test]
    fn a_connection_remembers_up_to_its_limit_and_forgets_first_what_is_over() {
        let limits = Limits { memory_bytes: 10, ..Limits::default() };
        let connection = ConnectionMemory::default();
        let set = |cell: MemoryCell, now| {
            let mut memory = CallMemory::new(connection.clone());
            memory.set(cell, now, &limits).map(|()| connection.apply(memory.into_writes().0, now))
        };
        assert!(set(cell("a", b"1234", None), 1).is_ok());
        assert!(set(cell("b", b"1234", Some(5)), 1).is_ok());
        // Ten bytes: another one is too much, another value of the same size is not.
        assert!(set(cell("c", b"", None), 1).is_err());
        assert!(set(cell("a", b"4321", None), 1).is_ok());
        assert!(set(cell("a", b"43210", None), 1).is_err());
        assert!(set(cell("c", b"1234", None), 5).is_ok());
        assert!(set(cell("d", b"", None), 5).is_err());
        let mut memory = CallMemory::new(connection.clone());
        memory.delete("a".to_owned(), &limits).unwrap();
        assert!(memory.set(cell("d", b"1234", None), 5, &limits).is_ok());
    }

    #[test]
    fn a_secret_across_the_cut_of_a_line_is_not_shown_in_half() {
        let settings = r#"{"key":"hunter22"}"#;
        let schema = r#"{"properties":{"key":{"writeOnly":true}}}"#;
        let redactor = Arc::new(Redactor::new(schema, settings, &[]));
        let line = |text: &str| {
            let mut log = CallLog::new(Arc::clone(&redactor));
            log.push(Level::Info, text, &Limits { log_line_bytes: 16, ..Limits::default() });
            log.into_lines().0.remove(0).text
        };
        assert_eq!(line("0123456789 hunter22 and more"), "0123456789 [secr…");
        assert_eq!(line("hunter22 hunter22"), "[secret] [secret…");
        assert_eq!(line("hunter22hunter22hunter22"), "[secret][secret]…");
        assert_eq!(line("0123456789012345"), "0123456789012345");
        assert_eq!(line("01234567890123456"), "0123456789012345…");
        assert_eq!(line("小满小满小满"), "小满小满小…");
    }

    #[test]
    fn a_log_keeps_its_last_lines_and_counts_the_rest() {
        let limits = Limits { log_line_bytes: 6, log_bytes: 12, ..Limits::default() };
        let mut log = CallLog::new(Arc::default());
        for text in ["first", "second", "third", "4"] {
            log.push(Level::Info, text, &limits);
        }
        let (lines, dropped) = log.into_lines();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["second", "third", "4"]);
        assert_eq!(dropped, 1);
    }

    #[test]
    fn a_log_line_cannot_forge_another_or_steer_a_terminal() {
        let mut log = CallLog::new(Arc::default());
        log.push(Level::Info, "a\nERROR b\u{1b}[2J\u{202e}c", &Limits::default());
        let (lines, _) = log.into_lines();
        assert_eq!(lines[0].text, r"a\nERROR b\u{1b}[2J\u{202e}c");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("小满", 6), "小满");
        assert_eq!(cut("小满", 5), "小…");
    }
}
