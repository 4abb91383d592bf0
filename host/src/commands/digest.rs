//! `heliu digest`: the state hash, and what it stands for.

use std::io::Write;

use api::views::DigestView;
use store::Store;

use super::calendar::Zone;
use super::{print_json, unless_reader_left};

/// Reads the whole store.
pub(crate) fn run(store: &dyn Store, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let (digest, standing) = store.digest()?;
    let view = DigestView::new(digest, standing);
    if json {
        return unless_reader_left(print_json(out, &view));
    }
    let DigestView { digest, position, fired } = view;
    writeln!(out, "digest    {digest}")?;
    writeln!(out, "position  {position}")?;
    writeln!(out, "fired     {fired}, {} {}", Zone::Beijing.text(fired), Zone::Beijing.name())?;
    Ok(())
}
