//! The pages of sign-on, as people see them in a browser: server-rendered, without script, under a policy that forbids all
//! else.
//!
//! Owns the wire (paths, headers, words) and no policy: each handler is one call of [`crate::service::sso`]. A request
//! should carry its [`Source`](crate::model::source::Source) as an extension; without one its source is unspecified.

pub mod bounds;
mod pages;
mod sso;
pub mod status;
pub mod well_known;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::routing::{get, post};

use crate::edge::cookies::Cookie;
use crate::edge::origin::OwnOrigin;
use crate::model::secret::Secret;
use crate::service::policy::Policy;
use crate::service::sso::Sso;

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 8 * 1024;

/// What the pages need.
#[derive(Clone)]
pub struct PagesState {
    sso: Sso,
    cookie: Cookie,
    origin: OwnOrigin,
    /// The path of the public URL, without a final slash; links of pages begin with it.
    base: Arc<str>,
}

impl PagesState {
    /// Pages of a service that is reached as `policy` says.
    #[must_use]
    pub fn new(sso: Sso, policy: &Policy) -> Self {
        let base = url::Url::parse(&policy.public_url).map_or(String::new(), |url| url.path().trim_end_matches('/').to_owned());
        Self { sso, cookie: Cookie::sign_on(policy.cookie_secure), origin: OwnOrigin::of(&policy.public_url), base: base.into() }
    }

    /// What binds the browser; nothing where it sent two, of which one must be another's.
    fn binding(&self, headers: &HeaderMap) -> Option<Secret> {
        self.cookie.read(headers).ok().flatten()
    }
}

/// The routes of the pages, without a fallback: `/sso/start`, `/sso/callback/{provider}`, `/sso/confirm`, `/assets/style.css`.
pub fn router(state: PagesState) -> Router {
    Router::new()
        .route("/sso/start", get(sso::start))
        // A HEAD must not use a callback up.
        .route("/sso/callback/{provider}", get(sso::callback).head(sso::no_head))
        .route("/sso/confirm", post(sso::confirm))
        .route("/assets/style.css", get(pages::style))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(state)
}
