//! One connection's own queue, and how it does. What waits here is known to memory alone: it is forgotten at no cost, and
//! judged again.

use std::collections::{BTreeMap, VecDeque};

use courier::{Code, Errand, Reason, merge_tasks};
use model::{Carriage, Instant, Intent, WELCOME};

use super::told::Subject;

/// Errands that wait for one connection in memory. Past it they are held in the ledger.
pub(crate) const QUEUE_MAX: usize = 4_096;

/// Welcomes that wait for one connection in memory.
pub(crate) const WELCOMES_WAITING_MAX: usize = 256;

/// Calls of one connection's outlet at once, besides welcomes.
pub(crate) const CALLS_MAX: usize = 4;

/// Welcomes of one connection that are carried at once, each by a call of its own.
pub(crate) const WELCOMES_MAX: usize = 16;

/// Errands in one call. A connector may write as many cells of its memory in one call, and remembers something of each.
pub(crate) const CALL_ERRANDS_MAX: usize = 1_000;

/// How long errands wait for others that say the same, while there is more to judge, in milliseconds.
const LINGER_MS: u64 = 2_000;

/// What waited longer is judged again: she may have bought meanwhile.
const STALE_MS: u64 = 10_000;

/// The first and the longest pause of a connection that waits for an operator, in milliseconds. It doubles in between.
const PAUSE_MS: (u64, u64) = (300_000, 3_600_000);

/// No errand is sent to the end of the queue for longer, in milliseconds: how fast a connection is changes.
const LINE_MAX_MS: u64 = 3_600_000;

/// An errand that was let through.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) subject: Subject,
    pub(crate) binding: String,
    pub(crate) intent: Intent,
    pub(crate) connection: String,
    pub(crate) staff: Option<String>,
    pub(crate) carriage: Carriage,
    /// When it was let through.
    pub(crate) judged: Instant,
}

impl Parcel {
    fn errand(&self) -> Errand<'_> {
        Errand {
            connection: &self.connection,
            staff: self.staff.as_deref(),
            carriage: self.carriage,
            scene: &self.intent.scene,
            text: self.intent.text.as_deref(),
            content: self.intent.content.as_ref(),
            detail: self.intent.detail.as_deref(),
        }
    }

    pub(crate) fn is_welcome(&self) -> bool {
        self.intent.scene == WELCOME
    }
}

/// Why a connection carries nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) until: Instant,
    pub(crate) reason: Reason,
}

/// How a call went, for the connection as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Went,
    /// It could do nothing now, and asks for so long at least, in milliseconds.
    Later {
        why: String,
        wait_ms: u64,
    },
    /// An operator must act: for one scene, or for all.
    Operator {
        why: String,
        scene: Option<String>,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Lane {
    welcomes: VecDeque<Parcel>,
    queue: VecDeque<Parcel>,
    /// Put together, each for one call.
    groups: VecDeque<Vec<Parcel>>,
    pub(crate) calls: usize,
    pub(crate) welcome_calls: usize,
    /// By scene; None: all of them.
    rests: BTreeMap<Option<String>, Rest>,
    /// Calls in a row that could do nothing.
    failures: u32,
    /// How long one errand took of late, in milliseconds.
    errand_ms: u64,
    /// Up to when the line of those who were sent away is full.
    line_end: Instant,
}

impl Lane {
    /// Why nothing of this scene is carried now. A welcome would be over by the time that a failing connection is tried
    /// again, so it is tried.
    pub(crate) fn rests(&self, scene: &str, now: Instant) -> Option<&Rest> {
        let of = [None, Some(scene.to_owned())];
        let rests = of.iter().filter_map(|scene| self.rests.get(scene)).filter(|rest| now < rest.until);
        rests
            .filter(|rest| scene != WELCOME || rest.reason.code == Code::Paused)
            .max_by_key(|rest| rest.until)
    }

    /// What an operator should know.
    pub(crate) fn trouble(&self, now: Instant) -> Option<String> {
        let rest = self.rests.values().filter(|rest| now < rest.until).max_by_key(|rest| rest.until)?;
        Some(rest.reason.text.clone())
    }

    pub(crate) fn takes(&self, scene: &str) -> bool {
        if scene == WELCOME { self.welcomes.len() < WELCOMES_WAITING_MAX } else { self.waiting() < QUEUE_MAX }
    }

    /// All that waits in memory.
    pub(crate) fn errands(&self) -> usize {
        self.welcomes.len() + self.waiting()
    }

    fn waiting(&self) -> usize {
        self.queue.len() + self.groups.iter().map(Vec::len).sum::<usize>()
    }

    /// Sends one away to the end of the line: when to come again, by how fast the connection was of late.
    pub(crate) fn send_away(&mut self, now: Instant) -> Instant {
        let ahead = u64::try_from(self.waiting()).unwrap_or(u64::MAX).saturating_mul(self.errand_ms.max(1));
        let first = now.saturating_add(ahead.clamp(1_000, LINE_MAX_MS));
        let slot = self.line_end.max(first).saturating_add(self.errand_ms.max(1));
        self.line_end = slot.min(now.saturating_add(LINE_MAX_MS));
        self.line_end
    }

    pub(crate) fn take_in(&mut self, parcel: Parcel) {
        if parcel.is_welcome() {
            self.welcomes.push_back(parcel);
        } else {
            self.queue.push_back(parcel);
        }
    }

    /// Puts together what waits, once nothing more is to come (`all`), or enough is there, or it waited long enough.
    pub(crate) fn gather(&mut self, now: Instant, all: bool) {
        let waited = self.queue.front().is_some_and(|first| now >= first.judged.saturating_add(LINGER_MS));
        if self.queue.is_empty() || !(all || waited || self.queue.len() >= QUEUE_MAX) {
            return;
        }
        let mut parcels: Vec<Option<Parcel>> = self.queue.drain(..).map(Some).collect();
        let errands: Vec<Errand<'_>> = parcels.iter().flatten().map(Parcel::errand).collect();
        let groups = merge_tasks(&errands);
        for group in groups {
            for members in group.members.chunks(CALL_ERRANDS_MAX) {
                let taken = members.iter().filter_map(|&place| parcels.get_mut(place).and_then(Option::take));
                self.groups.push_back(taken.collect());
            }
        }
    }

    /// The next call's errands, where there is room for a call.
    pub(crate) fn next_call(&mut self) -> Option<Vec<Parcel>> {
        if self.welcome_calls < WELCOMES_MAX
            && let Some(welcome) = self.welcomes.pop_front()
        {
            self.welcome_calls += 1;
            return Some(vec![welcome]);
        }
        if self.calls >= CALLS_MAX {
            return None;
        }
        let group = self.groups.pop_front()?;
        self.calls += 1;
        Some(group)
    }

    /// Takes out what waited too long, or can wait no longer because the connection rests.
    pub(crate) fn forget(&mut self, now: Instant) -> Vec<Parcel> {
        let mut gone = Vec::new();
        let rests = self.rests.clone();
        let rests = |scene: &str| {
            let of = |key: &Option<String>| rests.get(key).is_some_and(|rest| now < rest.until);
            of(&None) || of(&Some(scene.to_owned()))
        };
        let mut stays = |parcel: &Parcel| {
            let stays = now < parcel.judged.saturating_add(STALE_MS) && !rests(parcel.intent.scene.as_str());
            if !stays {
                gone.push(parcel.clone());
            }
            stays
        };
        self.queue.retain(&mut stays);
        for group in &mut self.groups {
            group.retain(&mut stays);
        }
        self.groups.retain(|group| !group.is_empty());
        gone
    }

    /// Everything, for a connection that is gone or a host that stops.
    pub(crate) fn forget_all(&mut self) -> Vec<Parcel> {
        let groups = self.groups.drain(..).flatten();
        self.welcomes.drain(..).chain(self.queue.drain(..)).chain(groups).collect()
    }

    /// A call ended at `now`, after `ms` milliseconds.
    pub(crate) fn ended(&mut self, verdict: Verdict, errands: usize, ms: u64, now: Instant, pause_ms: u64) {
        let each = ms / u64::try_from(errands.max(1)).unwrap_or(1);
        self.errand_ms = (self.errand_ms * 7 + each) / 8;
        match verdict {
            Verdict::Went => {
                self.failures = 0;
                self.rests.clear();
            }
            Verdict::Later { why, wait_ms } => {
                self.failures = self.failures.saturating_add(1);
                let until = now.saturating_add(pause_ms.max(wait_ms));
                let text = format!("its connection could carry nothing, and rests: {why}");
                self.rest(None, Rest { until, reason: Reason::new(Code::Resting, text) });
            }
            Verdict::Operator { why, scene } => {
                self.failures = self.failures.saturating_add(1);
                let text = format!("its connection waits for an operator: {why}");
                let until = self.paused_until(now);
                self.rest(scene, Rest { until, reason: Reason::new(Code::Paused, text) });
            }
        }
    }

    fn rest(&mut self, scene: Option<String>, rest: Rest) {
        let now_longer = self.rests.get(&scene).is_none_or(|known| known.until < rest.until);
        if now_longer {
            self.rests.insert(scene, rest);
        }
    }

    /// How often it failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Until when it waits for an operator, should it fail so now.
    pub(crate) fn paused_until(&self, now: Instant) -> Instant {
        let (first, longest) = PAUSE_MS;
        let doubled = first.checked_shl(self.failures.saturating_sub(1).min(20)).unwrap_or(longest);
        now.saturating_add(doubled.min(longest))
    }

    /// An operator acted, perhaps: it is tried at once.
    pub(crate) fn wake(&mut self) {
        self.failures = 0;
        self.rests.clear();
    }
}
