//! Personal keys: an id, and one or two live secrets.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::audit::Action;
use super::clock::Timestamp;
use super::decision::{Decision, Impossible};
use super::ids::{KeyId, UserId};
use super::revocation::Revoked;
use super::session::{Credential, LAST_MOMENTS};
use super::user::{Generation, User};

/// How long the token of a key can be renewed from its exchange on.
pub const KEY_SESSION: Duration = Duration::from_hours(24);

/// Last-used times are kept to the minute.
const COARSE: Duration = Duration::from_mins(1);

/// What a [`PersonalKey`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalKeyParts {
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

/// A personal key, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalKey(PersonalKeyParts);

/// What became of making a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCreated {
    /// It is there.
    Created,
    /// Its owner has as many live ones as may be.
    LimitReached,
    /// Its owner is no more.
    NoSuchUser,
}

/// What became of revoking a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRevoked {
    /// It was revoked now; what it opened ends with it.
    Revoked,
    /// It was revoked before.
    Before,
    /// It is another's.
    Foreign,
}

impl PersonalKey {
    /// A key with one secret, which works until `expire_time`, or until it is revoked.
    #[must_use]
    pub fn new(
        id: KeyId,
        user: UserId,
        display_name: String,
        secret: [u8; 32],
        create_time: Timestamp,
        ttl: Option<Duration>,
    ) -> Self {
        Self(PersonalKeyParts {
            id,
            user,
            display_name,
            secret,
            previous: None,
            create_time,
            expire_time: ttl.map(|ttl| create_time.plus(ttl)),
            revoke_time: None,
            last_use_time: None,
        })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.0.id
    }

    /// Whose it is.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.0.user
    }

    /// What its owner calls it.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// Keyed hash of its secret.
    #[must_use]
    pub const fn secret(&self) -> &[u8; 32] {
        &self.0.secret
    }

    /// Keyed hash of the secret before the last rotation, and until when (exclusive) it still works.
    #[must_use]
    pub const fn previous(&self) -> Option<&([u8; 32], Timestamp)> {
        self.0.previous.as_ref()
    }

    /// When it was made.
    #[must_use]
    pub const fn create_time(&self) -> Timestamp {
        self.0.create_time
    }

    /// From when on (inclusive) it works no more; `None`: until it is revoked.
    #[must_use]
    pub const fn expire_time(&self) -> Option<Timestamp> {
        self.0.expire_time
    }

    /// When it was revoked. A revoked key stays as a tombstone.
    #[must_use]
    pub const fn revoke_time(&self) -> Option<Timestamp> {
        self.0.revoke_time
    }

    /// When it was last used, to the minute.
    #[must_use]
    pub const fn last_use_time(&self) -> Option<Timestamp> {
        self.0.last_use_time
    }

    /// True where the key, apart from its secret and its owner, works at `now`.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> bool {
        self.0.revoke_time.is_none() && self.0.expire_time.is_none_or(|end| now < end)
    }

    /// True where a right secret of it may be exchanged at `now` for a token of `owner`.
    #[must_use]
    pub fn admits(&self, owner: &User, now: Timestamp) -> bool {
        self.lives(now) && owner.id() == self.0.user && owner.enabled()
    }

    /// True where a token that came from it and carries `generation` may be renewed at `now`, its owner being so. A loss of a role
    /// is no obstacle: the next token is narrower.
    #[must_use]
    pub fn renews(&self, owner: &User, generation: Generation, now: Timestamp) -> bool {
        self.admits(owner, now) && owner.standing().session_lives(generation)
    }

    /// Takes a new key in, where its owner has `live` ones and may have `most`.
    pub fn create(self, live: usize, most: u32) -> Decision<Self, KeyCreated> {
        if live >= usize::try_from(most).unwrap_or(usize::MAX) {
            return Decision::unchanged(self, KeyCreated::LimitReached);
        }
        let created = Action::KeyCreated(self.0.id, self.0.user);
        Decision::changed(self, KeyCreated::Created).auditing(created)
    }

    /// Revokes it for its owner, and every token that came from it.
    pub fn revoke(self, owner: UserId, now: Timestamp) -> Decision<Self, KeyRevoked> {
        let id = self.0.id;
        if self.0.user != owner {
            return Decision::unchanged(self, KeyRevoked::Foreign);
        }
        if self.0.revoke_time.is_some() {
            return Decision::unchanged(self, KeyRevoked::Before);
        }
        let revoke_time = Some(now.max(self.0.create_time));
        Decision::changed(Self(PersonalKeyParts { revoke_time, ..self.0 }), KeyRevoked::Revoked)
            .revoking(Revoked::Credential(Credential::Key(id)))
            .auditing(Action::KeyRevoked(id))
    }

    /// Notes that it was used so often; its last-used time moves to the minute of `at`, and never back.
    pub fn note_use(self, count: u32, at: Timestamp) -> Decision<Self, ()> {
        let used = Action::KeyUsed(self.0.id, count);
        let minute = Some(Timestamp::from_secs(at.secs() / COARSE.as_secs() * COARSE.as_secs()));
        let decision = if self.0.last_use_time < minute {
            Decision::changed(Self(PersonalKeyParts { last_use_time: minute, ..self.0 }), ())
        } else {
            Decision::unchanged(self, ())
        };
        decision.auditing(used)
    }

    /// As it is where the clock was ahead and `now` is right: a key from after `now` was made now and lives as long as it was given, and
    /// nothing of it lies ahead. An overlap of two secrets ends.
    #[must_use]
    pub fn set_back(self, now: Timestamp) -> Self {
        let ahead = self.0.create_time.since(now);
        let at_most = |at: Timestamp| at.min(now);
        Self(PersonalKeyParts {
            create_time: at_most(self.0.create_time),
            expire_time: self.0.expire_time.map(|at| at.minus(ahead)),
            revoke_time: self.0.revoke_time.map(at_most),
            last_use_time: self.0.last_use_time.map(at_most),
            previous: self.0.previous.map(|(secret, until)| (secret, at_most(until))),
            ..self.0
        })
    }

    /// What it is made of.
    #[must_use]
    pub fn into_parts(self) -> PersonalKeyParts {
        self.0
    }
}

/// True where a key's token can be renewed no more at `now`: the key was presented at `auth_time`, and its 24 h are over or will
/// be within 90 s.
#[must_use]
pub fn key_session_is_over(auth_time: Timestamp, now: Timestamp) -> bool {
    now.plus(LAST_MOMENTS) >= auth_time.plus(KEY_SESSION)
}

impl TryFrom<PersonalKeyParts> for PersonalKey {
    type Error = Impossible;

    fn try_from(parts: PersonalKeyParts) -> Result<Self, Impossible> {
        let after = |at: Option<Timestamp>| at.is_none_or(|at| parts.create_time <= at);
        let rules = [
            (after(parts.expire_time), "over before it was made"),
            (after(parts.revoke_time), "revoked before it was made"),
            (parts.previous.is_none_or(|(previous, _)| previous != parts.secret), "one secret twice"),
        ];
        Impossible::unless("PersonalKey", &rules).map(|()| Self(parts))
    }
}
