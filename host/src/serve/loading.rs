//! Makes a running configuration out of a written one.

use std::sync::Arc;

use anyhow::Context as _;
use config::Config;
use heliu::wiring::{self, Data, PluginRefused, Policies, Shelf};
use journal::Journal;
use model::Binding;
use sandbox::{Grants, HostGrant, Plugin, Sandbox};

use super::connection::{Connection, ConnectionStanding};
use super::granting::{self, Wanted};
use super::shared::{self, Connections};
use crate::carrying::Outlet;

/// Makes a running configuration out of a written one.
pub(super) struct Loader {
    sandbox: Sandbox,
    shelf: Shelf,
    policies: Arc<Policies>,
    journal: Arc<dyn Journal>,
}

/// A configuration that holds, with its plugins admitted.
pub(super) struct Loaded {
    pub(super) connections: Connections,
    pub(super) wanted: Wanted,
    pub(super) shadows: Vec<Binding>,
}

impl Loader {
    pub(super) fn new(
        data: &Data,
        sandbox: &Sandbox,
        policies: &Arc<Policies>,
        journal: &Arc<dyn Journal>,
    ) -> Loader {
        let (policies, journal) = (Arc::clone(policies), Arc::clone(journal));
        Loader { sandbox: sandbox.clone(), shelf: Shelf::new(data), policies, journal }
    }

    /// These connections are called from here on: each has its part of the places.
    pub(super) fn share(&self, config: &Config) {
        let most = |connection: &config::Connection| (connection.name.clone(), connection.calls_max);
        self.sandbox.share_calls(config.connections.iter().map(most));
    }

    /// What a connection knows between its calls is taken over from the running ones.
    pub(super) fn load(&self, config: &Config, running: &Connections) -> anyhow::Result<Loaded> {
        let bindings = wiring::bind(config, &self.sandbox, &self.shelf, &self.policies)?;
        let shadows = wiring::shadows(config, &self.sandbox, &self.shelf, &self.policies)?;
        let (mut connections, mut grants) = (Connections::new(), Vec::new());
        for wanted in &config.connections {
            let connection = self
                .connect(wanted, &config.plugins, running)
                .with_context(|| PluginRefused::new(config, "connection", &wanted.name))?;
            grants.push(granting::of(wanted, &connection));
            connections.insert(wanted.name.clone(), Arc::new(connection));
        }
        let namings: Vec<wiring::Naming<'_>> = config
            .connections
            .iter()
            .filter_map(|wanted| {
                let connector = &connections.get(&wanted.name)?.connector;
                let (component, schemes) = (connector.digest(), &connector.descriptor().schemes[..]);
                Some(wiring::Naming { connection: &wanted.name, component, schemes, shares: &wanted.shares })
            })
            .collect();
        let schemes = wiring::schemes(&namings).with_context(|| config.path.display().to_string())?;
        let (setup, change) = (wiring::setup(config, bindings, schemes), config.change.clone());
        let sections = granting::sections(config);
        Ok(Loaded { connections, wanted: Wanted { setup, grants, sections, change }, shadows })
    }

    fn connect(
        &self,
        wanted: &config::Connection,
        plugins: &config::Plugins,
        running: &Connections,
    ) -> anyhow::Result<Connection> {
        let bytes = self.shelf.take_in(&wanted.plugin, plugins)?;
        let admitted = self.sandbox.admit(&bytes, &Grants::all());
        let connector = match admitted.with_context(|| wanted.plugin.display().to_string())? {
            Plugin::Connector(connector) => connector,
            Plugin::Policy(_) => {
                anyhow::bail!("{} is a policy: declare it under [[policy]]", wanted.plugin.display())
            }
        };
        config::check_settings(&connector.descriptor().settings_schema, &wanted.settings)?;
        let grants = wanted.hosts.iter().map(|host| HostGrant::parse(host, wanted.inward));
        let grants = grants.collect::<Result<_, _>>()?;
        let standing = match running.get(&wanted.name) {
            Some(running) => {
                running.standing.next_poll.store(0, std::sync::atomic::Ordering::SeqCst);
                running.standing.doors.try_again();
                Arc::clone(&running.standing)
            }
            None => Arc::new(ConnectionStanding::new(self.journal.recall(&wanted.name)?)),
        };
        let http = self.sandbox.http(grants)?.telling(shared::on_refused(&wanted.name, &standing));
        let (name, descriptor) = (wanted.name.clone(), connector.descriptor());
        let outlet = Outlet::new(
            &name,
            descriptor,
            &wanted.settings,
            &wanted.secrets,
            &wanted.carry_again,
            wanted.since,
        );
        Ok(Connection {
            name,
            file: wanted.plugin.display().to_string(),
            connector,
            outlet,
            settings: wanted.settings.clone(),
            secrets: wanted.secrets.clone(),
            http,
            poll_every: wanted.poll_every,
            standing,
        })
    }
}
