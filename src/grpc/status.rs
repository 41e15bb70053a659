//! The one place that turns a service error into a status: code, sentence, and `google.rpc` details.
//!
//! Every status carries `ErrorInfo{domain: "countersign", reason}`, where the reason is a value of the proto's `ErrorReason`
//! without its prefix; a field's fault adds `BadRequest`, a wait adds `RetryInfo`. `tests.rs` pins every row.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::pb::ErrorReason;
use crate::service::{Error, Thing};

/// The `domain` of every `ErrorInfo`.
pub const DOMAIN: &str = "countersign";

/// What a caller is told of an error that nobody foresaw.
pub const INTERNAL: &str = "internal error; the server's log says more";

/// Turns a service error into the status that its caller gets. [`Error::Internal`] is logged here, whole.
#[must_use]
pub fn status(error: &Error) -> Status {
    let (code, reason) = row(error);
    let mut details = ErrorDetails::new();
    details.set_error_info(reason_name(reason), DOMAIN, HashMap::new());
    match error {
        Error::Invalid { field, problem } | Error::WeakPassword { field, problem } => {
            details.add_bad_request_violation(*field, problem);
        }
        Error::Throttled(wait) | Error::Overloaded(wait) => {
            details.set_retry_info(Some((*wait).max(LEAST_WAIT)));
        }
        Error::Internal(whole) => {
            tracing::error!(error = %whole, "a call failed as nobody foresaw");
            return Status::with_error_details(code, INTERNAL, details);
        }
        _ => {}
    }
    Status::with_error_details(code, error.to_string(), details)
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status(&error)
    }
}

/// A refusal of the transport itself: one that no service error stands for.
#[must_use]
pub fn refusal(code: Code, reason: ErrorReason, sentence: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason_name(reason), DOMAIN, HashMap::new());
    Status::with_error_details(code, sentence, details)
}

/// The answer of every rpc that the contract has and this release has not.
#[must_use]
pub fn unimplemented() -> Status {
    refusal(Code::Unimplemented, ErrorReason::Unimplemented, "this call is not implemented")
}

/// A wait of zero would read as an invitation to ask again at once.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// The value's name without its prefix: what goes into `ErrorInfo.reason`.
fn reason_name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

fn row(error: &Error) -> (Code, ErrorReason) {
    use ErrorReason as R;
    match error {
        Error::Invalid { .. } => (Code::InvalidArgument, R::ValidationFailed),
        Error::WeakPassword { .. } => (Code::InvalidArgument, R::PasswordTooWeak),
        Error::InvalidCredentials => (Code::Unauthenticated, R::InvalidCredentials),
        Error::OtpRequired => (Code::Unauthenticated, R::OtpRequired),
        Error::OrgNotAllowed => (Code::PermissionDenied, R::OrgNotAllowed),
        Error::RefreshInvalid => (Code::Unauthenticated, R::RefreshInvalid),
        Error::RefreshReused => (Code::Unauthenticated, R::RefreshReused),
        Error::SessionExpired => (Code::Unauthenticated, R::SessionExpired),
        Error::SessionRevoked => (Code::Unauthenticated, R::SessionRevoked),
        Error::RenewalMismatch(_) => (Code::FailedPrecondition, R::RenewalMismatch),
        Error::TokenInvalid => (Code::Unauthenticated, R::TokenInvalid),
        Error::PermissionDenied(_) => (Code::PermissionDenied, R::PermissionDenied),
        Error::GuestNotAllowed => (Code::PermissionDenied, R::GuestNotAllowed),
        Error::CredentialTooWeak => (Code::PermissionDenied, R::CredentialTooWeak),
        Error::ForeignOrigin => (Code::PermissionDenied, R::ForeignOrigin),
        Error::LinkInvalid => (Code::Unauthenticated, R::LinkInvalid),
        Error::SsoNotConfigured => (Code::FailedPrecondition, R::SsoNotConfigured),
        Error::SsoProviderAmbiguous => (Code::InvalidArgument, R::SsoProviderAmbiguous),
        Error::SsoStateInvalid => (Code::InvalidArgument, R::SsoStateInvalid),
        Error::SsoRefused => (Code::FailedPrecondition, R::SsoRefused),
        Error::SsoExpired => (Code::FailedPrecondition, R::SsoExpired),
        Error::SsoCollected => (Code::FailedPrecondition, R::SsoCollected),
        Error::Throttled(_) => (Code::ResourceExhausted, R::Throttled),
        Error::Overloaded(_) => (Code::ResourceExhausted, R::Overloaded),
        Error::RevisionNotReached => (Code::Unavailable, R::RevisionNotReached),
        Error::NameTaken(_) => (Code::AlreadyExists, R::NameTaken),
        Error::NameReserved => (Code::FailedPrecondition, R::NameReserved),
        Error::NotFound(thing) => (Code::NotFound, missing(*thing)),
        Error::LastSuperuser => (Code::FailedPrecondition, R::LastSuperuser),
        Error::PersonalOrganization => (Code::FailedPrecondition, R::PersonalOrganization),
        Error::TotpAlreadyEnabled => (Code::FailedPrecondition, R::TotpAlreadyEnabled),
        Error::TotpNotPending => (Code::FailedPrecondition, R::TotpNotPending),
        Error::LimitReached(_) => (Code::ResourceExhausted, R::LimitReached),
        Error::Conflict => (Code::Aborted, R::Conflict),
        Error::StoreUnavailable => (Code::Unavailable, R::StoreUnavailable),
        Error::Internal(_) => (Code::Internal, R::Internal),
    }
}

const fn missing(thing: Thing) -> ErrorReason {
    match thing {
        Thing::User => ErrorReason::UserNotFound,
        Thing::Organization => ErrorReason::OrganizationNotFound,
        Thing::Membership => ErrorReason::MembershipNotFound,
        Thing::Provider => ErrorReason::ProviderNotFound,
        Thing::Key => ErrorReason::KeyNotFound,
        Thing::Session => ErrorReason::SessionNotFound,
    }
}

#[cfg(test)]
mod tests;
