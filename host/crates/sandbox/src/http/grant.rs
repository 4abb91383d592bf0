//! Hosts that an operator granted: scheme, host and port.

use std::fmt;

use url::{Host, Url};

/// One granted host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGrant {
    tls: bool,
    host: Pattern,
    port: u16,
    inward: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// What stands behind `*.`: any name below it, not itself.
    Below(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("host grant \"{grant}\" {reason}")]
pub struct GrantError {
    pub grant: String,
    pub reason: String,
}

impl HostGrant {
    /// Reads `https://api.example.com`, `https://*.example.com:8443` or `http://10.0.0.7:9000`. `inward` lets the name
    /// stand for an address inside the host's own network, loopback included.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str, inward: bool) -> Result<HostGrant, GrantError> {
        let error = |reason: &str| GrantError { grant: text.to_owned(), reason: reason.to_owned() };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| error("has no scheme: write https://host or http://host"))?;
        let (below, bare) = match rest.strip_prefix("*.") {
            Some(bare) => (true, bare),
            None => (false, rest),
        };
        if bare.contains('*') {
            return Err(error("has a `*` elsewhere than in front: write https://*.example.com"));
        }
        let url = Url::parse(&format!("{scheme}://{bare}"))
            .map_err(|reason| error(&format!("is not scheme://host:port: {reason}")))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(error(&format!("has scheme {other}: only https and http are known"))),
        };
        if url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
        {
            return Err(error("has more than scheme://host:port: a path cannot be granted"));
        }
        let host = match (url.host(), below) {
            (Some(Host::Domain(name)), true) if name.trim_end_matches('.').contains('.') => {
                Pattern::Below(name.trim_end_matches('.').to_owned())
            }
            (Some(Host::Domain(name)), false) => Pattern::Exact(name.trim_end_matches('.').to_owned()),
            (Some(Host::Ipv4(_) | Host::Ipv6(_)), false) => {
                Pattern::Exact(url.host_str().unwrap_or_default().to_owned())
            }
            (Some(_), true) => return Err(error("grants too much: name at least two labels behind `*.`")),
            (None, _) => return Err(error("has no host")),
        };
        let port = url.port_or_known_default().unwrap_or(if tls { 443 } else { 80 });
        Ok(HostGrant { tls, host, port, inward })
    }

    /// May the name stand for an address inside?
    #[must_use]
    pub fn inward(&self) -> bool {
        self.inward
    }

    /// Does it grant this URL? The URL has been normalised.
    pub(super) fn covers(&self, url: &Url) -> bool {
        let scheme = if self.tls { "https" } else { "http" };
        url.scheme() == scheme
            && url.port_or_known_default() == Some(self.port)
            && url.host_str().is_some_and(|host| self.names(host))
    }

    fn names(&self, host: &str) -> bool {
        match &self.host {
            Pattern::Exact(name) => host == name,
            Pattern::Below(parent) => host
                .strip_suffix(parent.as_str())
                .and_then(|labels| labels.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
        }
    }
}

impl fmt::Display for HostGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostGrant { tls, host, port, inward } = self;
        let (scheme, usual) = if *tls { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://")?;
        match host {
            Pattern::Exact(name) => f.write_str(name)?,
            Pattern::Below(parent) => write!(f, "*.{parent}")?,
        }
        if *port != usual {
            write!(f, ":{port}")?;
        }
        if *inward {
            write!(f, " (inward)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::check_url;

    fn covers(grant: &str, url: &str) -> bool {
        let grant = HostGrant::parse(grant, false).unwrap();
        check_url(url).is_ok_and(|url| grant.covers(&url))
    }

    #[test]
    fn a_grant_covers_its_scheme_host_and_port_alone() {
        let grant = "https://qyapi.weixin.qq.com";
        assert!(covers(grant, "https://qyapi.weixin.qq.com/cgi-bin/gettoken?x=1"));
        assert!(covers(grant, "https://qyapi.weixin.qq.com:443/"));
        assert!(covers(grant, "https://QYAPI.weixin.qq.com./"));
        assert!(!covers(grant, "http://qyapi.weixin.qq.com/"));
        assert!(!covers(grant, "https://qyapi.weixin.qq.com:8443/"));
        assert!(!covers(grant, "https://weixin.qq.com/"));
        assert!(!covers(grant, "https://qyapi.weixin.qq.com.evil.example/"));
        assert!(!covers(grant, "https://qyapi.weixin.qq.com@evil.example/"));
        assert!(!covers(grant, "https://evil.example/#https://qyapi.weixin.qq.com"));
    }

    #[test]
    fn a_star_stands_for_names_below_and_not_for_the_name() {
        assert!(covers("https://*.example.com", "https://a.example.com/"));
        assert!(covers("https://*.example.com", "https://a.b.example.com/"));
        assert!(!covers("https://*.example.com", "https://example.com/"));
        assert!(!covers("https://*.example.com", "https://.example.com/"));
        assert!(!covers("https://*.example.com", "https://evilexample.com/"));
    }

    #[test]
    fn addresses_are_granted_by_themselves() {
        assert!(covers("http://127.0.0.1:9000", "http://127.1:9000/x"));
        assert!(covers("http://[::1]:9000", "http://[0:0::1]:9000/x"));
        assert!(!covers("http://127.0.0.1:9000", "http://localhost:9000/x"));
    }

    #[test]
    fn a_grant_that_says_too_much_or_too_little_is_refused() {
        for text in [
            "qyapi.weixin.qq.com",
            "https://",
            "https://a.example/path",
            "https://a.example?x",
            "https://u@a.example",
            "https://*",
            "https://*.com",
            "https://*.10.0.0.1",
            "https://a.*.example.com",
            "ftp://a.example",
        ] {
            assert!(HostGrant::parse(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn a_grant_prints_as_it_is_written() {
        for text in ["https://a.example.com", "http://*.example.com:8080"] {
            assert_eq!(HostGrant::parse(text, false).unwrap().to_string(), text);
        }
    }
}
