//! What a refusal says.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The code and the reason of its `ErrorInfo`, which must be ours.
pub(crate) fn told(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "countersign");
    (status.code(), info.reason)
}

/// The reason of a refusal.
pub(crate) fn reason<T: std::fmt::Debug>(outcome: Result<T, Status>) -> String {
    told(&outcome.expect_err("refused")).1
}

/// True where the answer is this refusal, by the name of its reason.
pub(crate) fn refused<T>(outcome: &Result<T, Status>, expected: &str) -> bool {
    outcome.as_ref().is_err_and(|status| told(status).1 == expected)
}

/// The first field that a refusal names.
pub(crate) fn field(status: &Status) -> String {
    status
        .get_details_bad_request()
        .and_then(|bad| bad.field_violations.into_iter().next())
        .map(|it| it.field)
        .unwrap_or_default()
}

/// After how long to try again.
pub(crate) fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info().and_then(|retry| retry.retry_delay)
}

/// Everything of a refusal that a caller can see: code, text, details and the names of the metadata.
pub(crate) fn face(status: &Status) -> (Code, String, Vec<u8>, Vec<String>) {
    let mut names: Vec<String> = status.metadata().as_ref().keys().map(ToString::to_string).collect();
    names.sort();
    (status.code(), status.message().to_owned(), status.details().to_vec(), names)
}

/// A refusal that says nothing in particular.
pub(crate) fn example() -> Status {
    countersign::service::Error::TokenInvalid.into()
}
