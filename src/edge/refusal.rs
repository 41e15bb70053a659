//! What a caller is refused with, before a face has written it in its own form.

use std::borrow::Cow;
use std::time::Duration;

use crate::service::{Error, Reason};

/// The one sentence for what was not foreseen. What happened is in the log.
pub const INTERNAL: &str = "internal error; the server's log says more";

/// A wait of zero would read as an invitation to ask again at once.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(1);

/// A refusal: of the service, or of a layer in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why; a face takes its code or status from it.
    pub reason: Reason,
    /// The same for a person. Says nothing of the inside.
    pub sentence: Cow<'static, str>,
    /// The field of the message, or the header, that is at fault, and what is wrong with it.
    pub field: Option<(&'static str, Cow<'static, str>)>,
    /// When the same call may do better; more than zero.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal that names no field and no wait.
    #[must_use]
    pub const fn new(reason: Reason, sentence: &'static str) -> Self {
        Self { reason, sentence: Cow::Borrowed(sentence), field: None, retry_after: None }
    }

    /// The answer to what was not foreseen.
    #[must_use]
    pub const fn internal() -> Self {
        Self::new(Reason::Internal, INTERNAL)
    }

    /// What the caller is told of an error of the service. [`Error::Internal`] is logged here, whole: this is the boundary.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let told = |field, retry_after| Self { reason: error.reason(), sentence: error.to_string().into(), field, retry_after };
        match error {
            Error::Internal(whole) => {
                tracing::error!(error = %whole, "a call failed as nobody foresaw");
                Self::internal()
            }
            Error::Invalid { field, problem } | Error::WeakPassword { field, problem } => {
                told(Some((*field, Cow::Owned(problem.clone()))), None)
            }
            Error::Throttled(wait) | Error::Overloaded(wait) => told(None, Some((*wait).max(MIN_RETRY_DELAY))),
            _ => told(None, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_what_helps_its_caller() {
        let refusal = Refusal::of(&Error::Invalid { field: "username", problem: "is required".to_owned() });
        assert_eq!(refusal.reason, Reason::ValidationFailed);
        assert_eq!(refusal.sentence, "username: is required");
        assert_eq!(refusal.field, Some(("username", "is required".into())));
        assert_eq!(Refusal::of(&Error::Throttled(Duration::from_secs(7))).retry_after, Some(Duration::from_secs(7)));
        assert_eq!(Refusal::of(&Error::Overloaded(Duration::ZERO)).retry_after, Some(MIN_RETRY_DELAY));
        assert_eq!(Refusal::of(&Error::Conflict).retry_after, None);
    }

    #[test]
    fn what_was_not_foreseen_is_not_told() {
        assert_eq!(Refusal::of(&Error::Internal("sled said: /var/lib/x".to_owned())), Refusal::internal());
    }
}
