//! The forms of settings. Each parses a text, or says what would be valid.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use ipnet::IpNet;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use url::Url;

use crate::model::signing_key::Algorithm;

/// The parsed value, or what would be valid.
pub(super) type Form<T> = Result<T, String>;

pub(super) fn address(text: &str) -> Form<SocketAddr> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    local
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .or_else(|| text.parse().ok())
        .ok_or_else(|| "an address with its port, such as 127.0.0.1:50051 or [::1]:50051".to_owned())
}

pub(super) fn text(text: &str) -> Form<String> {
    let printable = text.len() <= 256 && !text.chars().any(char::is_control);
    if printable { Ok(text.to_owned()) } else { Err("at most 256 bytes without control characters".to_owned()) }
}

/// An `http` or `https` URL of scheme, host and port only; returned without a final slash.
pub(super) fn origin(text: &str) -> Form<String> {
    let wanted = || "an http or https URL of scheme, host and port only, such as https://auth.example.org".to_owned();
    let url = Url::parse(text).map_err(|_| wanted())?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if bare { Ok(url.origin().ascii_serialization()) } else { Err(wanted()) }
}

pub(super) fn boolean(text: &str) -> Form<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

pub(super) fn number<T>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Form<T>
where
    T: TryFrom<u64>,
{
    move |text| {
        let number = text.parse::<u64>().ok().filter(|number| range.contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    }
}

pub(super) fn algorithm(text: &str) -> Form<Algorithm> {
    Algorithm::from_name(text).ok_or_else(|| "ES256, EdDSA or RS256".to_owned())
}

pub(super) fn networks(text: &str) -> Form<String> {
    let good = |item: &str| item.parse::<IpNet>().is_ok() || item.parse::<IpAddr>().is_ok();
    let all = text.split(',').map(str::trim).filter(|item| !item.is_empty()).all(good);
    if all { Ok(text.to_owned()) } else { Err("IP addresses and networks such as 10.0.0.0/8, separated by commas".to_owned()) }
}

/// The URL of a proxy, also without its scheme, which is `http` then.
pub(super) fn proxy(text: &str) -> Form<()> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    let good = url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    if good { Ok(()) } else { Err("an http or https URL, such as http://proxy.example.org:3128".to_owned()) }
}

/// The certificates of a PEM file, each of which can be an authority.
pub(super) fn authorities(pem: &[u8]) -> Form<Vec<CertificateDer<'static>>> {
    let wanted = || "a PEM file with certificates of authorities".to_owned();
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|_| wanted())?;
    let mut roots = RootCertStore::empty();
    let good = certificates.iter().all(|certificate| roots.add(certificate.clone()).is_ok());
    if good && !certificates.is_empty() { Ok(certificates) } else { Err(wanted()) }
}

/// A name that needs no escaping in a query.
pub(super) fn parameter(text: &str) -> Form<String> {
    let good = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if good { Ok(text.to_owned()) } else { Err("at most 64 letters, digits, hyphens and underscores".to_owned()) }
}
