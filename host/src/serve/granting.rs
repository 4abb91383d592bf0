//! What connections may do, as the configuration has it, and the acts that say so in the journal: an auditor finds there when
//! who let whom do what.

use config::Change;
use model::{Deed, Entry, Grant, OperatorAct, Position, Setup};

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
        let by = api::Caller::of_config().said_by(change.by.as_deref());
        let why = change.why.clone().unwrap_or_else(|| WHY.to_owned());
        Entry::Act(OperatorAct { id, by, why, deed: Deed::Grant(grant) })
    };
    changed.chain(gone).map(act).collect()
}

#[cfg(test)]
mod tests {
    use model::Digest;

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
