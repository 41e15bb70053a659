//! The verbs of a store, one trait for each noun of the domain, with what they take and answer.
//!
//! A verb that may change something is `verb(command, by)` and answers a [`Commit`]: its outcome, and where the commit stands that
//! it was decided in. The outcome of a race is a value here, never an error.

mod accounts;
mod audit;
mod keys;
mod links;
mod organizations;
mod sessions;
mod sign_on;
mod signing_keys;
mod state;

pub use self::accounts::{
    AccountStore, ChangePassword, ConfirmTotp, EnrollTotp, PasswordReplaced, SwitchUser, Switched, TotpConfirmed, TotpEnrolled,
    UpdateUser, UserCreated, UserDeleted, UserUpdated,
};
pub use self::audit::AuditStore;
pub use self::keys::{CreateKey, KeyCreated, KeyOwner, KeyStore, KeyUse, RevokeKey};
pub use self::links::{Issued, LinkStore, RedeemLink, Redeemed};
pub use self::organizations::{
    AddMember, CreateOrganization, ListedOrganization, Member, MemberAdded, MemberOf, MemberRemoved, NamedOrganization,
    OrganizationCreated, OrganizationStore, RemoveMember, UpdateOrganization,
};
pub use self::sessions::{
    Ended, Granted, LoggedOut, OpenSession, Opened, RenewSession, Renewed, RotateSession, Rotated, SessionStore,
};
pub use self::sign_on::{
    BeginExchange, CollectAttempt, Collected, CreateProvider, Identified, Identify, IdentityLinked, IdentityUnlinked,
    LinkIdentity, LinkedIdentity, ProviderCreated, RefuseAttempt, SignOnStore, Step, UpdateProvider,
};
pub use self::signing_keys::SigningKeyStore;
pub use self::state::{Foundation, Founding, Refounding, SealedSecret, StoreState, StoreStatus};
use crate::model::audit::{Actor, Origin};
use crate::model::clock::Timestamp;
use crate::model::ids::{OrganizationId, SessionId};
use crate::model::session::Credential;
pub use crate::model::session::NewSession;
use crate::model::user::{Generation, Subject};

/// What a changing verb answers, from its own commit: durable when it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit<O> {
    /// What became of what was asked.
    pub outcome: O,
    /// A revision that holds the outcome. Where the outcome ends something, or found it ended, whoever has seen this revision knows
    /// that end.
    pub revision: i64,
    /// The time that it was decided by: the later of the service's time and the last committed one.
    pub decided_at: Timestamp,
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
    /// The token's `org`; empty for a guest.
    pub organization: String,
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
    /// Superuser, or admin of this organization.
    AdminOf(OrganizationId),
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

impl By {
    /// The service itself, at `now`.
    #[must_use]
    pub const fn system(now: Timestamp) -> Self {
        Self { origin: Origin { actor: Actor::System, source: None }, caller: None, now }
    }
}
