//! The public documents: the keys for verifiers that check tokens without asking, and where a library that knows the issuer only finds
//! them.
//!
//! | path | what |
//! |---|---|
//! | `/.well-known/jwks.json` | the key set (RFC 7517, section 5) |
//! | `/.well-known/openid-configuration` | issuer, keys and algorithms (OpenID Connect Discovery 1.0) |
//! | `/.well-known/oauth-authorization-server` | the same (RFC 8414) |
//!
//! Any page may read them, and whoever has one already asks by its ETag.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::service::policy::Policy;
use crate::service::verify::Verifier;

const JWKS: &str = "/.well-known/jwks.json";

#[derive(Clone)]
struct Documents {
    verifier: Arc<Verifier>,
    issuer: Arc<str>,
    jwks_uri: Arc<str>,
}

/// Serves the keys of `verifier` and what leads to them; each may be kept for five minutes.
pub fn router(verifier: Arc<Verifier>, policy: &Policy) -> Router {
    let jwks_uri = format!("{}{JWKS}", policy.public_url).into();
    Router::new()
        .route(JWKS, with_preflight(get(jwks)))
        .route("/.well-known/openid-configuration", with_preflight(get(metadata)))
        .route("/.well-known/oauth-authorization-server", with_preflight(get(metadata)))
        .with_state(Documents { verifier, issuer: policy.issuer.as_str().into(), jwks_uri })
}

async fn jwks(State(documents): State<Documents>, asked: HeaderMap) -> Response {
    public(&json!({ "keys": documents.verifier.jwks() }), &asked)
}

/// What is true of us, and no more: tokens come by gRPC, so that there is no endpoint for them here. What both standards would take
/// for given where it is absent is said to be empty. The algorithms are those of access tokens; libraries look for them under the
/// name that OpenID Connect has for those of ID tokens.
async fn metadata(State(documents): State<Documents>, asked: HeaderMap) -> Response {
    let algorithms: BTreeSet<String> = documents.verifier.jwks().into_iter().map(|key| key.alg).collect();
    let document = json!({
        "issuer": &*documents.issuer,
        "jwks_uri": &*documents.jwks_uri,
        "id_token_signing_alg_values_supported": algorithms,
        "subject_types_supported": ["public"],
        "response_types_supported": [],
        "grant_types_supported": [],
        "token_endpoint_auth_methods_supported": [],
    });
    public(&document, &asked)
}

/// A document that anybody may read; nothing but its headers for who has it.
fn public(document: &Value, asked: &HeaderMap) -> Response {
    let body = document.to_string();
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&body)));
    let known = knows(asked, &tag);
    let headers = [
        (CACHE_CONTROL, "public, max-age=300"),
        (ETAG, &tag),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "etag"),
    ];
    if known {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// Whether `If-None-Match` (RFC 9110, section 13.1.2) names this tag. No tag of ours has a comma in it.
fn knows(asked: &HeaderMap, tag: &str) -> bool {
    let given = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).map(str::trim).any(|given| given == "*" || given.trim_start_matches("W/") == tag)
}

/// Answers the question that a browser asks before it sends `If-None-Match` from a page of another origin.
fn with_preflight<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    route.options(async || {
        let headers = [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "if-none-match"),
            (ACCESS_CONTROL_MAX_AGE, "86400"),
        ];
        (StatusCode::NO_CONTENT, headers).into_response()
    })
}
