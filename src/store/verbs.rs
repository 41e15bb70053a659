//! What the verbs of [`super::Store`] take and answer. The outcome of a race is a value here, never an error.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::audit::Origin;
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, StoreId, UserId};
use crate::model::link::Link;
use crate::model::name::{Email, Folded, Name};
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::personal_key::PersonalKey;
use crate::model::session::{Credential, EndReason, Face, Method, Mode, Session};
use crate::model::signing_key::SigningKeyRecord;
use crate::model::user::{Generation, Roles, SecondFactor, Subject, User};

/// What a store is founded with, in one commit: it is there whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foundation {
    /// The `iss` of every token; changes only by command.
    pub issuer: String,
    /// Raised by a restore: tokens of an earlier epoch are dead.
    pub epoch: u32,
    /// A sealed constant: opens only with the key-encryption key that everything here was sealed with.
    pub sealed_check: Vec<u8>,
    /// The server keys, by version, sealed.
    pub server_keys: Vec<(u8, Vec<u8>)>,
}

/// The signed-in caller of a change. The commit checks that its token is still alive and its role still there: a change whose
/// caller was signed out or demoted before the commit is not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose token it is.
    pub subject: Subject,
    /// The token's `gen`.
    pub generation: Generation,
    /// The token's `sid`; it need not have a row.
    pub session: SessionId,
    /// The token's `cred`.
    pub credential: Option<Credential>,
    /// The role that the change takes.
    pub needs: Needs,
}

/// The role that a change takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Being signed in.
    Nothing,
    /// Staff or superuser.
    Privileged,
    /// Superuser.
    Superuser,
}

/// Who asks for a change, from where and when: part of every verb that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// For the audit log.
    pub origin: Origin,
    /// The signed-in caller, where there is one.
    pub caller: Option<Caller>,
    /// The service's time; the commit decides by the later of it and the last committed time.
    pub now: Timestamp,
}

/// A session to be opened: what does not depend on what the commit finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Keyed hash of R(0).
    pub tip: [u8; 32],
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
    pub presented: [u8; 32],
    /// Keyed hash of its successor.
    pub successor: [u8; 32],
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

/// A link to be redeemed; its token's MAC was right.
#[derive(Clone, Debug)]
pub struct RedeemLink {
    /// The link.
    pub link: LinkId,
    /// Keyed hash of the token presented.
    pub token: [u8; 32],
    /// Keyed hash of the request id, where one was given.
    pub request: Option<[u8; 32]>,
    /// The session it opens; its id and tip are derived from token and request id, so that a retry finds the same.
    pub session: NewSession,
    /// Who, where, when.
    pub by: By,
}

/// What became of [`RedeemLink`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// A session is open.
    Opened(Box<Grant>),
    /// The same request within 60 s, its session unused: the same session again.
    Retried(Box<Grant>),
    /// Unknown, redeemed, expired, revoked or logged out: one answer.
    Dead,
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

/// What became of making something with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there.
    Created,
    /// The name (or the e-mail, where the flag is set) is taken.
    Taken {
        /// True where it is the e-mail.
        email: bool,
    },
    /// The name was another's and is reserved.
    Reserved,
    /// The organization it should belong to is unknown.
    NoSuchOrganization,
    /// There are as many as may be.
    LimitReached,
}

/// What became of switching an account on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switched {
    /// It is so now, also where it was before.
    Done(Box<User>),
    /// No such account.
    Unknown,
    /// It is the last enabled superuser.
    LastSuperuser,
}

/// A password change whose current password was found right.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The account.
    pub user: UserId,
    /// Its generation, read before the current password was checked.
    pub generation: Generation,
    /// The hash that was checked.
    pub checked: String,
    /// The new password's hash.
    pub replacement: String,
    /// The caller's own session, which moves along; every other one ends.
    pub keep: SessionId,
    /// Who, where, when.
    pub by: By,
}

/// What became of a change of one's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Done, at this revision.
    Changed(i64),
    /// The account changed after it was read.
    Stale,
}

/// What became of enrolling or confirming one-time codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpChanged {
    /// Done.
    Changed,
    /// They guard the login already.
    AlreadyOn,
    /// None is waiting to be confirmed, or another secret than the one the code was checked with.
    NotPending,
    /// No such account.
    Unknown,
}

/// What became of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Done, also where it was so before.
    Done,
    /// No such organization.
    NoSuchOrganization,
    /// No such account.
    NoSuchUser,
    /// The account is no member.
    NotAMember,
}

/// What a name stands for as an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedOrganization {
    /// A user's personal one.
    Personal(UserId),
    /// One with members.
    Shared(Organization),
}

/// What became of issuing a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It can be redeemed.
    Issued,
    /// The guest name was logged out after its generation was read.
    Stale,
}

/// A personal key with its owner, read at one moment.
#[derive(Clone, Debug)]
pub struct KeyOwner {
    /// The key.
    pub key: PersonalKey,
    /// Its owner.
    pub user: User,
    /// The organization asked for: `Ok` with its name, `Err` where it is unknown or not the owner's.
    pub organization: Result<String, ()>,
}

/// An identity that a provider vouched for.
#[derive(Clone, Debug)]
pub struct Identify {
    /// The attempt that is being exchanged.
    pub attempt: AttemptId,
    /// The provider.
    pub provider: ProviderId,
    /// Exact issuer and subject: the identity.
    pub identity: (String, String),
    /// The name a new account would like; it is made valid and unique.
    pub wanted_name: String,
    /// The verified e-mail a new account would like; dropped where it is taken.
    pub wanted_email: Option<Email>,
    /// The id a new account would have.
    pub new_user: UserId,
    /// The organization that was asked for.
    pub organization: Option<OrganizationId>,
    /// Who, where, when.
    pub by: By,
}

/// What became of a step of a sign-on attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Done.
    Done,
    /// The attempt is not where this step begins: it was taken before, refused or is over.
    OutOfTurn,
    /// It was refused in this commit: no sign-up, account disabled or logged out meanwhile, not a member.
    Refused,
}

/// What became of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collected {
    /// The session is open.
    Opened(Box<Grant>),
    /// It was opened within the last 60 s and its refresh token is unused: the same again.
    Retried(Box<Grant>),
    /// Not confirmed yet.
    Pending,
    /// Refused, or the account was logged out, disabled or lost its membership meanwhile.
    Refused,
    /// Collected before.
    Gone,
    /// Over.
    Expired,
}

/// A collection of a confirmed attempt.
#[derive(Clone, Debug)]
pub struct CollectAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// The session it opens; id and tip derived from the collector's state.
    pub session: NewSession,
    /// The organization that was asked for.
    pub organization: Option<OrganizationId>,
    /// Who, where, when.
    pub by: By,
}

/// What a store is made with.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The foundation.
    pub foundation: Foundation,
    /// The signing keys.
    pub signing_keys: Vec<SigningKeyRecord>,
    /// The first superuser.
    pub admin: User,
    /// When.
    pub now: Timestamp,
}

/// Where and when a key was used, for the audit log and its last-used time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: KeyId,
    /// From where.
    pub source: Option<IpAddr>,
    /// How often.
    pub count: u32,
    /// When.
    pub now: Timestamp,
}

/// A page of something, and how far the store has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// The id of this store.
    pub id: StoreId,
    /// The revision that is durable.
    pub revision: i64,
    /// The last committed time: decisions never use an earlier one.
    pub last_commit: Timestamp,
}

/// A membership with the organization it is in.
pub type MemberOf = (Organization, OrganizationRole);

/// A new account.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// The account; its generations are fresh.
    pub user: User,
    /// Who, where, when.
    pub by: By,
}

/// A new organization; its maker becomes no member.
#[derive(Clone, Debug)]
pub struct CreateOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: Name,
    /// Who, where, when.
    pub by: By,
}

/// A new link.
#[derive(Clone, Debug)]
pub struct IssueLink {
    /// The link.
    pub link: Link,
    /// Who, where, when.
    pub by: By,
}
