//! Renewing a session: by the next refresh token of its chain, or by an access token, and never by both.

use std::net::IpAddr;
use std::time::Duration;

use super::{ChainHash, EndReason, Life, Mode, Renewal, Session, SessionParts, Standing};
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::decision::Decision;
use crate::model::user::Generation;

/// How long after a rotation the token before it is answered with the same successor. Absolute, never re-armed.
pub const ROTATION_RETRY: Duration = Duration::from_secs(10);

/// How long after a renewal by access token that is noted in the session's row another one is. In between they write nothing.
pub const RENEWALS_NOTED_EACH: Duration = Duration::from_mins(5);

/// A refresh token of a session, whose MAC was right, as far as its row can know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedToken {
    /// Its number.
    pub n: u32,
    /// Its keyed hash.
    pub hash: ChainHash,
    /// The keyed hash of its successor.
    pub successor: ChainHash,
    /// The mode that was asked for, where one was.
    pub mode: Option<Mode>,
}

/// What a refresh token, shown to its session's row, turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The tip: it may be exchanged.
    Tip,
    /// The last but one, and its successor, the tip, was given out at most [`ROTATION_RETRY`] ago: that one again.
    Retry,
    /// Stolen, or as good as: the session ends.
    Reused(EndReason),
    /// Not of this chain.
    Foreign,
}

/// What became of a refresh token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRotated {
    /// The successor is the tip now.
    Rotated,
    /// The last but one, within its window: the successor is the tip already and still unused.
    Retried,
    /// Stolen, or as good as: the session ended with it.
    Reused(EndReason),
    /// The session is over, or will be within 90 s.
    Expired,
    /// The session was ended before, by itself or by its generation.
    Ended,
    /// Not of this chain.
    Foreign,
    /// The session renews by access token.
    Mismatch,
    /// Its holder no longer belongs to the organization where it acts.
    OrganizationNotAllowed,
}

/// What became of a renewal by access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRenewed {
    /// A new access token may be minted.
    Renewed,
    /// The session is over, or will be within 90 s.
    Expired,
    /// The session was ended before.
    Ended,
    /// The session renews by refresh token, or lives in a cookie.
    Mismatch,
    /// The token is older than what the session was last moved to.
    Stale,
    /// Its holder no longer belongs to the organization where it acts.
    OrganizationNotAllowed,
}

impl Session {
    /// What a refresh token is to this chain at `now`.
    ///
    /// Of a number other than the tip's and the one before it there is no hash to compare: its MAC was right.
    #[must_use]
    pub fn presented(&self, token: &PresentedToken, now: Timestamp) -> Presented {
        let Some(behind) = self.0.n.checked_sub(token.n) else { return Presented::Reused(EndReason::Ahead) };
        match behind {
            0 if token.hash == self.0.tip => Presented::Tip,
            1 if token.successor == self.0.tip && now.since(self.0.refresh_time) <= ROTATION_RETRY => Presented::Retry,
            1 if token.successor == self.0.tip => Presented::Reused(EndReason::Late),
            0 | 1 => Presented::Foreign,
            _ => Presented::Reused(EndReason::Reused),
        }
    }

    /// Exchanges a refresh token. Of all that are presented one moves the chain on; its own successor is given again for
    /// [`ROTATION_RETRY`], and nothing changes in that time; anything older, later or ahead ends the session.
    ///
    /// Checked in this order: whether the session lives; whether the token was stolen, or as good as, which ends the session
    /// whatever else would have refused it; whether it is in its last moments; whether it renews this way; whether it still
    /// `belongs` to the organization where it acts.
    pub fn rotate(
        self,
        token: &PresentedToken,
        standing: Standing,
        belongs: bool,
        now: Timestamp,
        source: Option<IpAddr>,
    ) -> Decision<Self, SessionRotated> {
        match self.life(standing, now) {
            Life::Live => {}
            Life::Ended => return Decision::unchanged(self, SessionRotated::Ended),
            Life::Over => return Decision::unchanged(self, SessionRotated::Expired),
        }
        let retried = match self.presented(token, now) {
            Presented::Reused(reason) => {
                let reused = Action::RefreshReused(self.0.id, reused_as(reason).to_owned());
                return self.over(now, reason, SessionRotated::Reused(reason)).auditing(reused);
            }
            Presented::Foreign => return Decision::unchanged(self, SessionRotated::Foreign),
            Presented::Tip => false,
            Presented::Retry => true,
        };
        if self.in_last_moments(now) {
            return Decision::unchanged(self, SessionRotated::Expired);
        }
        if self.0.renewal == Renewal::AccessToken {
            return Decision::unchanged(self, SessionRotated::Mismatch);
        }
        if !belongs {
            return Decision::unchanged(self, SessionRotated::OrganizationNotAllowed);
        }
        let id = self.0.id;
        if retried {
            return Decision::unchanged(self, SessionRotated::Retried).auditing(Action::Refreshed(id, true));
        }
        // Four thousand million exchanges of one session: the chain is at its end, and so is the session.
        let Some(n) = self.0.n.checked_add(1) else { return Decision::unchanged(self, SessionRotated::Expired) };
        // The row itself says how often, when and from where; an event of its own is for what an auditor would look for.
        let elsewhere = self.0.source != source;
        let rotated = Self(SessionParts {
            renewal: Renewal::RefreshToken,
            mode: token.mode.unwrap_or(self.0.mode),
            n,
            tip: token.successor,
            refresh_time: now.max(self.0.refresh_time),
            source,
            ..self.0
        });
        let decision = Decision::changed(rotated, SessionRotated::Rotated);
        if elsewhere { decision.auditing(Action::Refreshed(id, false)) } else { decision }
    }

    /// Renews by an access token that carries `generation`; the first renewal fixes the way. When it was last refreshed is noted each
    /// [`RENEWALS_NOTED_EACH`].
    ///
    /// The token need not be good for anything else: what its holder lost since it was signed, its successor does not have. But one
    /// from before the session was moved along (a change of password) renews nothing, and neither does one of an organization where
    /// the holder no longer `belongs`.
    pub fn renew(
        self,
        generation: Generation,
        standing: Standing,
        belongs: bool,
        now: Timestamp,
    ) -> Decision<Self, SessionRenewed> {
        match self.life(standing, now) {
            Life::Live => {}
            Life::Ended => return Decision::unchanged(self, SessionRenewed::Ended),
            Life::Over => return Decision::unchanged(self, SessionRenewed::Expired),
        }
        if generation < self.0.generation {
            return Decision::unchanged(self, SessionRenewed::Stale);
        }
        if self.in_last_moments(now) {
            return Decision::unchanged(self, SessionRenewed::Expired);
        }
        match (self.0.renewal, self.0.mode) {
            (Renewal::RefreshToken, _) | (_, Mode::Cookie) => Decision::unchanged(self, SessionRenewed::Mismatch),
            _ if !belongs => Decision::unchanged(self, SessionRenewed::OrganizationNotAllowed),
            (Renewal::AccessToken, Mode::Json) if now < self.0.refresh_time.plus(RENEWALS_NOTED_EACH) => {
                Decision::unchanged(self, SessionRenewed::Renewed)
            }
            (Renewal::AccessToken, Mode::Json) => {
                Decision::changed(Self(SessionParts { refresh_time: now, ..self.0 }), SessionRenewed::Renewed)
            }
            (Renewal::Unset, Mode::Json) => {
                let fixed = Action::RenewedByAccessToken(self.0.id);
                let refresh_time = now.max(self.0.refresh_time);
                let renewed = Self(SessionParts { renewal: Renewal::AccessToken, refresh_time, ..self.0 });
                Decision::changed(renewed, SessionRenewed::Renewed).auditing(fixed)
            }
        }
    }
}

fn reused_as(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Late => "late",
        EndReason::Ahead => "ahead",
        EndReason::Logout | EndReason::Reused | EndReason::Crowded => "reuse",
    }
}
