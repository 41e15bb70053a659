//! Statuses that a layer gives, each with its `ErrorInfo`.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// `ErrorInfo.domain` of everything this service refuses.
pub(super) const DOMAIN: &str = "countersign";

/// The one sentence for what was not foreseen. What happened is in the log.
pub(super) const INTERNAL: &str = "internal error; the server's log says more";

/// Values of `ErrorInfo.reason` that layers use.
pub(super) mod reason {
    pub(crate) const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
    pub(crate) const INTERNAL: &str = "INTERNAL";
    pub(crate) const MALFORMED_MESSAGE: &str = "MALFORMED_MESSAGE";
    pub(crate) const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
    pub(crate) const OVERLOADED: &str = "OVERLOADED";
    pub(crate) const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
    pub(crate) const UNIMPLEMENTED: &str = "UNIMPLEMENTED";
    pub(crate) const VALIDATION_FAILED: &str = "VALIDATION_FAILED";
}

/// A status with `ErrorInfo`.
pub(super) fn refusal(code: Code, reason: &str, message: &str) -> Status {
    Status::with_error_details(code, message, info(reason))
}

/// Details that hold `ErrorInfo`, to be added to.
pub(super) fn info(reason: &str) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, DOMAIN, std::collections::HashMap::new())
}

/// The answer to what was not foreseen.
pub(super) fn internal() -> Status {
    refusal(Code::Internal, reason::INTERNAL, INTERNAL)
}

/// The answer to a new call while the server drains.
pub(super) fn shutting_down() -> Status {
    refusal(Code::Unavailable, reason::SHUTTING_DOWN, "the server is shutting down")
}

/// The answer to a method or path that does not exist.
pub(super) fn unimplemented() -> Status {
    refusal(Code::Unimplemented, reason::UNIMPLEMENTED, "this server has no such method")
}

#[cfg(test)]
mod tests {
    use super::reason;
    use crate::grpc::pb::ErrorReason;

    #[test]
    fn every_reason_is_in_the_contract() {
        for reason in [
            reason::DEADLINE_EXCEEDED,
            reason::INTERNAL,
            reason::MALFORMED_MESSAGE,
            reason::MESSAGE_TOO_LARGE,
            reason::OVERLOADED,
            reason::SHUTTING_DOWN,
            reason::UNIMPLEMENTED,
            reason::VALIDATION_FAILED,
        ] {
            assert!(ErrorReason::from_str_name(&format!("ERROR_REASON_{reason}")).is_some(), "{reason}");
        }
    }
}
