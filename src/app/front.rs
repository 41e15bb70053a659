//! What the listener is handed: gRPC by its paths, and the pages behind them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::body::Body;
use tower::Service as _;

use crate::grpc::layers::source::{self, TrustedProxies};
use crate::grpc::layers::{self, Guard, LayerSettings, Services, fallback};
use crate::net;

/// gRPC and plain HTTP on one port. A path of a service is gRPC's, whatever else the request is; every other is the router's.
#[derive(Debug)]
pub struct Front<S> {
    guard: Arc<Guard<S>>,
    pages: Router,
    trusted_proxies: TrustedProxies,
}

impl<S: Services> Front<S> {
    /// `services` behind their layers, and `pages`. Where neither has a path, the answer is [`fallback::unknown`].
    pub fn new(services: S, pages: Router, settings: LayerSettings) -> Self {
        let trusted_proxies = settings.trusted_proxies.clone();
        // `with_state` makes axum settle its internals once instead of at every call.
        let pages = pages.fallback(fallback::unknown).with_state(());
        Self { guard: Arc::new(Guard::new(services, settings)), pages, trusted_proxies }
    }
}

impl<S> Clone for Front<S> {
    fn clone(&self) -> Self {
        Self { guard: Arc::clone(&self.guard), pages: self.pages.clone(), trusted_proxies: self.trusted_proxies.clone() }
    }
}

impl<S: Services> net::Handler for Front<S> {
    type Body = Body;
    type Answering = Answering;

    fn handle(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Answering {
        if self.guard.has(request.uri().path()) {
            return Answering::Call(self.guard.call(request, peer.ip()));
        }
        source::mark(&mut request, peer.ip(), &self.trusted_proxies);
        let page = self.pages.clone().call(request.map(axum::body::Body::new));
        Answering::Page(Box::pin(async move { page.await.map(|page| page.map(Body::new)) }))
    }
}

/// An answer of a [`Front`] on its way.
pub enum Answering {
    /// To a call.
    Call(layers::Answering),
    /// To a request of plain HTTP.
    Page(Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>),
}

impl Future for Answering {
    type Output = Response<Body>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response<Body>> {
        let polled = match &mut *self {
            Self::Call(call) => Pin::new(call).poll(cx),
            Self::Page(page) => page.as_mut().poll(cx),
        };
        polled.map(|Ok(response)| response)
    }
}
