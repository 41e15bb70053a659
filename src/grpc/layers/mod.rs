//! What every gRPC call passes before its handler, and what its answer passes on the way back.
//!
//! Owns how gRPC is told from what is none, and the rule that every refusal is a gRPC status with `ErrorInfo`, also where tonic
//! or a panic made it; limits, sources and ids are the [`edge`]'s. One service in place of one per concern: a call
//! costs no allocation here, and the order, which matters, is one function that can be read: `begin`.

mod answering;
mod details;
pub mod fallback;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use http_body_util::Full;
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service};

pub use self::answering::Answering;
use crate::edge::{self, Call, Class, Edge, deadline};

/// A call on its way, as generated servers answer it.
pub type Called = edge::Called<Body>;

/// gRPC services, told apart by the first part of a path.
pub trait Services: Send + Sync + 'static {
    /// Whether `path` is in one of them; whether there is such a method is the service's to say.
    fn have(&self, path: &str) -> bool;

    /// Calls the one that has the path. This runs in the task of the connection, so that a panic here would end all its calls:
    /// whatever may take long or fail is for the future.
    fn call<B>(&self, request: Request<B>) -> Called
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError> + Send> + Send + 'static;
}

/// Services and what stands before them.
#[derive(Debug)]
pub struct Guard<S> {
    services: S,
    edge: Arc<Edge>,
}

impl<S: Services> Guard<S> {
    /// Stands before `services`.
    pub fn new(services: S, edge: Arc<Edge>) -> Self {
        Self { services, edge }
    }

    /// Whether `path` is that of a service. Every other path is not for [`Self::call`].
    pub fn has(&self, path: &str) -> bool {
        self.services.have(path)
    }

    /// Answers a call of gRPC, or of gRPC-Web, that came from `peer`.
    pub fn call<B>(self: &Arc<Self>, request: Request<B>, peer: IpAddr) -> Answering
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError> + std::fmt::Display + Send> + Send + 'static,
    {
        // The translator answers 400 to HTTP/1 that it cannot translate.
        if request.version() == Version::HTTP_2 && !is(request.headers(), b"application/grpc-web") {
            return self.begin(request, peer);
        }
        Answering::translated(GrpcWebLayer::new().layer(Guarded { guard: Arc::clone(self), peer }).call(request))
    }

    /// The order, from the cheapest refusal inwards:
    ///
    /// 1. What is no gRPC is refused as HTTP, because its sender would not read a gRPC status.
    /// 2. The source and the name of the call, which everything inside may ask for.
    /// 3. The deadline is read before a place is taken: a malformed one costs nobody anything.
    /// 4. A place in flight, before the body is read: waiting bodies are what memory is spent on.
    ///
    /// And then in [`Call`] and [`Answering`]:
    ///
    /// 6. The deadline covers reading the body and the handler. A stream keeps its place and its deadline until its end.
    /// 7. A panic is caught inside the deadline and the place, so that both are given back.
    /// 8. Last, what comes out is completed, whoever made it.
    fn begin<B>(&self, mut request: Request<B>, peer: IpAddr) -> Answering
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError> + Send> + Send + 'static,
    {
        if request.method() != Method::POST || !is(request.headers(), b"application/grpc") {
            return Answering::at_once(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this path speaks gRPC\n"));
        }
        let id = self.edge.receive(&mut request, peer);
        let class = Class::of_rpc(request.uri().path());
        let admitted = deadline::asked(request.headers()).and_then(|asked| self.edge.admit(class, asked));
        let admission = match admitted {
            Ok(admission) => admission,
            Err(refusal) => return Answering::refused(&refusal, &id),
        };
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Answering::called(Call::new(self.services.call(request), admission, path, id), class.is_stream())
    }
}

/// A guard that knows the peer, as the translator of gRPC-Web calls it.
#[derive(Debug)]
struct Guarded<S> {
    guard: Arc<Guard<S>>,
    peer: IpAddr,
}

impl<S: Services> Service<Request<Body>> for Guarded<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        self.guard.begin(request, self.peer)
    }
}

/// Whether the content type begins so.
fn is(headers: &HeaderMap, kind: &[u8]) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|given| given.as_bytes().starts_with(kind))
}

fn plain(code: StatusCode, text: &'static str) -> Response<Body> {
    let text = Full::new(Bytes::from_static(text.as_bytes()));
    let mut response = Response::new(Body::new(text));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
