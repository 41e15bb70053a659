//! The vocabulary of refusals: one value for each `ErrorReason` of the contract. Each face maps a reason to its own codes.

/// Makes [`Reason`] of its values and their names.
macro_rules! reasons {
    ($($value:ident = $name:literal,)*) => {
        /// Why a call was refused. What each value means stands in `proto/countersign/v1/error.proto`, beside the value of the same
        /// name there; a test holds that both have the same values.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "error.proto says what each means, once")]
        pub enum Reason {
            $($value,)*
        }

        impl Reason {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// The name on the wire and in the audit log: `INVALID_CREDENTIALS`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)*
                }
            }
        }
    };
}

reasons! {
    ValidationFailed = "VALIDATION_FAILED",
    MalformedMessage = "MALFORMED_MESSAGE",
    MessageTooLarge = "MESSAGE_TOO_LARGE",
    InvalidCredentials = "INVALID_CREDENTIALS",
    OtpRequired = "OTP_REQUIRED",
    OrgNotAllowed = "ORG_NOT_ALLOWED",
    PasswordTooWeak = "PASSWORD_TOO_WEAK",
    RefreshInvalid = "REFRESH_INVALID",
    RefreshReused = "REFRESH_REUSED",
    SessionExpired = "SESSION_EXPIRED",
    SessionRevoked = "SESSION_REVOKED",
    RenewalMismatch = "RENEWAL_MISMATCH",
    TokenInvalid = "TOKEN_INVALID",
    PermissionDenied = "PERMISSION_DENIED",
    GuestNotAllowed = "GUEST_NOT_ALLOWED",
    ForeignOrigin = "FOREIGN_ORIGIN",
    LinkInvalid = "LINK_INVALID",
    SsoNotConfigured = "SSO_NOT_CONFIGURED",
    SsoProviderAmbiguous = "SSO_PROVIDER_AMBIGUOUS",
    SsoStateInvalid = "SSO_STATE_INVALID",
    SsoRefused = "SSO_REFUSED",
    SsoExpired = "SSO_EXPIRED",
    SsoCollected = "SSO_COLLECTED",
    Throttled = "THROTTLED",
    Overloaded = "OVERLOADED",
    RevisionNotReached = "REVISION_NOT_REACHED",
    NameTaken = "NAME_TAKEN",
    NameReserved = "NAME_RESERVED",
    NameNotReserved = "NAME_NOT_RESERVED",
    UserNotFound = "USER_NOT_FOUND",
    OrganizationNotFound = "ORGANIZATION_NOT_FOUND",
    ProviderNotFound = "PROVIDER_NOT_FOUND",
    KeyNotFound = "KEY_NOT_FOUND",
    SessionNotFound = "SESSION_NOT_FOUND",
    LinkNotFound = "LINK_NOT_FOUND",
    MembershipNotFound = "MEMBERSHIP_NOT_FOUND",
    IdentityNotFound = "IDENTITY_NOT_FOUND",
    IdentityTaken = "IDENTITY_TAKEN",
    LastSuperuser = "LAST_SUPERUSER",
    PersonalOrganization = "PERSONAL_ORGANIZATION",
    TotpAlreadyEnabled = "TOTP_ALREADY_ENABLED",
    TotpNotPending = "TOTP_NOT_PENDING",
    TotpNotEnabled = "TOTP_NOT_ENABLED",
    LimitReached = "LIMIT_REACHED",
    CredentialTooWeak = "CREDENTIAL_TOO_WEAK",
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    Unimplemented = "UNIMPLEMENTED",
    StoreUnavailable = "STORE_UNAVAILABLE",
    ClockUntrusted = "CLOCK_UNTRUSTED",
    Internal = "INTERNAL",
    ShuttingDown = "SHUTTING_DOWN",
    Conflict = "CONFLICT",
    FactorRequired = "FACTOR_REQUIRED",
    ScopeNotAllowed = "SCOPE_NOT_ALLOWED",
    SourceNotAllowed = "SOURCE_NOT_ALLOWED",
}
