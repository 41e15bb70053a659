//! The handler of the listener: gRPC for the paths of services, the pages for all others, behind one edge.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::response::IntoResponse as _;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use tonic::body::Body;
use tower::Service as _;

use crate::edge::request_id::{RequestId, marked};
use crate::edge::{Edge, EdgeSettings, Refusal};
use crate::grpc::layers::{self, Guard, Services, fallback};
use crate::net;
use crate::service::Reason;
use crate::web::bounds;
use crate::web::status::{Family, answer};

/// gRPC and plain HTTP on one port. The path alone decides: paths of services go to gRPC, all others to the router.
#[derive(Debug)]
pub struct Front<S> {
    edge: Arc<Edge>,
    guard: Arc<Guard<S>>,
    pages: Router,
}

impl<S: Services> Front<S> {
    /// `services` and `pages` behind an edge with these settings. A path that neither has is answered UNIMPLEMENTED to gRPC and
    /// 404 to everything else.
    pub fn new(services: S, pages: Router, settings: EdgeSettings) -> Self {
        let edge = Arc::new(Edge::new(settings));
        // `with_state` makes axum settle its internals once instead of at every call.
        let pages = bounds::apply(pages, Arc::clone(&edge)).fallback(unknown).with_state(());
        Self { guard: Arc::new(Guard::new(services, Arc::clone(&edge))), edge, pages }
    }
}

impl<S> Clone for Front<S> {
    fn clone(&self) -> Self {
        Self { edge: Arc::clone(&self.edge), guard: Arc::clone(&self.guard), pages: self.pages.clone() }
    }
}

impl<S: Services> net::Handler for Front<S> {
    type Body = Body;
    type Answering = Answering;

    fn handle(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Answering {
        if self.guard.has(request.uri().path()) {
            return Answering::Call(self.guard.call(request, peer.ip()));
        }
        let id = self.edge.receive(&mut request, peer.ip());
        let page = self.pages.clone().call(request.map(axum::body::Body::new));
        Answering::Page(Box::pin(async move { page.await.map(|page| page.map(Body::new)) }), id)
    }
}

/// An answer of a [`Front`] on its way.
pub enum Answering {
    /// To a call.
    Call(layers::Answering),
    /// To a request of plain HTTP, and the request's name.
    Page(Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>, RequestId),
}

impl Future for Answering {
    type Output = Response<Body>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response<Body>> {
        match &mut *self {
            Self::Call(call) => Pin::new(call).poll(cx).map(|Ok(response)| response),
            Self::Page(page, id) => marked(id, || page.as_mut().poll(cx)).map(|Ok(mut response)| {
                id.answer(response.headers_mut());
                response
            }),
        }
    }
}

/// The answer to paths that no route has, in the protocol of who asks.
async fn unknown(headers: HeaderMap) -> axum::response::Response {
    match fallback::unknown(&headers) {
        Some(response) => response.into_response(),
        None => answer(Family::Own, &Refusal::new(Reason::Unimplemented, "there is nothing at this path")),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode, header};

    use super::*;

    #[tokio::test]
    async fn each_is_answered_in_its_own_protocol() {
        for (asked, code, answered) in [
            (None, StatusCode::NOT_FOUND, "text/plain; charset=utf-8"),
            (Some("application/json"), StatusCode::NOT_FOUND, "text/plain; charset=utf-8"),
            (Some("application/grpc"), StatusCode::OK, "application/grpc"),
            (Some("application/grpc+proto"), StatusCode::OK, "application/grpc"),
            (Some("application/grpc-web"), StatusCode::OK, "application/grpc-web+proto"),
            (Some("application/grpc-web-text"), StatusCode::OK, "application/grpc-web-text+proto"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(asked) = asked {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asked));
            }
            let response = unknown(headers).await;
            assert_eq!((response.status(), response.headers()["content-type"].to_str().unwrap()), (code, answered));
            assert_eq!(response.headers().get("grpc-status").is_some(), answered.starts_with("application/grpc"));
        }
    }
}
