//! Who fails too often, by the address that calls: wrong tokens, and webhooks whose signature does not hold.
//!
//! Each failure fills a bucket of its address, which runs empty within a minute; while it is full the address is told to come
//! again, before anybody looks at what it shows. Two things let honest callers through who share an address with others, behind a
//! proxy or a platform's gate: a token that held from there before is looked at all the same, and a webhook that is authentic
//! empties its connection's bucket.
//!
//! Addresses live here alone, in a table of bounded size: in no log and in no metric.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

use crate::auth::TokenHash;

/// In which a bucket runs empty.
const MINUTE: Duration = Duration::from_secs(60);

/// Buckets that are not empty, and tokens that held. Past it the one that matters least goes.
const TABLE_MAX: usize = 8_192;

/// How long a token that held from an address is known there.
const KNOWN_MAX: Duration = Duration::from_secs(24 * 3600);

/// In how much of an IPv6 address callers are told apart: whoever has one has so many.
const NETWORK_BITS: u32 = 64;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address at the other end of a connection; whoever listens puts it on each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// How often one address may fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerLimits {
    /// Wrong tokens a minute. 0: as many as it likes.
    pub token_failures: u32,
    /// Webhooks that are not authentic a minute, of one connection. 0: as many as it likes.
    pub webhook_failures: u32,
    /// Proxies that are believed when they say for whom they ask.
    pub forwarded_by: Vec<IpNet>,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Api,
    /// A connection's webhooks, by its name.
    Hook(&'a str),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Bucket {
    address: IpAddr,
    /// None: the API's.
    hook: Option<String>,
}

#[derive(Default)]
struct Table {
    /// When each will be empty.
    buckets: HashMap<Bucket, Instant>,
    /// When each token last held from an address.
    known: HashMap<(IpAddr, TokenHash), Instant>,
}

/// The table of addresses that failed.
#[derive(Default)]
pub struct Callers {
    limits: CallerLimits,
    table: Mutex<Table>,
    refused: [AtomicU64; 2],
}

impl Callers {
    #[must_use]
    pub fn new(limits: CallerLimits) -> Callers {
        Callers { limits, ..Callers::default() }
    }

    /// How often somebody was told to come again, by what was called. Names are words for metrics.
    #[must_use]
    pub fn refused(&self) -> [(&'static str, u64); 2] {
        let [api, hooks] = &self.refused;
        [("api", api.load(Ordering::Relaxed)), ("webhooks", hooks.load(Ordering::Relaxed))]
    }

    /// The address that asks. None: whoever listens did not say, as in a test without a network.
    pub(crate) fn address(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let Peer(peer) = *extensions.get::<Peer>()?;
        let trusts = |address: IpAddr| self.limits.forwarded_by.iter().any(|net| net.contains(&address));
        let mut address = peer.to_canonical();
        let said = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let mut said: Vec<&str> = said.flat_map(|value| value.split(',')).collect();
        // The last word is the nearest proxy's own. What stands before the first stranger is that stranger's invention.
        while trusts(address) {
            let Some(before) = said.pop().and_then(parsed) else { break };
            address = before.to_canonical();
        }
        Some(network(address))
    }

    /// May it be looked at? If not: in how many milliseconds.
    pub(crate) fn admit(
        &self,
        address: Option<IpAddr>,
        place: Place<'_>,
        shown: Option<&TokenHash>,
        now: Instant,
    ) -> Result<(), u64> {
        let (Some(address), Some(cost)) = (address, self.cost(place)) else { return Ok(()) };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Mostly nobody failed, and it costs nothing to know.
        if table.buckets.is_empty() {
            return Ok(());
        }
        let Some(&empty) = table.buckets.get(&Bucket::of(address, place)) else { return Ok(()) };
        let room = (now + MINUTE).checked_sub(cost).unwrap_or(now);
        if empty <= room {
            return Ok(());
        }
        if let Some(shown) = shown
            && let Some(last) = table.known.get_mut(&(address, *shown))
            && now.saturating_duration_since(*last) < KNOWN_MAX
        {
            *last = now;
            return Ok(());
        }
        self.refused[usize::from(place != Place::Api)].fetch_add(1, Ordering::Relaxed);
        let wait = empty.saturating_duration_since(room);
        Err(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }

    /// What was shown did not hold.
    pub(crate) fn failed(&self, address: Option<IpAddr>, place: Place<'_>, now: Instant) {
        let (Some(address), Some(cost)) = (address, self.cost(place)) else { return };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = Bucket::of(address, place);
        if !table.buckets.contains_key(&bucket) {
            make_room(&mut table.buckets, |empty| *empty > now);
        }
        let empty = table.buckets.entry(bucket).or_insert(now);
        *empty = (*empty).max(now) + cost;
    }

    /// What was shown held: a token, or a webhook's signature.
    pub(crate) fn held(
        &self,
        address: Option<IpAddr>,
        place: Place<'_>,
        shown: Option<&TokenHash>,
        now: Instant,
    ) {
        let (Some(address), Some(_)) = (address, self.cost(place)) else { return };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        match (place, shown) {
            // One right token says nothing for the wrong ones beside it: it is what somebody who tries them would have, too.
            (Place::Api, Some(shown)) => {
                let known = (address, *shown);
                if !table.known.contains_key(&known) {
                    make_room(&mut table.known, |last| now.saturating_duration_since(*last) < KNOWN_MAX);
                }
                table.known.insert(known, now);
            }
            (Place::Api, None) => {}
            (Place::Hook(_), _) if table.buckets.is_empty() => {}
            (Place::Hook(_), _) => drop(table.buckets.remove(&Bucket::of(address, place))),
        }
    }

    /// By how much a failure fills a bucket. None: nothing is counted there.
    fn cost(&self, place: Place<'_>) -> Option<Duration> {
        let most = match place {
            Place::Api => self.limits.token_failures,
            Place::Hook(_) => self.limits.webhook_failures,
        };
        MINUTE.checked_div(most)
    }
}

impl Bucket {
    fn of(address: IpAddr, place: Place<'_>) -> Bucket {
        let hook = match place {
            Place::Api => None,
            Place::Hook(name) => Some(name.to_owned()),
        };
        Bucket { address, hook }
    }
}

/// Takes out what does not matter any more, where there is no room for another; and if all of it does, the oldest.
fn make_room<K: Clone + Eq + std::hash::Hash>(
    table: &mut HashMap<K, Instant>,
    matters: impl Fn(&Instant) -> bool,
) {
    if table.len() < TABLE_MAX {
        return;
    }
    table.retain(|_, time| matters(time));
    if table.len() >= TABLE_MAX
        && let Some(oldest) = table.iter().min_by_key(|(_, time)| **time).map(|(key, _)| key.clone())
    {
        table.remove(&oldest);
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let mask = u128::MAX << (Ipv6Addr::BITS - NETWORK_BITS);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// An address as proxies write it: alone, or with a port.
fn parsed(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let alone = text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    alone.or_else(|| text.parse().map(|at: std::net::SocketAddr| at.ip()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers(token_failures: u32, webhook_failures: u32, forwarded_by: &[&str]) -> Callers {
        let forwarded_by = forwarded_by.iter().map(|net| net.parse().unwrap()).collect();
        Callers::new(CallerLimits { token_failures, webhook_failures, forwarded_by })
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_bucket_is_full_after_so_many_failures_and_runs_empty_within_a_minute() {
        let (callers, now) = (callers(3, 0, &[]), Instant::now());
        let admit = |address, now| callers.admit(address, Place::Api, None, now);
        for _ in 0..3 {
            assert_eq!(admit(ip("1.2.3.4"), now), Ok(()));
            callers.failed(ip("1.2.3.4"), Place::Api, now);
        }
        assert_eq!(admit(ip("1.2.3.4"), now), Err(20_000));
        assert_eq!(admit(ip("1.2.3.5"), now), Ok(()), "nobody else");
        assert_eq!(admit(ip("1.2.3.4"), now + Duration::from_secs(20)), Ok(()));
        callers.failed(ip("1.2.3.4"), Place::Api, now + Duration::from_secs(20));
        assert_eq!(admit(ip("1.2.3.4"), now + Duration::from_secs(21)), Err(19_000));
        assert_eq!(admit(ip("1.2.3.4"), now + Duration::from_secs(90)), Ok(()));
        assert_eq!(callers.refused(), [("api", 2), ("webhooks", 0)]);
        // Where nothing is to be counted, nothing is.
        for _ in 0..9 {
            callers.failed(ip("1.2.3.4"), Place::Hook("wecom"), now);
        }
        assert_eq!(callers.admit(ip("1.2.3.4"), Place::Hook("wecom"), None, now), Ok(()));
        assert_eq!(callers.table.lock().unwrap().buckets.len(), 1);
    }

    #[test]
    fn a_token_that_held_from_there_is_looked_at_all_the_same_and_a_right_one_that_is_new_there_is_not() {
        let (callers, now) = (callers(1, 1, &[]), Instant::now());
        let (hers, guessed) = (TokenHash::of(b"hers"), TokenHash::of(b"guessed"));
        callers.held(ip("1.2.3.4"), Place::Api, Some(&hers), now);
        callers.failed(ip("1.2.3.4"), Place::Api, now);
        let admit = |address, shown, now| callers.admit(address, Place::Api, Some(shown), now).is_ok();
        assert!(admit(ip("1.2.3.4"), &hers, now));
        assert!(!admit(ip("1.2.3.4"), &guessed, now));
        callers.failed(ip("4.3.2.1"), Place::Api, now);
        assert!(!admit(ip("4.3.2.1"), &hers, now), "she was never there");
        // One that is used each day stays known.
        let day = |days: u64| now + KNOWN_MAX / 2 * u32::try_from(days).unwrap();
        for days in 1..5 {
            callers.failed(ip("1.2.3.4"), Place::Api, day(days));
            assert!(admit(ip("1.2.3.4"), &hers, day(days)), "{days}");
        }
        callers.failed(ip("1.2.3.4"), Place::Api, day(7));
        assert!(!admit(ip("1.2.3.4"), &hers, day(7)));
    }

    #[test]
    fn an_authentic_webhook_empties_its_own_bucket_and_no_other() {
        let (callers, now) = (callers(1, 1, &[]), Instant::now());
        for place in [Place::Hook("wecom"), Place::Hook("youzan"), Place::Api] {
            callers.failed(ip("1.2.3.4"), place, now);
        }
        callers.held(ip("1.2.3.4"), Place::Hook("wecom"), None, now);
        let admit = |place| callers.admit(ip("1.2.3.4"), place, None, now).is_ok();
        assert!(admit(Place::Hook("wecom")) && !admit(Place::Hook("youzan")) && !admit(Place::Api));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_failed_least_recently() {
        let (callers, now) = (callers(2, 0, &[]), Instant::now());
        let address = |number: usize| Some(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()));
        for number in 0..TABLE_MAX + 100 {
            let now = now + Duration::from_micros(u64::try_from(number).unwrap());
            callers.failed(address(number), Place::Api, now);
            callers.failed(address(number), Place::Api, now);
            callers.held(address(number), Place::Api, Some(&TokenHash::of(b"x")), now);
        }
        {
            let table = callers.table.lock().unwrap();
            assert_eq!((table.buckets.len(), table.known.len()), (TABLE_MAX, TABLE_MAX));
        }
        let is_free = |number| callers.admit(address(number), Place::Api, None, now).is_ok();
        assert!(is_free(99) && !is_free(100) && !is_free(TABLE_MAX + 99));
        // A minute later there is room without anybody being forgotten who matters.
        callers.failed(address(1 << 20), Place::Api, now + 2 * MINUTE);
        assert_eq!(callers.table.lock().unwrap().buckets.len(), 1);
    }

    #[test]
    fn only_a_proxy_that_is_named_is_believed_and_only_up_to_the_first_stranger() {
        let asked = |callers: &Callers, peer: &str, said: &[&str]| {
            let mut extensions = Extensions::new();
            extensions.insert(Peer(peer.parse().unwrap()));
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            callers.address(&extensions, &headers).unwrap().to_string()
        };
        let (nobody, proxies) = (callers(1, 1, &[]), callers(1, 1, &["10.0.0.0/8", "fd00::/8"]));
        assert_eq!(asked(&nobody, "10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(asked(&proxies, "9.9.9.9", &["1.1.1.1"]), "9.9.9.9");
        for (said, meant) in [
            (&["1.1.1.1"][..], "1.1.1.1"),
            (&["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            (&["6.6.6.6", "1.1.1.1, 10.0.0.7"], "1.1.1.1"),
            (&["1.1.1.1:4711"], "1.1.1.1"),
            (&["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::"),
            (&["::ffff:1.1.1.1"], "1.1.1.1"),
            (&["1.1.1.1, nobody"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(asked(&proxies, "10.0.0.1", said), meant, "{said:?}");
            assert_eq!(asked(&proxies, "::ffff:10.0.0.1", said), meant, "{said:?}");
        }
        // A whole network of IPv6 is one caller.
        assert_eq!(asked(&proxies, "2001:db8::1", &[]), asked(&proxies, "2001:db8::2", &[]));
        assert_eq!(proxies.address(&Extensions::new(), &HeaderMap::new()), None);
    }
}
