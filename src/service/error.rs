//! Everything a service can refuse, as values, and the reason of each. A face turns reasons into its own codes: `grpc/status.rs`,
//! `web/status.rs`.

use std::time::Duration;

pub use super::reason::Reason;
use crate::model::clock::Doubt;
use crate::store::StoreError;

/// A refusal or a failure. Each variant has one [`Reason`], named beside it with the code that gRPC answers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field is not of its form or past its limit. (INVALID_ARGUMENT, VALIDATION_FAILED)
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's name in the proto.
        field: &'static str,
        /// What is wrong and what is expected; never the value.
        problem: String,
    },
    /// A new password is too short or too common. (INVALID_ARGUMENT, PASSWORD_TOO_WEAK)
    #[error("{field}: {problem}")]
    WeakPassword {
        /// The field's name in the proto.
        field: &'static str,
        /// What would be accepted.
        problem: String,
    },
    /// Unknown user, disabled user, wrong password; or a key that does not work: one answer. (UNAUTHENTICATED, INVALID_CREDENTIALS)
    #[error("the credentials are not valid")]
    InvalidCredentials,
    /// The password is right, a one-time code is missing or wrong. (UNAUTHENTICATED, OTP_REQUIRED)
    #[error("a valid one-time code is required")]
    OtpRequired,
    /// The organization is unknown or not the caller's own. (PERMISSION_DENIED, ORG_NOT_ALLOWED)
    #[error("the organization is not one of yours")]
    OrgNotAllowed,
    /// No refresh token of ours. (UNAUTHENTICATED, REFRESH_INVALID)
    #[error("the refresh token is not valid")]
    RefreshInvalid,
    /// An older refresh token was presented; the session ended. (UNAUTHENTICATED, REFRESH_REUSED)
    #[error("the refresh token was used before; its session was ended, log in again")]
    RefreshReused,
    /// The session is over. (UNAUTHENTICATED, SESSION_EXPIRED)
    #[error("the session is over, log in again")]
    SessionExpired,
    /// The session was ended. (UNAUTHENTICATED, SESSION_REVOKED)
    #[error("the session was ended, log in again")]
    SessionRevoked,
    /// The session renews the other way. (FAILED_PRECONDITION, RENEWAL_MISMATCH)
    #[error("the session renews {0}, as its first Refresh did")]
    RenewalMismatch(&'static str),
    /// The caller's bearer token is missing, malformed, expired or revoked. (UNAUTHENTICATED, TOKEN_INVALID)
    #[error("a valid access token is required: authorization: Bearer TOKEN")]
    TokenInvalid,
    /// The same for a caller whose HTTP client brings a password along by itself. (UNAUTHENTICATED, TOKEN_INVALID)
    #[error(
        "a valid access token is required: authorization: Bearer TOKEN; what came is Basic, which a .netrc may have put there"
    )]
    BasicForToken,
    /// The caller lacks the role. (PERMISSION_DENIED, PERMISSION_DENIED)
    #[error("this takes the role {0}")]
    PermissionDenied(&'static str),
    /// A guest may not do this. (PERMISSION_DENIED, GUEST_NOT_ALLOWED)
    #[error("a guest can refresh and log out, nothing else")]
    GuestNotAllowed,
    /// The caller's session came from a key or link, which may not do this. (PERMISSION_DENIED, CREDENTIAL_TOO_WEAK)
    #[error("this takes a session that was opened by password or single sign-on")]
    CredentialTooWeak,
    /// A cookie came with a foreign Origin. (PERMISSION_DENIED, FOREIGN_ORIGIN)
    #[error("the request came from a page of another origin")]
    ForeignOrigin,
    /// A link that cannot be redeemed, for whatever reason. (UNAUTHENTICATED, LINK_INVALID)
    #[error("the link is not valid any more, ask for a new one")]
    LinkInvalid,
    /// No provider is registered for what was asked. (FAILED_PRECONDITION, SSO_NOT_CONFIGURED)
    #[error("no identity provider is registered for this")]
    SsoNotConfigured,
    /// Several providers, and none was named. (INVALID_ARGUMENT, SSO_PROVIDER_AMBIGUOUS)
    #[error("several identity providers are registered for this: name one in idp_name")]
    SsoProviderAmbiguous,
    /// No state of ours. (INVALID_ARGUMENT, SSO_STATE_INVALID)
    #[error("the state is not one that SsoStart answered")]
    SsoStateInvalid,
    /// The attempt was refused. (FAILED_PRECONDITION, SSO_REFUSED)
    #[error("the sign-on was refused, start again")]
    SsoRefused,
    /// The attempt is over. (FAILED_PRECONDITION, SSO_EXPIRED)
    #[error("the sign-on took too long, start again")]
    SsoExpired,
    /// The tokens were collected before. (FAILED_PRECONDITION, SSO_COLLECTED)
    #[error("the tokens of this sign-on were collected before")]
    SsoCollected,
    /// Too many failures of late. (RESOURCE_EXHAUSTED, THROTTLED, RetryInfo)
    #[error("too many failed attempts, try again later")]
    Throttled(Duration),
    /// Too much is waiting. (RESOURCE_EXHAUSTED, OVERLOADED, RetryInfo)
    #[error("the service is busy, try again")]
    Overloaded(Duration),
    /// Not seen in time. (UNAVAILABLE, REVISION_NOT_REACHED)
    #[error("this node has not reached that revision yet")]
    RevisionNotReached,
    /// The name or e-mail is taken. (ALREADY_EXISTS, NAME_TAKEN)
    #[error("the {0} is taken")]
    NameTaken(&'static str),
    /// The name was another's. (FAILED_PRECONDITION, NAME_RESERVED)
    #[error("the name belonged to another and is reserved until it is released")]
    NameReserved,
    /// (FAILED_PRECONDITION, NAME_NOT_RESERVED)
    #[error("the name is not reserved")]
    NameNotReserved,
    /// Another account has the identity. (ALREADY_EXISTS, IDENTITY_TAKEN)
    #[error("another account is linked to the identity")]
    IdentityTaken,
    /// No such thing. (NOT_FOUND, USER_NOT_FOUND and so on)
    #[error("no such {0}")]
    NotFound(Thing),
    /// (FAILED_PRECONDITION, LAST_SUPERUSER)
    #[error("this is the last enabled superuser")]
    LastSuperuser,
    /// (FAILED_PRECONDITION, PERSONAL_ORGANIZATION)
    #[error("a personal organization has its user as its only member")]
    PersonalOrganization,
    /// (FAILED_PRECONDITION, TOTP_ALREADY_ENABLED)
    #[error("one-time codes guard this account already")]
    TotpAlreadyEnabled,
    /// (FAILED_PRECONDITION, TOTP_NOT_PENDING)
    #[error("no enrolment waits for its first code")]
    TotpNotPending,
    /// (RESOURCE_EXHAUSTED, LIMIT_REACHED)
    #[error("there are as many {0} as may be")]
    LimitReached(&'static str),
    /// The account changed while the call ran. (ABORTED, CONFLICT)
    #[error("the account changed meanwhile, try again")]
    Conflict,
    /// The machine's clock is not believed: nothing is committed or signed. (UNAVAILABLE, CLOCK_UNTRUSTED)
    #[error("{}", clock_sentence(*.0))]
    ClockUntrusted(Doubt),
    /// The store does not answer. (UNAVAILABLE, STORE_UNAVAILABLE)
    #[error("the service cannot store anything at present")]
    StoreUnavailable,
    /// What nobody foresaw: logged whole, answered with one constant sentence. (INTERNAL, INTERNAL)
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// The reason that every face answers it with.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        use Reason as R;
        match self {
            Self::Invalid { .. } => R::ValidationFailed,
            Self::WeakPassword { .. } => R::PasswordTooWeak,
            Self::InvalidCredentials => R::InvalidCredentials,
            Self::OtpRequired => R::OtpRequired,
            Self::OrgNotAllowed => R::OrgNotAllowed,
            Self::RefreshInvalid => R::RefreshInvalid,
            Self::RefreshReused => R::RefreshReused,
            Self::SessionExpired => R::SessionExpired,
            Self::SessionRevoked => R::SessionRevoked,
            Self::RenewalMismatch(_) => R::RenewalMismatch,
            Self::TokenInvalid | Self::BasicForToken => R::TokenInvalid,
            Self::PermissionDenied(_) => R::PermissionDenied,
            Self::GuestNotAllowed => R::GuestNotAllowed,
            Self::CredentialTooWeak => R::CredentialTooWeak,
            Self::ForeignOrigin => R::ForeignOrigin,
            Self::LinkInvalid => R::LinkInvalid,
            Self::SsoNotConfigured => R::SsoNotConfigured,
            Self::SsoProviderAmbiguous => R::SsoProviderAmbiguous,
            Self::SsoStateInvalid => R::SsoStateInvalid,
            Self::SsoRefused => R::SsoRefused,
            Self::SsoExpired => R::SsoExpired,
            Self::SsoCollected => R::SsoCollected,
            Self::Throttled(_) => R::Throttled,
            Self::Overloaded(_) => R::Overloaded,
            Self::RevisionNotReached => R::RevisionNotReached,
            Self::NameTaken(_) => R::NameTaken,
            Self::NameReserved => R::NameReserved,
            Self::NameNotReserved => R::NameNotReserved,
            Self::IdentityTaken => R::IdentityTaken,
            Self::NotFound(thing) => thing.missing(),
            Self::LastSuperuser => R::LastSuperuser,
            Self::PersonalOrganization => R::PersonalOrganization,
            Self::TotpAlreadyEnabled => R::TotpAlreadyEnabled,
            Self::TotpNotPending => R::TotpNotPending,
            Self::LimitReached(_) => R::LimitReached,
            Self::Conflict => R::Conflict,
            Self::ClockUntrusted(_) => R::ClockUntrusted,
            Self::StoreUnavailable => R::StoreUnavailable,
            Self::Internal(_) => R::Internal,
        }
    }
}

/// What callers are told about the clock. They can wait; their operator can do more.
const fn clock_sentence(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Jumped => "the server's clock was set and is not trusted yet, try again later",
        Doubt::BehindCommit => {
            "the server's clock is behind what the server stored last; where the clock is right now, `countersign recover clock` mends \
             the data directory"
        }
        Doubt::BeforeBuild => "the server's clock is wrong: it shows a time before the server was built",
    }
}

/// What was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// USER_NOT_FOUND
    User,
    /// ORGANIZATION_NOT_FOUND
    Organization,
    /// MEMBERSHIP_NOT_FOUND
    Membership,
    /// PROVIDER_NOT_FOUND
    Provider,
    /// KEY_NOT_FOUND
    Key,
    /// SESSION_NOT_FOUND
    Session,
    /// IDENTITY_NOT_FOUND
    Identity,
}

impl Thing {
    const fn missing(self) -> Reason {
        match self {
            Self::User => Reason::UserNotFound,
            Self::Organization => Reason::OrganizationNotFound,
            Self::Membership => Reason::MembershipNotFound,
            Self::Provider => Reason::ProviderNotFound,
            Self::Key => Reason::KeyNotFound,
            Self::Session => Reason::SessionNotFound,
            Self::Identity => Reason::IdentityNotFound,
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Organization => "organization",
            Self::Membership => "membership",
            Self::Provider => "identity provider",
            Self::Key => "personal key",
            Self::Session => "session",
            Self::Identity => "identity of this account",
        })
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::StoreUnavailable,
            StoreError::Overloaded => Self::Overloaded(Duration::from_secs(1)),
            StoreError::Corrupt(what) => Self::Internal(format!("a stored record cannot be read: {what}")),
            StoreError::CallerRevoked => Self::TokenInvalid,
            StoreError::CallerDemoted => Self::PermissionDenied("staff or superuser"),
        }
    }
}
