//! A panic in a handler ends its call, not the process or the connection.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use axum::response::Response;
use futures_util::FutureExt as _;

use super::refusal;

/// Runs a handler; a panic is logged and becomes INTERNAL with the constant sentence.
///
/// Unwind safety: nothing of the handler is used again but what it shared, and a poisoned lock says so to who takes it.
pub(super) async fn caught(path: &str, call: impl Future<Output = Result<Response, Infallible>>) -> Result<Response, Infallible> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(answered) => answered,
        Err(panic) => {
            log(path, panic.as_ref());
            Ok(refusal::internal().into_http())
        }
    }
}

/// Logs what a panic said; the panic hook has told the place.
pub(super) fn log(path: &str, panic: &(dyn Any + Send)) {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(path, panic = said.unwrap_or("(no text)"), "a handler panicked");
}
