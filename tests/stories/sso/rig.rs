//! A server, what an operator does to it, and one who asks to be signed on.

use std::ops::Deref;
use std::time::Duration;

use countersign::grpc::pb::{
    CreateIdentityProviderRequest, IdentityProvider, SsoJwtRequest, SsoJwtResponse, SsoStartRequest, SsoStartResponse, SsoStatus,
};
use tonic::Status;

use super::provider::{CLIENT_SECRET, NodeProvider};
use crate::arena::refusal::reason;
use crate::harness::{Calls, Server};

/// A server, and the calls of its superuser.
pub(crate) struct Rig {
    pub(crate) server: Server,
    admin: Calls,
}

impl Deref for Rig {
    type Target = Calls;

    fn deref(&self) -> &Calls {
        &self.admin
    }
}

impl Rig {
    /// One whose cookies travel over http.
    pub(crate) async fn new() -> Self {
        Self::with(Server::start_with(&[("COOKIE_SECURE", "false")]).await).await
    }

    pub(crate) async fn with(server: Server) -> Self {
        let admin = server.admin().await;
        Self { server, admin }
    }

    /// The memory that the server holds, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let pid = self.server.pid().as_raw_nonzero();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Registers a provider here.
    pub(crate) async fn create_provider(&self, name: &str, org_name: &str, issuer: &str, client_id: &str) -> IdentityProvider {
        let request = CreateIdentityProviderRequest {
            name: name.to_owned(),
            org_name: org_name.to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            ..Default::default()
        };
        let answer = self.administration().create_identity_provider(self.request(request)).await.unwrap();
        answer.into_inner().identity_provider.unwrap()
    }

    /// Registers the provider here, and us there.
    pub(crate) async fn join(&self, node: &mut NodeProvider, name: &str, org_name: &str, algorithm: &str) -> IdentityProvider {
        let client_id = format!("client-of-{name}");
        let provider = self.create_provider(name, org_name, &node.issuer, &client_id).await;
        node.register(&client_id, &provider.redirect_uri, algorithm).await;
        provider
    }

    pub(crate) async fn start(&self, org_name: &str, idp_name: &str) -> SsoStartResponse {
        self.try_start(org_name, idp_name).await.unwrap()
    }

    pub(crate) async fn try_start(&self, org_name: &str, idp_name: &str) -> Result<SsoStartResponse, Status> {
        let request = SsoStartRequest { org_name: org_name.to_owned(), idp_name: idp_name.to_owned() };
        self.auth().sso_start(request).await.map(tonic::Response::into_inner)
    }

    /// Asks for the tokens, waiting up to `wait` for the person.
    pub(crate) async fn collect(&self, state: &str, wait: Duration) -> Result<SsoJwtResponse, Status> {
        let wait = prost_types::Duration { seconds: i64::try_from(wait.as_secs()).unwrap(), nanos: 0 };
        let request = SsoJwtRequest { state: state.to_owned(), wait: Some(wait) };
        self.auth().sso_jwt(request).await.map(tonic::Response::into_inner)
    }

    /// The tokens of a sign-on that was confirmed.
    pub(crate) async fn complete(&self, state: &str) -> SsoJwtResponse {
        let answer = self.collect(state, Duration::ZERO).await.unwrap();
        assert_eq!(answer.status(), SsoStatus::Complete);
        answer
    }

    pub(crate) async fn pending(&self, state: &str) -> bool {
        self.collect(state, Duration::ZERO).await.is_ok_and(|answer| answer.status() == SsoStatus::Pending)
    }

    /// The reason why the tokens cannot be had.
    pub(crate) async fn refusal(&self, state: &str) -> String {
        reason(self.collect(state, Duration::ZERO).await)
    }
}
