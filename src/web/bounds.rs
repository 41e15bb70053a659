//! How much of the server plain HTTP may take: each request passes the [`edge`](crate::edge) as [`Class::Page`], on its own
//! deadline and its own places, and a handler that panics ends its request alone.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::uri::PathAndQuery;

use super::status::{Family, answer};
use crate::edge::{Call, Class, Edge, Refusal};

/// Puts the bounds of `edge` around the routes of `router`, none of which checks a password.
pub fn apply(router: Router, edge: Arc<Edge>) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| {
        let edge = Arc::clone(&edge);
        async move { within(&edge, request, next).await.unwrap_or_else(|refusal| answer(Family::Own, &refusal)) }
    }))
}

async fn within(edge: &Edge, request: Request, next: Next) -> Result<Response, Refusal> {
    let admission = edge.admit(Class::Page, None)?;
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    Call::new(Box::pin(async move { Ok(next.run(request).await) }), admission, path, edge.id()).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::edge::EdgeSettings;
    use crate::edge::in_flight::Bounds;

    async fn asked(router: &Router) -> StatusCode {
        let request = Request::get("/").body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    }

    fn within_one<H: axum::handler::Handler<T, ()>, T: 'static>(handler: H) -> Router {
        let settings = EdgeSettings { bounds: Bounds { pages: 1, ..Bounds::default() }, ..EdgeSettings::default() };
        apply(Router::new().route("/", get(handler)), Arc::new(Edge::new(settings)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_or_is_too_much_is_refused() {
        let slow = within_one(std::future::pending::<()>);
        let (first, second) = tokio::join!(asked(&slow), asked(&slow));
        assert_eq!((first, second), (StatusCode::REQUEST_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(asked(&slow).await, StatusCode::REQUEST_TIMEOUT, "a place is given back");
        assert_eq!(asked(&within_one(async || "here")).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_panic_ends_its_request_alone() {
        let broken = within_one(async || -> StatusCode { panic!("in a handler") });
        assert_eq!(asked(&broken).await, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(asked(&broken).await, StatusCode::INTERNAL_SERVER_ERROR, "a place is given back");
    }
}
