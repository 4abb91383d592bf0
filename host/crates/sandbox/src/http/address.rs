//! Which addresses a plugin may reach: judged after the name was resolved, so that no name can lead inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// On the public network.
    Outward,
    /// Inside: the machine itself, its network, its provider's. Needs a grant that says so.
    Inward(&'static str),
    /// Nowhere a request belongs, whatever is granted.
    Never(&'static str),
}

pub(super) fn judge(address: IpAddr) -> Standing {
    match address {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => judge_v4(address),
            None => judge_v6(address),
        },
    }
}

/// Where cloud machines, and containers on them, learn their own credentials.
const METADATA_V4: [Ipv4Addr; 8] = [
    // Most of them.
    Ipv4Addr::new(169, 254, 169, 254),
    // Amazon's containers.
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    // Tencent, Alibaba, Volcengine, Oracle, Azure.
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(100, 96, 0, 96),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// Amazon, its containers, Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn judge_v4(address: Ipv4Addr) -> Standing {
    let [a, b, c, _] = address.octets();
    if METADATA_V4.contains(&address) {
        return Standing::Never("a metadata service");
    }
    match (a, b, c) {
        (0, ..) => Standing::Never("no address of a machine"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Standing::Inward("a private address"),
        (100, 64..=127, _) => Standing::Inward("a carrier's private address"),
        (127, ..) => Standing::Inward("the machine itself"),
        (169, 254, _) => Standing::Inward("a link-local address"),
        (192, 0, 0) => Standing::Never("reserved for protocols"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Standing::Never("an address for documentation"),
        (192, 88, 99) => Standing::Never("a relay that no longer exists"),
        // Local proxies hand these out in place of real addresses.
        (198, 18..=19, _) => Standing::Inward("an address for benchmarks"),
        (224..=239, ..) => Standing::Never("a multicast address"),
        (240..=255, ..) => Standing::Never("a reserved address"),
        (1..=9 | 11..=223, ..) => Standing::Outward,
    }
}

fn judge_v6(address: Ipv6Addr) -> Standing {
    let segments = address.segments();
    if METADATA_V6.contains(&address) || translated(address).into_iter().any(|v4| METADATA_V4.contains(&v4)) {
        return Standing::Never("a metadata service");
    }
    if address.is_unspecified() {
        return Standing::Never("no address of a machine");
    }
    if address.is_loopback() {
        return Standing::Inward("the machine itself");
    }
    match segments[0] {
        0xfc00..=0xfdff => Standing::Inward("a private address"),
        0xfe80..=0xfebf => Standing::Inward("a link-local address"),
        0xfec0..=0xfeff => Standing::Inward("a site-local address"),
        0xff00..=0xffff => Standing::Never("a multicast address"),
        0x2001 if segments[1] == 0xdb8 => Standing::Never("an address for documentation"),
        0x2001 if segments[1] < 0x200 => Standing::Never("reserved for protocols"),
        0x3fff if segments[1] < 0x1000 => Standing::Never("an address for documentation"),
        0x0064 if segments[1] == 0xff9b => Standing::Inward("a translator's private address"),
        0x2000..=0x3fff => Standing::Outward,
        // Everything else has not been given to anybody.
        _ => Standing::Never("a reserved address"),
    }
}

/// What an address of a translator inside the network may stand for: its prefix says not which.
fn translated(address: Ipv6Addr) -> [Ipv4Addr; 2] {
    let s = address.segments();
    if !matches!(s, [0x64, 0xff9b, 1, ..]) {
        return [Ipv4Addr::BROADCAST; 2];
    }
    let octets = address.octets();
    let short = [octets[6], octets[7], octets[9], octets[10]];
    let long = [octets[12], octets[13], octets[14], octets[15]];
    [short.into(), long.into()]
}

/// The IPv4 address that an IPv6 address stands for, in each of the ways to write one inside the other.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // Mapped, and translated by the operating system.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => v4(high, low),
        // Compatible, long deprecated. `::` and `::1` are not.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => v4(high, low),
        // NAT64.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}
