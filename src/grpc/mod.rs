//! The gRPC face: each rpc parses its message and metadata, calls one service, and converts the answer. Holds no policy.
//!
//! What changes state runs to its end in a task of its own (`to_the_end`): a handler may be dropped at any await, when its
//! client goes away or its deadline passes, and a wrong password must count then too. A handler whose one change is one verb of
//! the store needs no task: the verb happens whole once it was handed over.

mod account;
mod admin;
mod auth;
pub mod codec;
pub mod convert;
pub mod layers;
pub mod metadata;
pub mod pb;
pub mod routes;
pub mod status;
mod token;

use std::future::Future;
use std::sync::Arc;

use tonic::{Request, Response};
use tracing::Instrument as _;

use self::metadata::Cookies;
use crate::model::session::Mode;
use crate::service::client::SignedIn;
use crate::service::policy::Policy;
use crate::service::services::Services;
use crate::service::tokens::TokenSet;
use crate::service::{Error, Result};

/// The four services of the contract; cheap to clone.
#[derive(Clone)]
pub struct Api {
    services: Arc<Services>,
    cookies: Arc<Cookies>,
}

impl Api {
    /// The face of `services` for a server that is reached as `policy` says.
    #[must_use]
    pub fn new(services: Arc<Services>, policy: &Policy) -> Self {
        Self { services, cookies: Arc::new(Cookies::new(&policy.public_url, policy.cookie_secure)) }
    }

    fn services(&self) -> Arc<Services> {
        Arc::clone(&self.services)
    }

    /// The signed-in caller of a request.
    fn caller<T>(&self, request: &Request<T>) -> Result<SignedIn> {
        let client = metadata::client(request.extensions());
        self.services.verifier.authenticate(&client, metadata::authorization(request.metadata()))
    }

    /// The answer `message` with these tokens. In COOKIE mode the refresh token goes into the cookie, and not into the message.
    fn answer<M>(&self, mut tokens: TokenSet, message: impl FnOnce(pb::TokenSet) -> M) -> Response<M> {
        let lasts = tokens.session_expire_time.since(tokens.access_expire_time).saturating_add(tokens.expires);
        let cookie = if tokens.mode == Mode::Cookie { tokens.refresh_token.take() } else { None };
        let mut response = Response::new(message(convert::tokens(tokens)));
        if let Some(refresh) = cookie {
            self.cookies.set(response.metadata_mut(), &refresh, lasts);
        }
        response
    }
}

/// Runs what changes state to its end, whether or not its caller stays.
///
/// # Errors
/// Those of `work`; [`Error::Internal`] where it panicked.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(answer) => answer,
        Err(broken) => Err(Error::Internal(format!("the task of a call ended early: {broken}"))),
    }
}
