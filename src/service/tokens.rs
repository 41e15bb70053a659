//! Making what a caller is given: the access token of a grant, and the first refresh token of a session.

use std::sync::Arc;
use std::time::Duration;

use super::policy::Policy;
use super::{Error, Result};
use crate::crypto::jwt::Claims;
use crate::crypto::keyring::KeyRing;
use crate::crypto::refresh::RefreshToken;
use crate::crypto::server_key::ServerKeys;
use crate::model::clock::Timestamp;
use crate::model::grant::Grant;
use crate::model::ids::SessionId;
use crate::model::organization::OrganizationRole;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::session::{Face, Method, Mode, NewSession};
use crate::model::user::User;
use crate::store::verbs::OrganizationStore;

/// What a credential was exchanged for.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The JWT.
    pub access_token: Secret,
    /// How long the access token lives from now on.
    pub expires: Duration,
    /// The refresh token; `None` where the session renews by access token only.
    pub refresh_token: Option<Secret>,
    /// Where the refresh token is to travel.
    pub mode: Mode,
    /// When the access token expires (exclusive).
    pub access_expire_time: Timestamp,
    /// When the session is over, whatever is refreshed (exclusive).
    pub session_expire_time: Timestamp,
    /// The session.
    pub session_id: SessionId,
    /// The organization the tokens are for; empty for a guest.
    pub active_organization: String,
}

/// A completed login.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The tokens.
    pub tokens: TokenSet,
    /// The account; `None` for a guest.
    pub user: Option<Account>,
}

/// An account as it is shown.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub user: User,
    /// The names of the organizations it is a member of, its personal one not among them.
    pub organizations: Vec<String>,
}

impl Account {
    /// The account with its memberships as they are now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read(store: &dyn OrganizationStore, user: User) -> Result<Self> {
        let memberships = store.memberships(user.id()).await?;
        let organizations = memberships.into_iter().map(|(organization, _)| organization.name.as_str().to_owned()).collect();
        Ok(Self { user, organizations })
    }
}

/// Mints tokens.
#[derive(Clone)]
pub struct Tokens {
    ring: Arc<KeyRing>,
    keys: Arc<ServerKeys>,
    random: Arc<dyn Random>,
    policy: Arc<Policy>,
    epoch: u32,
}

impl Tokens {
    /// A minter for a store of this epoch.
    #[must_use]
    pub fn new(ring: Arc<KeyRing>, keys: Arc<ServerKeys>, random: Arc<dyn Random>, policy: Arc<Policy>, epoch: u32) -> Self {
        Self { ring, keys, random, policy, epoch }
    }

    /// The epoch of the store: refresh tokens of another one are dead.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// A session to be opened under a random id, and the refresh token that goes with it.
    #[must_use]
    pub fn new_session(&self, face: Face, mode: Mode, methods: Vec<Method>) -> (NewSession, Secret) {
        let id = SessionId::random(&*self.random);
        self.session_from(id, self.random.bytes(), face, mode, methods)
    }

    /// A session to be opened under an id and a first value R(0) that were derived, so that a retry finds the same.
    #[must_use]
    pub fn session_from(
        &self,
        id: SessionId,
        r0: [u8; 16],
        face: Face,
        mode: Mode,
        methods: Vec<Method>,
    ) -> (NewSession, Secret) {
        let (refresh, tip) = RefreshToken::first(&self.keys, self.epoch, id, r0);
        let most = self.policy.most_sessions;
        (NewSession { id, tip, face, mode, methods, lifetime: self.policy.session, most }, refresh)
    }

    /// Signs an access token for a grant, as of the moment that it was granted, and puts the set together. It expires with its session
    /// at the latest.
    ///
    /// # Errors
    /// [`Error::Internal`] where the cryptographic library fails.
    pub fn issue(&self, grant: &Grant, refresh: Option<Secret>, now: Timestamp) -> Result<TokenSet> {
        let expire = now.plus(self.policy.access_token).min(grant.expire_time());
        let (subject, jti) = (grant.subject().to_string(), SessionId::derived(self.random.id()).to_string());
        let credential = grant.credential().map(|credential| credential.to_string());
        let guest = grant.dataset_id().map(|dataset| format!("{}/{dataset}", self.policy.audience));
        let claims = Claims {
            iss: self.policy.issuer.as_str(),
            sub: &subject,
            aud: guest.as_ref().unwrap_or(&self.policy.audience),
            exp: expire.secs(),
            iat: now.secs(),
            nbf: None,
            jti: &jti,
            sid: grant.session(),
            generation: grant.generation().0,
            cred: credential.as_deref(),
            client_id: grant.face().as_str(),
            username: grant.username(),
            org: grant.organization(),
            org_role: grant.organization_role().map(OrganizationRole::as_str),
            roles: grant.roles().names().collect(),
            amr: grant.methods().iter().map(|method| method.as_str()).collect(),
            auth_time: grant.auth_time().secs(),
            dataset: grant.dataset_id(),
        };
        let access_token = self.ring.mint(&claims).map_err(|error| Error::Internal(error.to_string()))?;
        // What the claim says, to the second; the answer must not promise more.
        let access_expire_time = Timestamp::from_secs(claims.exp);
        Ok(TokenSet {
            access_token,
            expires: access_expire_time.since(now),
            refresh_token: refresh,
            mode: grant.mode(),
            access_expire_time,
            session_expire_time: grant.expire_time(),
            session_id: grant.session(),
            active_organization: grant.organization().to_owned(),
        })
    }
}
