//! The one place that turns a refusal into an answer of HTTP: its status, and the body that the route's family of clients reads.
//!
//! A family is a set of clients that share the shape of their bodies. The status is the reason's, whatever the family, unless
//! what those clients are used to is another one. `tests.rs` pins every row.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::edge::Refusal;
use crate::service::Reason;

/// Whose bodies a route speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Our own documents, read by people and their tools: one line of text.
    Own,
}

/// The answer to a refused request.
#[must_use]
pub fn answer(family: Family, refusal: &Refusal) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(wait) = refusal.retry_after {
        // In whole seconds; less than one would read as an invitation to ask again at once.
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    match family {
        Family::Own => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            (code(refusal.reason), headers, format!("{}\n", refusal.sentence)).into_response()
        }
    }
}

/// The status of each reason.
#[must_use]
pub const fn code(reason: Reason) -> StatusCode {
    use Reason as R;
    match reason {
        R::ValidationFailed | R::MalformedMessage | R::PasswordTooWeak | R::SsoProviderAmbiguous | R::SsoStateInvalid => {
            StatusCode::BAD_REQUEST
        }
        R::InvalidCredentials
        | R::OtpRequired
        | R::RefreshInvalid
        | R::RefreshReused
        | R::SessionExpired
        | R::SessionRevoked
        | R::TokenInvalid => StatusCode::UNAUTHORIZED,
        R::OrgNotAllowed
        | R::PermissionDenied
        | R::GuestNotAllowed
        | R::ForeignOrigin
        | R::CredentialTooWeak
        | R::FactorRequired
        | R::ScopeNotAllowed
        | R::SourceNotAllowed
        | R::SsoRefused => StatusCode::FORBIDDEN,
        R::UserNotFound
        | R::OrganizationNotFound
        | R::ProviderNotFound
        | R::KeyNotFound
        | R::SessionNotFound
        | R::LinkNotFound
        | R::MembershipNotFound
        | R::IdentityNotFound
        | R::SsoNotConfigured
        | R::Unimplemented => StatusCode::NOT_FOUND,
        R::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
        R::RenewalMismatch
        | R::SsoCollected
        | R::NameTaken
        | R::NameReserved
        | R::NameNotReserved
        | R::IdentityTaken
        | R::LastSuperuser
        | R::PersonalOrganization
        | R::TotpAlreadyEnabled
        | R::TotpNotPending
        | R::TotpNotEnabled
        | R::LimitReached
        | R::Conflict => StatusCode::CONFLICT,
        R::LinkInvalid | R::SsoExpired => StatusCode::GONE,
        R::MessageTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        R::Throttled => StatusCode::TOO_MANY_REQUESTS,
        R::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        R::Overloaded | R::RevisionNotReached | R::StoreUnavailable | R::ClockUntrusted | R::ShuttingDown => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[cfg(test)]
mod tests;
