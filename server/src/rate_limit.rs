//! The rate limit per client.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
};

use axum::http::{HeaderMap, HeaderValue};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use ipnet::IpNet;
use startup::connections::network;

/// Size of a burst, as seconds of the allowed rate.
const BURST_S: u32 = 10;
/// Key of a client in the limiter: a short hash of its address, so that any number of clients takes bounded memory. Two
/// clients with the same key share one rate.
type Key = u16;

/// Limits how fast one client may submit. Clients are identified by address, since there are no accounts.
pub(crate) struct RateLimit {
    /// `None`: unlimited.
    limiter: Option<DefaultKeyedRateLimiter<Key>>,
    /// Random hash function, so that nobody can choose which client to share a key with.
    hasher: RandomState,
    trusted_proxies: Vec<IpNet>,
}

impl RateLimit {
    /// Allows `per_second` submissions on average and ten times as many in a burst; 0 disables the limit. Client
    /// addresses are accepted only from `trusted_proxies`.
    #[must_use]
    pub(crate) fn new(per_second: u32, trusted_proxies: Vec<IpNet>) -> Self {
        let limiter = NonZeroU32::new(per_second).map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_S - 1));
            RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst))
        });
        Self { limiter, hasher: RandomState::new(), trusted_proxies }
    }

    /// Counts a submission.
    ///
    /// # Errors
    /// Fails if the limit is exceeded, with the number of seconds to wait.
    pub(crate) fn check(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<(), u64> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter
            .check_key(&self.key(self.client(peer, headers)))
            .map_err(|refused| refused.wait_time_from(limiter.clock().now()).as_secs() + 1)
    }

    /// Evicts clients that have been idle long enough to have their full burst again.
    pub(crate) fn evict_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn key(&self, client: IpAddr) -> Key {
        let hash = self.hasher.hash_one(network(client)).to_le_bytes();
        Key::from_le_bytes([hash[0], hash[1]])
    }

    /// Returns the last address in the chain that is not a trusted proxy's. Anything before it may be forged. If a
    /// proxy reports something that is not an address, that proxy counts as the client.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(address));
        let mut client = peer.ip().to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev().map(HeaderValue::as_bytes);
        let mut hops = lines.flat_map(|line| line.rsplit(|byte| *byte == b','));
        while trusted(&client) {
            let Some(address) = hops.next().and_then(address) else { break };
            client = address;
        }
        client
    }
}

/// Parses an address as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80`.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop).ok()?.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    let address = text.parse().ok().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &str) -> IpAddr {
        let limit = RateLimit::new(1, vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        limit.client(SocketAddr::new(peer.parse().unwrap(), 1), &headers)
    }

    #[test]
    fn an_untrusted_client_cannot_choose_its_address() {
        assert_eq!(client("192.0.2.1", "198.51.100.7"), "192.0.2.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn the_last_address_before_our_proxies_is_the_client() {
        let expected: IpAddr = "198.51.100.7".parse().unwrap();
        assert_eq!(client("10.0.0.1", "198.51.100.7"), expected);
        assert_eq!(client("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"), expected);
    }

    #[test]
    fn what_a_proxy_reports_is_read_in_every_form() {
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        for (text, expected) in [
            ("198.51.100.7:443", "198.51.100.7".parse().unwrap()),
            ("::ffff:198.51.100.7", "198.51.100.7".parse().unwrap()),
            ("2001:db8::1", v6),
            ("[2001:db8::1]", v6),
            ("[2001:db8::1]:443", v6),
        ] {
            assert_eq!(client("10.0.0.1", text), expected, "{text}");
        }
        // Anything before an unreadable hop may be forged.
        for unreadable in ["203.0.113.9, unknown", "203.0.113.9, ", "_hidden", "203.0.113.9, 198.51.100.7.8"]
        {
            assert_eq!(client("10.0.0.1", unreadable), "10.0.0.1".parse::<IpAddr>().unwrap(), "{unreadable}");
        }
        let many = "203.0.113.9, ".repeat(100_000) + "198.51.100.7";
        assert_eq!(client("10.0.0.1", &many), "198.51.100.7".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn any_number_of_clients_takes_bounded_memory_and_one_network_is_one_client() {
        let limit = RateLimit::new(1_000, Vec::new());
        for client in 0..200_000_u32 {
            let v4 = SocketAddr::new(IpAddr::from(client.to_be_bytes()), 1);
            let v6 = SocketAddr::new(Ipv6Addr::from_bits(u128::from(client) << 64).into(), 1);
            let _ = (limit.check(v4, &HeaderMap::new()), limit.check(v6, &HeaderMap::new()));
        }
        let keys = limit.limiter.as_ref().unwrap().len();
        assert!(keys <= 1 << 16, "{keys}");
        let key = |address: &str| limit.key(address.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1:2:3"));
    }

    #[test]
    fn a_client_that_submits_too_fast_is_told_when_to_retry() {
        let limit = RateLimit::new(1, Vec::new());
        let peer = "192.0.2.1:1".parse().unwrap();
        for _ in 0..BURST_S {
            assert_eq!(limit.check(peer, &HeaderMap::new()), Ok(()));
        }
        assert!(limit.check(peer, &HeaderMap::new()).is_err_and(|seconds| seconds >= 1));
        assert_eq!(limit.check("192.0.2.2:1".parse().unwrap(), &HeaderMap::new()), Ok(()));
    }
}
