//! Single-use links: Issued -> Redeemed, or dead by time or generation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::ids::{LinkId, SessionId, UserId};
use super::name::Folded;
use super::user::Generation;

/// How long after a redeem the same request id is answered with the same session.
pub const REDEEM_RETRY: Duration = Duration::from_mins(1);

/// How long after its link was made a guest's session ends at the latest; the link's record is kept as long.
pub const LINK_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkState {
    /// Not redeemed yet (or, where it is not one-time, redeemed any number of times).
    Issued,
    /// A one-time link that opened its session.
    Redeemed {
        /// The session it opened.
        session: SessionId,
        /// Keyed hash of the request id that opened it; `None` where none was given, then there is no retry.
        request: Option<[u8; 32]>,
        /// When.
        at: Timestamp,
    },
    /// Revoked by an operator.
    Revoked {
        /// When.
        at: Timestamp,
    },
}

/// A link, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// Keyed hash of its token.
    pub token: [u8; 32],
    /// The guest it signs in, as the issuer wrote the name.
    pub guest: String,
    /// The dataset it opens.
    pub dataset_id: String,
    /// The guest name's generation, read before the issuer's credential was taken for good.
    pub generation: Generation,
    /// Who issued it.
    pub issuer: UserId,
    /// Stamped at issuing: opens one session only.
    pub one_time: bool,
    /// When it was made. Sessions it opened end 7 days after this at the latest.
    pub create_time: Timestamp,
    /// From when on (inclusive) it cannot be redeemed.
    pub redeem_by: Timestamp,
    /// What became of it.
    pub state: LinkState,
}

impl Link {
    /// The guest's key in the namespace of guests.
    #[must_use]
    pub fn guest_key(&self) -> Folded {
        Folded::presented(&self.guest)
    }
}
