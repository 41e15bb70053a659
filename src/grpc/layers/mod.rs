//! What every gRPC call passes before its handler, and what its answer passes on the way back.
//!
//! Owns the limits of a call (deadline, calls in flight), the caller's [`Source`](crate::model::source::Source), and the rule
//! that every refusal is a gRPC status with `ErrorInfo`, also where tonic or a panic made it. Knows no service beyond the
//! paths in `class`. One tower service in place of one per concern: it costs one allocation a call, and the order, which
//! matters, is one function that can be read: `handle`.

mod class;
pub mod deadline;
mod details;
pub mod fallback;
mod held;
pub mod in_flight;
mod panics;
mod refusal;
pub mod source;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use tonic_web::GrpcWebLayer;
use tower::Service;
use tower::layer::layer_fn;

use class::Class;
use deadline::Deadlines;
use in_flight::{Bounds, InFlight};
use source::TrustedProxies;

/// What [`apply`] can be told. The default is what the service runs with.
#[derive(Clone, Debug, Default)]
pub struct LayerSettings {
    /// The longest a call of each class may take.
    pub deadlines: Deadlines,
    /// How many calls of each class may be in flight.
    pub bounds: Bounds,
    /// Whose `x-forwarded-for` is believed.
    pub trusted_proxies: TrustedProxies,
}

/// Puts the layers around the routes of gRPC services, and the answer to unknown paths behind them.
///
/// `router` is what `tonic::service::Routes::into_axum_router` gives; a fallback that it has is replaced by
/// [`fallback::unknown`], which is outside the layers and also answers for routes that are merged in later. Such a router must
/// not bring a fallback of its own.
pub fn apply(router: axum::Router, settings: LayerSettings) -> axum::Router {
    let shared = Arc::new(Shared {
        deadlines: settings.deadlines,
        in_flight: InFlight::new(&settings.bounds),
        trusted_proxies: settings.trusted_proxies,
    });
    router
        .reset_fallback()
        .layer(layer_fn(move |inner| Guard { inner, shared: Arc::clone(&shared) }))
        // Outside, so that the guard sees and answers nothing but gRPC. It answers 400 to every other HTTP/1 request, and so must
        // not be around the fallback.
        .layer(GrpcWebLayer::new())
        .fallback(fallback::unknown)
}

#[derive(Debug)]
struct Shared {
    deadlines: Deadlines,
    in_flight: InFlight,
    trusted_proxies: TrustedProxies,
}

/// The tower service behind [`apply`].
#[derive(Clone, Debug)]
struct Guard<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, B> Service<Request<B>> for Guard<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let unready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, unready);
        Box::pin(handle(Arc::clone(&self.shared), inner, request))
    }
}

/// The order, from the cheapest refusal inwards:
///
/// 1. What is no gRPC is refused as HTTP, because its sender would not read a gRPC status.
/// 2. The source, which everything inside may ask for.
/// 3. The deadline is read before a place is taken: a malformed one costs nobody anything.
/// 4. A place in flight, before the body is read: waiting bodies are what memory is spent on.
/// 5. The deadline covers reading the body and the handler. A stream keeps its place and its deadline until its end.
/// 6. A panic is caught inside the deadline and the place, so that both are given back.
/// 7. Last, what comes out is completed, whoever made it.
async fn handle<S, B>(shared: Arc<Shared>, mut inner: S, mut request: Request<B>) -> Result<Response, Infallible>
where
    S: Service<Request<B>, Response = Response, Error = Infallible>,
{
    if !is_grpc(request.method(), request.headers()) {
        return Ok(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this path speaks gRPC\n"));
    }
    source::mark(&mut request, &shared.trusted_proxies);
    let class = Class::of(request.uri().path());
    let asked = match deadline::asked(request.headers()) {
        Ok(asked) => asked,
        Err(status) => return Ok(status.into_http()),
    };
    let Some(place) = shared.in_flight.enter(class) else {
        return Ok(in_flight::overloaded().into_http());
    };
    let deadline = shared.deadlines.ends(class, asked);
    let uri = request.uri().clone();
    let call = panics::caught(uri.path(), async { inner.call(request).await });
    let called = match deadline {
        Some(at) => tokio::time::timeout_at(at, call).await.unwrap_or_else(|_| Ok(deadline::expired().into_http())),
        None => call.await,
    };
    let response = details::complete(called?);
    if class.is_stream() {
        return Ok(response.map(|body| Body::new(held::Held::new(body, place, deadline, uri))));
    }
    Ok(response)
}

fn is_grpc(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::POST
        && headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn plain(code: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
