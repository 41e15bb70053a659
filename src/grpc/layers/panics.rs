//! What a panic in a handler said, for the log.

use std::any::Any;

/// Logs what a panic said; the panic hook has told the place.
pub(super) fn log(path: &str, panic: &(dyn Any + Send)) {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(path, panic = said.unwrap_or("(no text)"), "a handler panicked");
}
