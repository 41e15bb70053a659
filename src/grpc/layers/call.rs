//! A call on its way: its deadline, its panic, its place.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http::uri::PathAndQuery;
use tonic::body::Body;

use super::deadline::{self, Deadline};
use super::held::Held;
use super::in_flight::Place;
use super::{Called, details, panics, refusal};

/// The answer to a call.
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Answering(Kind);

enum Kind {
    Called(Call),
    /// An answer that was there at once, or one that is translated to gRPC-Web.
    Other(Called),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Called(_) => "Called",
            Self::Other(_) => "Other",
        })
    }
}

impl Answering {
    pub(super) fn called(call: Call) -> Self {
        Self(Kind::Called(call))
    }

    pub(super) fn at_once(response: Response<Body>) -> Self {
        Self(Kind::Other(Box::pin(std::future::ready(Ok(response)))))
    }

    pub(super) fn translated(call: impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static) -> Self {
        Self(Kind::Other(Box::pin(call)))
    }
}

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Kind::Called(call) => call.poll(cx).map(Ok),
            Kind::Other(answer) => answer.as_mut().poll(cx),
        }
    }
}

/// A call that has its place, from the first byte of its body to its answer; of a stream only to the headers, see [`Held`].
pub(super) struct Call {
    called: Called,
    /// `None` once it is answered.
    held: Option<(Deadline, Place)>,
    stream: bool,
    path: PathAndQuery,
}

impl Call {
    pub(super) fn new(called: Called, deadline: Deadline, place: Place, stream: bool, path: PathAndQuery) -> Self {
        Self { called, held: Some((deadline, place)), stream, path }
    }

    /// See [`super::Guard::begin`].
    ///
    /// Unwind safety: nothing of the handler is used again but what it shared, and a poisoned lock says so to who takes it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Response<Body>> {
        let answered = match catch_unwind(AssertUnwindSafe(|| self.called.as_mut().poll(cx))) {
            Ok(Poll::Ready(Ok(response))) => response,
            Ok(Poll::Pending) => {
                if self.held.as_mut().is_none_or(|(deadline, _)| deadline.poll_passed(cx).is_pending()) {
                    return Poll::Pending;
                }
                deadline::expired().into_http()
            }
            Err(panic) => {
                panics::log(self.path.path(), panic.as_ref());
                refusal::internal().into_http()
            }
        };
        let response = details::complete(answered);
        let held = self.held.take();
        Poll::Ready(match held {
            Some((deadline, place)) if self.stream => {
                response.map(|body| Body::new(Held::new(body, place, deadline, self.path.clone())))
            }
            _ => response,
        })
    }
}
