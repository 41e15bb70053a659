//! Ending a session by itself. What ended never lives again, and is ended once.

use super::{Credential, EndReason, Life, Session, SessionParts, SessionState, Standing};
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::decision::Decision;
use crate::model::revocation::Revoked;

/// What became of ending a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnded {
    /// It ended now.
    Ended,
    /// It was ended by itself before.
    Before,
    /// It ended before, with everything of its subject.
    Below,
    /// Its time was up.
    Over,
}

impl Session {
    /// Ends it for whoever may ask for that: its own caller, or an operator.
    pub fn end(self, standing: Standing, now: Timestamp) -> Decision<Self, SessionEnded> {
        match self.life(standing, now) {
            Life::Live => {
                let ended = Action::SessionEnded(self.0.id);
                self.over(now, EndReason::Logout, SessionEnded::Ended).auditing(ended)
            }
            Life::Ended if self.0.state != SessionState::Live => Decision::unchanged(self, SessionEnded::Before),
            Life::Ended => Decision::unchanged(self, SessionEnded::Below),
            Life::Over => Decision::unchanged(self, SessionEnded::Over),
        }
    }

    /// Ends it to make room for a newer one of its subject.
    pub fn crowd_out(self, now: Timestamp) -> Decision<Self, SessionEnded> {
        let crowded = Action::SessionCrowdedOut(self.0.id);
        match self.0.state {
            SessionState::Live => self.over(now, EndReason::Crowded, SessionEnded::Ended).auditing(crowded),
            SessionState::Ended { .. } => Decision::unchanged(self, SessionEnded::Before),
        }
    }

    /// Ends it with the credential that opened it; `None` where another one did, or none that can be revoked by itself.
    #[must_use]
    pub fn end_with(self, credential: Credential, now: Timestamp) -> Option<Decision<Self, SessionEnded>> {
        (self.0.credential == Some(credential)).then(|| match self.0.state {
            SessionState::Live => self.over(now, EndReason::Logout, SessionEnded::Ended),
            SessionState::Ended { .. } => Decision::unchanged(self, SessionEnded::Before),
        })
    }

    /// The row of a session that ends now, and every token of it.
    pub(super) fn over<O>(self, now: Timestamp, reason: EndReason, outcome: O) -> Decision<Self, O> {
        let (id, at) = (self.0.id, now.max(self.0.refresh_time));
        let ended = Self(SessionParts { state: SessionState::Ended { at, reason }, ..self.0 });
        Decision::changed(ended, outcome).revoking(Revoked::Session(id))
    }
}
