//! The form and limit of what a registration holds.

use std::net::IpAddr;

use url::{Host, Url};

use super::{MAX_AUDIENCE, MAX_DOMAIN, MAX_EMAIL_DOMAINS, MAX_ISSUER, MAX_SCOPE, MAX_SCOPES, MAX_TRUSTED_AUDIENCES};
use crate::model::network::is_public;
use crate::service::Result;
use crate::service::limits::{self, invalid};

/// Domains of e-mails in lower case, each once.
pub(super) fn domains(given: Vec<String>) -> Result<Vec<String>> {
    let wrong = |why: &str| invalid("email_domains", why.to_owned());
    if given.len() > MAX_EMAIL_DOMAINS {
        return Err(invalid("email_domains", format!("are more than {MAX_EMAIL_DOMAINS}")));
    }
    let mut domains: Vec<String> = Vec::with_capacity(given.len());
    for domain in given {
        limits::required("email_domains", &domain, MAX_DOMAIN)?;
        let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        let characters = domain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        if !characters || !domain.split('.').all(label) {
            return Err(wrong("must be domains such as example.org, one an entry"));
        }
        let domain = domain.to_ascii_lowercase();
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    Ok(domains)
}

/// Audiences beside us, each once.
pub(super) fn audiences(given: Vec<String>) -> Result<Vec<String>> {
    if given.len() > MAX_TRUSTED_AUDIENCES {
        return Err(invalid("trusted_audiences", format!("are more than {MAX_TRUSTED_AUDIENCES}")));
    }
    let mut audiences: Vec<String> = Vec::with_capacity(given.len());
    for audience in given {
        limits::required("trusted_audiences", &audience, MAX_AUDIENCE)?;
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    }
    Ok(audiences)
}

/// An issuer as OpenID Connect Discovery 1.0 (section 3) has it: `https`, no query, no fragment; here also `http` on loopback.
pub(super) fn issuer(text: &str) -> Result<()> {
    limits::required("issuer", text, MAX_ISSUER)?;
    let url = Url::parse(text).map_err(|_| invalid("issuer", "is not a URL"))?;
    let transport = match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => loopback(&host),
        _ => false,
    };
    if !transport {
        return Err(invalid("issuer", "must be an https URL, or an http one on loopback"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("issuer", "must not have a query or a fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("issuer", "must not have a user or a password"));
    }
    Ok(())
}

fn loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

/// The scopes beside `openid`, each once, in the characters of RFC 6749 (section 3.3).
pub(super) fn scopes(given: Vec<String>) -> Result<Vec<String>> {
    if given.len() > MAX_SCOPES {
        return Err(invalid("scopes", format!("are more than {MAX_SCOPES}")));
    }
    let mut scopes: Vec<String> = Vec::with_capacity(given.len());
    for scope in given {
        limits::required("scopes", &scope, MAX_SCOPE)?;
        if !scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(invalid("scopes", "must be visible ASCII without quotes and backslashes, one scope an entry"));
        }
        if scope != "openid" && !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

/// An issuer that an organization's admin may name: `https`, and by its text at no address of this machine or a private network. What
/// its name leads to is looked at where it is connected to.
pub(super) fn public_issuer(text: &str) -> Result<()> {
    let url = Url::parse(text).map_err(|_| invalid("issuer", "is not a URL"))?;
    let public = match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        None => false,
    };
    if url.scheme() == "https" && public {
        Ok(())
    } else {
        Err(invalid("issuer", "must be an https URL at a public address where an organization's admin registers it"))
    }
}
