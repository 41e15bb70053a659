//! The steps of an attempt up to the person's answer. None goes back, and none is taken twice.

use super::{Attempt, AttemptParts, AttemptState};
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::decision::Decision;
use crate::model::ids::{AttemptId, OrganizationId, UserId};
use crate::model::provider::IdentityProvider;
use crate::model::user::{Generation, User};

/// What became of a step of a sign-on attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Done.
    Done,
    /// The attempt is not where this step begins: it was taken before, refused or is over.
    OutOfTurn,
}

/// What became of an identity that a provider vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptIdentified {
    /// The account that has it is the one to confirm.
    Known,
    /// A new account gets it, which is to be made in the same commit.
    SignUp,
    /// Nobody may come in with it; the attempt is refused.
    Refused,
    /// The attempt is not where this step begins.
    OutOfTurn,
}

/// Who a provider named, with what is known here.
#[derive(Clone, Copy, Debug)]
pub struct ProvenSubject<'a> {
    /// The provider, where it is still registered.
    pub provider: Option<&'a IdentityProvider>,
    /// The account that has this identity.
    pub account: Option<&'a User>,
    /// The id that a new account would have.
    pub new_user: UserId,
    /// The organization that was asked for.
    pub organization: Option<OrganizationId>,
    /// Whether the account is a member there.
    pub member: bool,
}

impl ProvenSubject<'_> {
    /// The account and its generation, and whether it is new; `None` where nobody may come in. `begun` is the revision at which
    /// the exchange began: a logout after it ends the attempt.
    fn admitted(&self, begun: i64) -> Option<(UserId, Generation, bool)> {
        let provider = self.provider?;
        let Some(user) = self.account else {
            let belongs = self.organization.is_none() || self.organization == provider.organization;
            return (provider.sign_up && belongs).then_some((self.new_user, Generation::default(), true));
        };
        let logged_out = user.generations().session_floor_revision() > begun;
        let belongs = self.organization.is_none() || self.member;
        (user.enabled() && !logged_out && belongs).then_some((user.id(), user.generations().current(), false))
    }
}

impl Attempt {
    /// Begins the exchange of the code that `browser` brought back, at the store's `revision`, where there is no record of the
    /// attempt yet: `Done` once, `OutOfTurn` ever after. A record that was swept is that of an attempt whose time is up all the more.
    pub fn begin(
        found: Option<Self>,
        id: AttemptId,
        expire_time: Timestamp,
        browser: [u8; 32],
        revision: i64,
        now: Timestamp,
    ) -> Decision<Option<Self>, Step> {
        if now >= expire_time || found.is_some() {
            return Decision::unchanged(found, Step::OutOfTurn);
        }
        // Nobody is known yet, so nothing is audited: a stranger could write as much as they like.
        let begun = Self(AttemptParts { id, expire_time, state: AttemptState::Exchanging { revision }, browser: Some(browser) });
        Decision::changed(Some(begun), Step::Done)
    }

    /// Exchanging -> Identified, or Refused.
    pub fn identify(self, proven: &ProvenSubject<'_>, now: Timestamp) -> Decision<Self, AttemptIdentified> {
        let AttemptState::Exchanging { revision } = self.0.state else {
            return Decision::unchanged(self, AttemptIdentified::OutOfTurn);
        };
        if self.is_over(now) {
            return Decision::unchanged(self, AttemptIdentified::OutOfTurn);
        }
        let Some((user, generation, new)) = proven.admitted(revision) else {
            let concerns = proven.account.is_some();
            return self.refused_for(concerns, AttemptIdentified::Refused);
        };
        let identified = Action::SsoIdentified(self.0.id, user, new);
        let outcome = if new { AttemptIdentified::SignUp } else { AttemptIdentified::Known };
        Decision::changed(self.with(AttemptState::Identified { user, generation, at: now }), outcome).auditing(identified)
    }

    /// Identified -> Confirmed.
    pub fn confirm(self, now: Timestamp) -> Decision<Self, Step> {
        match self.0.state {
            AttemptState::Identified { user, generation, at } if !self.is_over(now) => {
                let confirmed = Action::SsoConfirmed(self.0.id);
                Decision::changed(self.with(AttemptState::Confirmed { user, generation, at }), Step::Done).auditing(confirmed)
            }
            _ => Decision::unchanged(self, Step::OutOfTurn),
        }
    }

    /// Anything but Collected -> Refused, also where there is no record of the attempt yet and its time is not up.
    pub fn refuse(found: Option<Self>, id: AttemptId, expire_time: Timestamp, now: Timestamp) -> Decision<Option<Self>, Step> {
        let state = found.as_ref().map(|found| &found.0.state);
        match state {
            Some(AttemptState::Collected { .. }) => return Decision::unchanged(found, Step::OutOfTurn),
            Some(AttemptState::Refused) => return Decision::unchanged(found, Step::Done),
            None if now >= expire_time => return Decision::unchanged(found, Step::OutOfTurn),
            Some(_) | None => {}
        }
        let attempt = found.unwrap_or(Self(AttemptParts { id, expire_time, state: AttemptState::Refused, browser: None }));
        let Decision { value, changed, outcome, revoked, audited } = attempt.refused(Step::Done);
        Decision { value: Some(value), changed, outcome, revoked, audited }
    }

    /// -> Refused. Audited where it concerns an account.
    pub(super) fn refused<O>(self, outcome: O) -> Decision<Self, O> {
        let concerns = self.user().is_some();
        self.refused_for(concerns, outcome)
    }

    fn refused_for<O>(self, concerns_an_account: bool, outcome: O) -> Decision<Self, O> {
        let refused = Action::SsoRefused(self.0.id);
        let decision = Decision::changed(self.with(AttemptState::Refused), outcome);
        if concerns_an_account { decision.auditing(refused) } else { decision }
    }
}
