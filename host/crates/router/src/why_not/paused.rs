//! What a policy was not shown because it was paused.

use journal::Records;
use model::{Pause, Record};

use super::life::Life;
use super::{Line, Missed, Reason, Rung};
use crate::{RouterError, Skipped, Slice};

/// The setups of the whole journal that pause this policy: one may stand behind all that is folded.
pub(super) fn pausing(slice: &Slice, policy: &str) -> Result<Vec<Record>, RouterError> {
    let mut setups = Records::setups(slice, 0)?;
    setups.retain(|record| pause(record, policy).is_some());
    Ok(setups)
}

fn pause(record: &Record, policy: &str) -> Option<Pause> {
    let policies = &record.entry.setup()?.policies;
    policies.iter().find(|binding| binding.name == policy)?.paused
}

impl Life<'_> {
    /// None: everything was shown to it, or made up for.
    pub(super) fn paused(&self, skipped: &[Skipped]) -> Option<Reason> {
        let Skipped { position, pause, .. } = skipped.first()?;
        let says = |record: &&Record| self::pause(record, &self.binding.name) == Some(*pause);
        let said = self.pausing.iter().find(says).map(|record| (record.position, record.now));
        Some(Reason::Paused { turns: skipped.len() as u64, position: *position, pause: *pause, said })
    }

    /// Alarms of the policy whose time came in the pause.
    pub(super) fn alarms_missed<'l>(&'l self, skipped: &'l [Skipped]) -> impl Iterator<Item = Line> + 'l {
        skipped.iter().filter_map(move |over| {
            let (key, record) = (over.alarm.clone()?, self.slice.at(over.position)?.clone());
            let reason = self.paused(std::slice::from_ref(over))?;
            Some(Line::Missed(Missed { record, alarm: Some(Rung { key, due: over.now }), reason }))
        })
    }
}
