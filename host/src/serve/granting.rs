//! What connections may do, as the configuration has it, and the acts that say so in the journal: an auditor finds there when
//! who let whom do what. The same of who decides.

use config::Change;
use model::{Configured, Deed, Entry, Grant, OperatorAct, Position, Setup};

use super::connection::Connection;

/// What the journal is to say of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) setup: Setup,
    /// By the connection's name.
    pub(crate) grants: Vec<Grant>,
    /// Who changed the configuration last, and why.
    pub(crate) change: Change,
}

/// The reason of who gives none.
const WHY: &str = "as the configuration has it";

/// All that this connection may do.
pub(crate) fn of(wanted: &config::Connection, connection: &Connection) -> Grant {
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names.dedup();
        names
    };
    let schemes = connection.connector.descriptor().schemes.iter().map(|scheme| scheme.name.clone());
    Grant {
        connection: wanted.name.clone(),
        plugin: Some(connection.connector.digest()),
        hosts: sorted(wanted.hosts.clone()),
        inward: wanted.inward,
        schemes: sorted(schemes.collect()),
        shares: sorted(wanted.shares.clone()),
        carry_again: sorted(wanted.carry_again.clone()),
    }
}

/// The acts that lead from what is granted to what is wanted. `stands` is where the fold stands, which each of them moves: so
/// no two have one id.
pub(crate) fn acts(present: &[Grant], wanted: &Wanted, stands: Position) -> Vec<Entry> {
    let Wanted { setup: _, grants, change } = wanted;
    let changed = grants.iter().filter(|grant| !present.contains(grant)).cloned();
    let is_gone = |held: &&Grant| !grants.iter().any(|grant| grant.connection == held.connection);
    let gone = present.iter().filter(is_gone).map(|held| Grant {
        plugin: None,
        hosts: Vec::new(),
        inward: false,
        schemes: Vec::new(),
        shares: Vec::new(),
        carry_again: Vec::new(),
        ..held.clone()
    });
    let act = |grant: Grant| {
        let id = format!("grant/{stands}/{}", grant.connection);
        let (by, why) = said(change);
        Entry::Act(OperatorAct { id, by, why, deed: Deed::Grant(grant) })
    };
    changed.chain(gone).map(act).collect()
}

/// The record of a setup that differs from the present one: by whom and why, unless it is the host alone that pauses a policy, or
/// lets it decide again.
pub(crate) fn setup(present: &Setup, wanted: Setup, change: &Change) -> Entry {
    let unpaused = |setup: &Setup| {
        let mut setup = setup.clone();
        setup.policies.iter_mut().for_each(|binding| binding.paused = None);
        setup
    };
    if unpaused(present) == unpaused(&wanted) {
        return Entry::Setup(wanted);
    }
    let (by, why) = said(change);
    Entry::Configured(Configured { setup: wanted, by, why })
}

fn said(change: &Change) -> (String, String) {
    let by = api::Caller::of_config().said_by(change.by.as_deref());
    (by, change.why.clone().unwrap_or_else(|| WHY.to_owned()))
}

#[cfg(test)]
mod tests {
    use model::{Binding, Digest, Pause, PolicyDescriptor};

    use super::*;

    fn grant(connection: &str, host: &str) -> Grant {
        Grant {
            connection: connection.to_owned(),
            plugin: Some(Digest([1; 32])),
            hosts: vec![host.to_owned()],
            inward: false,
            schemes: vec!["phone".to_owned()],
            shares: Vec::new(),
            carry_again: Vec::new(),
        }
    }

    #[test]
    fn a_setup_says_who_and_why_unless_it_is_a_pause_of_the_hosts_own() {
        let bound = |settings: &str, paused| Setup {
            policies: vec![Binding {
                name: "tags".to_owned(),
                digest: Digest([1; 32]),
                settings: settings.to_owned(),
                descriptor: PolicyDescriptor {
                    title: String::new(),
                    settings_schema: "{}".to_owned(),
                    wants: Vec::new(),
                    tags: Vec::new(),
                    journeys: Vec::new(),
                    reads: Vec::new(),
                },
                carry: false,
                paused,
            }],
            ..Setup::default()
        };
        let pause = Some(Pause { behind: 3, fired: 9, broke_off: None });
        let change = Change { by: Some("li".to_owned()), why: Some("stricter".to_owned()) };
        let (paused, again) = (bound("{}", pause), bound("{}", None));
        assert_eq!(setup(&paused, again.clone(), &change), Entry::Setup(again.clone()));
        let stricter = bound("[]", None);
        let (by, why) = ("config/li".to_owned(), "stricter".to_owned());
        let told = Entry::Configured(Configured { setup: stricter.clone(), by, why });
        assert_eq!(setup(&paused, stricter, &change), told, "also where a pause ends by it");
        let (by, why) = ("config".to_owned(), WHY.to_owned());
        let told = Entry::Configured(Configured { setup: again.clone(), by, why });
        assert_eq!(setup(&Setup::default(), again, &Change::default()), told);
    }

    #[test]
    fn what_changes_is_told_and_what_stays_is_not() {
        let present = [grant("gone", "https://a"), grant("moved", "https://a"), grant("same", "https://a")];
        let grants = vec![grant("moved", "https://b"), grant("new", "https://c"), grant("same", "https://a")];
        let change = Change { by: Some("li".to_owned()), why: Some("the shop moved".to_owned()) };
        let wanted = Wanted { grants, change, ..Wanted::default() };
        let told: Vec<(String, String, String, Option<Digest>)> = acts(&present, &wanted, 7)
            .into_iter()
            .map(|entry| match entry {
                Entry::Act(OperatorAct { id, by, why, deed: Deed::Grant(grant) }) => {
                    (id, by, why, grant.plugin)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let one = |name: &str, plugin| {
            (format!("grant/7/{name}"), "config/li".to_owned(), "the shop moved".to_owned(), plugin)
        };
        let there = Some(Digest([1; 32]));
        assert_eq!(told, [one("moved", there), one("new", there), one("gone", None)]);
        let nobody = acts(&[], &Wanted { change: Change::default(), ..wanted.clone() }, 0);
        assert!(matches!(&nobody[0], Entry::Act(act) if act.by == "config" && act.why == WHY), "{nobody:?}");
        assert_eq!(acts(&wanted.grants, &wanted, 9), []);
    }
}
