//! What the rows play on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::grpc::pb;
use tokio::sync::OnceCell;
use tonic::{Request, Status};

use crate::arena::PASSWORD;
use crate::arena::refusal::told;
use crate::arena::wire::Wire;
use crate::harness::{Calls, one_time_code};

/// Provokes a refusal.
type Provoke = Box<dyn Fn(Arc<Stage>) -> Pin<Box<dyn Future<Output = Status>>>>;

/// A reason of an rpc's list, and what provokes it.
pub(super) struct Row {
    /// `Service/Method`.
    pub(super) rpc: &'static str,
    pub(super) reason: &'static str,
    pub(super) provoke: Provoke,
}

/// A row.
pub(super) fn row<F>(rpc: &'static str, reason: &'static str, provoke: impl Fn(Arc<Stage>) -> F + 'static) -> Row
where
    F: Future<Output = Status> + 'static,
{
    Row { rpc, reason, provoke: Box::new(move |stage| Box::pin(provoke(stage))) }
}

/// A server and its superuser. Every row takes names of its own.
pub(super) struct Stage {
    pub(super) wire: Wire,
    pub(super) admin: Calls,
    names: AtomicU32,
    flooded: OnceCell<Calls>,
}

impl Stage {
    pub(super) async fn new(settings: &[(&str, &str)]) -> Arc<Self> {
        let wire = Wire::start_with(settings).await;
        let admin = wire.admin().await;
        Arc::new(Self { wire, admin, names: AtomicU32::new(0), flooded: OnceCell::new() })
    }

    /// A name that nobody has.
    pub(super) fn name(&self) -> String {
        format!("name-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// A new account without roles, and its own calls.
    pub(super) async fn person(&self) -> (String, Calls) {
        let name = self.name();
        self.admin.create_user(&name, &[]).await;
        let own = self.admin.as_user(&name).await;
        (name, own)
    }

    /// The same with one-time codes on; answers a code that is spent.
    pub(super) async fn person_with_codes(&self) -> (String, Calls, String) {
        let (name, own) = self.person().await;
        let (secret, _) = own.codes(self.wire.now()).await;
        (name, own, one_time_code(&secret, self.wire.now()))
    }

    /// A new organization.
    pub(super) async fn organization(&self) -> String {
        let name = self.name();
        self.admin.create_organization(&name).await.unwrap();
        name
    }

    /// Registers a provider.
    pub(super) async fn provider(&self, name: &str, org_name: &str, issuer: &str) -> Result<pb::IdentityProvider, Status> {
        let message = pb::CreateIdentityProviderRequest {
            name: name.to_owned(),
            org_name: org_name.to_owned(),
            issuer: issuer.to_owned(),
            client_id: crate::evil_provider::CLIENT_ID.to_owned(),
            client_secret: crate::evil_provider::CLIENT_SECRET.to_owned(),
            ..Default::default()
        };
        let made = self.admin.administration().create_identity_provider(self.admin.request(message)).await?;
        Ok(made.into_inner().identity_provider.unwrap())
    }

    /// Calls from a source that has presented too much that was no credential.
    pub(super) async fn flooded(&self) -> &Calls {
        let flood = async || {
            let calls = self.wire.calls_from("127.0.0.9").await;
            loop {
                let tries = (0..500).map(|_| calls.refresh("csr_nothing"));
                let refused = futures_util::future::join_all(tries).await.pop().unwrap().unwrap_err();
                if told(&refused).1 == "THROTTLED" {
                    return calls;
                }
            }
        };
        self.flooded.get_or_init(flood).await
    }
}

/// A Login with the password that everybody has here.
pub(super) fn login(username: &str) -> pb::LoginRequest {
    pb::LoginRequest { username: username.to_owned(), password: PASSWORD.to_owned(), ..Default::default() }
}

/// The request as a page of another origin sends it.
pub(super) fn from_elsewhere<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("origin", "https://elsewhere.example".parse().unwrap());
    request
}
