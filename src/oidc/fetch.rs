//! One request to a provider: no redirects, at most 64 KiB of answer, at most 3 s in all, and only to addresses of its realm.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::{ClientConfig, RootCertStore};
use tower::Service;
use url::Url;

use super::address::Realm;
use crate::service::sso::IdentityError;

/// The longest that one request takes, from resolving the name to the last byte of the answer.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// The most of an answer's body that is read, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// The most of an answer's head that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// The machine's root certificates, read once.
#[derive(Clone, Default)]
pub(super) struct Roots(Arc<OnceLock<Result<ClientConfig, String>>>);

/// Sends requests of one provider.
pub(super) struct Fetch {
    realm: Realm,
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
}

/// Why there is no answer. The texts hold nothing of what was sent or answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0} is not an address that this issuer may name")]
    Forbidden(String),
    #[error("no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
    #[error("the answer is longer than {MAX_BODY} bytes")]
    TooLong,
    #[error("{0}")]
    Broken(String),
}

impl Roots {
    /// If the machine has no root certificates, every `https` provider is refused, and the log says why.
    fn config(&self) -> Result<ClientConfig, IdentityError> {
        let config = self.0.get_or_init(|| {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let builder = builder.map_err(|error| error.to_string())?;
            let trusting = builder.clone().with_native_roots().unwrap_or_else(|error| {
                tracing::warn!(%error, "no root certificates: no identity provider can be reached by https");
                builder.with_root_certificates(RootCertStore::empty())
            });
            Ok(trusting.with_no_client_auth())
        });
        config.clone().map_err(IdentityError::Unreachable)
    }
}

impl Fetch {
    pub(super) fn new(realm: Realm, roots: &Roots) -> Result<Self, IdentityError> {
        let mut http = HttpConnector::new_with_resolver(Resolver { realm, inner: GaiResolver::new() });
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(roots.config()?).https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .http1_max_buf_size(MAX_HEAD)
            .build(connector);
        Ok(Self { realm, client })
    }

    /// Whether requests may go to this URL.
    pub(super) fn allows(&self, url: &Url) -> bool {
        self.realm.allows(url)
    }

    /// The body of a JSON document.
    pub(super) async fn json(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let request = http::Request::get(url.as_str()).header(http::header::ACCEPT, "application/json").body(Vec::new());
        let answer = self.send(request.map_err(|error| broken(&error))?).await?;
        if answer.status() == http::StatusCode::OK {
            Ok(answer.into_body())
        } else {
            Err(FetchError::Broken(format!("it answered {}", answer.status())))
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let target = request.uri().to_string();
        if !Url::parse(&target).is_ok_and(|url| self.allows(&url)) {
            return Err(FetchError::Forbidden(target));
        }
        match tokio::time::timeout(REQUEST_TIMEOUT, self.answer(request.map(|body| Full::new(body.into())))).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Timeout),
        }
    }

    async fn answer(&self, request: http::Request<Full<Bytes>>) -> Result<HttpResponse, FetchError> {
        let (parts, body) = self.client.request(request).await.map_err(|error| broken(&error))?.into_parts();
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { FetchError::TooLong } else { broken(&*error) })?;
        Ok(http::Response::from_parts(parts, body.to_bytes().to_vec()))
    }
}

impl<'c> AsyncHttpClient<'c> for Fetch {
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Resolves names to addresses of the realm. An address in a URL is not resolved; [`Realm::allows`] checks those.
#[derive(Clone)]
struct Resolver {
    realm: Realm,
    inner: GaiResolver,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (realm, found) = (self.realm, self.inner.call(name));
        Box::pin(async move {
            let addresses: Vec<_> = found.await?.filter(|address| realm.reaches(address.ip())).collect();
            if addresses.is_empty() {
                return Err(io::Error::other("its name leads to no address that this issuer may name"));
            }
            Ok(addresses.into_iter())
        })
    }
}

/// The error with its cause: hyper says "connect error", the cause says why.
fn broken(error: &dyn std::error::Error) -> FetchError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    FetchError::Broken(text)
}
