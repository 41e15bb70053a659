//! What a call carries beside its message: where it comes from, its bearer token or personal key, the refresh cookie, the
//! browser's Origin.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tonic::Extensions;
use tonic::metadata::{MetadataMap, MetadataValue};
use url::{Origin, Url};

use crate::model::secret::Secret;
use crate::model::session::Face;
use crate::model::source::Source;
use crate::service::client::Client;
use crate::service::limits::invalid;
use crate::service::{Error, Result};

/// The caller as the layers marked the request; from the unspecified address where they did not.
#[must_use]
pub fn client(extensions: &Extensions) -> Client {
    let source = extensions.get::<Source>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |source| source.address());
    Client { source, face: Face::Grpc }
}

/// The whole `authorization` value. One that is not text, or given twice, is as good as any that is not valid.
#[must_use]
pub fn authorization(metadata: &MetadataMap) -> Option<&str> {
    let mut values = metadata.get_all("authorization").iter();
    match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => Some(value.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => Some(""),
    }
}

/// The key in `authorization: PersonalKey ID:SECRET`; `None` where the value is of another scheme or absent.
///
/// The scheme is read in any case; id and secret are parted at the first colon, and nothing around them is trimmed.
///
/// # Errors
/// [`Error::InvalidCredentials`] where there is no colon: one answer for every key that does not work.
pub fn personal_key(metadata: &MetadataMap) -> Result<Option<(String, Secret)>> {
    let Some((scheme, key)) = authorization(metadata).and_then(|value| value.split_once(' ')) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("personalkey") {
        return Ok(None);
    }
    let (id, secret) = key.split_once(':').ok_or(Error::InvalidCredentials)?;
    Ok(Some((id.to_owned(), Secret::new(secret))))
}

/// The refresh cookie as this server sets and reads it, and the origin that its pages have.
#[derive(Clone, Debug)]
pub struct Cookies {
    secure: bool,
    origin: Option<Origin>,
}

impl Cookies {
    /// Cookies for a server that is reached at `public_url`; `secure` ones travel over https only.
    #[must_use]
    pub fn new(public_url: &str, secure: bool) -> Self {
        Self { secure, origin: Url::parse(public_url).ok().map(|url| url.origin()) }
    }

    /// The cookie's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        if self.secure { "__Host-countersign_refresh" } else { "countersign_refresh" }
    }

    /// The refresh token that a call brings in its cookie.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there are several: nobody can say which is meant.
    pub fn refresh_token(&self, metadata: &MetadataMap) -> Result<Option<Secret>> {
        let lines = metadata.get_all("cookie");
        let pairs = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
        let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == self.name());
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => Ok((!value.is_empty()).then(|| Secret::new(value))),
            (Some(_), Some(_)) => Err(invalid("cookie", "has several refresh tokens")),
        }
    }

    /// Sets the cookie for as long as its session lasts.
    pub fn set(&self, metadata: &mut MetadataMap, token: &Secret, lasts: Duration) {
        self.put(metadata, token.expose(), lasts.as_secs());
    }

    /// Makes the browser forget the cookie.
    pub fn clear(&self, metadata: &mut MetadataMap) {
        self.put(metadata, "", 0);
    }

    /// Refuses a call that a page of another origin makes. A call without an Origin is not from a page.
    ///
    /// # Errors
    /// [`Error::ForeignOrigin`].
    pub fn check_origin(&self, metadata: &MetadataMap) -> Result<()> {
        let mut origins = metadata.get_all("origin").iter();
        let own = origins.all(|value| {
            let origin = value.to_str().ok().and_then(|text| Url::parse(text).ok()).map(|url| url.origin());
            // An opaque origin equals none, itself neither.
            origin.is_some_and(|origin| origin.is_tuple() && Some(&origin) == self.origin.as_ref())
        });
        if own { Ok(()) } else { Err(Error::ForeignOrigin) }
    }

    fn put(&self, metadata: &mut MetadataMap, value: &str, max_age: u64) {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", self.name());
        // Tokens are URL-safe characters, which always make a header.
        if let Ok(mut cookie) = MetadataValue::try_from(cookie) {
            cookie.set_sensitive(true);
            metadata.append("set-cookie", cookie);
        }
    }
}

#[cfg(test)]
mod tests;
