//! Personal keys as their owners handle them. A key is shown whole once; afterwards only its id is. What exchanges a key for a
//! token is `personal_key`.

use std::sync::Arc;
use std::time::Duration;

use super::access::Rpc;
use super::client::SignedIn;
use super::limits::{self, invalid};
use super::paging::{Page, Pages, Query};
use super::policy::Policy;
use super::time::Time;
use super::{Error, Result, Thing};
use crate::crypto::opaque::{KeyIdToken, KeySecret};
use crate::crypto::server_key::ServerKeys;
use crate::model::ids::{KeyId, UserId};
use crate::model::personal_key::PersonalKey;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::store::Store;
use crate::store::verbs::{AccountStore, CreateKey, Ended, KeyCreated, KeyStore, RevokeKey};

/// The longest life a key can be given: ten years of 365 days.
pub const MAX_TTL: Duration = Duration::from_hours(10 * 365 * 24);

/// A key that was just made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key as it is kept.
    pub key: PersonalKey,
    /// Its id: `csk_` and 44 URL-safe characters. No secret.
    pub key_id: String,
    /// Its secret: `css_` and 50 URL-safe characters. Only its keyed hash is kept, so that this is the only time it is shown.
    pub secret: Secret,
}

/// Makes, lists and revokes personal keys.
#[derive(Clone)]
pub struct Keys {
    store: Arc<dyn KeyStore>,
    accounts: Arc<dyn AccountStore>,
    server: Arc<ServerKeys>,
    random: Arc<dyn Random>,
    time: Time,
    most: u32,
    pages: Pages,
}

impl Keys {
    /// One over `store`, with the limits of `policy`.
    #[must_use]
    pub fn new(
        store: &Arc<dyn Store>,
        server: Arc<ServerKeys>,
        random: Arc<dyn Random>,
        time: Time,
        policy: &Policy,
        pages: Pages,
    ) -> Self {
        Self { store: store.clone(), accounts: store.clone(), server, random, time, most: policy.most_keys, pages }
    }

    /// Makes a key for the caller. `display_name` is 1 to 128 bytes without control characters; `ttl` at most [`MAX_TTL`], none
    /// or zero until it is revoked. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::CredentialTooWeak`] - the caller is no person who logged in (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is past its limit (INVALID_ARGUMENT).
    /// - [`Error::LimitReached`] - the caller has as many live keys as may be (RESOURCE_EXHAUSTED).
    /// - [`Error::TokenInvalid`] - the caller was signed out before the commit (UNAUTHENTICATED).
    pub async fn create(&self, caller: &SignedIn, display_name: &str, ttl: Option<Duration>) -> Result<NewKey> {
        let owner = caller.may(Rpc::CreatePersonalKey)?;
        let (display_name, ttl) = checked(display_name, ttl)?;
        self.make(caller, owner, Rpc::CreatePersonalKey, display_name, ttl).await
    }

    /// Makes a key for the account `username`, a machine's for example, as [`create`](Self::create) does. The caller is a
    /// superuser who logged in as a person.
    ///
    /// # Errors
    /// As [`create`](Self::create), [`Error::PermissionDenied`] (PERMISSION_DENIED) and [`Error::NotFound`] (NOT_FOUND,
    /// USER_NOT_FOUND).
    pub async fn create_for(
        &self,
        caller: &SignedIn,
        username: &str,
        display_name: &str,
        ttl: Option<Duration>,
    ) -> Result<NewKey> {
        caller.may(Rpc::CreatePersonalKeyFor)?;
        let name = limits::name("username", username)?;
        let (display_name, ttl) = checked(display_name, ttl)?;
        let owner = self.accounts.user_by_login(&name.folded()).await?.ok_or(Error::NotFound(Thing::User))?;
        self.make(caller, owner.id(), Rpc::CreatePersonalKeyFor, display_name, ttl).await
    }

    /// A page of the caller's live keys, oldest first, at most `size`, each with its id as text. Never their secrets. The list holds
    /// still: a key that comes goes to its end, and one that goes moves no other.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`] (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - the token is none of this list (INVALID_ARGUMENT).
    pub async fn list(&self, caller: &SignedIn, size: u32, page_token: &str) -> Result<Page<(String, PersonalKey)>> {
        let owner = caller.may(Rpc::ListPersonalKeys)?;
        let query = Query { caller: owner, rpc: Rpc::ListPersonalKeys, filters: &[] };
        let after_id = |cursor: &[u8]| cursor.try_into().ok().map(KeyId::from_bytes);
        let mut after = self.pages.after(&query, page_token, after_id)?;
        let now = self.time.now()?;
        let mut keys = Vec::new();
        // One more than the page has: what tells whether another page follows. Keys that expired are passed over.
        let wanted = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
        loop {
            let found = self.store.keys_of(owner, after, size.saturating_add(1)).await?;
            let read_all = found.len() < wanted;
            after = found.last().map(PersonalKey::id);
            keys.extend(found.into_iter().filter(|key| key.lives(now)));
            if read_all || keys.len() >= wanted {
                break;
            }
        }
        let page = self.pages.page(&query, keys, size, |last| last.id().as_bytes().to_vec());
        Ok(page.map(|key| (KeyIdToken::issue(&self.server, key.id()), key)))
    }

    /// Revokes a key of the caller's and every token that came from it; answers the revision that holds it. Repeating it is OK.
    /// Durable once this returns: from then on the key exchanges for nothing.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::CredentialTooWeak`] - the caller is no person who logged in (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `key_id` is empty or longer than 512 bytes (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - no key of ours, or another's: one answer (NOT_FOUND, KEY_NOT_FOUND).
    pub async fn revoke(&self, caller: &SignedIn, key_id: &str) -> Result<i64> {
        let owner = caller.may(Rpc::RevokePersonalKey)?;
        limits::required("key_id", key_id, limits::MAX_OPAQUE)?;
        let key = KeyIdToken::parse(&self.server, key_id).map_err(|_| Error::NotFound(Thing::Key))?;
        let revoke = RevokeKey { owner, id: key.id };
        let revoked = self.store.revoke_key(revoke, caller.by(Rpc::RevokePersonalKey, self.time.now()?)).await?;
        match revoked.outcome {
            Ended::Ended | Ended::Before => Ok(revoked.revision),
            Ended::Unknown => Err(Error::NotFound(Thing::Key)),
        }
    }

    async fn make(
        &self,
        caller: &SignedIn,
        owner: UserId,
        rpc: Rpc,
        display_name: String,
        ttl: Option<Duration>,
    ) -> Result<NewKey> {
        let now = self.time.now()?;
        let (secret, hash) = KeySecret::issue(&self.server, &*self.random);
        let key = PersonalKey::new(KeyId::random(&*self.random), owner, display_name, hash, now, ttl);
        let create = CreateKey { key: key.clone(), most: self.most };
        match self.store.create_key(create, caller.by(rpc, now)).await?.outcome {
            KeyCreated::Created => Ok(NewKey { key_id: KeyIdToken::issue(&self.server, key.id()), key, secret }),
            KeyCreated::LimitReached => Err(Error::LimitReached("personal keys")),
            KeyCreated::NoSuchUser => Err(Error::NotFound(Thing::User)),
        }
    }
}

/// The display name and the life of a new key, within their limits.
fn checked(display_name: &str, ttl: Option<Duration>) -> Result<(String, Option<Duration>)> {
    let display_name = limits::required("display_name", display_name, limits::MAX_DISPLAY_NAME)?;
    let ttl = ttl.filter(|ttl| !ttl.is_zero());
    if ttl.is_some_and(|ttl| ttl > MAX_TTL) {
        return Err(invalid("ttl", "is longer than 3650 days"));
    }
    Ok((display_name.to_owned(), ttl))
}

#[cfg(test)]
mod tests;
