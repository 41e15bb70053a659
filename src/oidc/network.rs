//! The way out: through the operator's proxy where there is one, trusting the machine's authorities and the operator's own.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tower::Service;

use super::address::Realm;
use crate::model::secret::Secret;
use crate::service::sso::IdentityError;

/// What the operator says of the way to identity providers.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The proxy for `https`, a URL; it may hold a user and a password. Empty: none.
    pub proxy: Secret,
    /// For which hosts there is none: names with all below them, addresses and networks, separated by commas; `*` for all.
    pub no_proxy: String,
    /// Authorities that are trusted beside the machine's own.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// The way out, made once for all providers.
#[derive(Clone)]
pub(super) struct Outside(Arc<Inner>);

struct Inner {
    network: Network,
    proxies: Arc<Matcher>,
    /// Read when a provider first needs them.
    tls: OnceLock<Result<ClientConfig, String>>,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Outside {
    pub(super) fn new(network: Network) -> Self {
        let proxies = Matcher::builder().https(network.proxy.expose()).no(network.no_proxy.as_str()).build();
        Self(Arc::new(Inner { network, proxies: Arc::new(proxies), tls: OnceLock::new() }))
    }

    /// Whether a proxy stands before that address.
    #[cfg(test)]
    pub(super) fn has_proxy_for(&self, to: &Uri) -> bool {
        self.0.proxies.intercept(to).is_some()
    }

    /// What connects to the addresses of a realm. This machine is never reached through a proxy.
    pub(super) fn connector(&self, realm: Realm) -> Result<HttpsConnector<Dial>, IdentityError> {
        let tls = self.0.tls.get_or_init(|| tls(&self.0.network.authorities)).clone().map_err(IdentityError::Unreachable)?;
        let dial = self.dial(realm, tls.clone());
        Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(dial))
    }

    fn dial(&self, realm: Realm, tls: ClientConfig) -> Dial {
        let to_proxy = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Dial {
            direct: tcp(Resolver { realm, inner: GaiResolver::new() }),
            proxies: (realm != Realm::Loopback).then(|| Arc::clone(&self.0.proxies)),
            confined: (realm == Realm::Internet).then(|| Resolver { realm, inner: GaiResolver::new() }),
            to_proxy: to_proxy.wrap_connector(tcp(GaiResolver::new())),
        }
    }
}

/// If there are no root certificates, every `https` provider is refused, and the log says why.
fn tls(authorities: &[CertificateDer<'static>]) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let machine = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(machine.certs);
    roots.add_parsable_certificates(authorities.iter().cloned());
    if roots.is_empty() {
        let errors: Vec<String> = machine.errors.iter().map(ToString::to_string).collect();
        tracing::warn!(errors = errors.join("; "), "no root certificates: no identity provider can be reached by https");
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn tcp<R>(resolver: R) -> HttpConnector<R> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp
}

/// Connects: directly, or by CONNECT through a proxy.
///
/// # Security
/// A name is resolved to addresses of the realm alone. Behind a proxy it is the proxy that resolves it, and where it may connect
/// to is the proxy's to decide; the address of the proxy is the operator's word. What an organization's admin named is resolved here
/// too, and is not asked for where all that is found is refused.
#[derive(Clone)]
pub(super) struct Dial {
    direct: HttpConnector<Resolver>,
    proxies: Option<Arc<Matcher>>,
    to_proxy: HttpsConnector<HttpConnector>,
    confined: Option<Resolver>,
}

impl Service<Uri> for Dial {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self.proxies.as_ref().and_then(|proxies| proxies.intercept(&to)) {
            None => {
                let connecting = self.direct.call(to);
                Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) })
            }
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
                if let Some(authorization) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(authorization.clone());
                }
                let looked_up = self.confined.clone().zip(to.host().and_then(|host| host.parse().ok()));
                Box::pin(async move {
                    if let Some((mut resolver, name)) = looked_up {
                        // A name that only the proxy can resolve is the proxy's to decide about.
                        if let Err(refused) = resolver.call(name).await
                            && matches!(refused.get_ref(), Some(error) if error.is::<Elsewhere>())
                        {
                            return Err(refused.into());
                        }
                    }
                    let connecting = tunnel.call(to);
                    Ok(connecting.await.map_err(|error| Unproxied(error.into()))?)
                })
            }
        }
    }
}

/// The proxy did not connect.
#[derive(Debug, thiserror::Error)]
#[error("the proxy did not connect")]
struct Unproxied(#[source] BoxError);

/// A name leads to addresses, and to none that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("its name leads to no address that this issuer may name")]
struct Elsewhere;

/// Resolves names to addresses of the realm. An address in a URL is not resolved; [`Realm::allows`] checks those.
#[derive(Clone)]
pub(super) struct Resolver {
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
                return Err(io::Error::other(Elsewhere));
            }
            Ok(addresses.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E11: what an organization's admin named is looked at once more after it was resolved, and behind a proxy before that is asked.
    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_after_resolving() {
        let elsewhere = |error: &io::Error| matches!(error.get_ref(), Some(why) if why.is::<Elsewhere>());
        for realm in [Realm::Internet, Realm::Public] {
            let mut resolver = Resolver { realm, inner: GaiResolver::new() };
            let refused = resolver.call("localhost".parse().unwrap()).await.unwrap_err();
            assert!(elsewhere(&refused), "{refused}");
        }
        let proxy = Secret::new("http://127.0.0.1:1");
        let outside = Outside::new(Network { proxy, ..Network::default() });
        let mut to = outside.dial(Realm::Internet, tls(&[]).unwrap());
        let refused = to.call("https://localhost/".parse().unwrap()).await.err().unwrap();
        assert!(refused.downcast_ref::<io::Error>().is_some_and(elsewhere), "{refused}");
        let mut to = outside.dial(Realm::Public, tls(&[]).unwrap());
        let refused = to.call("https://localhost/".parse().unwrap()).await.err().unwrap();
        assert!(refused.is::<Unproxied>(), "an operator's word goes to the operator's proxy: {refused}");
    }
}
