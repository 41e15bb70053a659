//! What a panic in a handler said, for the log.

use std::any::Any;

use super::refusal::Refusal;

/// The answer to a call whose handler panicked. Logs what the panic said; the panic hook has told the place.
pub(super) fn caught(path: &str, panic: &(dyn Any + Send)) -> Refusal {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(path, panic = said.unwrap_or("(no text)"), "a handler panicked");
    Refusal::internal()
}
