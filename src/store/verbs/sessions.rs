//! Opening, renewing and ending sessions.

use std::time::Duration;

use super::By;
use crate::model::ids::{SessionId, UserId};
use crate::model::name::Folded;
use crate::model::session::{ChainHash, EndReason, Face, Method, Mode, Session};
use crate::model::user::{Generation, Roles, SecondFactor, User};

/// A session to be opened: what does not depend on what the commit finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Keyed hash of R(0).
    pub tip: ChainHash,
    /// Through which face.
    pub face: Face,
    /// Where its refresh token travels.
    pub mode: Mode,
    /// How its caller proved who it is.
    pub methods: Vec<Method>,
    /// How long it lasts from the commit on.
    pub lifetime: Duration,
    /// How many live sessions its subject may have; the oldest end.
    pub most: u32,
}

/// What a token is made of, read in the commit (or the one read) that allowed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The session as it is now.
    pub session: Session,
    /// The subject's current generation, the token's `gen`.
    pub generation: Generation,
    /// The username as it is now (`guest:NAME` for a guest).
    pub username: String,
    /// The roles as they are now; none for a guest.
    pub roles: Roles,
    /// The active organization's name; the personal one where none was asked for or the membership was lost; empty for a guest.
    pub organization: String,
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
    Opened(Box<Grant>),
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
    /// The number of what was presented.
    pub n: u32,
    /// Keyed hash of what was presented.
    pub presented: ChainHash,
    /// Keyed hash of its successor.
    pub successor: ChainHash,
    /// The mode the caller asked for, where it did.
    pub mode: Option<Mode>,
    /// Who, where, when.
    pub by: By,
}

/// What became of [`RotateSession`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The successor is the tip now.
    Rotated(Box<Grant>),
    /// The last but one, within its window: the successor is the tip already and still unused.
    Retried(Box<Grant>),
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
    Renewed(Box<Grant>),
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
