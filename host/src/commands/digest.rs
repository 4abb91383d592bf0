//! `heliu digest`: the state hash, as of now or of then, and what it stands for.

use std::io::Write;

use api::views::DigestView;

use super::segment::Asked;
use super::unless_reader_left;
use super::when::{self, When};

/// Reads the whole store.
pub(crate) fn run(asked: &Asked, when: &When, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let then = when.then(asked)?;
    let (digest, standing) = then.store.digest()?;
    let view = DigestView::new(digest, standing);
    if json {
        return unless_reader_left(when::print(out, then.at, &view));
    }
    let DigestView { digest, position, fired } = view;
    let zone = when.zone();
    writeln!(out, "digest    {digest}")?;
    writeln!(out, "position  {position}")?;
    writeln!(out, "fired     {fired}, {} {}", zone.text(fired), zone.name())?;
    Ok(())
}
