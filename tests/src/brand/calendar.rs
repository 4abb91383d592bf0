//! The days over which a brand's life is told.

use crate::beijing::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::dice::Dice;

/// A flash sale every second Friday evening, if the first day is a Monday.
const FLASH_FIRST_DAY: u64 = 4;
const FLASH_EVERY_DAYS: u64 = 14;
const FLASH_HOUR: u64 = 20;

#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    /// Midnight in GMT+8.
    pub start_ms: u64,
    pub days: u64,
}

impl Calendar {
    pub fn end_ms(&self) -> u64 {
        self.start_ms + self.days * DAY_MS
    }

    pub fn flash_sales(&self) -> impl Iterator<Item = u64> {
        let start_ms = self.start_ms;
        let days = (FLASH_FIRST_DAY..self.days).step_by(FLASH_EVERY_DAYS as usize);
        days.map(move |day| start_ms + day * DAY_MS + FLASH_HOUR * HOUR_MS)
    }

    /// A waking hour of `day`.
    pub fn awake(&self, day: u64, dice: &mut Dice) -> u64 {
        self.start_ms + day * DAY_MS + dice.between(9 * HOUR_MS, 22 * HOUR_MS + 30 * MINUTE_MS)
    }

    /// Within the first nine tenths, more often early than late.
    pub(super) fn early(&self, dice: &mut Dice) -> u64 {
        let last = (self.days * 9 / 10).max(1) - 1;
        let day = dice.between(0, last).min(dice.between(0, last));
        self.awake(day, dice)
    }
}
