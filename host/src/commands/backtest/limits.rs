//! What the courier's rules would have said of what either version intends, each intent judged at its own time.

use anyhow::Context as _;
use config::Config;
use courier::{Account, Accounts, Address, Carried, Code, Rules, Ruling, Standing, Tally};
use heliu::signature::read_component;
use model::{HeldIntent, Identity};
use sandbox::{Grants, Plugin, Sandbox};

use crate::carrying;

/// The handle that every account can address here: a backtest asks what the rules say, not whom a channel knows.
const SCHEME: &str = "anybody";

pub(super) struct Limits {
    rules: Rules,
    accounts: Accounts,
    anybody: Identity,
}

impl Limits {
    /// The rules and the connections of a configuration. Consent, and what she bought, are not looked at.
    pub(super) fn of(config: &Config, sandbox: &Sandbox) -> anyhow::Result<Limits> {
        let mut connections = Vec::new();
        for connection in &config.connections {
            let bytes = read_component(&connection.plugin, &config.plugins)?;
            let admitted = sandbox.admit(&bytes, &Grants::all());
            let admitted = admitted.with_context(|| connection.plugin.display().to_string())?;
            let Plugin::Connector(connector) = admitted else { continue };
            let descriptor = connector.descriptor();
            connections.push(Account {
                connection: connection.name.clone(),
                channel: descriptor.channel.clone(),
                abilities: descriptor.abilities.clone(),
                addresses: vec![Address { scheme: SCHEME.to_owned(), scope: None }],
                strangers: vec![Address { scheme: SCHEME.to_owned(), scope: None }],
                since: None,
                sent_today: Tally::default(),
                staff: Vec::new(),
            });
        }
        let anybody = Identity { scheme: SCHEME.to_owned(), scope: String::new(), value: "she".to_owned() };
        Ok(Limits { rules: Rules::new(config.courier.clone()), accounts: Accounts { connections }, anybody })
    }

    /// The codes of the rules that would have stopped or delayed some of one customer's intents, one for each of those.
    pub(super) fn hit(&self, intents: &[&HeldIntent]) -> Vec<&'static str> {
        let mut sorted: Vec<&HeldIntent> = intents.to_vec();
        sorted.sort_by_key(|held| (at(held), &held.id));
        let mut carried: Vec<Carried<'_>> = Vec::new();
        let mut hits = Vec::new();
        let handles = [&self.anybody];
        for held in sorted {
            let candidate = carrying::intent(held);
            let standing = Standing { carried: &carried, handles: &handles, ..Standing::default() };
            let rulings = self.rules.judge(at(held), &standing, &[candidate], &self.accounts);
            let reason = match rulings.first() {
                Some(Ruling::Carry { connection, .. }) => {
                    let account =
                        self.accounts.connections.iter().find(|account| account.connection == *connection);
                    if let Some(Account { connection, channel, .. }) = account {
                        carried.push(Carried {
                            binding: &held.binding,
                            key: &held.intent.key,
                            scene: &held.intent.scene,
                            connection,
                            channel,
                            at: at(held),
                        });
                    }
                    continue;
                }
                Some(Ruling::Hold { reason, .. } | Ruling::Drop { reason } | Ruling::Expire { reason }) => {
                    reason
                }
                None => continue,
            };
            if reason.code != Code::Consent {
                hits.push(reason.code.name());
            }
        }
        hits
    }
}

/// When it would have been judged first.
fn at(held: &HeldIntent) -> u64 {
    held.intent.not_before.map_or(held.cause.now, |start| start.max(held.cause.now))
}
