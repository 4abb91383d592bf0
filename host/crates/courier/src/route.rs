//! Which connections could carry an intent to a customer, in the order in which they are preferred, and through whom.

use model::Carriage;

use crate::accounts::{Account, Accounts};
use crate::plan::{Plan, matches_any};
use crate::standing::{Candidate, Standing};

/// One way to her.
#[derive(Clone, Debug)]
pub(crate) struct Route<'a> {
    pub account: &'a Account,
    pub carriage: Carriage,
    pub staff: Option<String>,
}

/// Every connection that plays the scene and for which she has a handle: those that the operator prefers first, in his
/// order, then the others by name.
pub(crate) fn routes<'a>(
    plan: &Plan,
    candidate: &Candidate<'_>,
    customer: &Standing<'_>,
    accounts: &'a Accounts,
) -> Vec<Route<'a>> {
    let scene = candidate.intent.scene.as_str();
    let preferred = plan.preferences.iter().find(|rule| matches_any(&rule.scenes, scene));
    let preferred = preferred.map_or(&[][..], |rule| &rule.connections);
    let named = named_staff(candidate.intent.detail.as_deref());
    let mut routes: Vec<_> = accounts
        .connections
        .iter()
        .filter(|account| account.reaches(scene, customer.handles))
        .filter_map(|account| {
            let carriage = account.ability(scene)?.carriage;
            let staff = named.clone().or_else(|| first_to_meet(customer, account));
            Some(Route { account, carriage, staff })
        })
        .collect();
    routes.sort_by_key(|route| {
        let connection = &route.account.connection;
        let place = preferred.iter().position(|name| name == connection);
        (place.unwrap_or(preferred.len()), connection)
    });
    routes
}

/// The member of staff whom an intent asks for: `staff` of its detail, a text.
#[must_use]
pub fn named_staff(detail: Option<&str>) -> Option<String> {
    let detail: serde_json::Value = serde_json::from_str(detail?).ok()?;
    let staff = detail.get("staff")?.as_str()?;
    (!staff.is_empty()).then(|| staff.to_owned())
}

fn first_to_meet(customer: &Standing<'_>, account: &Account) -> Option<String> {
    let here = |connection: Option<&str>| connection.is_none_or(|name| name == account.connection);
    customer.staff.iter().find(|known| here(known.connection)).map(|known| known.staff.to_owned())
}
