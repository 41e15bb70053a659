use std::time::Duration;

use super::*;

/// Every status with the reasons that have it.
const TABLE: [(u16, &[&str]); 11] = [
    (400, &["VALIDATION_FAILED", "MALFORMED_MESSAGE", "PASSWORD_TOO_WEAK", "SSO_PROVIDER_AMBIGUOUS", "SSO_STATE_INVALID"]),
    (
        401,
        &[
            "INVALID_CREDENTIALS",
            "OTP_REQUIRED",
            "REFRESH_INVALID",
            "REFRESH_REUSED",
            "SESSION_EXPIRED",
            "SESSION_REVOKED",
            "TOKEN_INVALID",
        ],
    ),
    (
        403,
        &[
            "ORG_NOT_ALLOWED",
            "PERMISSION_DENIED",
            "GUEST_NOT_ALLOWED",
            "FOREIGN_ORIGIN",
            "SSO_REFUSED",
            "CREDENTIAL_TOO_WEAK",
            "FACTOR_REQUIRED",
            "SCOPE_NOT_ALLOWED",
            "SOURCE_NOT_ALLOWED",
        ],
    ),
    (
        404,
        &[
            "SSO_NOT_CONFIGURED",
            "USER_NOT_FOUND",
            "ORGANIZATION_NOT_FOUND",
            "PROVIDER_NOT_FOUND",
            "KEY_NOT_FOUND",
            "SESSION_NOT_FOUND",
            "LINK_NOT_FOUND",
            "MEMBERSHIP_NOT_FOUND",
            "IDENTITY_NOT_FOUND",
            "UNIMPLEMENTED",
        ],
    ),
    (408, &["DEADLINE_EXCEEDED"]),
    (
        409,
        &[
            "RENEWAL_MISMATCH",
            "SSO_COLLECTED",
            "NAME_TAKEN",
            "NAME_RESERVED",
            "NAME_NOT_RESERVED",
            "IDENTITY_TAKEN",
            "LAST_SUPERUSER",
            "PERSONAL_ORGANIZATION",
            "TOTP_ALREADY_ENABLED",
            "TOTP_NOT_PENDING",
            "TOTP_NOT_ENABLED",
            "LIMIT_REACHED",
            "CONFLICT",
        ],
    ),
    (410, &["LINK_INVALID", "SSO_EXPIRED"]),
    (413, &["MESSAGE_TOO_LARGE"]),
    (429, &["THROTTLED"]),
    (500, &["INTERNAL"]),
    (503, &["OVERLOADED", "REVISION_NOT_REACHED", "STORE_UNAVAILABLE", "CLOCK_UNTRUSTED", "SHUTTING_DOWN"]),
];

#[test]
fn every_reason_has_its_status() {
    for reason in Reason::ALL {
        let rows: Vec<u16> = TABLE.iter().filter(|(_, names)| names.contains(&reason.name())).map(|(code, _)| *code).collect();
        assert_eq!(rows, [code(*reason).as_u16()], "{reason:?}");
    }
    assert_eq!(TABLE.iter().map(|(_, names)| names.len()).sum::<usize>(), Reason::ALL.len());
}

#[tokio::test]
async fn our_own_clients_read_one_line() {
    let refusal = Refusal { retry_after: Some(Duration::from_millis(1)), ..Refusal::new(Reason::Overloaded, "it is busy") };
    let response = answer(Family::Own, &refusal);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "1");
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
    assert_eq!(body, "it is busy\n");
    assert!(!answer(Family::Own, &Refusal::internal()).headers().contains_key(RETRY_AFTER));
}
