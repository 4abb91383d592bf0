//! Errands that staff have not confirmed yet, in the connection's memory: whose they are, and what tells them apart in the
//! platform's answers. A cell of the memory is small, so many of them are several cells.

use heliu_sdk::Host;
use serde::{Deserialize, Serialize};

/// Bytes of one cell: the host takes 64 KiB.
const CELL_BYTES_MAX: usize = 60_000;

/// One of them, written as `[target, errand, who]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting(
    /// To what it is sent: her `external_userid`, or a group's `chat_id`.
    pub String,
    /// The errand's id.
    pub String,
    /// Her `external_userid`.
    pub String,
);

impl Waiting {
    /// To what it is sent.
    pub fn target(&self) -> &str {
        &self.0
    }

    /// The errand's id.
    pub fn errand(&self) -> &str {
        &self.1
    }

    /// Her `external_userid`.
    pub fn who(&self) -> &str {
        &self.2
    }
}

/// Writes them into cells from number `from` on. Gives the number after the last one.
pub fn keep(host: &mut dyn Host, name: &str, from: u32, waiting: &[Waiting], ttl_ms: u64) -> u32 {
    let mut next = from;
    let mut cell: Vec<&Waiting> = Vec::new();
    let mut bytes = 0;
    let mut write = |cell: &mut Vec<&Waiting>, next: &mut u32| {
        let text = serde_json::to_vec(cell).expect("because a cell has text only");
        host.set(&key(name, *next), &text, Some(ttl_ms));
        *next += 1;
        cell.clear();
    };
    for one in waiting {
        // An id may have quotes that are written twice as long.
        let size = 2 * (one.0.len() + one.1.len() + one.2.len()) + 16;
        if !cell.is_empty() && bytes + size > CELL_BYTES_MAX {
            write(&mut cell, &mut next);
            bytes = 0;
        }
        bytes += size;
        cell.push(one);
    }
    if !cell.is_empty() {
        write(&mut cell, &mut next);
    }
    next
}

/// Reads the cells up to number `end`, from `from` on. One whose time is over has nothing.
pub fn read(host: &mut dyn Host, name: &str, from: u32, end: u32) -> Vec<Waiting> {
    let cells = (from..end).filter_map(|at| host.get(&key(name, at)));
    cells.flat_map(|cell| serde_json::from_slice::<Vec<Waiting>>(&cell).unwrap_or_default()).collect()
}

/// Forgets the cells from number `from` up to `end`.
pub fn forget(host: &mut dyn Host, name: &str, from: u32, end: u32) {
    (from..end).for_each(|at| host.delete(&key(name, at)));
}

fn key(name: &str, at: u32) -> String {
    format!("{name}:{at}")
}
