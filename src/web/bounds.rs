//! How much of the server plain HTTP may take: a deadline for each request, its body included, and a number of them at once.
//! gRPC has its own bounds, so that neither starves the other.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::model::traffic::Traffic;

/// The longest that a request may take; a callback that asks a slow provider is within it.
const LONGEST: Duration = Duration::from_secs(20);
/// How many may be under way.
const AT_ONCE: usize = 256;

/// Puts the bounds around the routes of `router`, none of which checks a password, and counts what is asked of them.
pub fn apply(router: Router, traffic: Traffic) -> Router {
    within(router, LONGEST, AT_ONCE, traffic)
}

fn within(router: Router, longest: Duration, at_once: usize, traffic: Traffic) -> Router {
    let places = Arc::new(Semaphore::new(at_once));
    router.layer(from_fn(move |request: Request, next: Next| {
        let (places, traffic) = (Arc::clone(&places), traffic.clone());
        async move {
            let Ok(_place) = places.try_acquire() else {
                return refused(StatusCode::SERVICE_UNAVAILABLE, "the server is busy, try again\n");
            };
            traffic.count();
            tokio::time::timeout(longest, next.run(request))
                .await
                .unwrap_or_else(|_| refused(StatusCode::REQUEST_TIMEOUT, "the request took too long\n"))
        }
    }))
}

fn refused(code: StatusCode, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 2] = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (RETRY_AFTER, "1")];
    (code, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn asked(router: &Router) -> StatusCode {
        let request = Request::get("/").body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_or_is_too_much_is_refused() {
        let slow = within(Router::new().route("/", get(std::future::pending::<()>)), LONGEST, 1, Traffic::default());
        let (first, second) = tokio::join!(asked(&slow), asked(&slow));
        assert_eq!((first, second), (StatusCode::REQUEST_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(asked(&slow).await, StatusCode::REQUEST_TIMEOUT, "a place is given back");
        let quick = within(Router::new().route("/", get(async || "here")), LONGEST, 1, Traffic::default());
        assert_eq!(asked(&quick).await, StatusCode::OK);
    }
}
