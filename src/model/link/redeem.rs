//! Redeeming a link.

use super::{Link, LinkParts, LinkState, REDEEM_RETRY};
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::decision::Decision;
use crate::model::session::{NewSession, Opening, Owner, Session};
use crate::model::user::{Standing, Subject};

/// A redemption; the token's MAC was right.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// Keyed hash of the token presented.
    pub token: &'a [u8; 32],
    /// Keyed hash of the request id, where one was given.
    pub request: Option<&'a [u8; 32]>,
    /// The session it opens.
    pub new: &'a NewSession,
}

/// What became of a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkRedeemed {
    /// The session to be put in.
    Opened(Session),
    /// The same request within 60 s, its session unused: the same session again.
    Retried(Session),
    /// Redeemed, expired, revoked or logged out: one answer.
    Dead,
}

impl Link {
    /// Redeems it: exactly one session comes of a one-time link. `before` is the session that has the id of the new one already,
    /// which the same request opened; it is answered again for [`REDEEM_RETRY`], while it lives and its refresh token is unused.
    pub fn redeem(
        self,
        redemption: &Redemption<'_>,
        before: Option<Session>,
        standing: Standing,
        opening: Opening,
    ) -> Decision<Self, LinkRedeemed> {
        let now = opening.now;
        if self.0.token != *redemption.token || !standing.session_lives(self.0.generation) {
            return Decision::unchanged(self, LinkRedeemed::Dead);
        }
        match (&self.0.state, before) {
            (LinkState::Redeemed { session, request, at }, Some(before)) => {
                let same = *session == before.id() && request.is_some() && request.as_ref() == redemption.request;
                if same && soon(*at, now) { self.again(redemption, before, standing, now) } else { self.dead() }
            }
            // Of a link that opens many: this request opened its session before.
            (LinkState::Issued, Some(before)) if soon(before.auth_time(), now) => self.again(redemption, before, standing, now),
            (LinkState::Issued, None) if now < self.0.redeem_by && now < self.latest_end() => self.opened(redemption, opening),
            _ => self.dead(),
        }
    }

    fn opened(self, redemption: &Redemption<'_>, opening: Opening) -> Decision<Self, LinkRedeemed> {
        let owner = Owner::Guest {
            name: self.0.guest.clone(),
            dataset_id: self.0.dataset_id.clone(),
            link: self.0.id,
            latest_end: self.latest_end(),
        };
        let session = Session::open(redemption.new, owner, self.0.generation, opening);
        let redeemed = Action::LinkRedeemed(self.0.id, session.id());
        let decision = if self.0.one_time {
            let request = redemption.request.copied();
            let state = LinkState::Redeemed { session: session.id(), request, at: opening.now };
            Decision::changed(Self(LinkParts { state, ..self.0 }), LinkRedeemed::Opened(session))
        } else {
            Decision::unchanged(self, LinkRedeemed::Opened(session))
        };
        decision.auditing(redeemed)
    }

    fn again(
        self,
        redemption: &Redemption<'_>,
        before: Session,
        standing: Standing,
        now: Timestamp,
    ) -> Decision<Self, LinkRedeemed> {
        let own = *before.subject() == Subject::Guest(self.guest_key());
        match before.again(redemption.new, standing, now).filter(|_| own) {
            Some(retried) => Decision::unchanged(self, LinkRedeemed::Retried(before)).auditing(retried),
            None => self.dead(),
        }
    }

    fn dead(self) -> Decision<Self, LinkRedeemed> {
        Decision::unchanged(self, LinkRedeemed::Dead)
    }
}

fn soon(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) <= REDEEM_RETRY
}
