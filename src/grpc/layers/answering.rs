//! The answer to a call on its way out: completed, with a status whatever happened, and its place kept while a stream runs.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use tonic::body::Body;

use super::Called;
use super::details::{self, GrpcTrailers};
use crate::edge::request_id::RequestId;
use crate::edge::{Call, Held, Refusal};
use crate::grpc::status::status;

/// The answer to a call.
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Answering(Kind);

enum Kind {
    Called {
        call: Call<Body>,
        stream: bool,
    },
    /// An answer that was there at once, or one that is translated to gRPC-Web.
    Other(Called),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Called { .. } => "Called",
            Self::Other(_) => "Other",
        })
    }
}

impl Answering {
    /// The answer to a call that was let in; `stream` where its body goes on.
    pub(super) fn called(call: Call<Body>, stream: bool) -> Self {
        Self(Kind::Called { call, stream })
    }

    /// The answer to a call that was not.
    pub(super) fn refused(refusal: &Refusal, id: &RequestId) -> Self {
        Self::at_once(refused(refusal, id))
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
            Kind::Called { call, stream } => Pin::new(&mut *call).poll(cx).map(|ended| Ok(answered(ended, call, *stream))),
            Kind::Other(answer) => answer.as_mut().poll(cx),
        }
    }
}

/// What comes out of a call, whoever made it.
fn answered(ended: Result<Response<Body>, Refusal>, call: &mut Call<Body>, stream: bool) -> Response<Body> {
    let admission = call.take_admission();
    let response = match ended {
        Ok(response) if details::refuse(response.headers()) => {
            let mut response = details::complete(response, call.id());
            call.id().answer(response.headers_mut());
            response
        }
        Ok(response) => response,
        Err(refusal) => refused(&refusal, call.id()),
    };
    match admission {
        Some(admission) if stream => {
            let (path, id) = (call.path().clone(), call.id().clone());
            response.map(|body| Body::new(Held::<_, GrpcTrailers>::new(body, admission, path, id)))
        }
        _ => response,
    }
}

fn refused(refusal: &Refusal, id: &RequestId) -> Response<Body> {
    let mut response = status(refusal).into_http();
    id.answer(response.headers_mut());
    response
}
