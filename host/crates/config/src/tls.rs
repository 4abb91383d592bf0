//! `[tls]`: with which certificate the host listens.

use std::path::PathBuf;

use serde::Deserialize;

use crate::Problem;
use crate::secret::Surroundings;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// The certificate and those that lead to its authority, in PEM, the host's own first. Read again on SIGHUP.
    cert: String,
    /// Its private key, in PEM: PKCS#8, PKCS#1 or SEC1.
    key: String,
}

/// The files of a certificate. They exist; what stands in them is another matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl TlsSection {
    pub(crate) fn resolve(self, surroundings: &Surroundings<'_>) -> Result<Tls, Problem> {
        let TlsSection { cert, key } = self;
        let file = |name: &str, file: String| {
            let path = surroundings.folder.join(&file);
            let reason = || format!("file \"{file}\" does not exist (looked for {})", path.display());
            if path.is_file() { Ok(path.clone()) } else { Err(Problem::wrong(name, reason())) }
        };
        Ok(Tls { cert: file("cert", cert)?, key: file("key", key)? })
    }
}
