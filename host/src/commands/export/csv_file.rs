//! Rows as CSV after RFC 4180, in UTF-8, with a header.
//!
//! A spreadsheet takes a cell that begins with certain signs for a formula, and customers choose their names themselves.
//! So such texts get an apostrophe in front, and so do those that begin with one: who takes one apostrophe off every text
//! that begins with one has each text as it was.

use std::borrow::Cow;
use std::io::Write;

use anyhow::Context as _;

use super::columns::{Cell, Column, Kind, iso};

/// What a spreadsheet may take for the beginning of a formula, in full width too, and what it leaves out before it looks.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

const ESCAPE: char = '\'';

/// By which Excel knows that a file is UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Texts as they are.
    pub(super) raw: bool,
    pub(super) bom: bool,
}

pub(super) struct CsvFile<W: Write> {
    writer: csv::Writer<W>,
    columns: &'static [Column],
    raw: bool,
    rows: u64,
}

impl<W: Write> CsvFile<W> {
    pub(super) fn begin(
        mut out: W,
        columns: &'static [Column],
        dialect: Dialect,
    ) -> anyhow::Result<CsvFile<W>> {
        let Dialect { raw, bom } = dialect;
        if bom {
            out.write_all(BYTE_ORDER_MARK)?;
        }
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns.iter().map(|column| column.name)).map_err(broken)?;
        Ok(CsvFile { writer, columns, raw, rows: 0 })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> anyhow::Result<()> {
        for (cell, column) in cells.iter().zip(self.columns) {
            let text = self.written(cell, column);
            self.writer.write_field(text.as_ref()).map_err(broken)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(broken)?;
        self.rows += 1;
        Ok(())
    }

    fn written<'a>(&self, cell: &'a Cell<'_>, column: &Column) -> Cow<'a, str> {
        match (cell, column.kind) {
            (Cell::None, _) => Cow::Borrowed(""),
            (Cell::Text(text), Kind::Text) if !self.raw => safe(text),
            (Cell::Text(text), _) => Cow::Borrowed(text),
            (Cell::Integer(integer), _) => Cow::Owned(integer.to_string()),
            (Cell::Time(time), _) => Cow::Owned(iso(*time)),
        }
    }

    pub(super) fn end(mut self) -> anyhow::Result<u64> {
        self.writer.flush().context("write the last rows")?;
        Ok(self.rows)
    }
}

/// The text as a spreadsheet shows it, and reckons nothing with it.
fn safe(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA) || text.starts_with(ESCAPE) {
        Cow::Owned(format!("{ESCAPE}{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A reader that left must be known as one.
fn broken(error: csv::Error) -> anyhow::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        kind => anyhow::anyhow!("a row cannot be written as CSV: {kind:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[Column] = &[
        Column { name: "text", kind: Kind::Text, always: false },
        Column { name: "number", kind: Kind::Integer, always: false },
    ];

    fn written(text: &str, dialect: Dialect) -> Vec<u8> {
        let mut out = Vec::new();
        let mut file = CsvFile::begin(&mut out, ONE, dialect).unwrap();
        file.row(&[Cell::text(text), Cell::Integer(-5)]).unwrap();
        assert_eq!(file.end().unwrap(), 1);
        out
    }

    fn read(bytes: &[u8]) -> (String, String) {
        let mut reader = csv::Reader::from_reader(bytes);
        let record = reader.records().next().unwrap().unwrap();
        (record[0].to_owned(), record[1].to_owned())
    }

    #[test]
    fn a_formula_is_a_text_again_when_one_apostrophe_is_taken_off() {
        for text in [
            "=1+1",
            "+86",
            "-5",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "'quoted",
            "''",
            "'",
            "小满",
            "a=b",
            "",
            "a\"b,c\nd",
        ] {
            let (shown, number) = read(&written(text, Dialect::default()));
            assert!(!shown.starts_with(FORMULA), "{shown:?}");
            assert_eq!(shown.strip_prefix(ESCAPE).unwrap_or(&shown), text);
            assert_eq!(number, "-5", "a number is no text");
            let raw = Dialect { raw: true, bom: false };
            assert_eq!(read(&written(text, raw)).0, text);
        }
    }

    #[test]
    fn the_mark_stands_in_front_where_it_is_wanted() {
        let marked = written("a", Dialect { raw: false, bom: true });
        assert_eq!(marked, "\u{feff}text,number\na,-5\n".as_bytes());
        assert_eq!(written("a", Dialect::default()), b"text,number\na,-5\n");
    }
}
