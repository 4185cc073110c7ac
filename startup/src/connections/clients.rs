//! The connections of each client. Clients are identified by address, since there are no accounts.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use ipnet::IpNet;
use tokio::sync::Semaphore;

/// Permits for connections, by client. There are never many more entries than connections.
pub(super) struct Clients {
    limit: usize,
    unlimited: Vec<IpNet>,
    permits: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

impl Clients {
    /// Allows each client `limit` connections, except those in the networks `unlimited`.
    pub(super) fn new(limit: usize, unlimited: Vec<IpNet>) -> Self {
        Self { limit, unlimited, permits: Mutex::default() }
    }

    /// Returns the permits of a client, or `None` if it needs none.
    pub(super) fn permits(&self, client: IpAddr) -> Option<Arc<Semaphore>> {
        let address = client.to_canonical();
        if self.unlimited.iter().any(|network| network.contains(&address)) {
            return None;
        }
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        let known = permits.get(&network(address)).and_then(Weak::upgrade);
        Some(known.unwrap_or_else(|| {
            permits.retain(|_, permits| permits.strong_count() > 0);
            let new = Arc::new(Semaphore::new(self.limit));
            permits.insert(network(address), Arc::downgrade(&new));
            new
        }))
    }
}

/// Returns the address that identifies a client: for IPv6 its /64 network, because one client usually has all of the
/// network's addresses.
#[must_use]
pub fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_is_one_client_and_a_proxy_is_unlimited() {
        let clients = Clients::new(2, vec!["10.0.0.0/8".parse().unwrap()]);
        let permits = |address: &str| clients.permits(address.parse().unwrap());
        assert!(permits("10.1.2.3").is_none() && permits("::ffff:10.1.2.3").is_none());
        let v6 = permits("2001:db8::1").unwrap();
        assert!(Arc::ptr_eq(&v6, &permits("2001:db8::ffff:1:2:3").unwrap()));
        assert!(!Arc::ptr_eq(&v6, &permits("2001:db8:0:1::1").unwrap()));
        let v4 = permits("192.0.2.1").unwrap();
        assert!(Arc::ptr_eq(&v4, &permits("::ffff:192.0.2.1").unwrap()));
        assert_eq!(v4.available_permits(), 2);
    }

    #[test]
    fn clients_without_connections_are_forgotten() {
        let clients = Clients::new(1, Vec::new());
        let kept = clients.permits(IpAddr::from([192, 0, 2, 1]));
        for last in 0..=255 {
            drop(clients.permits(IpAddr::from([198, 51, 100, last])));
        }
        assert_eq!(clients.permits.lock().unwrap().len(), 2);
        drop(kept);
    }
}
