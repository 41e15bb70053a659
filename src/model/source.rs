//! Where a call comes from, as far as the network can say.

use std::net::{IpAddr, Ipv6Addr};

/// The address a call comes from: the peer's, or what a trusted proxy says of its own peer.
///
/// An IPv4 address inside IPv6 (`::ffff:192.0.2.1`) is that IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source with this address.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The address in full; for the audit.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    /// What is counted and limited, everywhere: an IPv4 address as it is, an IPv6 address reduced to its /64, because one
    /// customer has at least that many addresses.
    #[must_use]
    pub fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_counted_by_its_64() {
        let network = |text: &str| Source::new(text.parse().unwrap()).network().to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
