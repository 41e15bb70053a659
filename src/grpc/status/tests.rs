use std::time::Duration;

use tonic::Code;
use tonic_types::StatusExt as _;

use super::{DOMAIN, code, status, unimplemented};
use crate::edge::Refusal;
use crate::edge::refusal::INTERNAL;
use crate::grpc::pb::ErrorReason;
use crate::service::{Error, Reason, Thing};

/// Every variant with the code, the reason and the sentence that its caller gets.
fn table() -> Vec<(Error, Code, &'static str, &'static str)> {
    use Code::{
        Aborted, AlreadyExists, FailedPrecondition, Internal, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted,
        Unauthenticated, Unavailable,
    };
    let wait = Duration::from_secs(7);
    vec![
        (
            Error::Invalid { field: "username", problem: "is required".into() },
            InvalidArgument,
            "VALIDATION_FAILED",
            "username: is required",
        ),
        (
            Error::WeakPassword { field: "new_password", problem: "must be at least 15 characters".into() },
            InvalidArgument,
            "PASSWORD_TOO_WEAK",
            "new_password: must be at least 15 characters",
        ),
        (Error::InvalidCredentials, Unauthenticated, "INVALID_CREDENTIALS", "the credentials are not valid"),
        (Error::OtpRequired, Unauthenticated, "OTP_REQUIRED", "a valid one-time code is required"),
        (Error::OrgNotAllowed, PermissionDenied, "ORG_NOT_ALLOWED", "the organization is not one of yours"),
        (Error::RefreshInvalid, Unauthenticated, "REFRESH_INVALID", "the refresh token is not valid"),
        (
            Error::RefreshReused,
            Unauthenticated,
            "REFRESH_REUSED",
            "the refresh token was used before; its session was ended, log in again",
        ),
        (Error::SessionExpired, Unauthenticated, "SESSION_EXPIRED", "the session is over, log in again"),
        (Error::SessionRevoked, Unauthenticated, "SESSION_REVOKED", "the session was ended, log in again"),
        (
            Error::RenewalMismatch("by refresh token"),
            FailedPrecondition,
            "RENEWAL_MISMATCH",
            "the session renews by refresh token, as its first Refresh did",
        ),
        (Error::TokenInvalid, Unauthenticated, "TOKEN_INVALID", "a valid access token is required: authorization: Bearer TOKEN"),
        (
            Error::BasicForToken,
            Unauthenticated,
            "TOKEN_INVALID",
            "a valid access token is required: authorization: Bearer TOKEN; what came is Basic, which a .netrc may have put there",
        ),
        (Error::PermissionDenied("superuser"), PermissionDenied, "PERMISSION_DENIED", "this takes the role superuser"),
        (Error::GuestNotAllowed, PermissionDenied, "GUEST_NOT_ALLOWED", "a guest can refresh and log out, nothing else"),
        (
            Error::CredentialTooWeak,
            PermissionDenied,
            "CREDENTIAL_TOO_WEAK",
            "this takes a session that was opened by password or single sign-on",
        ),
        (Error::ForeignOrigin, PermissionDenied, "FOREIGN_ORIGIN", "the request came from a page of another origin"),
        (Error::LinkInvalid, Unauthenticated, "LINK_INVALID", "the link is not valid any more, ask for a new one"),
        (Error::SsoNotConfigured, FailedPrecondition, "SSO_NOT_CONFIGURED", "no identity provider is registered for this"),
        (
            Error::SsoProviderAmbiguous,
            InvalidArgument,
            "SSO_PROVIDER_AMBIGUOUS",
            "several identity providers are registered for this: name one in idp_name",
        ),
        (Error::SsoStateInvalid, InvalidArgument, "SSO_STATE_INVALID", "the state is not one that SsoStart answered"),
        (Error::SsoRefused, FailedPrecondition, "SSO_REFUSED", "the sign-on was refused, start again"),
        (Error::SsoExpired, FailedPrecondition, "SSO_EXPIRED", "the sign-on took too long, start again"),
        (Error::SsoCollected, FailedPrecondition, "SSO_COLLECTED", "the tokens of this sign-on were collected before"),
        (Error::Throttled(wait), ResourceExhausted, "THROTTLED", "too many failed attempts, try again later"),
        (Error::Overloaded(wait), ResourceExhausted, "OVERLOADED", "the service is busy, try again"),
        (Error::RevisionNotReached, Unavailable, "REVISION_NOT_REACHED", "this node has not reached that revision yet"),
        (Error::NameTaken("username"), AlreadyExists, "NAME_TAKEN", "the username is taken"),
        (
            Error::NameReserved,
            FailedPrecondition,
            "NAME_RESERVED",
            "the name belonged to another and is reserved until it is released",
        ),
        (Error::NotFound(Thing::User), NotFound, "USER_NOT_FOUND", "no such user"),
        (Error::NotFound(Thing::Organization), NotFound, "ORGANIZATION_NOT_FOUND", "no such organization"),
        (Error::NotFound(Thing::Membership), NotFound, "MEMBERSHIP_NOT_FOUND", "no such membership"),
        (Error::NotFound(Thing::Provider), NotFound, "PROVIDER_NOT_FOUND", "no such identity provider"),
        (Error::NotFound(Thing::Key), NotFound, "KEY_NOT_FOUND", "no such personal key"),
        (Error::NotFound(Thing::Session), NotFound, "SESSION_NOT_FOUND", "no such session"),
        (Error::LastSuperuser, FailedPrecondition, "LAST_SUPERUSER", "this is the last enabled superuser"),
        (
            Error::PersonalOrganization,
            FailedPrecondition,
            "PERSONAL_ORGANIZATION",
            "a personal organization has its user as its only member",
        ),
        (Error::TotpAlreadyEnabled, FailedPrecondition, "TOTP_ALREADY_ENABLED", "one-time codes guard this account already"),
        (Error::TotpNotPending, FailedPrecondition, "TOTP_NOT_PENDING", "no enrolment waits for its first code"),
        (Error::LimitReached("personal keys"), ResourceExhausted, "LIMIT_REACHED", "there are as many personal keys as may be"),
        (Error::Conflict, Aborted, "CONFLICT", "the account changed meanwhile, try again"),
        (Error::StoreUnavailable, Unavailable, "STORE_UNAVAILABLE", "the service cannot store anything at present"),
        (Error::Internal("sled said: /var/lib/x".into()), Internal, "INTERNAL", INTERNAL),
    ]
}

#[test]
fn every_error_has_its_code_reason_sentence_and_details() {
    for (error, code, reason, sentence) in table() {
        let status = status(&Refusal::of(&error));
        assert_eq!((status.code(), status.message()), (code, sentence), "{error:?}");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, DOMAIN), "{error:?}");
        assert!(info.metadata.is_empty());
        assert!(ErrorReason::from_str_name(&format!("ERROR_REASON_{reason}")).is_some(), "{reason}");

        let field = details.bad_request().map(|bad| {
            let [violation] = bad.field_violations.as_slice() else { unreachable!("{bad:?}") };
            format!("{}: {}", violation.field, violation.description)
        });
        let names_a_field = matches!(error, Error::Invalid { .. } | Error::WeakPassword { .. });
        assert_eq!(field, names_a_field.then(|| sentence.to_owned()), "{error:?}");

        let wait = details.retry_info().and_then(|retry| retry.retry_delay);
        let waits = matches!(error, Error::Throttled(_) | Error::Overloaded(_));
        assert_eq!(wait, waits.then_some(Duration::from_secs(7)), "{error:?}");
        let pushback = status.metadata().get(super::PUSHBACK).map(|value| value.to_str().unwrap().to_owned());
        let expected = match code {
            _ if waits => Some("7000".to_owned()),
            Code::ResourceExhausted => Some("-1".to_owned()),
            _ => None,
        };
        assert_eq!(pushback, expected, "{error:?}");
    }
}

#[test]
fn a_wait_is_never_zero() {
    let retry = status(&Refusal::of(&Error::Overloaded(Duration::ZERO))).get_details_retry_info().unwrap();
    assert!(retry.retry_delay.unwrap() > Duration::ZERO);
}

#[test]
fn refusals_of_the_transport_carry_a_reason_too() {
    let refused = unimplemented();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(refused.get_details_error_info().unwrap().reason, "UNIMPLEMENTED");
    let status = status(&Refusal::new(Reason::ShuttingDown, "the server is shutting down"));
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_details_error_info().unwrap().reason, "SHUTTING_DOWN");
}

#[test]
fn the_services_reasons_and_the_contracts_are_the_same() {
    let ours: Vec<String> = Reason::ALL.iter().map(|reason| format!("ERROR_REASON_{}", reason.name())).collect();
    for name in &ours {
        assert!(ErrorReason::from_str_name(name).is_some(), "{name} is not in the contract");
    }
    let theirs: Vec<&str> = (1..).map_while(|number| ErrorReason::try_from(number).ok()).map(|r| r.as_str_name()).collect();
    assert_eq!(ours, theirs);
}

/// The codes that error.proto promises, read from its own comments: each begins with the code.
#[test]
fn every_reason_has_the_code_that_the_contract_says() {
    let proto = include_str!("../../../proto/countersign/v1/error.proto");
    let mut promised = "";
    let mut checked = 0;
    for line in proto.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("// ") {
            if promised.is_empty() {
                promised = comment.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).next().unwrap();
            }
        } else if let Some((name, _)) = line.strip_prefix("ERROR_REASON_").and_then(|value| value.split_once(' ')) {
            if let Some(reason) = Reason::ALL.iter().find(|reason| reason.name() == name) {
                let code = format!("{:?}", code(*reason));
                assert_eq!(code.to_uppercase(), promised.replace('_', ""), "{name}");
                checked += 1;
            }
            promised = "";
        } else if line.is_empty() {
            promised = "";
        }
    }
    assert_eq!(checked, Reason::ALL.len());
}
