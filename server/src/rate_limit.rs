//! The rate limit per client.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use axum::http::HeaderMap;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use ipnet::IpNet;

/// Size of a burst, in seconds of the allowed rate.
const BURST_S: u32 = 10;

/// Limits how fast one client may submit. Clients are identified by address, since there are no accounts.
pub(crate) struct RateLimit {
    /// `None`: unlimited.
    limiter: Option<DefaultKeyedRateLimiter<IpAddr>>,
    trusted_proxies: Vec<IpNet>,
}

impl RateLimit {
    /// Allows `per_second` submissions on average and ten times as many in a burst; 0 disables the limit. The client
    /// addresses reported by `trusted_proxies` are trusted.
    #[must_use]
    pub(crate) fn new(per_second: u32, trusted_proxies: Vec<IpNet>) -> Self {
        let limiter = NonZeroU32::new(per_second).map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_S - 1));
            RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst))
        });
        Self { limiter, trusted_proxies }
    }

    /// Counts a submission.
    ///
    /// # Errors
    /// Fails if the limit is exceeded, with the number of seconds to wait.
    pub(crate) fn check(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<(), u64> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter
            .check_key(&self.client(peer, headers))
            .map_err(|refused| refused.wait_time_from(limiter.clock().now()).as_secs() + 1)
    }

    /// Evicts clients that have been idle long enough to have their full burst again.
    pub(crate) fn evict_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// Returns the last address in the chain that is not one of our own proxies. Anything before it may be forged.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(address));
        let peer = peer.ip().to_canonical();
        if !trusted(&peer) {
            return peer;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let mut chain: Vec<IpAddr> = forwarded
            .flat_map(|value| value.split(','))
            .filter_map(|part| part.trim().parse().ok())
            .collect();
        chain.push(peer);
        chain.iter().rev().find(|address| !trusted(address)).copied().unwrap_or(chain[0])
    }
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
