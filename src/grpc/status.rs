//! The one place that turns a refusal into a status: code, sentence, and `google.rpc` details.
//!
//! Every status carries `ErrorInfo{domain: "countersign", reason}`, where the reason is a value of the proto's `ErrorReason`
//! without its prefix; a field's fault adds `BadRequest`, a wait adds `RetryInfo` and [`PUSHBACK`]. Services, layers and the codec all come
//! through here. `tests.rs` pins every row.

use std::collections::HashMap;

use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::edge::Refusal;
use crate::service::{Error, Reason};

/// The `domain` of every `ErrorInfo`.
pub const DOMAIN: &str = "countersign";

/// The trailer that a client which retries by itself goes by: milliseconds to wait, or less than zero not to retry at all.
///
/// # Source
/// gRFC A6, "Pushback".
pub const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Turns a refusal into the status that its caller gets.
#[must_use]
pub fn status(refusal: &Refusal) -> Status {
    let mut status = Status::with_error_details(code(refusal.reason), refusal.sentence.as_ref(), details(refusal));
    push_back(refusal, status.metadata_mut());
    status
}

/// Says in [`PUSHBACK`] when the call may be retried. RESOURCE_EXHAUSTED without a wait is what no wait helps against.
pub fn push_back(refusal: &Refusal, metadata: &mut MetadataMap) {
    let wait = match (refusal.retry_after, code(refusal.reason)) {
        (Some(wait), _) => i32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(i32::MAX),
        (None, Code::ResourceExhausted) => -1,
        (None, _) => return,
    };
    metadata.insert(PUSHBACK, wait.into());
}

/// The details that go with a refusal.
#[must_use]
pub fn details(refusal: &Refusal) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(refusal.reason.name(), DOMAIN, HashMap::new());
    if let Some((field, problem)) = &refusal.field {
        details.add_bad_request_violation(*field, problem.as_ref());
    }
    if let Some(wait) = refusal.retry_after {
        details.set_retry_info(Some(wait));
    }
    details
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status(&Refusal::of(&error))
    }
}

/// The answer of every rpc that the contract has and this release has not.
#[must_use]
pub fn unimplemented() -> Status {
    status(&Refusal::new(Reason::Unimplemented, "this call is not implemented"))
}

/// The code of each reason.
#[must_use]
pub const fn code(reason: Reason) -> Code {
    use Reason as R;
    match reason {
        R::ValidationFailed | R::MalformedMessage | R::PasswordTooWeak | R::SsoProviderAmbiguous | R::SsoStateInvalid => {
            Code::InvalidArgument
        }
        R::InvalidCredentials
        | R::OtpRequired
        | R::RefreshInvalid
        | R::RefreshReused
        | R::SessionExpired
        | R::SessionRevoked
        | R::TokenInvalid
        | R::LinkInvalid => Code::Unauthenticated,
        R::OrgNotAllowed
        | R::PermissionDenied
        | R::GuestNotAllowed
        | R::ForeignOrigin
        | R::CredentialTooWeak
        | R::FactorRequired
        | R::ScopeNotAllowed
        | R::SourceNotAllowed => Code::PermissionDenied,
        R::UserNotFound
        | R::OrganizationNotFound
        | R::ProviderNotFound
        | R::KeyNotFound
        | R::SessionNotFound
        | R::LinkNotFound
        | R::MembershipNotFound
        | R::IdentityNotFound => Code::NotFound,
        R::NameTaken | R::IdentityTaken => Code::AlreadyExists,
        R::RenewalMismatch
        | R::SsoNotConfigured
        | R::SsoRefused
        | R::SsoExpired
        | R::SsoCollected
        | R::NameReserved
        | R::NameNotReserved
        | R::LastSuperuser
        | R::PersonalOrganization
        | R::TotpAlreadyEnabled
        | R::TotpNotPending
        | R::TotpNotEnabled => Code::FailedPrecondition,
        R::MessageTooLarge | R::Throttled | R::Overloaded | R::LimitReached => Code::ResourceExhausted,
        R::RevisionNotReached | R::StoreUnavailable | R::ClockUntrusted | R::ShuttingDown => Code::Unavailable,
        R::Conflict => Code::Aborted,
        R::DeadlineExceeded => Code::DeadlineExceeded,
        R::Unimplemented => Code::Unimplemented,
        R::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests;
