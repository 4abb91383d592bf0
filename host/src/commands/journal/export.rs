//! `heliu journal export`: the journal as it stood when the command began.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use journal::Journal;
use model::Position;
use serde::Serialize;

use super::{PAGE_RECORDS, line};
use crate::commands::print_json;

#[derive(Serialize)]
pub(super) struct Exported {
    records: u64,
    /// The last record's position: what to give as `--after` next time.
    position: Position,
}

/// What is appended meanwhile is not written: a journal that grows faster than it is read would have no end.
pub(super) fn write(journal: &dyn Journal, after: Position, out: &mut dyn Write) -> anyhow::Result<Exported> {
    let head = journal.head()?.position;
    let mut exported = Exported { records: 0, position: after };
    while exported.position < head {
        let records = journal.read(exported.position, PAGE_RECORDS)?;
        let Some(last) = records.last() else { break };
        exported.position = last.position;
        for record in records.iter().filter(|record| record.position <= head) {
            writeln!(out, "{}", line(record))?;
            exported.records += 1;
        }
    }
    exported.position = exported.position.min(head.max(after));
    out.flush()?;
    Ok(exported)
}

/// Beside the file first: an export that broke off must not look like one.
pub(super) fn to_file(
    journal: &dyn Journal,
    after: Position,
    file: &Path,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let mut writer =
        BufWriter::new(File::create(beside).with_context(|| format!("create {}", beside.display()))?);
    let exported = write(journal, after, &mut writer)?;
    let written = writer.into_inner().context("write the last records")?;
    written.sync_all().with_context(|| format!("write {}", beside.display()))?;
    fs::rename(beside, file).with_context(|| format!("name {}", file.display()))?;
    if json {
        return print_json(out, &exported);
    }
    let Exported { records, position } = exported;
    writeln!(out, "{records} records up to position {position} are in {}", file.display())?;
    Ok(())
}
