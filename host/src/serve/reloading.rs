//! SIGHUP: the configuration is read again.

use std::sync::Arc;

use config::Config;
use courier::Rules;
use heliu::shadows::Shadows;
use heliu::wiring::{self, PluginRefused};
use segment::Segment;
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use super::folder::FolderHandle;
use super::loading::{Loaded, Loader};
use super::needs_restart;
use super::shared::Shared;
use super::tls::{Certificates, Renewal};

/// What takes on another configuration.
pub(super) struct Reloading {
    pub(super) config: Config,
    pub(super) loader: Loader,
    pub(super) shared: Arc<Shared>,
    pub(super) fold: FolderHandle,
    pub(super) segments: watch::Sender<Arc<[Segment]>>,
    pub(super) shadows: Shadows,
    pub(super) certificates: Certificates,
}

impl Reloading {
    /// The configuration as it is written now, with its plugins admitted. Blocks for as long as they take.
    fn read(&self) -> anyhow::Result<(Loaded, Renewal, Config)> {
        let fresh = config::load(&self.config.path)?;
        wiring::check_tenant(&fresh, &*self.shared.journal)?;
        let loaded = self.loader.load(&fresh, &self.shared.connections())?;
        Ok((loaded, Renewal::read(&fresh)?, fresh))
    }

    /// Reads the configuration again at each SIGHUP. One that does not hold changes nothing.
    pub(super) async fn run(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            // A component that is new may take minutes to compile. Who is called or answered meanwhile has other threads.
            match tokio::task::block_in_place(|| self.read()) {
                Ok((Loaded { connections, wanted, shadows: beside }, renewal, fresh)) => {
                    if needs_restart(&self.config, &fresh) {
                        tracing::warn!(
                            "\"data\", \"listen\", \"clock\", [api], [limits], [log], [telemetry] and whether there is \
                             [tls] take effect at the next start"
                        );
                    }
                    self.certificates.renew(renewal);
                    self.loader.share(&fresh);
                    self.shared.replace_connections(connections);
                    self.shared.replace_rules(Rules::new(fresh.courier.clone()));
                    self.shared.courier.notify_one();
                    self.fold.want(wanted);
                    self.shared.wake_pump();
                    if let Err(error) = self.shadows.replace(beside) {
                        tracing::error!(error = format!("{error:#}"), "shadows do not fold");
                    }
                    if self.config.segments != fresh.segments {
                        self.segments.send_replace(Arc::from(fresh.segments.as_slice()));
                    }
                    self.config = fresh;
                    tracing::info!(path = %self.config.path.display(), "the configuration was read again");
                }
                Err(error) => {
                    if let Some(PluginRefused { name, .. }) = error.downcast_ref::<PluginRefused>() {
                        self.shared.metrics.plugin_refused(name);
                    }
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the new configuration does not hold; the old one stays"
                    );
                }
            }
        }
    }
}
