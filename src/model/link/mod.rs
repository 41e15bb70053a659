//! Single-use links: Issued -> Redeemed, or dead by time or generation.

mod redeem;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::redeem::{LinkRedeemed, Redemption};
use super::audit::Action;
use super::clock::Timestamp;
use super::decision::{Decision, Impossible};
use super::ids::{LinkId, SessionId, UserId};
use super::name::Folded;
use super::revocation::Revoked;
use super::session::Credential;
use super::user::{Generation, Standing};

/// How long after a redeem the same request id is answered with the same session.
pub const REDEEM_RETRY: Duration = Duration::from_mins(1);

/// How long after its link was made a guest's session ends at the latest; the link's record is kept as long.
pub const LINK_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What a [`Link`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkParts {
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

/// A link to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
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
    /// Who issues it.
    pub issuer: UserId,
    /// Whether it opens one session only.
    pub one_time: bool,
    /// When it is made.
    pub create_time: Timestamp,
    /// How long it can be redeemed from then on.
    pub ttl: Duration,
}

/// A link, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(LinkParts);

/// What became of issuing a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It can be redeemed.
    Issued,
    /// The guest name was logged out after its generation was read.
    Stale,
}

/// What became of revoking a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRevoked {
    /// It was revoked now; what it opened ends with it.
    Revoked,
    /// It was revoked before.
    Before,
}

impl Link {
    /// A link that nobody redeemed.
    #[must_use]
    pub fn new(new: NewLink) -> Self {
        let NewLink { id, token, guest, dataset_id, generation, issuer, one_time, create_time, ttl } = new;
        let (redeem_by, state) = (create_time.plus(ttl), LinkState::Issued);
        Self(LinkParts { id, token, guest, dataset_id, generation, issuer, one_time, create_time, redeem_by, state })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> LinkId {
        self.0.id
    }

    /// Keyed hash of its token.
    #[must_use]
    pub const fn token(&self) -> &[u8; 32] {
        &self.0.token
    }

    /// The guest it signs in, as the issuer wrote the name.
    #[must_use]
    pub fn guest(&self) -> &str {
        &self.0.guest
    }

    /// The dataset it opens.
    #[must_use]
    pub fn dataset_id(&self) -> &str {
        &self.0.dataset_id
    }

    /// The guest name's generation, read before the issuer's credential was taken for good.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.0.generation
    }

    /// Who issued it.
    #[must_use]
    pub const fn issuer(&self) -> UserId {
        self.0.issuer
    }

    /// Stamped at issuing: opens one session only.
    #[must_use]
    pub const fn one_time(&self) -> bool {
        self.0.one_time
    }

    /// When it was made.
    #[must_use]
    pub const fn create_time(&self) -> Timestamp {
        self.0.create_time
    }

    /// From when on (inclusive) it cannot be redeemed.
    #[must_use]
    pub const fn redeem_by(&self) -> Timestamp {
        self.0.redeem_by
    }

    /// What became of it.
    #[must_use]
    pub const fn state(&self) -> &LinkState {
        &self.0.state
    }

    /// The guest's key in the namespace of guests.
    #[must_use]
    pub fn guest_key(&self) -> Folded {
        Folded::presented(&self.0.guest)
    }

    /// When the sessions it opened end at the latest (exclusive).
    #[must_use]
    pub fn latest_end(&self) -> Timestamp {
        self.0.create_time.plus(LINK_LIFETIME)
    }

    /// Until when its record is kept: as long as what it may open, so that it can be revoked as long.
    #[must_use]
    pub fn keep_until(&self) -> Timestamp {
        self.latest_end().max(self.0.redeem_by)
    }

    /// True where it can be redeemed at `now`, its guest standing so.
    #[must_use]
    pub fn redeemable(&self, standing: Standing, now: Timestamp) -> bool {
        self.0.state == LinkState::Issued && now < self.0.redeem_by && standing.session_lives(self.0.generation)
    }

    /// Takes a new link in, if the guest name's generation is still the link's.
    pub fn issue(self, standing: Standing) -> Decision<Self, Issued> {
        if !standing.session_lives(self.0.generation) {
            return Decision::unchanged(self, Issued::Stale);
        }
        let issued = Action::LinkIssued(self.0.id);
        Decision::changed(self, Issued::Issued).auditing(issued)
    }

    /// Revokes it, redeemed or not, and every token that came from it.
    pub fn revoke(self, now: Timestamp) -> Decision<Self, LinkRevoked> {
        let id = self.0.id;
        if let LinkState::Revoked { .. } = self.0.state {
            return Decision::unchanged(self, LinkRevoked::Before);
        }
        let revoked = Self(LinkParts { state: LinkState::Revoked { at: now }, ..self.0 });
        Decision::changed(revoked, LinkRevoked::Revoked)
            .revoking(Revoked::Credential(Credential::Link(id)))
            .auditing(Action::LinkRevoked(id))
    }

    /// What it is made of.
    #[must_use]
    pub fn into_parts(self) -> LinkParts {
        self.0
    }
}

impl TryFrom<LinkParts> for Link {
    type Error = Impossible;

    fn try_from(parts: LinkParts) -> Result<Self, Impossible> {
        let redeemed_at = match parts.state {
            LinkState::Redeemed { at, .. } => Some(at),
            LinkState::Issued | LinkState::Revoked { .. } => None,
        };
        let rules = [
            (parts.create_time <= parts.redeem_by, "over before it was made"),
            (redeemed_at.is_none() || parts.one_time, "redeemed, and not one-time"),
            (redeemed_at.is_none_or(|at| at < parts.redeem_by), "redeemed after its time"),
        ];
        Impossible::unless("Link", &rules).map(|()| Self(parts))
    }
}
