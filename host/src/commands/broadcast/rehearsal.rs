//! Whether each rendering can be carried at all, before anything is proposed: connections are handed it for some customers of the
//! audience, without a network and without a memory. What a connector then calls malformed it will never take as it is; that
//! nothing answers it is how it should be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use courier::Account;
use model::{Customer, Errand, Fault, Identity, Intent, Outcome};
use sandbox::{Call, ConnectionMemory, Connector, Http};
use segment::Segment;

use super::Ground;
use super::file::Broadcast;
use crate::carrying::Outlet;

/// Customers for whom a rendering is tried with a connection: one alone may lack what the others have.
const SAMPLES_MAX: usize = 5;

/// A connection that carries, for a rehearsal.
pub(crate) struct Stage {
    pub(crate) outlet: Outlet,
    pub(crate) connector: Connector,
    pub(crate) settings: String,
    pub(crate) secrets: Vec<String>,
    /// Granted nothing.
    pub(crate) http: Http,
}

/// What each connection can play, and whom it reaches.
pub(super) struct Reach(Vec<Account>);

impl Reach {
    pub(super) fn of(ground: &Ground) -> Reach {
        Reach(ground.outlets.iter().map(|outlet| outlet.account(&ground.outlets)).collect())
    }

    /// Could any connection play this scene to her?
    pub(super) fn plays(&self, scene: &str, customer: &Customer) -> bool {
        let handles: Vec<&Identity> = customer.handles.iter().map(|handle| &handle.identity).collect();
        self.0.iter().any(|account| account.plays(scene) && account.reaches(scene, &handles))
    }

    fn connections<'a>(&'a self, scene: &'a str) -> impl Iterator<Item = &'a Account> {
        self.0.iter().filter(move |account| account.plays(scene))
    }
}

/// Refuses a broadcast of which something can never be carried, and names all of it.
pub(super) fn check(ground: &Ground, broadcast: &Broadcast, segment: &Segment) -> anyhow::Result<()> {
    let reach = Reach::of(ground);
    let mut problems = Vec::new();
    for Intent { scene, .. } in &broadcast.intents {
        if reach.connections(scene).next().is_none() {
            let played: Vec<&str> = reach.0.iter().flat_map(Account::scenes).collect();
            problems.push(format!(
                "scene \"{scene}\": no connection plays it; those that are configured play {}",
                words(played)
            ));
        }
    }
    let samples = samples(ground, broadcast, segment, &reach)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for ((place, connection), customers) in &samples {
        let (Some(intent), Some(stage)) = (broadcast.intents.get(*place), ground.stage(connection)) else {
            continue;
        };
        let errands: Vec<Errand> = customers.iter().map(|her| errand(&stage.outlet, intent, her)).collect();
        let call = Call {
            connection: connection.clone(),
            settings: stage.settings.clone(),
            secrets: stage.secrets.clone(),
            clock: {
                let now = ground.asked.now;
                Arc::new(move || now)
            },
            memory: ConnectionMemory::default(),
            http: stage.http.clone(),
            // Nobody else is there to wait for.
            patience: Duration::ZERO,
        };
        let carried = runtime.block_on(stage.connector.carry(call, &errands));
        let scene = &intent.scene;
        match carried {
            Ok(called) => {
                if let Some(why) = never(&called.value.outcomes) {
                    problems.push(format!("scene \"{scene}\": {connection} will not take it: {why}"));
                }
            }
            Err(fault) => problems.push(format!("scene \"{scene}\": {connection} fails at it: {fault}")),
        }
    }
    match problems.len() {
        0 => Ok(()),
        _ => bail!(
            "nothing is proposed, because some of it can never be carried:\n  {}",
            problems.join("\n  ")
        ),
    }
}

fn words(mut played: Vec<&str>) -> String {
    played.sort_unstable();
    played.dedup();
    if played.is_empty() { "none".to_owned() } else { played.join(", ") }
}

/// Why it will be taken for none of them. None: for one of them at least nothing is said against it.
fn never(outcomes: &[Outcome]) -> Option<&str> {
    let mut reason = None;
    for outcome in outcomes {
        match outcome {
            Outcome::Failed(Fault::Malformed(why)) => reason = reason.or(Some(why.as_str())),
            Outcome::Failed(Fault::Misconfigured(_) | Fault::Unauthorised(_) | Fault::Later { .. })
            | Outcome::Sent(_)
            | Outcome::AwaitingStaff(_) => return None,
        }
    }
    reason
}

/// For each rendering, by its place, and each connection that plays it: some of the audience whom it reaches. Those whom a
/// member of staff knows go first.
fn samples(
    ground: &Ground,
    broadcast: &Broadcast,
    segment: &Segment,
    reach: &Reach,
) -> anyhow::Result<BTreeMap<(usize, String), Vec<Customer>>> {
    let mut samples: BTreeMap<(usize, String), Vec<Customer>> = BTreeMap::new();
    ground.each(broadcast, segment, |customer| {
        let handles: Vec<&Identity> = customer.handles.iter().map(|handle| &handle.identity).collect();
        for (place, intent) in broadcast.intents.iter().enumerate() {
            for account in
                reach.connections(&intent.scene).filter(|account| account.reaches(&intent.scene, &handles))
            {
                let held = samples.entry((place, account.connection.clone())).or_default();
                if held.len() < SAMPLES_MAX {
                    held.push(customer.clone());
                } else if !customer.staff.is_empty()
                    && let Some(alone) = held.iter_mut().find(|held| held.staff.is_empty())
                {
                    alone.clone_from(customer);
                }
            }
        }
        Ok::<(), anyhow::Error>(())
    })?;
    Ok(samples)
}

fn errand(outlet: &Outlet, intent: &Intent, customer: &Customer) -> Errand {
    let Intent { key: _, scene, text, content, detail, not_before: _, not_after } = intent.clone();
    let named = courier::named_staff(detail.as_deref());
    Errand {
        id: "int_rehearsal".to_owned(),
        scene,
        to: outlet.addressed(customer.handles.iter().map(|handle| &handle.identity)),
        staff: named.or_else(|| customer.staff.first().cloned()),
        text,
        content,
        detail: detail.unwrap_or_else(|| "null".to_owned()),
        not_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendering_is_refused_only_if_it_is_for_everybody() {
        let bad = |why: &str| Outcome::Failed(Fault::Malformed(why.to_owned()));
        let no_network = || Outcome::Failed(Fault::Misconfigured("not granted".to_owned()));
        assert_eq!(never(&[bad("a"), bad("b")]), Some("a"));
        assert_eq!(never(&[bad("a"), no_network()]), None);
        assert_eq!(never(&[Outcome::Sent(None)]), None);
        assert_eq!(never(&[]), None);
    }
}
