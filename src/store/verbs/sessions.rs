//! Opening, renewing and ending sessions.

use super::By;
use crate::model::grant::Grant;
use crate::model::ids::{SessionId, UserId};
use crate::model::name::Folded;
use crate::model::session::{EndReason, NewSession, PresentedToken};
use crate::model::user::{Generation, SecondFactor, User};

/// A token that a verb allowed: what it is made of, and the account that is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// What the token is made of.
    pub grant: Grant,
    /// The account; `None` for a guest.
    pub user: Option<User>,
}

/// A login by password that was found right, to be made a session.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// The session.
    pub session: NewSession,
    /// The account.
    pub user: UserId,
    /// Its generation, read before the password was checked.
    pub generation: Generation,
    /// The password hash that was checked.
    pub password: String,
    /// The second factor that was found right.
    pub factor: Option<SecondFactor>,
    /// A stronger hash of the same password, to replace the one that was checked.
    pub upgraded: Option<String>,
    /// The organization that was asked for.
    pub organization: Option<Folded>,
    /// Who, where, when.
    pub by: By,
}

/// What became of [`OpenSession`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The session is open.
    Opened(Box<Granted>),
    /// The account was logged out, disabled or deleted, or its password changed, after it was read.
    Stale,
    /// The account has one-time codes and none came along, or this one was spent before.
    FactorRefused,
    /// The organization is unknown or not the account's: one answer for both.
    OrganizationNotAllowed,
}

/// A refresh token to be exchanged. The hashes were computed from what was presented, whose MAC was right.
#[derive(Clone, Debug)]
pub struct RotateSession {
    /// The session.
    pub session: SessionId,
    /// What was presented.
    pub token: PresentedToken,
    /// Who, where, when.
    pub by: By,
}

/// What became of [`RotateSession`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The successor is the tip now.
    Rotated(Box<Granted>),
    /// The last but one, within its window: the successor is the tip already and still unused.
    Retried(Box<Granted>),
    /// An older one, or one ahead of the row: the session ended in this commit, for this reason.
    Reused(EndReason),
    /// The session is over, or will be within 90 s.
    Expired,
    /// The session was ended before, by itself or by its generation.
    Ended,
    /// No such session, or another tip than the one presented.
    Unknown,
    /// The session renews by access token.
    Mismatch,
}

/// What became of a renewal by access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// A new access token may be minted.
    Renewed(Box<Granted>),
    /// The session is over, or will be within 90 s.
    Expired,
    /// The session was ended before.
    Ended,
    /// No such session.
    Unknown,
    /// The session renews by refresh token, or lives in a cookie.
    Mismatch,
}

/// What became of ending one thing by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ended in this commit, at this revision.
    Ended(i64),
    /// It was over before; this revision holds that.
    Before(i64),
    /// There is no such thing, or it is another's.
    Unknown,
}

/// What became of LogoutUser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedOut {
    /// Done (also where the name is unknown: zeros).
    Done {
        /// Sessions that were live at the commit.
        sessions: u32,
        /// Links that could have been redeemed at the commit.
        links: u32,
        /// The revision that holds it.
        revision: i64,
    },
    /// The account is staff or superuser and the caller is no superuser.
    NotAllowed,
}
