//! The data itself: whether it opens, whose it is, where journal and store stand, who holds it, and its clock.

use std::net::TcpStream;
use std::time::Duration;

use config::{Clock, Config};
use heliu::erasures;
use heliu::wiring::{self, Data};
use journal::{Head, Records as _};
use model::Instant;
use store::Store as _;

use super::finding::Findings;

const AREA: &str = "data";
const CLOCK: &str = "clock";

/// A journal that is so much before the machine's clock was written by another clock.
const SKEW_MAX_MS: u64 = 60_000;

/// 2024: before that, a machine has not found out what time it is.
const YEAR_2024_MS: Instant = 1_704_067_200_000;

/// Records that a store may be behind with nobody folding them.
const BEHIND_MAX: u64 = 100_000;

/// How long a host may take to let somebody in.
const DIAL_MAX: Duration = Duration::from_secs(3);

/// None: there is none, or it does not open.
pub(super) fn examine(config: &Config, now: Instant, findings: &mut Findings) -> Option<Data> {
    if now < YEAR_2024_MS {
        let mend = "set the machine's clock, and keep it by NTP";
        findings.bad(CLOCK, "by the machine's clock it is before 2024", mend);
    }
    if !config.data_dir.join("journal.db").exists() {
        findings.good(AREA, "there is no journal yet");
        return None;
    }
    let data = match Data::open(config) {
        Ok(data) => data,
        Err(error) => {
            let mend = "OPERATIONS says what to do, under “When something is broken”";
            findings.bad(AREA, format!("{error:#}"), mend);
            return None;
        }
    };
    let read = || anyhow::Ok((data.journal.head()?, data.store.standing()?.0));
    match read() {
        Ok((head, standing)) => {
            positions(head, standing, findings);
            clock(config, head, now, findings);
        }
        Err(error) => {
            let mend = "OPERATIONS says what to do, under “When something is broken”";
            findings.bad(AREA, format!("{error:#}"), mend);
        }
    }
    erased(config, &data, findings);
    holder(config, findings);
    Some(data)
}

fn positions(head: Head, standing: store::Standing, findings: &mut Findings) {
    let (journal, store) = (head.position, standing.position);
    if store > journal {
        findings.bad(
            AREA,
            format!("the store stands at {store}, before the journal's end at {journal}: they do not belong together"),
            "move store.db* away, and start: the journal gives it back",
        );
    } else if journal - store > BEHIND_MAX {
        let what = format!("the store stands at {store}, {} records behind the journal", journal - store);
        findings.look(AREA, what, "look again in a while; if it does not move, at /healthz and the log");
    } else {
        findings.good(AREA, format!("journal at {journal}, store at {store}"));
    }
}

fn clock(config: &Config, head: Head, now: Instant, findings: &mut Findings) {
    if config.clock == Clock::Manual {
        return;
    }
    if head.now > now.saturating_add(SKEW_MAX_MS) {
        let ahead = (head.now - now) / 1000;
        findings.bad(
            CLOCK,
            format!("the journal's time is {ahead} s before the machine's clock: until then it stands still"),
            "set the machine's clock, and keep it by NTP; what was written stays",
        );
    } else {
        findings.good(CLOCK, "the machine's clock is not behind the journal");
    }
}

fn erased(config: &Config, data: &Data, findings: &mut Findings) {
    let listed = erasures::read(&config.data_dir.join(erasures::FILE));
    match listed.and_then(|listed| erasures::back(&listed, &*data.journal)) {
        Ok(back) if back.is_empty() => findings.good(AREA, "nobody who was erased is back"),
        Ok(back) => findings.bad(
            AREA,
            format!("{} people who were erased are back: the journal is older than that", back.len()),
            "heliu customer erase --listed --by NAME --why TEXT",
        ),
        Err(error) => {
            findings.bad(
                AREA,
                format!("{error:#}"),
                "put the list of erasures back, from beside the backups",
            );
        }
    }
}

fn holder(config: &Config, findings: &mut Findings) {
    match wiring::is_held(config) {
        Ok(false) => findings.good(AREA, "no host works on it"),
        Ok(true) => match wiring::announced(config) {
            Some(at) if TcpStream::connect_timeout(&wiring::reachable(at), DIAL_MAX).is_ok() => {
                findings.good(AREA, format!("a host works on it, and listens on {at}"));
            }
            Some(at) => findings.bad(
                AREA,
                format!("a host works on it, and does not answer at {at}"),
                "look at its log; if it hangs, stop it and start it again",
            ),
            None => findings.look(
                AREA,
                "a host that has not begun to listen, or an import, works on it",
                "look again in a while",
            ),
        },
        Err(error) => {
            findings.bad(AREA, format!("{error:#}"), "give the folder to the host's user");
        }
    }
}
