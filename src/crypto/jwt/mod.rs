//! Access tokens: their claims, and what makes a presented one good. Owns the strict reading of a token and the checks of
//! its claims; jsonwebtoken verifies the signature, [`super::keyring`] signs and picks the key. Beside them the tokens that
//! identity providers sign, and their public keys: [`ForeignToken`], [`PublicKeys`].
//!
//! A token is checked in two steps, so that the costly one can be cached. [`super::keyring::KeyRing::check_signature`] and
//! [`Rules::check`] depend only on the token, the ring and the settings. [`Times::check`] depends on the time and runs at every
//! use.
//!
//! # Source
//! RFC 7515, RFC 7519, RFC 8725 (best current practice), RFC 9068 (`at+jwt`).

mod foreign;
mod jwk;
mod low_s;
mod parse;
mod strict_json;
mod verify;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::foreign::{ForeignError, ForeignToken, SignatureAlgorithm};
pub use self::jwk::PublicKeys;
pub(super) use self::low_s::lower_s;
pub(super) use self::parse::{claims, parse};
pub(super) use self::verify::VerifyingKey;
#[cfg(test)]
pub(super) use self::verify::verifies_as_a_stranger_would;
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;
/// How long after `exp` a token still passes here.
pub const EXPIRY_LEEWAY: Duration = Duration::from_secs(5);
/// How far ahead of this machine's clock `iat` and `nbf` may be.
pub const FUTURE_LEEWAY: Duration = Duration::from_mins(1);

/// The claims of an access token. Times are whole seconds since 1970. Who mints one may borrow its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims<Text = String> {
    /// Who issued it: the issuer's URL.
    pub iss: Text,
    /// Whom it is about: the user id.
    pub sub: Text,
    /// Whom it is for: the audience; for a guest the audience, `/` and the dataset.
    pub aud: Text,
    /// When it ends.
    pub exp: u64,
    /// When it was made.
    pub iat: u64,
    /// Before when it does not count; not in tokens made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Its own id.
    pub jti: Text,
    /// The session.
    #[serde(with = "as_text")]
    pub sid: SessionId,
    /// The generation that was read before the credential was checked: `gen`.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// The key or link it came from: `key:UUID` or `link:UUID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cred: Option<Text>,
    /// The face it was issued at: `grpc`, `graphistry`, `directus`, `page`.
    pub client_id: Text,
    /// The username, or `guest:NAME`.
    pub username: Text,
    /// The active organization's name.
    pub org: Text,
    /// What the subject is in that organization, `member` or `admin`; absent in its own, and for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_role: Option<Text>,
    /// The roles.
    pub roles: Vec<Text>,
    /// How the caller signed in (RFC 8176).
    pub amr: Vec<Text>,
    /// When the caller signed in.
    pub auth_time: u64,
    /// The one dataset a guest may see; absent for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Text>,
}

impl Claims {
    /// Its times, to be checked at every use.
    #[must_use]
    pub const fn times(&self) -> Times {
        Times { exp: self.exp, iat: self.iat, nbf: self.nbf }
    }

    /// True for the token of a single-use link.
    #[must_use]
    pub const fn is_guest(&self) -> bool {
        self.dataset.is_some()
    }
}

/// The times of an access token, in whole seconds since 1970; see [`Claims`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    exp: u64,
    iat: u64,
    nbf: Option<u64>,
}

/// What a token is held against, whenever it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The exact `iss`.
    pub issuer: String,
    /// The exact `aud`; a guest's is this, `/` and its dataset.
    pub audience: String,
}

/// Why a token is no good. For the log; a caller is told nothing but that it is not active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Over [`MAX_TOKEN`] bytes.
    #[error("the token is over 8 KiB long")]
    TooLong,
    /// Not three parts of canonical URL-safe base64 around JSON without duplicate names.
    #[error("the token is not a JWT in compact form")]
    Malformed,
    /// `typ` is not `at+jwt`, `alg` is not the key's, or a header that must be understood is not.
    #[error("the token's header is not that of an access token")]
    Header,
    /// No key of ours has this `kid`.
    #[error("the token is signed with a key that is not ours")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature does not verify")]
    Signature,
    /// A claim is missing or of a wrong type.
    #[error("the token's claims are not those of an access token")]
    Claims,
    /// `iss` is another's.
    #[error("the token is of another issuer")]
    Issuer,
    /// `aud` is another's.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` lie ahead.
    #[error("the token is from the future")]
    NotYetValid,
    /// `exp` is further away than any token lives.
    #[error("the token lives longer than any that is made here")]
    TooFar,
}

impl Rules {
    /// Checks issuer and audience of a token whose signature has been checked.
    ///
    /// # Errors
    /// [`JwtError::Issuer`], [`JwtError::Audience`].
    ///
    /// # Security
    /// A guest's dataset must be named in both `aud` and `dataset`; whether it is the one asked for is the caller's to check.
    pub fn check(&self, claims: &Claims) -> Result<(), JwtError> {
        if claims.iss != self.issuer {
            return Err(JwtError::Issuer);
        }
        let rest = claims.aud.strip_prefix(&self.audience).ok_or(JwtError::Audience)?;
        match &claims.dataset {
            None if rest.is_empty() => Ok(()),
            Some(dataset) if !dataset.is_empty() && rest.strip_prefix('/') == Some(dataset) => Ok(()),
            _ => Err(JwtError::Audience),
        }
    }
}

impl Times {
    /// Checks that a token may be used at `now`, where no token lives longer than `longest`.
    ///
    /// # Errors
    /// [`JwtError::Expired`] (`now` is [`EXPIRY_LEEWAY`] or more past `exp`), [`JwtError::NotYetValid`] (`iat` or `nbf` more than
    /// [`FUTURE_LEEWAY`] ahead), [`JwtError::TooFar`] (`exp` further ahead than `longest` and [`FUTURE_LEEWAY`]).
    ///
    /// # Security
    /// A clock that was wrong for a moment must not leave behind a token that lives for days.
    pub fn check(&self, now: Timestamp, longest: Duration) -> Result<(), JwtError> {
        if now.secs() >= self.exp.saturating_add(EXPIRY_LEEWAY.as_secs()) {
            return Err(JwtError::Expired);
        }
        let horizon = now.plus(FUTURE_LEEWAY).secs();
        if self.iat > horizon || self.nbf.is_some_and(|nbf| nbf > horizon) {
            return Err(JwtError::NotYetValid);
        }
        if self.exp > now.plus(longest).plus(FUTURE_LEEWAY).secs() {
            return Err(JwtError::TooFar);
        }
        Ok(())
    }
}

/// Ids as the texts that people see.
mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::SessionId;

    pub(super) fn serialize<S: Serializer>(id: &SessionId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SessionId, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
