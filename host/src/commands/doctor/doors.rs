//! Who may come in: tokens, certificates, and what crosses the network in the clear.

use std::net::SocketAddr;
use std::path::Path;

use api::{TOKEN_PREFIX, TokenFile, TokenRecord};
use config::{Config, Tls};
use model::Instant;

use super::finding::Findings;
use crate::serve::{self, Renewal};

const TOKENS: &str = "tokens";
const TLS: &str = "tls";

const DAY_MS: u64 = 86_400_000;

/// So long before something ends, it is told of.
const SOON_MS: u64 = 14 * DAY_MS;

/// Letters of a token that somebody made up, at least: as many as 128 random bits have in hexadecimal digits.
const TOKEN_LETTERS_MIN: usize = 32;

/// Different letters of it, at least. A random one of that length has more.
const TOKEN_KINDS_MIN: usize = 10;

pub(super) fn tokens(config: &Config, now: Instant, findings: &mut Findings) {
    if let Some(token) = &config.api.token {
        match weakness(token.expose()) {
            Some(weakness) => findings.bad(
                TOKENS,
                format!("[api] token {weakness}: it may be guessed"),
                "put 32 random bytes there, as of `openssl rand -hex 32`; or leave it out, and use `heliu token create`",
            ),
            None => findings.good(TOKENS, "[api] token is long enough"),
        }
    }
    let file = TokenFile::new(&config.data_dir, &config.tenant);
    match file.read() {
        Err(error) => findings.bad(
            TOKENS,
            error.to_string(),
            "until then these tokens open nothing; put the file of this host there, or make the tokens anew",
        ),
        Ok(tokens) => made(&tokens, config, now, findings),
    }
    if others_may_read(file.path()) {
        let mend = format!("chmod 600 {}", file.path().display());
        findings.look(TOKENS, format!("{} is open to other users", file.path().display()), mend);
    }
}

fn made(tokens: &[TokenRecord], config: &Config, now: Instant, findings: &mut Findings) {
    let in_force: Vec<&TokenRecord> = tokens.iter().filter(|token| !token.is_over(now)).collect();
    if in_force.is_empty() && config.api.token.is_none() {
        let mend = "heliu token create NAME --scope read";
        findings.look(TOKENS, "nobody may use the API: no token is in force", mend);
    } else if !in_force.is_empty() {
        findings.good(TOKENS, format!("{} made here are in force", in_force.len()));
    }
    for token in in_force {
        if let Some(expires) = token.expires.filter(|expires| expires - now <= SOON_MS) {
            let days = (expires - now) / DAY_MS;
            let mend = "make another by `heliu token create`, give it to who uses this one, and revoke it";
            findings.look(TOKENS, format!("\"{}\" ends in {days} days", token.name), mend);
        }
    }
}

/// What makes a token guessable. One that was made here is not.
fn weakness(token: &str) -> Option<String> {
    if token.strip_prefix(TOKEN_PREFIX).is_some_and(|random| random.len() == 64) {
        return None;
    }
    let letters = token.chars().count();
    if letters < TOKEN_LETTERS_MIN {
        return Some(format!("has {letters} letters, fewer than {TOKEN_LETTERS_MIN}"));
    }
    let kinds = token.chars().collect::<std::collections::BTreeSet<_>>().len();
    (kinds < TOKEN_KINDS_MIN).then(|| format!("is made of {kinds} different letters"))
}

pub(super) fn certificates(config: &Config, now: Instant, findings: &mut Findings) {
    let doors = [
        ("[tls]", config.tls.as_ref(), Some(config.listen)),
        ("[api.tls]", config.api.tls.as_ref(), config.api.listen),
    ];
    let mut readable = true;
    for (section, tls, _) in doors {
        if let Some(Tls { cert, key }) = tls {
            match ends(cert) {
                Ok((from, until)) => judge(section, cert, from, until, now, findings),
                Err(reason) => {
                    readable = false;
                    findings.bad(TLS, format!("{section}: {reason}"), "put a certificate in PEM there");
                }
            }
            if others_may_read(key) {
                let mend = format!("chmod 600 {}", key.display());
                findings.look(TLS, format!("{section}: the key is open to other users"), mend);
            }
        }
    }
    if readable && let Err(error) = Renewal::read(config) {
        let mend = "give the certificate and the key that belong together";
        findings.bad(TLS, format!("{error:#}"), mend);
    }
    let people = config.api.listen.unwrap_or(config.listen);
    for (what, at) in [("webhooks", config.listen), ("tokens", people)] {
        if config.tls.is_none() && (what == "webhooks" || config.api.tls.is_none()) && is_open(at) {
            let mend = "give [tls] a certificate, or listen on 127.0.0.1 behind a proxy that has one";
            findings.look(TLS, format!("{what} come to {at} in the clear"), mend);
        }
    }
}

/// Can others than this machine reach it?
fn is_open(at: SocketAddr) -> bool {
    !at.ip().is_loopback()
}

fn judge(section: &str, cert: &Path, from: Instant, until: Instant, now: Instant, findings: &mut Findings) {
    let shown = cert.display();
    let mend = "renew it, and send the host SIGHUP";
    if until <= now {
        let days = (now - until) / DAY_MS;
        findings.bad(TLS, format!("{section}: {shown} ended {days} days ago: nobody believes it"), mend);
    } else if from > now {
        let mend = "look at this machine's clock, or wait";
        findings.bad(TLS, format!("{section}: {shown} does not hold yet: nobody believes it"), mend);
    } else if until - now <= SOON_MS {
        let days = (until - now) / DAY_MS;
        findings.look(TLS, format!("{section}: {shown} ends in {days} days"), mend);
    } else {
        let days = (until - now) / DAY_MS;
        findings.good(TLS, format!("{section}: {shown} holds for {days} days"));
    }
}

/// From when and until when the first certificate of a file holds.
fn ends(cert: &Path) -> Result<(Instant, Instant), String> {
    use x509_cert::der::Decode as _;
    let chain = serve::chain(cert).map_err(|error| format!("{error:#}"))?;
    let own = chain.first().ok_or_else(|| format!("{} has no certificate", cert.display()))?;
    let own = x509_cert::Certificate::from_der(own);
    let own = own.map_err(|error| format!("{} has no certificate of X.509: {error}", cert.display()))?;
    let ms = |time: x509_cert::time::Time| {
        Instant::try_from(time.to_unix_duration().as_millis()).unwrap_or(Instant::MAX)
    };
    let validity = own.tbs_certificate.validity;
    Ok((ms(validity.not_before), ms(validity.not_after)))
}

/// Of a file that is not there: nobody.
pub(super) fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}
