//! Whether an access token is good now: signature, then at every call its time and the revocation set. Answers from memory.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, SignedIn};
use super::limits::{self, MAX_ACCESS_TOKEN};
use super::policy::Policy;
use super::time::Time;
use super::{Error, Result};
use crate::crypto::jwt::{self, Claims, Rules};
use crate::crypto::keyring::{Jwk, KeyRing};
use crate::crypto::signature_cache::SignatureCache;
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::session::{Credential, Method};
use crate::model::user::{Generation, Roles, Subject};
use crate::store::Revocations;

/// How long a call waits for a revision.
const REVISION_WAIT: Duration = Duration::from_secs(1);

/// What is told of an active token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The `sub` claim.
    pub subject: String,
    /// The username, or `guest:NAME`.
    pub username: String,
    /// The active organization's name.
    pub organization: String,
    /// The roles: `staff`, `superuser`.
    pub roles: Vec<String>,
    /// The dataset a guest is confined to.
    pub dataset_id: Option<String>,
    /// The session.
    pub session_id: SessionId,
    /// When the token expires (exclusive).
    pub expire_time: Timestamp,
    /// The revision of the revocation set that did not revoke it.
    pub revision: i64,
}

/// Verifies access tokens.
pub struct Verifier {
    ring: Arc<KeyRing>,
    cache: SignatureCache,
    revocations: Arc<Revocations>,
    rules: Rules,
    time: Time,
}

impl Verifier {
    /// A verifier by these keys and revocations; remembers at most `remembered` signatures.
    #[must_use]
    pub fn new(ring: Arc<KeyRing>, revocations: Arc<Revocations>, policy: &Policy, time: Time, remembered: usize) -> Self {
        let rules = Rules { issuer: policy.issuer.clone(), audience: policy.audience.clone() };
        Self { ring, cache: SignatureCache::new(remembered), revocations, rules, time }
    }

    /// Takes a call's `authorization` value for what it is: `Bearer` and an access token that is good now.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`] for anything else, without a reason.
    pub fn authenticate(&self, client: &Client, authorization: Option<&str>) -> Result<SignedIn> {
        let (scheme, token) = authorization.and_then(|value| value.split_once(' ')).ok_or(Error::TokenInvalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::TokenInvalid);
        }
        self.signed_in(client, token.trim_start_matches(' ')).ok_or(Error::TokenInvalid)
    }

    /// The caller an access token stands for; `None` where it is not good now.
    #[must_use]
    pub fn signed_in(&self, client: &Client, token: &str) -> Option<SignedIn> {
        let verified = self.cache.check(&self.ring, token).ok()?;
        let claims = &verified.claims;
        jwt::check_time_and_audience(claims, &self.rules, self.time.now()).ok()?;
        let signed_in = from_claims(*client, claims)?;
        let dead = self.revocations.revokes(&signed_in.subject, signed_in.generation, signed_in.session, signed_in.credential);
        (!dead).then_some(signed_in)
    }

    /// Whether `token` is active, as VerifyToken answers it. `min_revision` (0 and less: none) waits up to 1 s for the revocation set to
    /// have reached it. A guest's token is active only where `dataset_id` names its dataset.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an overlong field, [`Error::RevisionNotReached`]. A token that is not good, for whatever reason,
    /// is `None`.
    pub async fn verify(&self, token: &str, min_revision: i64, dataset_id: &str) -> Result<Option<Verdict>> {
        if token.len() > MAX_ACCESS_TOKEN {
            return Err(limits::invalid("token", format!("is longer than {MAX_ACCESS_TOKEN} bytes")));
        }
        if dataset_id.len() > limits::MAX_DATASET {
            return Err(limits::invalid("dataset_id", format!("is longer than {} bytes", limits::MAX_DATASET)));
        }
        if self.revocations.revision() < min_revision {
            tokio::time::timeout(REVISION_WAIT, self.revocations.reached(min_revision))
                .await
                .map_err(|_| Error::RevisionNotReached)?;
        }
        // Read before the set is asked, so that the answer never claims a revision that it did not see.
        let revision = self.revocations.revision();
        Ok(self.verdict(token, dataset_id, revision))
    }

    fn verdict(&self, token: &str, dataset_id: &str, revision: i64) -> Option<Verdict> {
        let verified = self.cache.check(&self.ring, token).ok()?;
        let claims = &verified.claims;
        jwt::check_time_and_audience(claims, &self.rules, self.time.now()).ok()?;
        if claims.dataset.as_deref().is_some_and(|dataset| dataset != dataset_id) {
            return None;
        }
        let subject = Subject::parse(&claims.sub)?;
        let credential = credential(claims)?;
        if self.revocations.revokes(&subject, Generation(claims.generation), claims.sid, credential) {
            return None;
        }
        Some(Verdict {
            subject: claims.sub.clone(),
            username: claims.username.clone(),
            organization: claims.org.clone(),
            roles: claims.roles.clone(),
            dataset_id: claims.dataset.clone(),
            session_id: claims.sid,
            expire_time: Timestamp::from_secs(claims.exp),
            revision,
        })
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

/// The claims as values; `None` where one is not of the form that we write.
fn from_claims(client: Client, claims: &Claims) -> Option<SignedIn> {
    Some(SignedIn {
        client,
        subject: Subject::parse(&claims.sub)?,
        generation: Generation(claims.generation),
        session: claims.sid,
        credential: credential(claims)?,
        username: claims.username.clone(),
        organization: claims.org.clone(),
        roles: Roles {
            staff: claims.roles.iter().any(|role| role == "staff"),
            superuser: claims.roles.iter().any(|role| role == "superuser"),
        },
        methods: claims.amr.iter().filter_map(|method| Method::parse(method)).collect(),
        auth_time: Timestamp::from_secs(claims.auth_time),
        expire_time: Timestamp::from_secs(claims.exp),
        dataset_id: claims.dataset.clone(),
    })
}

/// The `cred` claim: `Some(None)` where there is none, `None` where it is not of the form that we write.
#[expect(clippy::option_option, reason = "absent is fine and malformed is not")]
fn credential(claims: &Claims) -> Option<Option<Credential>> {
    match &claims.cred {
        None => Some(None),
        Some(text) => Credential::parse(text).map(Some),
    }
}
