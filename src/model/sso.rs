//! One attempt to sign on: nothing is written until the callback, then
//! Exchanging -> Identified -> Confirmed -> Collected, or Refused from any of the first three.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::ids::{AttemptId, SessionId, UserId};
use super::user::Generation;

/// How long after its collection the same session is answered again, while its refresh token is unused.
pub const COLLECT_RETRY: Duration = Duration::from_mins(1);

/// Where an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// An attempt, from its callback on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// From when on (inclusive) it is over.
    pub expire_time: Timestamp,
    /// Where it stands.
    pub state: AttemptState,
}
