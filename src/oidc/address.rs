//! The addresses that a provider may name: `https` only, and neither this machine nor link-local addresses, where cloud
//! metadata is. A provider whose issuer is on loopback (in tests or development) may use only loopback, and may use `http`
//! there.

use std::net::IpAddr;

use url::{Host, Url};

use crate::model::network::is_public;

/// The addresses that an issuer may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Realm {
    /// All addresses but this machine and link-local ones, by `https`.
    Public,
    /// Public addresses alone, by `https`: what an organization's admin may name.
    Internet,
    /// This machine alone.
    Loopback,
}

impl Realm {
    /// The realm of an issuer; `None` if the URL may not be an issuer. A `confined` one has no other than the internet.
    pub(super) fn of(issuer: &Url, confined: bool) -> Option<Self> {
        let realm = match (confined, names_loopback(issuer)) {
            (true, _) => Self::Internet,
            (false, true) => Self::Loopback,
            (false, false) => Self::Public,
        };
        realm.allows(issuer).then_some(realm)
    }

    /// Whether a request may go to this URL.
    pub(super) fn allows(self, url: &Url) -> bool {
        match self {
            Self::Loopback => matches!(url.scheme(), "http" | "https") && names_loopback(url),
            Self::Public | Self::Internet => {
                url.scheme() == "https" && !names_loopback(url) && literal(url).is_none_or(|address| self.reaches(address))
            }
        }
    }

    /// Whether a connection may go to this address, to which a name resolved.
    pub(super) fn reaches(self, address: IpAddr) -> bool {
        match self {
            Self::Loopback => address.to_canonical().is_loopback(),
            Self::Public => public(address),
            Self::Internet => is_public(address),
        }
    }
}

fn names_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        _ => literal(url).is_some_and(|address| address.is_loopback()),
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(IpAddr::V6(address).to_canonical()),
        Host::Domain(_) => None,
    }
}

/// Private networks are allowed: a company's provider is often there.
fn public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            !(v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || first == 0)
        }
        IpAddr::V6(v6) => {
            // The IPv6 address of one cloud's metadata service; it is not link-local.
            let metadata = v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local() || metadata)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn issuers_are_https_or_on_loopback() {
        for (issuer, realm) in [
            ("https://id.example.com/realm", Some(Realm::Public)),
            ("https://10.1.2.3", Some(Realm::Public)),
            ("http://127.0.0.1:8080", Some(Realm::Loopback)),
            ("https://localhost", Some(Realm::Loopback)),
            ("http://[::1]:1", Some(Realm::Loopback)),
            ("http://[::ffff:127.0.0.1]:1", Some(Realm::Loopback)),
            ("http://id.example.com", None),
            ("http://10.1.2.3", None),
            ("https://169.254.169.254", None),
            ("https://[fe80::1]", None),
            ("https://[fd00:ec2::254]", None),
            ("https://0.0.0.0", None),
            ("ftp://127.0.0.1", None),
        ] {
            assert_eq!(Realm::of(&url(issuer), false), realm, "{issuer}");
            let confined = matches!(issuer, "https://id.example.com/realm").then_some(Realm::Internet);
            assert_eq!(Realm::of(&url(issuer), true), confined, "{issuer} of an organization's admin");
        }
    }

    #[test]
    fn a_confined_issuer_reaches_the_internet_alone() {
        for refused in ["https://10.0.0.1/token", "https://[fd00::1]/jwks", "https://192.168.1.1", "https://0xa000001/token"] {
            assert!(Realm::Public.allows(&url(refused)) && !Realm::Internet.allows(&url(refused)), "{refused}");
        }
        for refused in ["10.0.0.1", "::ffff:192.168.0.1", "100.64.0.1", "fd00::1", "127.0.0.1", "169.254.169.254"] {
            assert!(!Realm::Internet.reaches(refused.parse().unwrap()), "{refused}");
        }
        assert!(Realm::Internet.reaches("1.1.1.1".parse().unwrap()) && Realm::Internet.allows(&url("https://1.1.1.1/jwks")));
    }

    #[test]
    fn a_public_issuer_reaches_nothing_of_this_machine() {
        for refused in [
            "http://id.example.com/token",
            "https://127.0.0.1/token",
            "https://localhost/token",
            "https://a.localhost/token",
            "https://[::1]/token",
            "https://[::ffff:169.254.169.254]/latest",
            "https://169.254.169.254/latest",
            "https://0x7f.1/token",
            "https://2130706433/token",
            "file:///etc/passwd",
        ] {
            assert!(!Realm::Public.allows(&url(refused)), "{refused}");
        }
        assert!(Realm::Public.allows(&url("https://keys.example.com/jwks")));
        for refused in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1", "0.0.0.0", "fd00:ec2::254"] {
            assert!(!Realm::Public.reaches(refused.parse().unwrap()), "{refused}");
        }
        assert!(Realm::Public.reaches("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn a_loopback_issuer_stays_on_loopback() {
        assert!(Realm::Loopback.allows(&url("http://127.0.0.1:9/jwks")));
        assert!(!Realm::Loopback.allows(&url("http://169.254.169.254/latest")));
        assert!(!Realm::Loopback.allows(&url("https://id.example.com/jwks")));
        assert!(!Realm::Loopback.reaches("192.0.2.1".parse().unwrap()));
    }
}
