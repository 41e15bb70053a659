//! Audit events: who did what, from where, and what came of it. Never a secret; text from outside is quoted when it is shown.

mod canonical;

use std::net::IpAddr;

use super::clock::Timestamp;
use super::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use super::name::Folded;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The service itself: first start, a sweep.
    System,
    /// An account, signed in.
    User(UserId),
    /// A guest, signed in.
    Guest(Folded),
    /// Nobody yet: the credential of the call is what is being checked.
    Anonymous,
}

/// Who acts and from where; a parameter of every verb that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The network address of the caller; `None` for the service itself.
    pub source: Option<IpAddr>,
}

/// What happened. The names are stable: they are what a reader of the log filters by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The store was made.
    StoreCreated,
    /// A session was opened by password.
    Login(UserId, SessionId),
    /// A session was opened by single sign-on.
    SsoCollected(UserId, SessionId, AttemptId),
    /// The callback of an attempt came.
    SsoExchangeBegun(AttemptId),
    /// A provider named an account, new where the flag is set.
    SsoIdentified(AttemptId, UserId, bool),
    /// The person confirmed.
    SsoConfirmed(AttemptId),
    /// The attempt was refused.
    SsoRefused(AttemptId),
    /// A refresh token was exchanged from another address than the session's last, or presented again within the window where
    /// the flag is set. Exchanges from one address are counted in the session itself.
    Refreshed(SessionId, bool),
    /// A session fixed its renewal to access tokens.
    RenewedByAccessToken(SessionId),
    /// An older refresh token was presented; the session ended. Reason: `reuse`, `late` or `ahead`.
    RefreshReused(SessionId, String),
    /// A session ended by Logout or RevokeSession.
    SessionEnded(SessionId),
    /// The least recently refreshed session of a crowded account ended.
    SessionCrowdedOut(SessionId),
    /// A personal key was used from this source within this minute, so many times.
    KeyUsed(KeyId, u32),
    /// A link was issued.
    LinkIssued(LinkId),
    /// A link opened a session.
    LinkRedeemed(LinkId, SessionId),
    /// A link was revoked.
    LinkRevoked(LinkId),
    /// LogoutUser, with the folded name, and how many sessions and links it ended.
    LogoutUser(Folded, u32, u32),
    /// An account was made.
    UserCreated(UserId),
    /// An account was disabled.
    UserDisabled(UserId),
    /// An account was enabled.
    UserEnabled(UserId),
    /// A password was changed by its owner.
    PasswordChanged(UserId),
    /// One-time codes were enrolled, not yet confirmed.
    TotpEnrolled(UserId),
    /// One-time codes guard the login.
    TotpConfirmed(UserId),
    /// An organization was made.
    OrganizationCreated(OrganizationId),
    /// A member was added.
    MemberAdded(OrganizationId, UserId),
    /// A member was removed.
    MemberRemoved(OrganizationId, UserId),
    /// A provider was registered.
    ProviderCreated(ProviderId),
    /// A personal key was made.
    KeyCreated(KeyId, UserId),
    /// A personal key was revoked.
    KeyRevoked(KeyId),
    /// A signing key changed its state, or was made. Holds the kid.
    SigningKey(String),
    /// A login of this existing account was refused. Holds the error reason.
    LoginRefused(UserId, String),
    /// The answer that opened this session was asked for again within its window, by a link's or an attempt's holder.
    SessionRetried(SessionId),
    /// So many expired records were removed.
    Swept(u32),
    /// The record of an expired session was removed; it had been refreshed so many times.
    SessionSwept(SessionId, u32),
    /// The last committed time was set back by so many seconds, because the clock had been ahead: the events before this one that lie
    /// ahead of it were stamped by that clock. Every session, link and sign-on under way ended.
    ClockRecovered(u32),
    /// The data directory was brought from one format to a later one, and the events before this one were chained anew. Holds the
    /// end of the chain that they had, so that a log which was exported before it can still be proved against this one.
    StoreUpgraded {
        /// The format before.
        from: u32,
        /// The format after.
        to: u32,
        /// The number of the last event of the chain before.
        last: u64,
        /// The digest of that event, as the format before computed it.
        digest: [u8; 32],
    },
    /// What the store was founded with was changed, or the audience of its tokens. Says what, and to what.
    FoundationChanged(String),
    /// A sign-on gave an account the e-mail that the provider verified.
    EmailFollowed(UserId),
    /// A sign-on brought a verified e-mail that is another's here; the account keeps its own.
    EmailNotFree(UserId),
    /// A provider's registration was changed.
    ProviderUpdated(ProviderId),
    /// A provider's registration was removed.
    ProviderDeleted(ProviderId),
    /// An organization's rule changed: whether its members need a second factor.
    OrganizationUpdated(OrganizationId, bool),
    /// An operator gave an account another e-mail, or took it away.
    EmailChanged(UserId),
    /// An operator gave an account other roles. Holds those that it has now, joined by commas.
    RolesChanged(UserId, String),
    /// An account was deleted, with all that was its own. Holds its folded name.
    UserDeleted(UserId, Folded),
    /// The name of something deleted was released.
    NameReleased(Folded),
    /// An organization was deleted, with its memberships and providers. Holds its folded name.
    OrganizationDeleted(OrganizationId, Folded),
    /// An operator linked an account to an identity. Holds issuer, a space, and subject.
    IdentityLinked(UserId, String),
    /// An operator unlinked an account from an identity. Holds issuer, a space, and subject.
    IdentityUnlinked(UserId, String),
    /// A member is an admin of the organization from now on, or is one no more.
    MemberRoleChanged(OrganizationId, UserId, bool),
}

/// An event as it is kept: chained to the one before it by `previous`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its number, from 1, without gaps.
    pub sequence: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// Who, from where.
    pub origin: Origin,
    /// What.
    pub action: Action,
    /// SHA-256 of the [canonical bytes](Self::canonical) of the event before it; zeros before the first.
    pub previous: [u8; 32],
}
