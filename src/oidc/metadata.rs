//! The discovery document and keys of a provider, fetched when needed and kept for a while.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{CoreClientAuthMethod, CoreJsonWebKeySet};
use openidconnect::{AuthUrl, DiscoveryError, IssuerUrl, JsonWebKeySet, JsonWebKeySetUrl, TokenUrl};
use serde::Deserialize;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use url::Url;

use super::address::Realm;
use super::fetch::{Fetch, FetchError, Roots};
use super::quoted;
use crate::service::sso::IdentityError;

/// How long fetched metadata is used.
const METADATA_LIFETIME: Duration = Duration::from_mins(5);
/// How long a failure is repeated without a new fetch.
const FAILURE_LIFETIME: Duration = Duration::from_secs(2);
/// The least time between two fetches of keys because a token names an unknown key.
const KEY_REFETCH_INTERVAL: Duration = Duration::from_mins(1);

type Result<T> = std::result::Result<T, IdentityError>;

/// A provider, as long as it is remembered.
pub(super) struct Provider {
    issuer: IssuerUrl,
    pub(super) fetch: Fetch,
    pub(super) calls: Semaphore,
    /// Held while fetching, so that many who need it fetch it once.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<(Arc<Known>, Instant)>,
    failed: Option<(IdentityError, Instant)>,
}

/// A provider's discovery document, checked, with its keys.
pub(super) struct Known {
    issuer: IssuerUrl,
    document: Document,
    keys: CoreJsonWebKeySet,
    /// When the keys were fetched.
    at: Instant,
}

/// What is read of a discovery document (OpenID Connect Discovery 1.0, section 3; RFC 9207, section 3). openidconnect's own
/// type refuses documents for fields that nobody here uses.
#[derive(Clone, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
    jwks_uri: JsonWebKeySetUrl,
    token_endpoint_auth_methods_supported: Option<Vec<CoreClientAuthMethod>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Provider {
    pub(super) fn new(issuer: &str, roots: &Roots, calls: usize) -> Result<Self> {
        let malformed = || IdentityError::Untrusted("the issuer is no https URL, nor an http one on loopback".to_owned());
        let realm = Url::parse(issuer).ok().as_ref().and_then(Realm::of).ok_or_else(malformed)?;
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|_| malformed())?;
        Ok(Self { issuer, fetch: Fetch::new(realm, roots)?, calls: Semaphore::new(calls), state: Mutex::default() })
    }

    /// The metadata, fetched if there is none or it is too old.
    pub(super) async fn known(&self) -> Result<Arc<Known>> {
        let mut state = self.state.lock().await;
        if let Some((known, at)) = &state.known
            && at.elapsed() < METADATA_LIFETIME
        {
            return Ok(Arc::clone(known));
        }
        self.fetched(&mut state, self.discover()).await
    }

    /// The metadata, with keys fetched after those of `known`; `known` itself if its keys were fetched within the last minute.
    pub(super) async fn with_newer_keys(&self, known: &Arc<Known>) -> Result<Arc<Known>> {
        let mut state = self.state.lock().await;
        if let Some((current, _)) = &state.known
            && current.at > known.at
        {
            return Ok(Arc::clone(current));
        }
        if known.at.elapsed() < KEY_REFETCH_INTERVAL {
            return Ok(Arc::clone(known));
        }
        self.fetched(&mut state, self.discover()).await
    }

    async fn fetched(&self, state: &mut State, fetch: impl Future<Output = Result<Known>>) -> Result<Arc<Known>> {
        if let Some((error, at)) = &state.failed
            && at.elapsed() < FAILURE_LIFETIME
        {
            return Err(error.clone());
        }
        match fetch.await {
            Ok(known) => {
                let known = Arc::new(known);
                *state = State { known: Some((Arc::clone(&known), Instant::now())), failed: None };
                Ok(known)
            }
            Err(error) => {
                state.failed = Some((error.clone(), Instant::now()));
                Err(error)
            }
        }
    }

    async fn discover(&self) -> Result<Known> {
        let document = self.document().await?;
        let endpoints = [document.authorization_endpoint.url(), document.token_endpoint.url(), document.jwks_uri.url()];
        if let Some(strange) = endpoints.into_iter().find(|url| !self.fetch.allows(url)) {
            return Err(IdentityError::Untrusted(format!(
                "its discovery document names the address {}",
                quoted(strange.as_str())
            )));
        }
        let keys =
            JsonWebKeySet::fetch_async(&document.jwks_uri, &self.fetch).await.map_err(|error| unfetched("keys", &error))?;
        Ok(Known { issuer: self.issuer.clone(), document, keys, at: Instant::now() })
    }

    async fn document(&self) -> Result<Document> {
        let url = self.issuer.join(".well-known/openid-configuration").map_err(|e| IdentityError::Untrusted(e.to_string()))?;
        let body = self.fetch.json(&url).await.map_err(|error| IdentityError::Unreachable(format!("discovery: {error}")))?;
        let document: Document = serde_json::from_slice(&body).map_err(|error| {
            IdentityError::Untrusted(format!("its discovery document cannot be read: {}", quoted(&error.to_string())))
        })?;
        if document.issuer != *self.issuer {
            return Err(IdentityError::Untrusted(format!(
                "its discovery document is of the issuer {}",
                quoted(&document.issuer)
            )));
        }
        Ok(document)
    }
}

impl Known {
    pub(super) fn issuer(&self) -> IssuerUrl {
        self.issuer.clone()
    }

    pub(super) fn keys(&self) -> CoreJsonWebKeySet {
        self.keys.clone()
    }

    pub(super) fn authorization_endpoint(&self) -> AuthUrl {
        self.document.authorization_endpoint.clone()
    }

    pub(super) fn token_endpoint(&self) -> TokenUrl {
        self.document.token_endpoint.clone()
    }

    /// Whether the client secret goes into the body. Only if the provider names the body and not the header; a provider that
    /// names nothing takes the header.
    pub(super) fn takes_secret_in_body(&self) -> bool {
        self.document.token_endpoint_auth_methods_supported.as_ref().is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        })
    }

    /// Whether a callback that names `issuer` comes from this provider. A callback that names none does, unless the provider
    /// promised to name itself (RFC 9207, section 2.4).
    pub(super) fn came_from(&self, issuer: Option<&str>) -> Result<()> {
        let ours = match issuer {
            Some(issuer) => issuer == self.issuer.as_str(),
            None => !self.document.authorization_response_iss_parameter_supported,
        };
        if ours { Ok(()) } else { Err(IdentityError::Untrusted("the callback came from another issuer".to_owned())) }
    }
}

fn unfetched(what: &str, error: &DiscoveryError<FetchError>) -> IdentityError {
    let why = match error {
        DiscoveryError::Request(error) => error.to_string(),
        other => quoted(&other.to_string()),
    };
    IdentityError::Unreachable(format!("{what}: {why}"))
}
