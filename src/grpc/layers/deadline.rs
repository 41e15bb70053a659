//! Deadlines: the client's `grpc-timeout`, and the server's own maximum per class of call.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::class::Class;
use super::refusal::{info, reason, refusal};

/// The longest a call may take, by class. A client's `grpc-timeout` can only shorten it.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// A call with one answer, health's too. 15 s.
    pub unary: Duration,
    /// A call that waits for something to happen (`SsoJwt`, which waits at most 30 s by itself). 35 s.
    pub wait: Duration,
    /// A reflection stream, which anyone may open. 5 min.
    pub reflection: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { unary: Duration::from_secs(15), wait: Duration::from_secs(35), reflection: Duration::from_mins(5) }
    }
}

impl Deadlines {
    /// When a call that begins now ends at the latest; `None` for a watch without a timeout of its own.
    pub(super) fn ends(&self, class: Class, asked: Option<Duration>) -> Option<Instant> {
        let most = match class {
            Class::Unary | Class::Health => Some(self.unary),
            Class::Wait => Some(self.wait),
            Class::Reflection => Some(self.reflection),
            Class::Watch | Class::HealthWatch => None,
        };
        let limit = match (most, asked) {
            (Some(most), Some(asked)) => Some(most.min(asked)),
            (most, asked) => most.or(asked),
        };
        limit.and_then(|limit| Instant::now().checked_add(limit))
    }
}

/// The `grpc-timeout` of a request.
///
/// # Errors
/// It is not 1 to 8 digits and a unit of `HMSmun`: `INVALID_ARGUMENT`, `VALIDATION_FAILED`.
///
/// # Source
/// gRPC over HTTP/2, "Timeout".
pub(super) fn asked(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    value.to_str().ok().and_then(parse).map(Some).ok_or_else(malformed)
}

/// The answer to a call whose time is up.
pub(super) fn expired() -> Status {
    refusal(Code::DeadlineExceeded, reason::DEADLINE_EXCEEDED, "the call took longer than its deadline allows")
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

fn malformed() -> Status {
    let sentence = "grpc-timeout is 1 to 8 digits and a unit (H, M, S, m, u or n)";
    let mut details = info(reason::VALIDATION_FAILED);
    details.add_bad_request_violation("grpc-timeout", sentence);
    Status::with_error_details(Code::InvalidArgument, sentence, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_says() {
        for (text, expected) in [
            ("1H", Some(Duration::from_hours(1))),
            ("2M", Some(Duration::from_mins(2))),
            ("42S", Some(Duration::from_secs(42))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("5", None),
            ("5s", None),
            ("-5S", None),
            ("+5S", None),
            ("1.5S", None),
            ("100000000S", None),
            ("5 S", None),
            ("5µ", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_client_can_only_shorten() {
        let deadlines = Deadlines::default();
        let left = |class, asked| deadlines.ends(class, asked).map(|at| at - Instant::now());
        let minute = Some(Duration::from_mins(1));
        assert!(left(Class::Unary, minute).unwrap() <= Duration::from_secs(15));
        assert!(left(Class::Unary, Some(Duration::from_millis(5))).unwrap() <= Duration::from_millis(5));
        assert!(left(Class::Wait, None).unwrap() > Duration::from_secs(30));
        assert!(left(Class::Watch, None).is_none());
        assert!(left(Class::Watch, minute).is_some());
    }
}
