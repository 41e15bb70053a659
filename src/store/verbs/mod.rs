//! What the verbs of [`super::Store`] take and answer. The outcome of a race is a value here, never an error.

mod accounts;
mod links;
mod sessions;
mod sso;

pub use self::accounts::{
    ChangePassword, Changed, CreateOrganization, CreateUser, Created, KeyOwner, KeyUse, MemberOf, Membership, NamedOrganization,
    Switched,
};
pub use self::links::{IssueLink, RedeemLink, Redeemed};
pub use self::sessions::{Ended, Granted, LoggedOut, OpenSession, Opened, Renewed, RotateSession, Rotated};
pub use self::sso::{CollectAttempt, Collected, Identify};
use crate::model::audit::Origin;
use crate::model::clock::Timestamp;
use crate::model::ids::{ProviderId, SessionId, StoreId, UserId};
pub use crate::model::link::Issued;
use crate::model::session::Credential;
pub use crate::model::session::NewSession;
use crate::model::signing_key::SigningKeyRecord;
pub use crate::model::sso::Step;
pub use crate::model::user::TotpChanged;
use crate::model::user::{Generation, Subject, User};
use serde::{Deserialize, Serialize};

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

/// A change of what a store was founded with, or of what it remembers of its last start.
#[derive(Clone, Debug)]
pub enum Refounding {
    /// Tokens are issued in this name, and signed by this key alone. The epoch rises: whatever was signed or given out before is
    /// dead, also where the issuer changes back.
    Issuer(String, SigningKeyRecord),
    /// The sealed check, under the key-encryption key that is in use from now on.
    SealedCheck(Vec<u8>),
    /// The audience that tokens have from this start on.
    Audience(String),
}

/// A secret that is sealed in a record of the store, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealedSecret {
    /// An account's, for one-time codes.
    Totp(UserId, Vec<u8>),
    /// Ours, at an identity provider.
    Client(ProviderId, Vec<u8>),
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
