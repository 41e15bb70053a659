//! Speaks OpenID Connect to identity providers: the [`IdentityClient`] of sign-on, over hyper.
//!
//! Owns what is trusted of a provider. Invariants, whatever a provider does: a call ends within [`CALL_DEADLINE`], keeps at
//! most 64 KiB of an answer, and reaches only addresses that its issuer may use. An identity comes only from an ID token whose
//! signature, algorithm, `iss`, `aud`, `azp`, `exp`, `nonce` and `sub` were checked. What nobody uses may have any shape.

mod address;
mod document;
mod fetch;
mod id_token;
mod metadata;
mod network;
mod profile;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::metadata::{Provider, RETURN_LIFETIME};
pub use self::network::Network;
use self::network::Outside;
use crate::model::ids::ProviderId;
use crate::model::secret::Secret;
use crate::service::sso::{IdentityClient, IdentityError, ProvenIdentity, Registration, SignInRequest};
use crate::service::time::Time;

/// The longest that a call takes, with all its requests.
pub const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// How many calls may be under way for one provider; a further one waits for its turn.
const MAX_CALLS_PER_PROVIDER: usize = 16;
/// How many calls may be under way in all.
const MAX_CALLS: usize = 128;
/// How many providers are kept; beyond that, those that nobody uses are dropped.
const MAX_TRACKED_PROVIDERS: usize = 1024;

/// The client for every registered provider.
pub struct OidcClient {
    time: Time,
    outside: Outside,
    calls: Semaphore,
    providers: Mutex<HashMap<(ProviderId, String), Arc<Provider>>>,
}

type Result<T> = std::result::Result<T, IdentityError>;

impl OidcClient {
    /// One that goes out by `network` and trusts the machine's root certificates, which are read when a provider first needs
    /// them. `time` is what ID tokens expire by.
    #[must_use]
    pub fn new(time: Time, network: Network) -> Self {
        Self { time, outside: Outside::new(network), calls: Semaphore::new(MAX_CALLS), providers: Mutex::default() }
    }

    /// Runs `call` within [`CALL_DEADLINE`], including the wait for its turn. It waits for a place of its provider first, so a
    /// provider that hangs takes no more than its own share of all places.
    async fn bounded<T>(&self, registration: &Registration, call: impl AsyncFnOnce(&Provider) -> Result<T>) -> Result<T> {
        let closed = |_| IdentityError::Unreachable("the client is closed".to_owned());
        let provider = self.provider(registration)?;
        let in_turn = async {
            let _one_of_its = provider.calls.acquire().await.map_err(closed)?;
            let _one_of_all = self.calls.acquire().await.map_err(closed)?;
            call(&provider).await
        };
        let late = |_| IdentityError::Unreachable(format!("no answer within {} s", CALL_DEADLINE.as_secs()));
        tokio::time::timeout(CALL_DEADLINE, in_turn).await.map_err(late)?
    }

    /// What is remembered of the provider; its issuer is part of the key, so that nothing outlives a change of it.
    fn provider(&self, registration: &Registration) -> Result<Arc<Provider>> {
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (registration.id, registration.issuer.clone());
        if let Some(provider) = providers.get(&key) {
            return Ok(Arc::clone(provider));
        }
        if providers.len() >= MAX_TRACKED_PROVIDERS {
            providers.retain(|_, provider| Arc::strong_count(provider) > 1);
        }
        let provider =
            Arc::new(Provider::new(&registration.issuer, registration.confined, &self.outside, MAX_CALLS_PER_PROVIDER)?);
        providers.insert(key, Arc::clone(&provider));
        Ok(provider)
    }
}

#[async_trait]
impl IdentityClient for OidcClient {
    async fn authorization_url(&self, registration: &Registration, request: &SignInRequest) -> Result<String> {
        self.bounded(registration, async |provider| {
            let known = provider.known().await?;
            // An endpoint with a query of its own keeps it.
            let mut url = known.authorization_endpoint.clone();
            let scopes = std::iter::once("openid").chain(registration.scopes.iter().map(String::as_str));
            url.query_pairs_mut()
                .append_pair("response_type", "code")
                .append_pair("client_id", &registration.client_id)
                .append_pair("redirect_uri", &request.redirect_uri)
                .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
                .append_pair("state", request.state.expose())
                .append_pair("nonce", request.nonce.expose())
                .append_pair("code_challenge", &challenge(&request.pkce_verifier))
                .append_pair("code_challenge_method", "S256");
            Ok(url.into())
        })
        .await
    }

    async fn exchange(
        &self,
        registration: &Registration,
        request: &SignInRequest,
        code: &Secret,
        issuer: Option<&str>,
    ) -> Result<ProvenIdentity> {
        let until = Instant::now() + CALL_DEADLINE;
        self.bounded(registration, async |provider| {
            let known = provider.known_for(RETURN_LIFETIME).await?;
            known.came_from(issuer)?;
            let tokens = token::exchange(&known, &provider.fetch, registration, request, code).await?;
            let identity = id_token::identity(provider, &known, registration, request, &tokens, &self.time).await?;
            Ok(profile::completed(provider, &known, identity, &tokens, until).await)
        })
        .await
    }
}

/// The PKCE challenge of a verifier (RFC 7636, section 4.2).
fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

/// A text of outside, fit for a log: escaped, and not longer than a line.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(200).collect::<String>())
}
