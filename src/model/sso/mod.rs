//! One attempt to sign on: nothing is written until the callback, then
//! Exchanging -> Identified -> Confirmed -> Collected, or Refused from any of the first three.

mod collect;
mod steps;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::collect::{AttemptCollected, Collection};
pub use self::steps::{AttemptIdentified, ProvenSubject, Step};
use super::clock::Timestamp;
use super::decision::Impossible;
use super::ids::{AttemptId, SessionId, UserId};
use super::user::Generation;

/// How long after its collection the same session is answered again, while its refresh token is unused.
pub const COLLECT_RETRY: Duration = Duration::from_mins(1);

/// Where an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// The callback came and its code is being exchanged. What is found so after a crash failed.
    Exchanging {
        /// The store's revision when the exchange began: a logout after it ends the attempt.
        revision: i64,
    },
    /// The provider named the account; the person has not confirmed yet.
    Identified {
        /// The account.
        user: UserId,
        /// Its generation.
        generation: Generation,
        /// When the identity was proved.
        at: Timestamp,
    },
    /// The person confirmed; the tokens wait to be collected.
    Confirmed {
        /// The account.
        user: UserId,
        /// Its generation.
        generation: Generation,
        /// When the identity was proved.
        at: Timestamp,
    },
    /// The tokens were collected.
    Collected {
        /// The session that was opened.
        session: SessionId,
        /// When.
        at: Timestamp,
    },
    /// Refused, by the provider, by us or by the person.
    Refused,
}

/// What an [`Attempt`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptParts {
    /// Its id.
    pub id: AttemptId,
    /// From when on (inclusive) it is over.
    pub expire_time: Timestamp,
    /// Where it stands.
    pub state: AttemptState,
    /// What the browser hashes to that came back from the provider; `None` where none did.
    pub browser: Option<[u8; 32]>,
}

/// An attempt, from its callback on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt(AttemptParts);

impl Attempt {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> AttemptId {
        self.0.id
    }

    /// From when on (inclusive) it is over.
    #[must_use]
    pub const fn expire_time(&self) -> Timestamp {
        self.0.expire_time
    }

    /// Until when its record is kept: what was collected at the last moment can be asked for again.
    #[must_use]
    pub fn keep_until(&self) -> Timestamp {
        self.0.expire_time.plus(COLLECT_RETRY)
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> &AttemptState {
        &self.0.state
    }

    /// What the browser hashes to that came back from the provider: only that one is asked again. `None` where none did.
    #[must_use]
    pub const fn browser(&self) -> Option<&[u8; 32]> {
        self.0.browser.as_ref()
    }

    /// The account it is about; `None` before the provider named one, and once it is over.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self.0.state {
            AttemptState::Identified { user, .. } | AttemptState::Confirmed { user, .. } => Some(user),
            AttemptState::Exchanging { .. } | AttemptState::Collected { .. } | AttemptState::Refused => None,
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn into_parts(self) -> AttemptParts {
        self.0
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.0.expire_time
    }

    fn with(self, state: AttemptState) -> Self {
        Self(AttemptParts { state, ..self.0 })
    }
}

impl TryFrom<AttemptParts> for Attempt {
    type Error = Impossible;

    fn try_from(parts: AttemptParts) -> Result<Self, Impossible> {
        let in_time = match parts.state {
            AttemptState::Identified { at, .. } | AttemptState::Confirmed { at, .. } | AttemptState::Collected { at, .. } => {
                at < parts.expire_time
            }
            AttemptState::Exchanging { .. } | AttemptState::Refused => true,
        };
        Impossible::unless("Attempt", &[(in_time, "went on after its end")]).map(|()| Self(parts))
    }
}
