//! Where a call comes from: marks each request with its [`Source`], and tells it to who answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Request};
use ipnet::IpNet;

use crate::model::session::Face;
use crate::model::source::Source;
use crate::service::client::Client;

/// Networks whose hosts are proxies of ours: only their `x-forwarded-for` and `x-request-id` are believed. None by default. Cheap
/// to clone.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Whether `address` is one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = BadProxy;

    /// Addresses and CIDR networks, separated by commas; empty for none.
    fn from_str(text: &str) -> Result<Self, BadProxy> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| network(item).ok_or_else(|| BadProxy(item.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn network(item: &str) -> Option<IpNet> {
    item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from))
}

/// What was given as a trusted proxy is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an IP address nor a network such as 10.0.0.0/8")]
pub struct BadProxy(String);

/// Puts the [`Source`] into a request that came over a connection from `peer`.
pub fn mark<B>(request: &mut Request<B>, peer: IpAddr, trusted: &TrustedProxies) {
    let source = Source::new(origin(peer, request.headers(), trusted));
    request.extensions_mut().insert(source);
}

/// The caller of a request through `face`, as [`mark`] left it in the request's `extensions`; from the unspecified address where
/// nobody marked it.
#[must_use]
pub fn client(extensions: &Extensions, face: Face) -> Client {
    let source = extensions.get::<Source>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |source| source.address());
    Client { source, face }
}

/// The right-most address that is not a trusted proxy's.
///
/// # Security
/// Everything to the left of it was written by who has that address, and is not looked at. An entry that is no address ends
/// the search at the proxy that passed it on.
fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    if !trusted.contain(peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',')).map(|hop| address(hop.trim()));
    let mut nearest = peer;
    for hop in hops {
        let Some(hop) = hop else { break };
        nearest = hop;
        if !trusted.contain(hop) {
            break;
        }
    }
    nearest
}

/// Proxies write an address, some with a port, IPv6 then in brackets.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let trusted: TrustedProxies = "10.0.0.0/8, 2001:db8::/32,192.0.2.9".parse().unwrap();
        let mut request = Request::new(());
        for line in forwarded {
            request.headers_mut().append("x-forwarded-for", line.parse().unwrap());
        }
        mark(&mut request, peer.parse().unwrap(), &trusted);
        request.extensions().get::<Source>().unwrap().address().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("::ffff:10.1.2.3", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_right_most_stranger_counts() {
        assert_eq!(seen("10.1.2.3", &["1.1.1.1, 203.0.113.7, 10.9.9.9"]), "203.0.113.7");
        assert_eq!(seen("10.1.2.3", &["1.1.1.1", "203.0.113.7", "192.0.2.9"]), "203.0.113.7");
        assert_eq!(seen("10.1.2.3", &["10.0.0.1, 10.0.0.2"]), "10.0.0.1");
        assert_eq!(seen("10.1.2.3", &["203.0.113.7, junk, 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn ports_and_brackets_are_read() {
        assert_eq!(seen("10.1.2.3", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(seen("10.1.2.3", &["[2001:db9::7]:4711"]), "2001:db9::7");
        assert_eq!(seen("2001:db8::1", &["[2001:db9::7]"]), "2001:db9::7");
    }

    #[test]
    fn what_was_not_marked_comes_from_nowhere() {
        assert!(client(&Extensions::new(), Face::Grpc).source.is_unspecified());
        let mut request = Request::new(());
        mark(&mut request, [192, 0, 2, 1].into(), &TrustedProxies::default());
        assert_eq!(client(request.extensions(), Face::Page), Client { source: [192, 0, 2, 1].into(), face: Face::Page });
    }

    #[test]
    fn a_bad_proxy_is_named() {
        assert_eq!("10.0.0.0/8, nonsense".parse::<TrustedProxies>().unwrap_err(), BadProxy("nonsense".to_owned()));
        assert!(!"".parse::<TrustedProxies>().unwrap().contain("10.0.0.1".parse().unwrap()));
    }
}
