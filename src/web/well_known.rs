//! `/.well-known/jwks.json`: the public keys, for verifiers that check tokens without asking.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CACHE_CONTROL;
use serde_json::json;

use crate::service::verify::Verifier;

/// Serves the keys of `verifier`; they may be kept for five minutes.
pub fn router(verifier: Arc<Verifier>) -> Router {
    Router::new().route("/.well-known/jwks.json", get(jwks)).with_state(verifier)
}

/// The key set as in RFC 7517, section 5.
async fn jwks(State(verifier): State<Arc<Verifier>>) -> Response {
    ([(CACHE_CONTROL, "public, max-age=300")], Json(json!({ "keys": verifier.jwks() }))).into_response()
}
