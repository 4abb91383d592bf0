//! The platforms' own rules, by name. The operator chooses; every number can be overridden, since platforms change theirs.

use crate::Zone;
use crate::plan::{Cap, Limit, Scope, Window};
use crate::zone::Calendar;

const DAY_MS: u64 = 86_400_000;

/// A rule of a platform's, as a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    pub name: &'static str,
    pub scenes: &'static [&'static str],
    pub channels: &'static [&'static str],
    pub limit: Limit,
    pub window: Window,
    pub zone: &'static str,
    /// Do we have it from the platform or from several who measured it? False: a cautious guess, to be overridden.
    pub confirmed: bool,
    /// What the platform says, for people.
    pub about: &'static str,
}

/// Every preset that there is.
///
/// A customer of WeCom gets mass messages of a company as its console is set: once a day, seven a week, or as many a month as
/// the month has days (help centre and developer documents of WeCom, read in 2026; older texts say four a month). Exactly one
/// of the three is in force. Whether the platform's week begins on Monday is not confirmed; its days are Beijing's.
pub const PRESETS: &[Preset] = &[
    wecom_mass("wecom-mass-daily", Limit::Count(1), Calendar::Day, "a customer gets one mass message a day"),
    wecom_mass(
        "wecom-mass-weekly",
        Limit::Count(7),
        Calendar::Week,
        "a customer gets seven mass messages a week",
    ),
    wecom_mass(
        "wecom-mass-monthly",
        Limit::DaysOfMonth,
        Calendar::Month,
        "a customer gets as many mass messages a month as the month has days",
    ),
    // How many posts of a company a customer is shown is not in the documents that we have.
    Preset {
        name: "wecom-moments",
        scenes: &["moments"],
        channels: &["wecom"],
        limit: Limit::Count(4),
        window: Window::Calendar(Calendar::Month),
        zone: "Asia/Shanghai",
        confirmed: false,
        about: "a customer is shown four posts of a company a month (not confirmed)",
    },
    // Error texts and documents of `externalcontact/transfer_customer`: at most two hand-overs of a customer in 90 days. What
    // else a protection of 90 days after one forbids is not confirmed; a gap can say it.
    Preset {
        name: "wecom-transfer",
        scenes: &["transfer"],
        channels: &["wecom"],
        limit: Limit::Count(2),
        window: Window::Sliding(90 * DAY_MS),
        zone: "Asia/Shanghai",
        confirmed: true,
        about: "a customer is handed over twice in 90 days",
    },
];

const fn wecom_mass(name: &'static str, limit: Limit, calendar: Calendar, about: &'static str) -> Preset {
    Preset {
        name,
        scenes: &["direct-message"],
        channels: &["wecom"],
        limit,
        window: Window::Calendar(calendar),
        zone: "Asia/Shanghai",
        confirmed: true,
        about,
    }
}

impl Preset {
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The cap that it stands for, by its name.
    #[must_use]
    pub fn cap(&self) -> Cap {
        let Preset { name, scenes, channels, limit, window, zone, confirmed: _, about: _ } = *self;
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Cap {
            name: Some(name.to_owned()),
            scope: Scope { scenes: owned(scenes), except: Vec::new(), channels: owned(channels) },
            limit,
            window,
            // A test holds that each preset's zone is known.
            zone: Zone::named(zone).unwrap_or_else(Zone::utc),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_has_a_name_of_its_own_and_a_known_zone() {
        for (place, preset) in PRESETS.iter().enumerate() {
            assert_eq!(Preset::named(preset.name), Some(&PRESETS[place]), "{}", preset.name);
            assert_eq!(preset.cap().zone.name(), preset.zone);
            assert_eq!(preset.cap().name.as_deref(), Some(preset.name));
        }
        assert_eq!(Preset::named("wecom-mass"), None);
    }

    #[test]
    fn a_month_gives_as_many_as_it_has_days() {
        let cap = Preset::named("wecom-mass-monthly").map(Preset::cap).unwrap();
        assert_eq!((cap.limit, cap.window), (Limit::DaysOfMonth, Window::Calendar(Calendar::Month)));
        // 2028-02-10 and 2026-02-10, noon in Beijing.
        assert_eq!(cap.zone.days_in_month(1_833_768_000_000), 29);
        assert_eq!(cap.zone.days_in_month(1_770_696_000_000), 28);
    }
}
