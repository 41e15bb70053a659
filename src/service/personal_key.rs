//! PkeyJwt: a personal key for an access token. The hot path of machine clients: reads, one keyed hash, one signature, and a
//! write only for the first use of a key from a source in a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::client::{Client, SignedIn};
use super::guesses::Guesses;
use super::limits::{self, MAX_OPAQUE};
use super::time::Time;
use super::tokens::{Account, SignIn, TokenSet, Tokens};
use super::{Error, Result};
use crate::crypto::opaque::{KeyIdToken, KeySecret, hashes_equal};
use crate::crypto::server_key::ServerKeys;
use crate::model::clock::Timestamp;
use crate::model::grant::{Grant, KeyExchange};
use crate::model::ids::{KeyId, SessionId};
use crate::model::name::Folded;
use crate::model::personal_key::{PersonalKey, key_session_is_over};
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::user::User;
use crate::store::Store;
use crate::store::verbs::{By, KeyOwner, KeyStore, KeyUse, OrganizationStore};

/// How many keys and sources are remembered before their counts are written early.
const MOST_USES: usize = 16_384;

/// Exchanges personal keys.
pub struct PersonalKeys {
    keys: Arc<dyn KeyStore>,
    organizations: Arc<dyn OrganizationStore>,
    server_keys: Arc<ServerKeys>,
    random: Arc<dyn Random>,
    tokens: Tokens,
    guesses: Arc<Guesses>,
    time: Time,
    uses: Mutex<HashMap<(KeyId, IpAddr), Arc<Uses>>>,
}

/// The uses of a key from one source in a minute: whether the first one is durable, and how many came after it.
#[derive(Default)]
struct Uses {
    minute: u64,
    noted: OnceCell<()>,
    more: AtomicU32,
}

/// How a use was noted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noted {
    /// In memory, at once.
    Counted,
    /// By a commit that was waited for. What other commits changed meanwhile is to be read again, or a token would be dead when it is
    /// answered.
    Durably,
}

impl PersonalKeys {
    /// Exchanges the keys of `store`.
    #[must_use]
    pub fn new(
        store: &Arc<dyn Store>,
        server_keys: Arc<ServerKeys>,
        random: Arc<dyn Random>,
        tokens: Tokens,
        guesses: Arc<Guesses>,
        time: Time,
    ) -> Self {
        let (keys, organizations) = (store.clone(), store.clone());
        Self { keys, organizations, server_keys, random, tokens, guesses, time, uses: Mutex::default() }
    }

    /// Exchanges a key for an access token without refresh token, in the organization asked for (empty: the personal one).
    ///
    /// # Errors
    /// [`Error::Invalid`] for an overlong field; [`Error::InvalidCredentials`] for a key that is malformed, foreign, unknown,
    /// revoked, expired, of a disabled owner or has a wrong secret; [`Error::OrgNotAllowed`]; [`Error::Throttled`].
    ///
    /// # Security
    /// A malformed half is turned away by its MAC, before the store is read. The secret is compared in constant time.
    pub async fn exchange(&self, client: &Client, key_id: &str, key_secret: &Secret, organization: &str) -> Result<SignIn> {
        let presenting = self.guesses.begin(client)?;
        presenting.ended(self.exchange_key(client, key_id, key_secret, organization).await)
    }

    async fn exchange_key(&self, client: &Client, key_id: &str, key_secret: &Secret, organization: &str) -> Result<SignIn> {
        limits::required("key_id", key_id, MAX_OPAQUE)?;
        limits::required_secret("key_secret", key_secret, MAX_OPAQUE)?;
        let organization = limits::organization("org_name", organization)?;
        let id = KeyIdToken::parse(&self.server_keys, key_id).map_err(|_| Error::InvalidCredentials)?.id;
        let secret = KeySecret::parse(&self.server_keys, key_secret).map_err(|_| Error::InvalidCredentials)?;
        let now = self.time.now()?;
        let session = SessionId::derived(self.random.id());
        let granted = async || {
            let owner = self.owner(id, organization.as_ref()).await?;
            if !secret_matches(&owner.key, &secret.keyed_hash, now) || !owner.key.admits(&owner.user, now) {
                return Err(Error::InvalidCredentials);
            }
            grant(owner, KeyExchange { session, face: client.face, auth_time: now })
        };
        let mut checked = granted().await?;
        if self.note(id, client.source, now).await? == Noted::Durably {
            checked = granted().await?;
        }
        let (grant, user) = checked;
        let tokens = self.tokens.issue(&grant, None, now)?;
        Ok(SignIn { tokens, user: Some(Account::read(&*self.organizations, user).await?) })
    }

    /// Renews the token of a key: what it may be is read again. Up to 24 h after the key was presented.
    ///
    /// # Errors
    /// [`Error::SessionExpired`], and [`Error::SessionRevoked`] where the key or its owner no longer work; those of the store,
    /// which end no session; [`Error::OrgNotAllowed`] where its owner no longer belongs to the token's organization.
    pub(super) async fn renew(&self, caller: &SignedIn, key: KeyId) -> Result<TokenSet> {
        let now = self.time.now()?;
        if key_session_is_over(caller.auth_time, now) {
            return Err(Error::SessionExpired);
        }
        let asked = Folded::presented(&caller.organization);
        let granted = async || {
            let owner = self.owner(key, Some(&asked)).await.map_err(renewal)?;
            if !owner.key.renews(&owner.user, caller.generation, now) {
                return Err(Error::SessionRevoked);
            }
            let exchange = KeyExchange { session: caller.session, face: caller.client.face, auth_time: caller.auth_time };
            grant(owner, exchange)
        };
        let mut checked = granted().await?;
        if self.note(key, caller.client.source, now).await? == Noted::Durably {
            checked = granted().await?;
        }
        let (grant, _) = checked;
        self.tokens.issue(&grant, None, now)
    }

    /// Writes the counts that are not written yet and forgets the uses. To be called about once a minute, and before the end.
    ///
    /// # Errors
    /// Those of the store; these counts are lost then, the first use of each minute is not.
    pub async fn flush(&self) -> Result<()> {
        let now = self.time.now()?;
        let uses = std::mem::take(&mut *self.uses.lock().unwrap_or_else(PoisonError::into_inner));
        let counted: Vec<KeyUse> = uses
            .into_iter()
            .map(|((key, source), uses)| KeyUse { key, source: Some(source), count: uses.more.load(Ordering::Relaxed), now })
            .filter(|counted| counted.count > 0)
            .collect();
        if !counted.is_empty() {
            self.keys.note_key_use(counted, By::system(now)).await?;
        }
        Ok(())
    }

    async fn owner(&self, id: KeyId, organization: Option<&Folded>) -> Result<KeyOwner> {
        self.keys.key_owner(id, organization).await?.ok_or(Error::InvalidCredentials)
    }

    /// Audits a use: durable before the first token of a key, source and minute, counted after that.
    async fn note(&self, key: KeyId, source: IpAddr, now: Timestamp) -> Result<Noted> {
        match self.count(key, source, now) {
            None => Ok(Noted::Counted),
            // Boxed: it is once a minute, and every call would have to carry it along.
            Some(first) => {
                Box::pin(self.note_first(&first, KeyUse { key, source: Some(source), count: 1, now })).await?;
                Ok(Noted::Durably)
            }
        }
    }

    /// Counts a use after the first one of its minute; gives the uses of a minute whose first one is still to be made durable.
    fn count(&self, key: KeyId, source: IpAddr, now: Timestamp) -> Option<Arc<Uses>> {
        let minute = now.secs() / 60;
        let mut all = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = all.entry((key, source)).or_default();
        if uses.minute != minute {
            // What was counted under the old minute is still to be written.
            *uses = Arc::new(Uses { minute, more: uses.more.load(Ordering::Relaxed).into(), ..Uses::default() });
        }
        if !uses.noted.initialized() {
            return Some(Arc::clone(uses));
        }
        uses.more.fetch_add(1, Ordering::Relaxed);
        None
    }

    async fn note_first(&self, uses: &Uses, noted: KeyUse) -> Result<()> {
        let mut first = false;
        // All first ones of a minute wait for one event; if its writer gives up, another takes over.
        let write = async || {
            first = true;
            let by = By::system(noted.now);
            self.keys.note_key_use(vec![noted], by).await.map(drop)
        };
        uses.noted.get_or_try_init(write).await?;
        if !first {
            uses.more.fetch_add(1, Ordering::Relaxed);
        }
        if self.uses.lock().unwrap_or_else(PoisonError::into_inner).len() > MOST_USES { self.flush().await } else { Ok(()) }
    }
}

/// What a key that is gone means to who renews its token. Every other error is told as it is: the session may well be alive.
fn renewal(error: Error) -> Error {
    match error {
        Error::InvalidCredentials => Error::SessionRevoked,
        other => other,
    }
}

/// Whether a presented secret is the key's, or its last one within the overlap. Constant time over what is stored.
fn secret_matches(key: &PersonalKey, presented: &[u8; 32], now: Timestamp) -> bool {
    let current = hashes_equal(key.secret(), presented);
    let previous = key.previous().is_some_and(|(hash, until)| hashes_equal(hash, presented) && now < *until);
    current | previous
}

/// What a token of the key is made of, for the organization that was asked for; the owner beside it.
fn grant(owner: KeyOwner, exchange: KeyExchange) -> Result<(Grant, User)> {
    let KeyOwner { key, user, organization, role } = owner;
    let organization = organization.map_err(|()| Error::OrgNotAllowed)?;
    Ok((Grant::of_key(&key, &user, organization, exchange).with_organization_role(role), user))
}

#[cfg(test)]
mod tests;
