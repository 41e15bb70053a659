//! Opening, renewing and ending sessions.

use async_trait::async_trait;

use super::{By, Commit};
use crate::model::grant::Grant;
use crate::model::ids::{SessionId, UserId};
use crate::model::name::Folded;
use crate::model::session::{EndReason, NewSession, PresentedToken, Session};
use crate::model::user::{Generation, SecondFactor, User};
use crate::store::Result;

/// Sessions. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// The row of a session, dead or alive.
    ///
    /// Case: `sessions::opens_with_what_the_commit_found`.
    async fn session(&self, id: SessionId) -> Result<Option<Session>>;

    /// Checks generation, password hash, second factor and organization as they are now, consumes the factor, replaces the hash
    /// and opens the session: all of it or nothing.
    ///
    /// Cases: `sessions::opens_with_what_the_commit_found`, `sessions::does_not_open_on_what_changed`,
    /// `sessions::spends_a_code_once_and_only_with_what_it_opens`, `sessions::acts_only_in_an_own_organization`,
    /// `sessions::ends_the_least_recently_refreshed_of_too_many`, `races::fifty_log_in_with_one_code`.
    async fn open_session(&self, command: OpenSession, by: By) -> Result<Commit<Opened>>;

    /// Exchanges a refresh token. Of any number of callers with one token one rotates, and the others get the same successor for
    /// [10 s](crate::model::session::ROTATION_RETRY); the window is absolute, nothing changes in it, and it closes when the
    /// successor is used. The mode that was asked for stays with the session.
    ///
    /// Checked in this order: whether the session lives; whether this token was stolen, or as good as, which ends the session
    /// whatever else would have refused it; whether the session is in its last 90 s; whether it renews this way.
    ///
    /// Cases: `sessions::rotates_and_retries_within_an_absolute_window`, `sessions::ends_on_reuse_late_and_ahead`,
    /// `sessions::a_thief_cannot_hide_behind_the_end`, `sessions::turns_away_what_it_does_not_know`,
    /// `sessions::answers_its_last_moments`, `races::a_hundred_exchange_one_token`,
    /// `races::theft_against_the_newest_token`.
    async fn rotate_session(&self, command: RotateSession, by: By) -> Result<Commit<Rotated>>;

    /// Renews by access token. Writes at the first renewal, which fixes the way, and at one that comes
    /// [5 min](crate::model::session::RENEWALS_NOTED_EACH) or more after the last that was noted. `by` has no caller: a token that ended with a
    /// lost role renews to a narrower one.
    ///
    /// Cases: `sessions::renews_one_way_only`, `sessions::notes_renewals_now_and_then`, `sessions::answers_its_last_moments`.
    async fn renew_session(&self, command: RenewSession, by: By) -> Result<Commit<Renewed>>;

    /// Ends one session of its caller's subject; any, where there is no caller. A `sid` without a row (a key's token) is ended too,
    /// by a tombstone, when it is the caller's own. Who ends its own session twice is answered `Before`, and not refused as a
    /// caller whose session ended.
    ///
    /// Cases: `sessions::ends_one_by_itself`, `sessions::ends_one_without_a_row`.
    async fn end_session(&self, session: SessionId, by: By) -> Result<Commit<Ended>>;

    /// Ends the account of that name (or e-mail) and the guests of that name: raises the generation of both, the guests' whether
    /// or not there ever were any, and counts what was live. Only a superuser ends staff or superusers.
    ///
    /// Cases: `logout::ends_and_counts_what_was_live`, `logout::raises_the_generation_of_a_name_that_nobody_has`,
    /// `logout::only_a_superuser_ends_staff`, `logout::takes_names_and_addresses`, `races::nothing_survives_logout`.
    async fn logout_user(&self, name: Folded, by: By) -> Result<Commit<LoggedOut>>;
}

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
    /// Its holder no longer belongs to the organization where it acts. Nothing changes.
    OrganizationNotAllowed,
}

/// An access token whose session is to be renewed. Its signature and time were right; whether it was revoked is for the verb to say.
#[derive(Clone, Copy, Debug)]
pub struct RenewSession {
    /// Its `sid`.
    pub session: SessionId,
    /// Its `gen`.
    pub generation: Generation,
}

/// What became of [`RenewSession`].
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
    /// The token is older than what the session was last moved to.
    Stale,
    /// Its holder no longer belongs to the organization where it acts. Nothing changes.
    OrganizationNotAllowed,
}

/// What became of ending one thing by itself. The commit's revision holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ended in this commit.
    Ended,
    /// It was over before.
    Before,
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
    },
    /// The account is staff or superuser and the caller is no superuser.
    NotAllowed,
}
