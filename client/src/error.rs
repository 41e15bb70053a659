//! What a refusal says besides its code and its sentence. Reads the `google.rpc` details that the server adds to a status; a
//! status of anything else than countersign says nothing here.

use std::time::Duration;

use tonic::Status;
use tonic_types::StatusExt as _;

use crate::pb::ErrorReason;

/// The `ErrorInfo.domain` of every refusal.
const DOMAIN: &str = "countersign";

/// Reads why the server refused a call; `None` where the status is not its own, or tells a reason that this version does not
/// know (see [`reason_name`]).
#[must_use]
pub fn reason(status: &Status) -> Option<ErrorReason> {
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", reason_name(status)?))
}

/// Reads the name of the reason, such as `INVALID_CREDENTIALS`, also where this version does not know it; `None` where the
/// status is not the server's own.
#[must_use]
pub fn reason_name(status: &Status) -> Option<String> {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN)?;
    Some(info.reason)
}

/// Reads how long to wait before the same call may be tried again; `None` where the status does not say.
///
/// A refusal with the reason THROTTLED or OVERLOADED says so.
#[must_use]
pub fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    fn status(domain: &str, reason: &str, delay: Option<Duration>) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, domain, HashMap::new());
        if delay.is_some() {
            details.set_retry_info(delay);
        }
        Status::with_error_details(Code::ResourceExhausted, "not now", details)
    }

    #[test]
    fn a_refusal_says_why_and_when_to_come_back() {
        let throttled = status("countersign", "THROTTLED", Some(Duration::from_secs(30)));
        assert_eq!(reason(&throttled), Some(ErrorReason::Throttled));
        assert_eq!(retry_delay(&throttled), Some(Duration::from_secs(30)));
        assert_eq!(retry_delay(&status("countersign", "OVERLOADED", None)), None);
    }

    #[test]
    fn a_reason_of_a_later_version_has_its_name() {
        let later = status("countersign", "MOON_IN_THE_WRONG_HOUSE", None);
        assert_eq!((reason(&later), reason_name(&later).as_deref()), (None, Some("MOON_IN_THE_WRONG_HOUSE")));
    }

    #[test]
    fn what_others_refuse_has_no_reason() {
        assert_eq!(reason_name(&status("example.org", "THROTTLED", None)), None);
        assert_eq!(reason(&Status::unavailable("connection refused")), None);
        assert_eq!(retry_delay(&Status::unavailable("connection refused")), None);
    }
}
