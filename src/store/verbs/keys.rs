//! Personal keys.

use std::net::IpAddr;

use async_trait::async_trait;

use super::{By, Commit, Ended};
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, UserId};
use crate::model::name::Folded;
use crate::model::organization::OrganizationRole;
pub use crate::model::personal_key::KeyCreated;
use crate::model::personal_key::PersonalKey;
use crate::model::user::User;
use crate::store::Result as StoreResult;

/// Personal keys. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// A key with its owner and the organization asked for, read at one moment.
    ///
    /// Case: `keys::reads_a_key_with_its_owner`.
    async fn key_owner(&self, id: KeyId, organization: Option<&Folded>) -> StoreResult<Option<KeyOwner>>;

    /// The keys of an account that are not revoked, oldest first: at most `most` of those behind the key `after` (none: from the first
    /// on). A cursor that was revoked keeps its place.
    ///
    /// Case: `keys::counts_only_live_ones`.
    async fn keys_of(&self, user: UserId, after: Option<KeyId>, most: u32) -> StoreResult<Vec<PersonalKey>>;

    /// Makes a key: `LimitReached` where its owner has `most` live ones.
    ///
    /// Case: `keys::counts_only_live_ones`.
    async fn create_key(&self, command: CreateKey, by: By) -> StoreResult<Commit<KeyCreated>>;

    /// Revokes a key of that owner, and with it every token that came from it.
    ///
    /// Case: `keys::revoking_kills_its_tokens`.
    async fn revoke_key(&self, command: RevokeKey, by: By) -> StoreResult<Commit<Ended>>;

    /// Audits uses of keys and moves their last-used times.
    ///
    /// Case: `keys::notes_its_use`.
    async fn note_key_use(&self, uses: Vec<KeyUse>, by: By) -> StoreResult<Commit<()>>;
}

/// A personal key with its owner, read at one moment.
#[derive(Clone, Debug)]
pub struct KeyOwner {
    /// The key.
    pub key: PersonalKey,
    /// Its owner.
    pub user: User,
    /// The organization asked for: `Ok` with its name, `Err` where it is unknown or not the owner's.
    pub organization: Result<String, ()>,
    /// What the owner is there; `None` in its own.
    pub role: Option<OrganizationRole>,
}

/// A new key of an account.
#[derive(Clone, Debug)]
pub struct CreateKey {
    /// The key.
    pub key: PersonalKey,
    /// How many live ones its owner may have.
    pub most: u32,
}

/// A key to be revoked.
#[derive(Clone, Copy, Debug)]
pub struct RevokeKey {
    /// Whose it must be.
    pub owner: UserId,
    /// The key.
    pub id: KeyId,
}

/// Where and when a key was used, for the audit log and its last-used time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: KeyId,
    /// From where.
    pub source: Option<IpAddr>,
    /// How often.
    pub count: u32,
    /// When.
    pub now: Timestamp,
}
