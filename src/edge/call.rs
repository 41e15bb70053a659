//! A call on its way: its name, its deadline, its panic, its place.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http::uri::PathAndQuery;

use super::request_id::{RequestId, marked};
use super::{Admission, Refusal, panics};

/// An answer on its way, as a handler gives it.
pub type Called<B> = Pin<Box<dyn Future<Output = Result<Response<B>, Infallible>> + Send>>;

/// A call that was let in, from the first byte of its body to its answer; of a stream only to the headers, see [`super::Held`].
///
/// The deadline covers reading the body and the handler. A panic is caught inside the deadline and the place, so that both are
/// given back.
pub struct Call<B> {
    called: Called<B>,
    /// `None` once it was taken.
    admission: Option<Admission>,
    path: PathAndQuery,
    id: RequestId,
}

impl<B> std::fmt::Debug for Call<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}

impl<B> Call<B> {
    /// `called` answers the request for `path` that was named `id`.
    pub fn new(called: Called<B>, admission: Admission, path: PathAndQuery, id: RequestId) -> Self {
        Self { called, admission: Some(admission), path, id }
    }

    /// What the call holds, once it is answered: to be dropped, or to be kept by the body of a stream.
    pub fn take_admission(&mut self) -> Option<Admission> {
        self.admission.take()
    }

    /// The path of the request.
    #[must_use]
    pub const fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// The name of the call.
    #[must_use]
    pub const fn id(&self) -> &RequestId {
        &self.id
    }
}

impl<B> Future for Call<B> {
    type Output = Result<Response<B>, Refusal>;

    /// Unwind safety: nothing of the handler is used again but what it shared, and a poisoned lock says so to who takes it.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { called, admission, path, id } = &mut *self;
        marked(id, || match catch_unwind(AssertUnwindSafe(|| called.as_mut().poll(cx))) {
            Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(response)),
            Ok(Poll::Pending) => match admission {
                Some(admission) => admission.deadline.poll_passed(cx).map(Err),
                None => Poll::Pending,
            },
            Err(panic) => Poll::Ready(Err(panics::caught(path.path(), panic.as_ref()))),
        })
    }
}
