//! `heliu journal import`: records of a file, appended to a journal that may be empty, the same, or another one.
//!
//! Events are known again by their source and id. Setup records have no id: one is taken for known where the very same
//! stands at its position, where the event behind it is known, or, at the end of the file, where it is in force already.
//!
//! Who imports, and why, is said behind what was imported, but where this journal is as far as it goes the file's own: it then says
//! nothing that the file does not say, and the next file can go on where this one ended.
//!
//! A derived event's id is made from the place of its cause. Where that place is another one here, the fold will tell
//! the event again under another id, so the file's is left out.
//!
//! A setup says whose journal it was. Records of another tenant are not imported; a file without a setup says nothing of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use journal::{Batch, Head, Journal, Placed};
use model::{Attest, Deed, Entry, Instant, OperatorAct, Position, Record, Setup};
use serde::{Deserialize, Serialize};

use super::PAGE_RECORDS;
use crate::commands::{Signed, print_json};

/// Bytes of one line. A setup record holds every policy's schema and settings; nothing else comes near.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// The form of the file that is read, and written without saying so.
const FORM: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    heliu_journal: u32,
}

/// What became of the file's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Tally {
    records: u64,
    appended: u64,
    /// They stood in the journal already.
    known: u64,
    /// Derived events that the fold tells again.
    left_out: u64,
    /// Appended with a later time than theirs, because the journal has later records.
    later: u64,
}

pub(super) fn run(
    journal: &dyn Journal,
    tenant: &str,
    file: &Path,
    signed: &Signed,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let name = file.display();
    let mut reader: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).with_context(|| format!("open {name}"))?))
    };
    let mut import = Import::new(journal, tenant)?;
    let read = read(&mut *reader, &mut import);
    // What stands before a wrong line is imported.
    import.finish()?;
    import.attest(signed)?;
    let Tally { records, appended, known, left_out, later } = import.tally;
    read.with_context(|| {
        format!("{name}: {records} records before it are imported ({appended} new), nothing behind it")
    })?;
    if json {
        return print_json(out, &import.tally);
    }
    writeln!(out, "{records} records: {appended} appended, {known} known already")?;
    if left_out > 0 {
        writeln!(
            out,
            "{left_out} derived events are left out: their causes stand elsewhere here, the fold tells them again"
        )?;
    }
    if later > 0 {
        writeln!(out, "{later} got a later time: this journal has later records")?;
    }
    Ok(())
}

fn read(reader: &mut dyn BufRead, import: &mut Import<'_>) -> anyhow::Result<()> {
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let bytes =
            reader.take(LINE_BYTES_MAX + 1).read_line(&mut line).with_context(|| format!("line {number}"))?;
        if bytes == 0 {
            break;
        }
        ensure!(bytes as u64 <= LINE_BYTES_MAX, "line {number}: longer than {LINE_BYTES_MAX} bytes");
        let text = line.trim();
        if text.is_empty() || (number == 1 && is_header(text)?) {
            continue;
        }
        let record = wire::from_json::<Record>(text).with_context(|| format!("line {number}"))?;
        import.take(record).with_context(|| format!("line {number}"))?;
    }
    Ok(())
}

fn is_header(text: &str) -> anyhow::Result<bool> {
    let Ok(Header { heliu_journal }) = serde_json::from_str(text) else { return Ok(false) };
    if heliu_journal != FORM {
        bail!("line 1: a journal of form {heliu_journal}; this host reads form {FORM}: use the newer host");
    }
    Ok(true)
}

struct Import<'a> {
    journal: &'a dyn Journal,
    /// Whose journal it is. Another's records would fold into customers of this one.
    tenant: &'a str,
    tally: Tally,
    /// Read, and to be appended next.
    waiting: Vec<Record>,
    /// Setup records, of which the next event says whether they are new.
    setups: Vec<Record>,
    /// Positions that are the same in the file and in the journal, in runs.
    at_home: Vec<RangeInclusive<Position>>,
    /// The file's first record, and the last one so far.
    first: Option<Position>,
    last: Position,
    /// No record that is appended gets a time before this.
    floor: Instant,
    /// Records that stand here, and elsewhere in the file.
    moved: u64,
}

impl<'a> Import<'a> {
    fn new(journal: &'a dyn Journal, tenant: &'a str) -> anyhow::Result<Import<'a>> {
        let floor = journal.head()?.now;
        Ok(Import {
            journal,
            tenant,
            tally: Tally::default(),
            waiting: Vec::new(),
            setups: Vec::new(),
            at_home: Vec::new(),
            first: None,
            last: 0,
            floor,
            moved: 0,
        })
    }

    fn take(&mut self, record: Record) -> anyhow::Result<()> {
        let (position, last) = (record.position, self.last);
        ensure!(position > last, "position {position} does not come behind {last}");
        if let Some(setup) = record.entry.setup() {
            let (theirs, ours) = (&setup.tenant, self.tenant);
            ensure!(
                theirs == ours,
                "the file is tenant \"{theirs}\"'s, and this is the configuration of tenant \"{ours}\""
            );
        }
        self.tally.records += 1;
        self.first.get_or_insert(position);
        self.last = position;
        match &record.entry {
            Entry::Setup(_) | Entry::Configured(_) => return self.take_setup(record),
            Entry::Event(_) => {}
            Entry::Derived(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_)
            | Entry::Erased(_) => {
                let named = record.entry.refers_to();
                let last = named.iter().max();
                if self.waiting.first().is_some_and(|first| Some(&first.position) <= last) {
                    self.append()?;
                }
                if !named.iter().all(|&position| self.is_at_home(position)) {
                    self.tally.left_out += 1;
                    return Ok(());
                }
            }
        }
        if !self.setups.is_empty() {
            self.place_setups(&record)?;
        }
        self.waiting.push(record);
        if self.waiting.len() >= PAGE_RECORDS { self.append() } else { Ok(()) }
    }

    fn take_setup(&mut self, record: Record) -> anyhow::Result<()> {
        self.append()?;
        let there = self.journal.read(record.position.saturating_sub(1), 1)?;
        if there.first().is_some_and(|there| there.entry == record.entry) {
            self.tally.known += 1;
            self.note_home(record.position, record.position);
        } else {
            self.setups.push(record);
        }
        Ok(())
    }

    /// The event behind the setups says whether all of them are new.
    fn place_setups(&mut self, event: &Record) -> anyhow::Result<()> {
        let known = match event.entry.source() {
            Some((source, id)) => self.journal.locate(source, id)?.is_some(),
            None => false,
        };
        if known {
            self.tally.known += self.setups.len() as u64;
            self.setups.clear();
        } else {
            self.waiting.append(&mut self.setups);
        }
        Ok(())
    }

    /// Appends what waits. Setups at the file's end are new unless the last one is in force already.
    fn finish(&mut self) -> anyhow::Result<()> {
        self.append()?;
        let Some(last) = self.setups.last().and_then(|record| record.entry.setup()) else { return Ok(()) };
        if in_force(self.journal)?.as_ref() == Some(last) {
            self.tally.known += self.setups.len() as u64;
            self.setups.clear();
        }
        self.waiting.append(&mut self.setups);
        self.append()
    }

    fn append(&mut self) -> anyhow::Result<()> {
        let mut batches: Vec<Batch> = Vec::new();
        for record in &self.waiting {
            match batches.last_mut() {
                Some(batch) if batch.now == record.now => batch.entries.push(record.entry.clone()),
                _ => batches.push(Batch {
                    now: record.now,
                    entries: vec![record.entry.clone()],
                    ..Batch::default()
                }),
            }
        }
        let receipts = self.journal.append(&batches)?;
        let placed: Vec<Placed> = receipts.into_iter().flat_map(|receipt| receipt.placed).collect();
        for (record, placed) in std::mem::take(&mut self.waiting).into_iter().zip(placed) {
            match placed {
                Placed::New(here) => {
                    self.moved += u64::from(here != record.position);
                    self.tally.appended += 1;
                    self.tally.later += u64::from(record.now < self.floor);
                }
                Placed::Known(_) => self.tally.known += 1,
            }
            self.floor = self.floor.max(record.now);
            self.note_home(record.position, placed.position());
        }
        Ok(())
    }

    fn attest(&self, signed: &Signed) -> anyhow::Result<()> {
        if self.moved == 0 {
            return Ok(());
        }
        let Head { position, now } = self.journal.head()?;
        let of = format!("journal: {} records, {} of them new", self.tally.records, self.tally.appended);
        let deed = Deed::Attest(Attest { what: "import".to_owned(), of });
        let id = format!("act_{now}_{position}");
        let act = OperatorAct { id, by: signed.by(), why: signed.why.clone(), deed };
        self.journal.append(&[Batch { now, entries: vec![Entry::Act(act)], ..Batch::default() }])?;
        Ok(())
    }

    fn note_home(&mut self, in_file: Position, here: Position) {
        if in_file != here {
            return;
        }
        match self.at_home.last_mut() {
            Some(run) if *run.end() + 1 == here => *run = *run.start()..=here,
            _ => self.at_home.push(here..=here),
        }
    }

    /// Is the record at this position of the file at the same position here? One before the file's beginning is, if the
    /// file goes on exactly where this journal ended.
    fn is_at_home(&self, position: Position) -> bool {
        let Some(first) = self.first else { return false };
        let asked = position.max(first);
        let place = self.at_home.partition_point(|run| *run.end() < asked);
        self.at_home.get(place).is_some_and(|run| run.contains(&asked))
    }
}

/// The last setup of the journal. Reads all of it: asked only for a file that ends with a setup.
fn in_force(journal: &dyn Journal) -> anyhow::Result<Option<Setup>> {
    let (mut at, mut found) = (0, None);
    loop {
        let records = journal.read(at, PAGE_RECORDS)?;
        let Some(last) = records.last() else { return Ok(found) };
        at = last.position;
        let mut setups = records.iter().filter_map(|record| record.entry.setup().cloned());
        found = setups.next_back().or(found);
    }
}
