//! The disk below the data folder: is it there, may it be written, does it keep what it was given, is there room.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use config::Config;

use super::doors::others_may_read;
use super::finding::Findings;

const AREA: &str = "disk";

/// Below so much room, soon nothing is answered any more.
const ROOM_BAD_BYTES: u64 = 256 << 20;
/// Below so much, somebody should look.
const ROOM_LOOK_BYTES: u64 = 2 << 30;

/// File systems, by the number that `statfs` gives.
const NETWORK: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
];
const MEMORY: &[(u64, &str)] = &[(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];

pub(super) fn examine(config: &Config, findings: &mut Findings) {
    let folder = &config.data_dir;
    let shown = folder.display();
    if !folder.is_dir() {
        // Nothing is made here: a path that is misspelt would be there then.
        match nearest(folder) {
            Some(there) if writable(&there).is_ok() => {
                findings.good(AREA, format!("{shown} is not there yet; the host makes it"));
            }
            Some(there) => {
                let mend = "make it, for the host's user, or correct `data`";
                let what = format!("{shown} is not there, and cannot be made in {}", there.display());
                findings.bad(AREA, what, mend);
            }
            None => findings.bad(AREA, format!("{shown} leads nowhere"), "correct `data`"),
        }
        return;
    }
    match writable(folder) {
        Ok(()) => findings.good(AREA, format!("{shown} may be written, and keeps what it is given")),
        Err(error) => {
            let mend = "give the folder to the host's user, on a disk that may be written";
            findings.bad(AREA, format!("{shown} cannot be written: {error}"), mend);
        }
    }
    if others_may_read(folder) {
        let mend = format!("chmod 700 {shown}: customers' data is in it");
        findings.look(AREA, format!("{shown} is open to other users"), mend);
    }
    room(folder, findings);
    kind(folder, findings);
}

fn nearest(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().find(|ancestor| ancestor.is_dir()).map(Path::to_owned)
}

/// Writes a file, has it brought to the disk, reads it again, and takes it away.
fn writable(folder: &Path) -> io::Result<()> {
    const TEXT: &[u8] = b"written by heliu doctor, which should have taken it away\n";
    let path = folder.join(format!("doctor-{}.tmp", std::process::id()));
    let tried = (|| {
        let mut file = File::create_new(&path)?;
        file.write_all(TEXT)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        if fs::read(&path)? == TEXT { Ok(()) } else { Err(io::Error::other("what was written is not there")) }
    })();
    match fs::remove_file(&path) {
        Err(error) if tried.is_ok() => Err(error),
        _ => tried,
    }
}

fn room(folder: &Path, findings: &mut Findings) {
    let free = match rustix::fs::statvfs(folder) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => {
            findings.look(AREA, format!("how much room is left is not told: {error}"), "look with `df`");
            return;
        }
    };
    let held: u64 = ["journal.db", "store.db"]
        .into_iter()
        .filter_map(|name| fs::metadata(folder.join(name)).ok())
        .map(|file| file.len())
        .sum();
    let told = format!("{} MiB are free, journal and store have {} MiB", free >> 20, held >> 20);
    let mend = "make room: with none, nothing is answered";
    if free < ROOM_BAD_BYTES {
        findings.bad(AREA, told, mend);
    } else if free < ROOM_LOOK_BYTES.max(held / 4) {
        findings.look(AREA, told, mend);
    } else {
        findings.good(AREA, told);
    }
}

fn kind(folder: &Path, findings: &mut Findings) {
    let Ok(stat) = rustix::fs::statfs(folder) else { return };
    // As an unsigned number of 32 bits, whatever the platform's type is.
    let number = stat.f_type as u64 & u64::from(u32::MAX);
    if let Some((what, mend)) = unfit(number) {
        findings.bad(AREA, format!("{}: {what}", folder.display()), mend);
    }
}

/// Why a file system is none for a journal.
fn unfit(number: u64) -> Option<(String, &'static str)> {
    let among =
        |list: &[(u64, &'static str)]| list.iter().find(|(known, _)| *known == number).map(|(_, n)| *n);
    if let Some(name) = among(NETWORK) {
        let what =
            format!("lies on {name}, over the network: SQLite's locks and shared memory do not hold there");
        return Some((what, "put `data` on a disk of this machine"));
    }
    among(MEMORY).map(|name| {
        let what = format!("lies on {name}, in memory: a restart of the machine loses all of it");
        (what, "put `data` on a disk")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_loses_or_does_not_lock_is_named() {
        assert!(unfit(0x6969).unwrap().0.contains("NFS"));
        assert!(unfit(0xff53_4d42).unwrap().0.contains("CIFS"));
        assert!(unfit(0x0102_1994).unwrap().0.contains("tmpfs"));
        for known in [0xef53, 0x5846_5342, 0x9123_683e, 0x794c_7630] {
            assert_eq!(unfit(known), None, "ext4, xfs, btrfs, overlay");
        }
    }
}
