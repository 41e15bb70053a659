//! The discovery document and keys of a provider, fetched when needed and kept for a while.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use url::Url;

use super::address::Realm;
use super::document::{Document, Unread};
use super::fetch::Fetch;
use super::network::Outside;
use crate::crypto::jwt::PublicKeys;
use crate::service::sso::IdentityError;

/// How long fetched metadata is used for those who set out.
const METADATA_LIFETIME: Duration = Duration::from_mins(5);
/// How long it is used for those who come back: they set out at most ten minutes ago, and a code is exchanged where it was
/// asked for.
pub(super) const RETURN_LIFETIME: Duration = Duration::from_mins(15);
/// How long a failure is repeated without a new fetch.
const FAILURE_LIFETIME: Duration = Duration::from_secs(2);
/// How often keys may be fetched again within [`KEY_REFETCH_WINDOW`] because a token does not verify.
const MAX_KEY_REFETCHES: usize = 3;
/// What [`MAX_KEY_REFETCHES`] is counted over.
const KEY_REFETCH_WINDOW: Duration = Duration::from_mins(1);

const DISCOVERY: &str = "discovery document";
const KEYS: &str = "key set";

type Result<T> = std::result::Result<T, IdentityError>;

/// A provider, as long as it is remembered.
pub(super) struct Provider {
    issuer: String,
    discovery: Url,
    pub(super) fetch: Fetch,
    pub(super) calls: Semaphore,
    /// Held while fetching, so that many who need it fetch it once.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<Known>>,
    failed: Option<(IdentityError, Instant)>,
    /// When keys were fetched because a token did not verify.
    refetched: VecDeque<Instant>,
}

/// What is read of a provider's discovery document (OpenID Connect Discovery 1.0, section 3; RFC 9207, section 3), checked,
/// with its keys.
pub(super) struct Known {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    /// Where there is one that may be asked.
    pub(super) userinfo_endpoint: Option<Url>,
    /// Whether the client secret goes into the body.
    pub(super) secret_in_body: bool,
    names_itself: bool,
    pub(super) keys: PublicKeys,
    /// When it was fetched.
    at: Instant,
}

impl Provider {
    pub(super) fn new(issuer: &str, confined: bool, outside: &Outside, calls: usize) -> Result<Self> {
        let malformed = || IdentityError::Untrusted("the issuer is at no address that it may have".to_owned());
        let realm = Url::parse(issuer).ok().as_ref().and_then(|issuer| Realm::of(issuer, confined)).ok_or_else(malformed)?;
        let discovery = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
        Ok(Self {
            issuer: issuer.to_owned(),
            discovery: Url::parse(&discovery).map_err(|_| malformed())?,
            fetch: Fetch::new(realm, outside)?,
            calls: Semaphore::new(calls),
            state: Mutex::default(),
        })
    }

    /// The metadata for somebody who sets out.
    pub(super) async fn known(&self) -> Result<Arc<Known>> {
        self.known_for(METADATA_LIFETIME).await
    }

    /// The metadata, fetched if there is none or it is older than `lifetime`.
    pub(super) async fn known_for(&self, lifetime: Duration) -> Result<Arc<Known>> {
        let mut state = self.state.lock().await;
        match &state.known {
            Some(known) if known.at.elapsed() < lifetime => Ok(Arc::clone(known)),
            _ => self.fetched(&mut state).await,
        }
    }

    /// The metadata with keys that were fetched after those of `known`, with which a token did not verify; `None` where they
    /// have been fetched for that reason often enough.
    pub(super) async fn with_newer_keys(&self, known: &Known) -> Result<Option<Arc<Known>>> {
        let mut state = self.state.lock().await;
        if let Some(current) = &state.known
            && current.at > known.at
        {
            return Ok(Some(Arc::clone(current)));
        }
        state.refetched.retain(|at| at.elapsed() < KEY_REFETCH_WINDOW);
        if state.refetched.len() >= MAX_KEY_REFETCHES {
            return Ok(None);
        }
        state.refetched.push_back(Instant::now());
        self.fetched(&mut state).await.map(Some)
    }

    async fn fetched(&self, state: &mut State) -> Result<Arc<Known>> {
        if let Some((error, at)) = &state.failed
            && at.elapsed() < FAILURE_LIFETIME
        {
            return Err(error.clone());
        }
        match self.discover().await {
            Ok(known) => {
                let known = Arc::new(known);
                (state.known, state.failed) = (Some(Arc::clone(&known)), None);
                Ok(known)
            }
            Err(error) => {
                state.failed = Some((error.clone(), Instant::now()));
                Err(error)
            }
        }
    }

    async fn discover(&self) -> Result<Known> {
        let document = self.document(DISCOVERY, &self.discovery).await?;
        self.is_of_issuer(&document)?;
        let endpoint = |field: &'static str| {
            let url = document.address(field).map_err(unread)?;
            let allowed = self.fetch.allows(&url);
            allowed.then_some(url).ok_or_else(|| unread(document.wrong(field, "an address that this issuer may name")))
        };
        let methods = || document.texts("token_endpoint_auth_methods_supported").into_iter().flatten();
        let takes = |method: &str| methods().any(|known| known == method);
        let userinfo = document.hint("userinfo_endpoint").and_then(|url| Url::parse(url).ok());
        let keys = endpoint("jwks_uri")?;
        let known = Known {
            issuer: self.issuer.clone(),
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            userinfo_endpoint: userinfo.filter(|url| self.fetch.allows(url)),
            // Only if the provider names the body and not the header; one that names nothing takes the header.
            secret_in_body: takes("client_secret_post") && !takes("client_secret_basic"),
            names_itself: document.flag("authorization_response_iss_parameter_supported"),
            keys: PublicKeys::default(),
            at: Instant::now(),
        };
        Ok(Known { keys: self.keys(&keys).await?, ..known })
    }

    async fn keys(&self, url: &Url) -> Result<PublicKeys> {
        let document = self.document(KEYS, url).await?;
        let keys = document.value("keys").ok_or_else(|| unread(document.missing("keys")))?;
        PublicKeys::read(keys).ok_or_else(|| unread(document.wrong("keys", "a list")))
    }

    async fn document(&self, name: &'static str, url: &Url) -> Result<Document> {
        let body = self.fetch.document(url, None).await;
        let body = body.map_err(|error| IdentityError::Unreachable(format!("{name}: {error}")))?;
        Document::read(name, &body).map_err(unread)
    }

    /// Its issuer must be the registered one, to the letter.
    fn is_of_issuer(&self, document: &Document) -> Result<()> {
        let named = document.required("issuer").map_err(unread)?;
        if named == self.issuer {
            return Ok(());
        }
        let only_slash = named.trim_end_matches('/') == self.issuer.trim_end_matches('/');
        Err(unread(document.wrong(
            "issuer",
            if only_slash { "the registered issuer: the final slash differs" } else { "the registered issuer" },
        )))
    }
}

impl Known {
    /// Whether a callback that names `issuer` comes from this provider. A callback that names none does, unless the provider
    /// promised to name itself (RFC 9207, section 2.4).
    pub(super) fn came_from(&self, issuer: Option<&str>) -> Result<()> {
        let ours = match issuer {
            Some(issuer) => issuer == self.issuer,
            None => !self.names_itself,
        };
        if ours { Ok(()) } else { Err(IdentityError::Untrusted("callback: `iss` is not this provider's".to_owned())) }
    }
}

/// What cannot be read cannot be believed.
pub(super) fn unread(unread: Unread) -> IdentityError {
    IdentityError::Untrusted(unread.to_string())
}
