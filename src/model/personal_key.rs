//! Personal keys: an id, and one or two live secrets.

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::ids::{KeyId, UserId};

/// A personal key, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub display_name: String,
    /// Keyed hash of its secret.
    pub secret: [u8; 32],
    /// Keyed hash of the secret before the last rotation, and until when (exclusive) it still works.
    pub previous: Option<([u8; 32], Timestamp)>,
    /// When it was made.
    pub create_time: Timestamp,
    /// From when on (inclusive) it works no more; `None`: until it is revoked.
    pub expire_time: Option<Timestamp>,
    /// When it was revoked. A revoked key stays as a tombstone.
    pub revoke_time: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_use_time: Option<Timestamp>,
}

impl PersonalKey {
    /// True where the key, apart from its secret and its owner, works at `now`.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> bool {
        self.revoke_time.is_none() && self.expire_time.is_none_or(|end| now < end)
    }
}
