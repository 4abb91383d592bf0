//! The certificates of the host's doors, and how they are renewed while these stay open.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, bail, ensure};
use config::{Config, Tls};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// One door's. Clones are the same certificate, also when it is renewed.
#[derive(Clone)]
pub(crate) struct Certificate(Arc<RwLock<Arc<ServerConfig>>>);

pub(crate) struct Certificates {
    pub(crate) hooks: Option<Certificate>,
    /// There where the API has a door of its own.
    pub(crate) api: Option<Certificate>,
}

/// Read, and not in force yet.
pub(crate) struct Renewal {
    hooks: Option<Arc<ServerConfig>>,
    api: Option<Arc<ServerConfig>>,
}

impl Certificate {
    fn new(server: Arc<ServerConfig>) -> Certificate {
        Certificate(Arc::new(RwLock::new(server)))
    }

    /// Greets with the certificate that is in force now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn replace(&self, server: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = server;
    }
}

impl Certificates {
    pub(crate) fn load(config: &Config) -> anyhow::Result<Certificates> {
        let Renewal { hooks, api } = Renewal::read(config)?;
        Ok(Certificates { hooks: hooks.map(Certificate::new), api: api.map(Certificate::new) })
    }

    /// Connections that are open keep what they were greeted with.
    pub(crate) fn renew(&self, renewal: Renewal) {
        let Renewal { hooks, api } = renewal;
        for (held, new) in [(&self.hooks, hooks), (&self.api, api)] {
            if let (Some(held), Some(new)) = (held, new) {
                held.replace(new);
            }
        }
    }
}

impl Renewal {
    pub(crate) fn read(config: &Config) -> anyhow::Result<Renewal> {
        let read = |section: &str, tls: &Tls| {
            server(tls).with_context(|| format!("{}: {section}", config.path.display()))
        };
        let hooks = config.tls.as_ref().map(|tls| read("[tls]", tls)).transpose()?;
        let api = match (&config.api.listen, &config.api.tls) {
            (None, _) => None,
            (Some(_), None) => hooks.clone(),
            (Some(_), Some(tls)) => Some(read("[api.tls]", tls)?),
        };
        Ok(Renewal { hooks, api })
    }
}

/// The certificates of a file, the host's own first.
pub(crate) fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let shown = path.display();
    let found = CertificateDer::pem_file_iter(path).with_context(|| format!("read {shown}"))?;
    let found = found.collect::<Result<Vec<_>, _>>().with_context(|| format!("read {shown}"))?;
    ensure!(!found.is_empty(), "{shown} has no certificate in PEM");
    Ok(found)
}

fn server(tls: &Tls) -> anyhow::Result<Arc<ServerConfig>> {
    let Tls { cert, key } = tls;
    let chain = chain(cert)?;
    let secret = match PrivateKeyDer::from_pem_file(key) {
        Ok(secret) => secret,
        // Its error may show a piece of the file.
        Err(_) => bail!("{} has no private key in PEM (PKCS#8, PKCS#1 or SEC1)", key.display()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let server = versions.with_no_client_auth().with_single_cert(chain, secret);
    let mut server = server.with_context(|| format!("{} and {}", cert.display(), key.display()))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}
