//! The gRPC face: each rpc parses its message and metadata, calls one service, and converts the answer. Holds no policy.
//!
//! What changes state runs to its end in a task of its own ([`to_the_end`](crate::edge::to_the_end)): a handler may be dropped at any await, when its
//! client goes away or its deadline passes, and a wrong password must count then too. A handler whose one change is one verb of
//! the store needs no task: the verb happens whole once it was handed over.

mod account;
mod admin;
mod auth;
pub mod codec;
pub mod convert;
pub mod layers;
pub mod pb;
pub mod routes;
pub mod status;
mod token;

use std::sync::Arc;

use tonic::{Request, Response};

use crate::edge::authorization::authorization;
use crate::edge::cookies::{Cookie, Several};
use crate::edge::origin::OwnOrigin;
use crate::edge::source;
use crate::model::secret::Secret;
use crate::model::session::{Face, Mode};
use crate::service::Result;
use crate::service::client::{Client, SignedIn};
use crate::service::limits::invalid;
use crate::service::policy::Policy;
use crate::service::services::Services;
use crate::service::tokens::TokenSet;

/// The four services of the contract; cheap to clone.
#[derive(Clone)]
pub struct Api {
    services: Arc<Services>,
    cookie: Cookie,
    origin: OwnOrigin,
}

impl Api {
    /// The face of `services` for a server that is reached as `policy` says.
    #[must_use]
    pub fn new(services: Arc<Services>, policy: &Policy) -> Self {
        Self { services, cookie: Cookie::refresh(policy.cookie_secure), origin: OwnOrigin::of(&policy.public_url) }
    }

    fn services(&self) -> Arc<Services> {
        Arc::clone(&self.services)
    }

    /// The signed-in caller of a request.
    fn caller<T>(&self, request: &Request<T>) -> Result<SignedIn> {
        self.services.verifier.authenticate(&client(request), authorization(request.metadata().as_ref()))
    }

    /// The refresh token that a call brings in its cookie.
    fn presented_cookie<T>(&self, request: &Request<T>) -> Result<Option<Secret>> {
        let read = self.cookie.read(request.metadata().as_ref());
        read.map_err(|Several| invalid("cookie", "has several refresh tokens"))
    }

    /// The answer `message` with these tokens. In COOKIE mode the refresh token goes into the cookie, and not into the message.
    fn answer<M>(&self, mut tokens: TokenSet, message: impl FnOnce(pb::TokenSet) -> M) -> Response<M> {
        let lasts = tokens.session_expire_time.since(tokens.access_expire_time).saturating_add(tokens.expires);
        let cookie = if tokens.mode == Mode::Cookie { tokens.refresh_token.take() } else { None };
        let mut response = Response::new(message(convert::tokens(tokens)));
        if let Some(refresh) = cookie {
            self.cookie.set(response.metadata_mut().as_mut(), &refresh, lasts);
        }
        response
    }
}

/// The caller as the edge marked the request.
fn client<T>(request: &Request<T>) -> Client {
    source::client(request.extensions(), Face::Grpc)
}
