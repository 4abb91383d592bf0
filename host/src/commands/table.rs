//! Columns of text on a terminal, and text that a terminal may be shown.

use std::io::{self, Write};

/// Rows of cells. Columns are as wide as their widest cell; the last one is as long as it is.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.cells(&cells);
    }

    pub(crate) fn cells(&mut self, cells: &[String]) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    pub(crate) fn print(&self, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<usize> =
            (0..columns).map(|column| cells(column).map(|cell| width(cell)).max().unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = indent.to_owned();
            for (cell, wide) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', wide - width(cell) + 2));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The text without what would move the cursor, colour the screen or turn the reading direction: it may come from a
/// stranger's nickname.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => '⏎',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// The first `max` letters, and a sign that there were more.
pub(crate) fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Cells of a terminal that the text takes: two for each Chinese character.
fn width(text: &str) -> usize {
    let wide = |c: char| match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    };
    text.chars().map(wide).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_whatever_the_script() {
        let mut table = Table::default();
        table.row(["小满".to_owned(), "a".to_owned(), "x".to_owned()]);
        table.row(["abc".to_owned(), "bc".to_owned(), String::new()]);
        let mut out = Vec::new();
        table.print("  ", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "  小满  a   x\n  abc   bc\n");
    }

    #[test]
    fn a_nickname_cannot_speak_to_the_terminal() {
        assert_eq!(
            plain("a\u{1b}[31mb\r\u{202e}c\nd\u{9b}1m"),
            "a\u{fffd}[31mb\u{fffd}\u{fffd}c⏎d\u{fffd}1m"
        );
        assert_eq!(cut("小满小满", 3), "小满小…");
        assert_eq!(cut("小满", 2), "小满");
    }
}
