//! SIGHUP: the configuration is read again.

use std::sync::Arc;

use config::Config;
use courier::Rules;
use heliu::shadows::Shadows;
use heliu::wiring;
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
    /// Reads the configuration again at each SIGHUP. One that does not hold changes nothing.
    pub(super) async fn run(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            let fresh = config::load(&self.config.path).map_err(anyhow::Error::from).and_then(|fresh| {
                wiring::check_tenant(&fresh, &*self.shared.journal)?;
                Ok((self.loader.load(&fresh, &self.shared.connections())?, Renewal::read(&fresh)?, fresh))
            });
            match fresh {
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
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the new configuration does not hold; the old one stays"
                    );
                }
            }
        }
    }
}
