//! Speaks OpenID Connect to identity providers: the [`IdentityClient`] of sign-on, by openidconnect over hyper.
//!
//! Owns what is trusted of a provider. Invariants, whatever a provider does: a call ends within [`CALL_DEADLINE`], keeps at
//! most 64 KiB of an answer, and reaches only addresses that its issuer may use. An identity comes only from an ID token of
//! which every claim was checked.

mod address;
mod fetch;
mod metadata;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AuthType, ClientId, ClientSecret, CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use tokio::sync::Semaphore;

use self::fetch::Roots;
use self::metadata::{Known, Provider};
use crate::model::clock::Clock;
use crate::model::ids::ProviderId;
use crate::model::secret::Secret;
use crate::service::sso::{IdentityClient, IdentityError, ProvenIdentity, Registration, SignInRequest};

/// The longest that a call takes, with all its requests.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// How many calls may be under way for one provider; a further one waits for its turn.
const MAX_CALLS_PER_PROVIDER: usize = 16;
/// How many calls may be under way in all.
const MAX_CALLS: usize = 128;
/// How many providers are kept; beyond that, those that nobody uses are dropped.
const MAX_TRACKED_PROVIDERS: usize = 1024;

/// The client for every registered provider.
pub struct OidcClient {
    clock: Arc<dyn Clock>,
    roots: Roots,
    calls: Semaphore,
    providers: Mutex<HashMap<(ProviderId, String), Arc<Provider>>>,
}

type Result<T> = std::result::Result<T, IdentityError>;

impl OidcClient {
    /// One that trusts the machine's root certificates, which are read when a provider first needs them. `clock` is what ID
    /// tokens expire by.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, roots: Roots::default(), calls: Semaphore::new(MAX_CALLS), providers: Mutex::default() }
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
        let provider = Arc::new(Provider::new(&registration.issuer, &self.roots, MAX_CALLS_PER_PROVIDER)?);
        providers.insert(key, Arc::clone(&provider));
        Ok(provider)
    }
}

#[async_trait]
impl IdentityClient for OidcClient {
    async fn authorization_url(&self, registration: &Registration, request: &SignInRequest) -> Result<String> {
        self.bounded(registration, async |provider| {
            let known = provider.known().await?;
            let client = client(&known, registration, request)?;
            let state = CsrfToken::new(request.state.expose().to_owned());
            let nonce = Nonce::new(request.nonce.expose().to_owned());
            let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(request));
            let (url, _, _) = client
                .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
                .add_scopes(registration.scopes.iter().cloned().map(Scope::new))
                .set_pkce_challenge(challenge)
                .url();
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
        self.bounded(registration, async |provider| {
            let known = provider.known().await?;
            known.came_from(issuer)?;
            let client = client(&known, registration, request)?;
            let answer = token::exchange(&client, &provider.fetch, code, verifier(request)).await?;
            token::identity(provider, known, registration, request, &answer, self.clock.now()).await
        })
        .await
    }
}

/// openidconnect's client, its endpoints known.
type Ready = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
>;

fn client(known: &Known, registration: &Registration, request: &SignInRequest) -> Result<Ready> {
    let redirect = RedirectUrl::new(request.redirect_uri.clone())
        .map_err(|error| IdentityError::Untrusted(format!("our own redirect URI is no URL: {error}")))?;
    let client = CoreClient::new(ClientId::new(registration.client_id.clone()), known.issuer(), known.keys())
        .set_auth_uri(known.authorization_endpoint())
        .set_token_uri(known.token_endpoint())
        .set_redirect_uri(redirect);
    Ok(match &registration.client_secret {
        None => client.set_auth_type(AuthType::RequestBody),
        Some(secret) => client
            .set_client_secret(ClientSecret::new(secret.expose().to_owned()))
            .set_auth_type(if known.takes_secret_in_body() { AuthType::RequestBody } else { AuthType::BasicAuth }),
    })
}

fn verifier(request: &SignInRequest) -> PkceCodeVerifier {
    PkceCodeVerifier::new(request.pkce_verifier.expose().to_owned())
}

/// What a provider wrote, fit for a log: escaped, and not longer than a line.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(200).collect::<String>())
}
