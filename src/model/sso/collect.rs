//! Collecting the session of a confirmed attempt.

use super::{Attempt, AttemptState, COLLECT_RETRY};
use crate::model::audit::Action;
use crate::model::decision::Decision;
use crate::model::organization::ActiveOrganization;
use crate::model::session::{NewSession, Opening, Owner, Session};
use crate::model::user::{Standing, Subject, User};

/// Who collects, with what was found.
#[derive(Clone, Copy, Debug)]
pub struct Collection<'a> {
    /// The session it opens.
    pub new: &'a NewSession,
    /// The account of the attempt, or of the session that was opened before.
    pub account: Option<&'a User>,
    /// Where the session is to act; `None` where the account may not act in what was asked for.
    pub organization: Option<ActiveOrganization>,
}

/// What became of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptCollected {
    /// The session to be put in.
    Opened(Session),
    /// It was opened within the last 60 s and its refresh token is unused: the same again.
    Retried(Session),
    /// Not confirmed yet.
    Pending,
    /// Refused, or the account was logged out, disabled or lost its membership meanwhile.
    Refused,
    /// Collected before.
    Gone,
    /// Over.
    Expired,
}

impl Attempt {
    /// Confirmed -> Collected, with the session it opens, if the account is still enabled, was not logged out since it was
    /// identified, and belongs where it wants to act. `before` is the session that has the id of the new one already; the same
    /// collector gets it again for [`COLLECT_RETRY`], while it lives and its refresh token is unused.
    ///
    /// The session's credential was checked when the identity was proved, whatever `opening` says.
    pub fn collect(
        self,
        collection: &Collection<'_>,
        before: Option<Session>,
        opening: Opening,
    ) -> Decision<Self, AttemptCollected> {
        let now = opening.now;
        match self.0.state {
            AttemptState::Refused => Decision::unchanged(self, AttemptCollected::Refused),
            AttemptState::Collected { session, at } => {
                let before = before.filter(|before| before.id() == session && now.since(at) <= COLLECT_RETRY);
                self.again(collection, before, opening)
            }
            _ if self.is_over(now) => Decision::unchanged(self, AttemptCollected::Expired),
            AttemptState::Exchanging { .. } | AttemptState::Identified { .. } => {
                Decision::unchanged(self, AttemptCollected::Pending)
            }
            AttemptState::Confirmed { user, generation, at } => {
                let account = collection.account.filter(|account| account.id() == user);
                let lives = account.is_some_and(|account| account.standing().session_lives(generation));
                let Some(organization) = collection.organization.filter(|_| lives) else {
                    return self.refused(AttemptCollected::Refused);
                };
                let owner = Owner::Account { user, organization, key: None };
                let session = Session::open(collection.new, owner, generation, Opening { auth_time: at, ..opening });
                let collected = Action::SsoCollected(user, session.id(), self.0.id);
                let state = AttemptState::Collected { session: session.id(), at: now };
                Decision::changed(self.with(state), AttemptCollected::Opened(session)).auditing(collected)
            }
        }
    }

    fn again(self, collection: &Collection<'_>, before: Option<Session>, opening: Opening) -> Decision<Self, AttemptCollected> {
        let Some(before) = before else { return Decision::unchanged(self, AttemptCollected::Gone) };
        let account = collection.account.filter(|account| *before.subject() == Subject::User(account.id()));
        let standing = account.map_or_else(Standing::gone, User::standing);
        match before.again(collection.new, standing, opening.now) {
            Some(retried) => Decision::unchanged(self, AttemptCollected::Retried(before)).auditing(retried),
            None => Decision::unchanged(self, AttemptCollected::Gone),
        }
    }
}
