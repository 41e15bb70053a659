//! Deadlines: the client's `grpc-timeout`, and the server's own maximum per class of call.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::class::Class;
use super::refusal::Refusal;
use crate::service::Reason;

/// The longest a call may take, by class. A client's `grpc-timeout` can only shorten it.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// A call with one answer, health's too. 15 s.
    pub unary: Duration,
    /// A call that waits for something to happen (`SsoJwt`, which waits at most 30 s by itself). 35 s.
    pub wait: Duration,
    /// A reflection stream, which anyone may open. 5 min.
    pub reflection: Duration,
    /// A request of plain HTTP; a callback that asks a slow provider is within it. 20 s.
    pub page: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            unary: Duration::from_secs(15),
            wait: Duration::from_secs(35),
            reflection: Duration::from_mins(5),
            page: Duration::from_secs(20),
        }
    }
}

impl Deadlines {
    /// How long a call that asks for this much may take; without end for a watch that does not ask.
    pub(super) fn of(&self, class: Class, asked: Option<Duration>) -> Deadline {
        let most = match class {
            Class::Unary | Class::Password | Class::Health => Some(self.unary),
            Class::Wait => Some(self.wait),
            Class::Reflection => Some(self.reflection),
            Class::Page => Some(self.page),
            Class::Watch | Class::HealthWatch => None,
        };
        let after = match (most, asked) {
            (Some(most), Some(asked)) => Some(most.min(asked)),
            (most, asked) => most.or(asked),
        };
        Deadline { after, sleep: None, drain: None }
    }
}

/// The end of one call. Its time begins when it is first polled, so that a call which is answered at once needs neither a clock
/// nor a timer.
#[derive(Debug)]
pub struct Deadline {
    after: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The end of a call that waits for nothing of its own: it would hold a stop for nothing.
    drain: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Deadline {
    /// The same, and at the latest the moment when the server drains.
    pub(super) fn or_drain(self, draining: &CancellationToken) -> Self {
        Self { drain: Some(Box::pin(draining.clone().cancelled_owned())), ..self }
    }

    /// Ready once the time is up, with what the call is then told.
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<Refusal> {
        // A call that never yields by itself has used up what the task may do, and ends all the same.
        if let Some(after) = self.after {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(after)));
            if Pin::new(&mut tokio::task::unconstrained(sleep.as_mut())).poll(cx).is_ready() {
                return Poll::Ready(expired());
            }
        }
        match &mut self.drain {
            Some(drain) => Pin::new(&mut tokio::task::unconstrained(drain.as_mut())).poll(cx).map(|()| shutting_down()),
            None => Poll::Pending,
        }
    }
}

/// The `grpc-timeout` of a request.
///
/// # Errors
/// It is not 1 to 8 digits and a unit of `HMSmun`: VALIDATION_FAILED.
///
/// # Source
/// gRPC over HTTP/2, "Timeout".
pub fn asked(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    value.to_str().ok().and_then(parse).map(Some).ok_or_else(malformed)
}

/// The answer to a call that comes while the server drains, or that would last longer.
pub(super) const fn shutting_down() -> Refusal {
    Refusal::new(Reason::ShuttingDown, "the server is shutting down")
}

/// The answer to a call whose time is up.
fn expired() -> Refusal {
    Refusal::new(Reason::DeadlineExceeded, "the call took longer than its deadline allows")
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

fn malformed() -> Refusal {
    let sentence = "grpc-timeout is 1 to 8 digits and a unit (H, M, S, m, u or n)";
    Refusal { field: Some(("grpc-timeout", sentence.into())), ..Refusal::new(Reason::ValidationFailed, sentence) }
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

    #[test]
    fn a_client_can_only_shorten() {
        let deadlines = Deadlines::default();
        let given = |class, asked| deadlines.of(class, asked).after;
        let minute = Some(Duration::from_mins(1));
        assert_eq!(given(Class::Unary, minute), Some(deadlines.unary));
        assert_eq!(given(Class::Unary, Some(Duration::from_millis(5))), Some(Duration::from_millis(5)));
        assert_eq!(given(Class::Wait, None), Some(deadlines.wait));
        assert_eq!(given(Class::Page, None), Some(deadlines.page));
        assert_eq!(given(Class::Watch, None), None);
        assert_eq!(given(Class::Watch, minute), minute);
    }
}
