//! Hosts that a connection may reach: scheme, host and port, nothing more.

use std::net::Ipv6Addr;

/// Checks `https://qyapi.weixin.qq.com`, `http://127.0.0.1:8481`, `https://*.taobao.com`, and gives it in lower case.
pub(crate) fn check(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let wrong = |reason: &str| format!("\"{text}\" {reason}, like \"https://qyapi.weixin.qq.com\"");
    let Some((scheme, rest)) = lower.split_once("://") else {
        return Err(wrong("has no scheme: write scheme and host"));
    };
    if scheme != "https" && scheme != "http" {
        return Err(wrong("is neither https nor http: write scheme and host"));
    }
    if rest.contains(['/', '?', '#', '@']) {
        return Err(wrong(
            "is more than a host: a grant is for a whole host; write scheme, host and port alone",
        ));
    }
    let (host, port) = split_port(rest);
    if let Some(port) = port
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err(wrong("has no port of 1 to 65535 behind the colon: write scheme, host and port"));
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').and_then(|address| address.parse::<Ipv6Addr>().ok());
        return address.map(|_| lower.clone()).ok_or_else(|| wrong("has no IPv6 address in its brackets"));
    }
    let name = match host.strip_prefix("*.") {
        // Half of the internet is no host.
        Some(suffix) if !suffix.contains('.') => {
            return Err(wrong("grants a whole top-level domain: name the hosts"));
        }
        Some(suffix) => suffix,
        None => host,
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !name.split('.').all(label) {
        return Err(wrong("has no host of letters, digits, dashes and dots: write scheme and host"));
    }
    Ok(lower)
}

fn split_port(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        // The colons of an IPv6 address stand before its closing bracket.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_granted_in_lower_case() {
        for (text, granted) in [
            ("https://qyapi.weixin.qq.com", "https://qyapi.weixin.qq.com"),
            ("HTTPS://Open.Youzan.com:8443", "https://open.youzan.com:8443"),
            ("http://127.0.0.1:40123", "http://127.0.0.1:40123"),
            ("http://localhost:1", "http://localhost:1"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
            ("https://*.taobao.com", "https://*.taobao.com"),
        ] {
            assert_eq!(check(text).as_deref(), Ok(granted));
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_text() {
        for text in [
            "",
            "qyapi.weixin.qq.com",
            "ftp://a.example",
            "https://a.example/",
            "https://a.example/path",
            "https://user@a.example",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:",
            "https://",
            "https://*",
            "https://*.com",
            "https://a.*.com",
            "https://a..com",
            "https://[::1",
            "https://微信.example",
        ] {
            let reason = check(text).unwrap_err();
            assert!(reason.starts_with(&format!("\"{text}\" ")), "{reason}");
        }
    }
}
