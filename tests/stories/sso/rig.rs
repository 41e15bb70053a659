//! A server, what an operator does to it, and one who asks to be signed on.

use std::time::Duration;

use countersign::grpc::pb::admin_service_client::AdminServiceClient;
use countersign::grpc::pb::auth_service_client::AuthServiceClient;
use countersign::grpc::pb::token_service_client::TokenServiceClient;
use countersign::grpc::pb::{
    AddMemberRequest, CreateIdentityProviderRequest, CreateOrganizationRequest, CreateUserRequest, IdentityProvider,
    LoginRequest, LoginResponse, LogoutUserRequest, SsoJwtRequest, SsoJwtResponse, SsoStartRequest, SsoStartResponse, SsoStatus,
    TokenSet, User, VerifyTokenRequest, VerifyTokenResponse,
};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::provider::{CLIENT_SECRET, NodeProvider};
use crate::harness::{Server, bearer, reason};

/// A server whose superuser has logged in.
pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) channel: Channel,
    admin: TokenSet,
}

impl Rig {
    /// One whose cookies travel over http.
    pub(crate) async fn new() -> Self {
        Self::with(Server::start_with(&[("COOKIE_SECURE", "false")]).await).await
    }

    pub(crate) async fn with(server: Server) -> Self {
        let channel = server.channel().await;
        let answer = log_in(&channel, "admin", server.admin_password()).await;
        Self { server, channel, admin: answer.tokens.unwrap() }
    }

    /// The memory that the server holds, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let pid = self.server.pid().as_raw_nonzero();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    fn as_admin<T>(&self, message: T) -> Request<T> {
        bearer(&self.admin.access_token, message)
    }

    fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn create_organization(&self, name: &str) {
        let request = CreateOrganizationRequest { name: name.to_owned() };
        self.admin().create_organization(self.as_admin(request)).await.unwrap();
    }

    pub(crate) async fn add_member(&self, org_name: &str, username: &str) {
        let request =
            AddMemberRequest { org_name: org_name.to_owned(), username: username.to_owned(), ..AddMemberRequest::default() };
        self.admin().add_member(self.as_admin(request)).await.unwrap();
    }

    pub(crate) async fn create_user(&self, username: &str, email: &str, password: &str) -> User {
        let request = CreateUserRequest {
            username: username.to_owned(),
            email: email.to_owned(),
            password: password.to_owned(),
            ..CreateUserRequest::default()
        };
        self.admin().create_user(self.as_admin(request)).await.unwrap().into_inner().user.unwrap()
    }

    pub(crate) async fn log_in(&self, username: &str, password: &str) -> LoginResponse {
        log_in(&self.channel, username, password).await
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
            sign_up: None,
        };
        let answer = self.admin().create_identity_provider(self.as_admin(request)).await.unwrap();
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
        reason(&self.collect(state, Duration::ZERO).await.expect_err("it is refused"))
    }

    pub(crate) async fn log_out(&self, username: &str) {
        let request = LogoutUserRequest { username: username.to_owned() };
        self.auth().logout_user(self.as_admin(request)).await.unwrap();
    }

    pub(crate) async fn verify(&self, tokens: &TokenSet) -> VerifyTokenResponse {
        let request = VerifyTokenRequest { token: tokens.access_token.clone(), ..VerifyTokenRequest::default() };
        let mut client = TokenServiceClient::new(self.channel.clone());
        client.verify_token(self.as_admin(request)).await.unwrap().into_inner()
    }
}

async fn log_in(channel: &Channel, username: &str, password: &str) -> LoginResponse {
    let login = LoginRequest { username: username.to_owned(), password: password.to_owned(), ..LoginRequest::default() };
    AuthServiceClient::new(channel.clone()).login(login).await.unwrap().into_inner()
}
