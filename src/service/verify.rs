//! Whether an access token is good now: signature, issuer and audience, then at every call its time and the revocation set.
//! Answers from memory.

use std::sync::Arc;
use std::time::Duration;

use super::client::{AccessToken, Claimed, Client, SignedIn};
use super::limits::{self, MAX_ACCESS_TOKEN};
use super::policy::Policy;
use super::time::Time;
use super::{Error, Result};
use crate::crypto::jwt::{Claims, JwtError, Rules};
use crate::crypto::keyring::{Jwk, KeyRing};
use crate::crypto::signature_cache::SignatureCache;
use crate::model::revocation::Claim;
use crate::store::Revocations;

/// How long a call waits for a revision.
const REVISION_WAIT: Duration = Duration::from_secs(1);

/// An access token that is active.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What it says.
    pub token: AccessToken,
    /// The revision of the revocation set that did not revoke it.
    pub revision: i64,
}

/// Verifies access tokens.
pub struct Verifier {
    ring: Arc<KeyRing>,
    cache: SignatureCache<Claimed>,
    revocations: Arc<Revocations>,
    rules: Rules,
    /// How long a token lives at the most.
    longest: Duration,
    time: Time,
}

impl Verifier {
    /// A verifier by these keys and revocations; remembers at most `remembered` signatures.
    #[must_use]
    pub fn new(ring: Arc<KeyRing>, revocations: Arc<Revocations>, policy: &Policy, time: Time, remembered: usize) -> Self {
        let rules = Rules { issuer: policy.issuer.clone(), audience: policy.audience.clone() };
        Self { ring, cache: SignatureCache::new(remembered), revocations, rules, longest: policy.access_token, time }
    }

    /// Takes a call's `authorization` value for what it is: `Bearer` and an access token that is good now.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`] for anything else, without a reason; [`Error::BasicForToken`] where it is of the scheme Basic;
    /// [`Error::ClockUntrusted`].
    pub fn authenticate(&self, client: &Client, authorization: Option<&str>) -> Result<SignedIn> {
        let (scheme, token) = authorization.and_then(|value| value.split_once(' ')).ok_or(Error::TokenInvalid)?;
        if scheme.eq_ignore_ascii_case("basic") {
            return Err(Error::BasicForToken);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::TokenInvalid);
        }
        self.signed_in(client, token.trim_start_matches(' '))?.ok_or(Error::TokenInvalid)
    }

    /// The caller an access token stands for; `None` where it is not good now.
    ///
    /// # Errors
    /// [`Error::ClockUntrusted`].
    pub fn signed_in(&self, client: &Client, token: &str) -> Result<Option<SignedIn>> {
        Ok(self.good_now(token)?.map(|token| SignedIn { client: *client, token }))
    }

    /// Whether `token` is active, as VerifyToken answers it. `min_revision` (0 and less: none) waits up to 1 s for the revocation set to
    /// have reached it. A guest's token is active only where `dataset_id` names its dataset.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an overlong field, [`Error::RevisionNotReached`], [`Error::ClockUntrusted`]. A token that is not good, for
    /// whatever reason, is `None`.
    pub async fn verify(&self, token: &str, min_revision: i64, dataset_id: &str) -> Result<Option<Verdict>> {
        if token.len() > MAX_ACCESS_TOKEN {
            return Err(limits::invalid("token", format!("is longer than {MAX_ACCESS_TOKEN} bytes")));
        }
        if dataset_id.len() > limits::MAX_DATASET {
            return Err(limits::invalid("dataset_id", format!("is longer than {} bytes", limits::MAX_DATASET)));
        }
        if min_revision > 0 && !self.revocations.has_reached(min_revision) {
            tokio::time::timeout(REVISION_WAIT, self.revocations.reached(min_revision))
                .await
                .map_err(|_| Error::RevisionNotReached)?;
        }
        // Read before the set is asked, so that the answer never claims a revision that it did not see.
        let revision = self.revocations.revision();
        let here = |token: &AccessToken| token.dataset_id.as_ref().is_none_or(|dataset| dataset == dataset_id);
        Ok(self.good_now(token)?.filter(here).map(|token| Verdict { token, revision }))
    }

    /// The token, where its signature, issuer and audience are right (once known, that stays so), and neither its time is up nor
    /// is it revoked.
    ///
    /// While the clock is not believed nobody can tell whether a token's time is up. To call it alive could be wrong by as much as the
    /// clock is, and to call it dead would sign everybody out; so there is no answer. What is dead whatever the time is told so.
    fn good_now(&self, token: &str) -> Result<Option<AccessToken>> {
        let Some(token) = self.signed(token).filter(|token| !self.revoked(token)) else { return Ok(None) };
        Ok(self.in_time(&token)?.then_some(token))
    }

    /// The token, where its signature, issuer and audience are right, whatever its time and revoked or not.
    fn signed(&self, token: &str) -> Option<AccessToken> {
        self.cache.check(&self.ring, token, |claims| self.read(claims)).ok()
    }

    /// True where the token's time is not up.
    fn in_time(&self, token: &Claimed) -> Result<bool> {
        Ok(token.times.check(self.time.now()?, self.longest).is_ok())
    }

    /// True where the token was revoked.
    pub(super) fn revoked(&self, token: &Claimed) -> bool {
        self.revocations.revokes(&Claim {
            subject: &token.subject,
            generation: token.generation,
            organization: &token.organization,
            session: token.session,
            credential: token.credential,
        })
    }

    /// The caller that a token stands for who asks for its successor: its session and the credential that it came from were not
    /// ended. It may have been revoked because its holder lost something; the store says what it may renew to.
    ///
    /// # Errors
    /// [`Error::ClockUntrusted`].
    pub(super) fn renewing(&self, client: &Client, token: &str) -> Result<Option<SignedIn>> {
        let buried = |token: &AccessToken| self.revocations.buried(token.session, token.credential);
        let Some(token) = self.signed(token).filter(|token| !buried(token)) else { return Ok(None) };
        Ok(self.in_time(&token)?.then_some(SignedIn { client: *client, token }))
    }

    /// The claims as values.
    fn read(&self, claims: Claims) -> std::result::Result<Claimed, JwtError> {
        self.rules.check(&claims)?;
        Claimed::read(claims).ok_or(JwtError::Claims)
    }

    /// The revision that verification has reached.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revocations.revision()
    }

    /// The public keys.
    #[must_use]
    pub fn jwks(&self) -> Vec<Jwk> {
        self.ring.jwks()
    }
}
