//! Checks an ID token (OpenID Connect Core 1.0, section 3.1.3.7): what is relied upon strictly, and nothing else at all.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::document::{Document, Unread};
use super::metadata::{Known, Provider};
use super::token::Tokens;
use super::{Result, profile};
use crate::crypto::jwt::{ForeignError, ForeignToken, SignatureAlgorithm};
use crate::model::clock::Timestamp;
use crate::service::sso::{IdentityError, ProvenIdentity, Registration, SignInRequest};
use crate::service::time::Time;

const TOKEN: &str = "ID token";
/// How far a provider's clock may be from ours, either way.
const LEEWAY: Duration = Duration::from_mins(1);
/// The longest `sub` (OpenID Connect Core 1.0, section 2), in bytes.
const MAX_SUBJECT: usize = 255;

/// What the claims of an ID token are held against.
struct Rules<'a> {
    issuer: &'a str,
    registration: &'a Registration,
    request: &'a SignInRequest,
    now: Timestamp,
}

/// The identity of the ID token. Where its signature does not verify, keys are fetched once more: they may have changed under a
/// new id, under the same one or under none.
pub(super) async fn identity(
    provider: &Provider,
    known: &Arc<Known>,
    registration: &Registration,
    request: &SignInRequest,
    tokens: &Tokens,
    time: &Time,
) -> Result<ProvenIdentity> {
    let token = ForeignToken::parse(tokens.id_token.expose()).map_err(disbelieved)?;
    let claims = match token.verified(&known.keys) {
        Ok(claims) => claims,
        Err(error) => {
            let newer = provider.with_newer_keys(known).await?.ok_or_else(|| disbelieved(error))?;
            token.verified(&newer.keys).map_err(disbelieved)?
        }
    };
    let now = time.now().map_err(|_| IdentityError::ClockUntrusted)?;
    let rules = Rules { issuer: &known.issuer, registration, request, now };
    rules.identity(claims, token.algorithm(), tokens).map_err(|why| IdentityError::Untrusted(why.to_string()))
}

fn disbelieved(error: ForeignError) -> IdentityError {
    IdentityError::Untrusted(format!("{TOKEN}: it {error}"))
}

impl Rules<'_> {
    fn identity(
        &self,
        claims: &Map<String, Value>,
        algorithm: SignatureAlgorithm,
        tokens: &Tokens,
    ) -> std::result::Result<ProvenIdentity, Unread> {
        let claims = Document::of(TOKEN, claims.clone());
        let expected = |field: &'static str, what: &str, otherwise: &'static str| {
            if claims.required(field)? == what { Ok(()) } else { Err(claims.wrong(field, otherwise)) }
        };
        expected("iss", self.issuer, "the provider's issuer")?;
        self.audience(&claims)?;
        expected("nonce", self.request.nonce.expose(), "the nonce of this sign-on")?;
        self.times(&claims)?;
        if let (Some(said), Some(token)) = (claims.text("at_hash")?, &tokens.access_token)
            && said != algorithm.half_hash(token.expose())
        {
            return Err(claims.wrong("at_hash", "the hash of the access token beside it"));
        }
        let subject = claims.required("sub")?;
        if subject.is_empty() || subject.len() > MAX_SUBJECT || subject.chars().any(char::is_control) {
            return Err(claims.wrong("sub", "1 to 255 bytes without control characters"));
        }
        Ok(profile::of(subject, &claims))
    }

    /// We must be among the audiences. Others beside us are fine where `azp` says that the token was issued to us, or where
    /// the registration trusts each of them; in no case may `azp` be another.
    fn audience(&self, claims: &Document) -> std::result::Result<(), Unread> {
        let us = self.registration.client_id.as_str();
        let audiences: Vec<&str> = match claims.value("aud") {
            None => return Err(claims.missing("aud")),
            Some(Value::String(one)) => vec![one],
            Some(_) => claims.texts("aud").ok_or_else(|| claims.wrong("aud", "text or a list"))?.collect(),
        };
        if !audiences.contains(&us) {
            return Err(claims.wrong("aud", "a list that has our client id"));
        }
        match claims.text("azp")? {
            Some(party) if party == us => Ok(()),
            Some(_) => Err(claims.wrong("azp", "our client id")),
            None => {
                let trusted = |audience: &&str| self.registration.trusted_audiences.iter().any(|known| known == audience);
                let known = audiences.iter().all(|audience| *audience == us || trusted(audience));
                if known { Ok(()) } else { Err(claims.wrong("aud", "ours alone, and there is no `azp`")) }
            }
        }
    }

    fn times(&self, claims: &Document) -> std::result::Result<(), Unread> {
        let leeway = LEEWAY.as_secs();
        let end = claims.time("exp")?.ok_or_else(|| claims.missing("exp"))?;
        if self.now.secs() >= end.saturating_add(leeway) {
            return Err(claims.wrong("exp", "ahead: it has expired"));
        }
        for field in ["iat", "nbf"] {
            if claims.time(field)?.is_some_and(|from| from > self.now.secs().saturating_add(leeway)) {
                return Err(claims.wrong(field, "past: it is from the future"));
            }
        }
        Ok(())
    }
}
