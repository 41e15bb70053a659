//! The calls that attacks make most, as one cheap-to-clone value that may carry an access token.

use std::net::{IpAddr, SocketAddr};

use countersign::grpc::pb;
use pb::account_service_client::AccountServiceClient;
use pb::admin_service_client::AdminServiceClient;
use pb::auth_service_client::AuthServiceClient;
use pb::token_service_client::TokenServiceClient;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::PASSWORD;

/// Clients on one connection.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) channel: Channel,
    bearer: Option<String>,
}

impl Calls {
    /// A connection of its own to a server without TLS.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        Self::between(None, server).await
    }

    /// A connection from an address of this machine.
    pub(crate) async fn between(source: Option<IpAddr>, server: SocketAddr) -> Self {
        let endpoint = Channel::from_shared(format!("http://{server}")).unwrap();
        Self { channel: endpoint.local_address(source).connect().await.unwrap(), bearer: None }
    }

    /// The same connection, signed in with [`PASSWORD`].
    pub(crate) async fn as_user(&self, username: &str) -> Self {
        self.with(&self.log_in(username).await.access_token)
    }

    /// The same connection with another caller.
    pub(crate) fn with(&self, access_token: &str) -> Self {
        Self { channel: self.channel.clone(), bearer: Some(format!("Bearer {access_token}")) }
    }

    /// A request with the caller's token.
    pub(crate) fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.parse().unwrap());
        }
        request
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone())
    }

    pub(crate) fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }

    pub(crate) fn account(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    pub(crate) fn administration(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    /// Login with everything said.
    pub(crate) async fn login(&self, message: pb::LoginRequest) -> Result<Response<pb::LoginResponse>, Status> {
        self.auth().login(message).await
    }

    /// Login with a password.
    pub(crate) async fn try_log_in(&self, username: &str, password: &str) -> Result<pb::TokenSet, Status> {
        let message = pb::LoginRequest { username: username.to_owned(), password: password.to_owned(), ..Default::default() };
        Ok(self.login(message).await?.into_inner().tokens.unwrap())
    }

    /// Login with [`PASSWORD`].
    pub(crate) async fn log_in(&self, username: &str) -> pb::TokenSet {
        self.try_log_in(username, PASSWORD).await.unwrap()
    }

    /// Refresh with a refresh token.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<pb::TokenSet, Status> {
        let message = pb::RefreshRequest { refresh_token: refresh_token.to_owned(), ..Default::default() };
        Ok(self.auth().refresh(message).await?.into_inner().tokens.unwrap())
    }

    /// Refresh with an access token.
    pub(crate) async fn renew(&self, access_token: &str) -> Result<pb::TokenSet, Status> {
        let message = pb::RefreshRequest { access_token: access_token.to_owned(), ..Default::default() };
        Ok(self.auth().refresh(message).await?.into_inner().tokens.unwrap())
    }

    /// PkeyJwt.
    pub(crate) async fn exchange(&self, key: &Key) -> Result<pb::TokenSet, Status> {
        let message = pb::PkeyJwtRequest { key_id: key.id.clone(), key_secret: key.secret.clone(), ..Default::default() };
        Ok(self.auth().pkey_jwt(message).await?.into_inner().tokens.unwrap())
    }

    /// GenerateSingleUse: the link's token.
    pub(crate) async fn link(&self, username: &str, dataset_id: &str) -> Result<String, Status> {
        let message = pb::GenerateSingleUseRequest {
            username: username.to_owned(),
            dataset_id: dataset_id.to_owned(),
            ..Default::default()
        };
        let url = self.auth().generate_single_use(self.request(message)).await?.into_inner().single_use_url;
        Ok(url.split_once("?sst=").unwrap().1.to_owned())
    }

    /// RedeemSingleUse.
    pub(crate) async fn redeem(&self, token: &str) -> Result<pb::TokenSet, Status> {
        self.redeem_as(token, "").await
    }

    /// RedeemSingleUse with a request id.
    pub(crate) async fn redeem_as(&self, token: &str, request_id: &str) -> Result<pb::TokenSet, Status> {
        let message =
            pb::RedeemSingleUseRequest { token: token.to_owned(), request_id: request_id.to_owned(), ..Default::default() };
        Ok(self.auth().redeem_single_use(message).await?.into_inner().tokens.unwrap())
    }

    /// LogoutUser.
    pub(crate) async fn logout_user(&self, username: &str) -> Result<pb::LogoutUserResponse, Status> {
        let message = pb::LogoutUserRequest { username: username.to_owned() };
        Ok(self.auth().logout_user(self.request(message)).await?.into_inner())
    }

    /// Logout.
    pub(crate) async fn logout(&self) -> Result<i64, Status> {
        Ok(self.auth().logout(self.request(pb::LogoutRequest {})).await?.into_inner().revision)
    }

    /// VerifyToken.
    pub(crate) async fn verify(&self, token: &str, dataset_id: &str) -> Result<pb::VerifyTokenResponse, Status> {
        let message = pb::VerifyTokenRequest { token: token.to_owned(), dataset_id: dataset_id.to_owned(), ..Default::default() };
        Ok(self.tokens().verify_token(self.request(message)).await?.into_inner())
    }

    /// True where VerifyToken says that it is active.
    pub(crate) async fn active(&self, token: &str) -> bool {
        self.verify(token, "").await.unwrap().active
    }

    /// GetAccount.
    pub(crate) async fn own_account(&self) -> Result<pb::User, Status> {
        Ok(self.account().get_account(self.request(pb::GetAccountRequest {})).await?.into_inner().user.unwrap())
    }

    /// CreatePersonalKey for the caller.
    pub(crate) async fn key(&self) -> Key {
        self.try_key().await.unwrap()
    }

    /// The same, where it may fail.
    pub(crate) async fn try_key(&self) -> Result<Key, Status> {
        let message = pb::AccountServiceCreatePersonalKeyRequest { display_name: "a script".to_owned(), ..Default::default() };
        let made = self.account().create_personal_key(self.request(message)).await?.into_inner();
        Ok(Key { id: made.key_id, secret: made.key_secret })
    }

    /// RevokePersonalKey.
    pub(crate) async fn revoke_key(&self, key: &Key) -> Result<i64, Status> {
        let message = pb::RevokePersonalKeyRequest { key_id: key.id.clone() };
        Ok(self.account().revoke_personal_key(self.request(message)).await?.into_inner().revision)
    }

    /// ChangePassword.
    pub(crate) async fn change_password(&self, current: &str, new: &str) -> Result<i64, Status> {
        let message = pb::ChangePasswordRequest { current_password: current.to_owned(), new_password: new.to_owned() };
        Ok(self.account().change_password(self.request(message)).await?.into_inner().revision)
    }

    /// CreateUser with [`PASSWORD`] and `NAME@example.org`.
    pub(crate) async fn create_user(&self, username: &str, roles: &[&str]) -> pb::User {
        self.try_create_user(username, roles).await.unwrap()
    }

    /// The same, where it may fail.
    pub(crate) async fn try_create_user(&self, username: &str, roles: &[&str]) -> Result<pb::User, Status> {
        let message = pb::CreateUserRequest {
            username: username.to_owned(),
            email: format!("{username}@example.org"),
            password: PASSWORD.to_owned(),
            roles: roles.iter().map(ToString::to_string).collect(),
        };
        Ok(self.administration().create_user(self.request(message)).await?.into_inner().user.unwrap())
    }

    /// GetUser.
    pub(crate) async fn try_user(&self, username: &str) -> Result<pb::User, Status> {
        let message = pb::GetUserRequest { username: username.to_owned() };
        Ok(self.administration().get_user(self.request(message)).await?.into_inner().user.unwrap())
    }

    /// DisableUser.
    pub(crate) async fn disable(&self, username: &str) -> i64 {
        let message = pb::DisableUserRequest { username: username.to_owned() };
        self.administration().disable_user(self.request(message)).await.unwrap().into_inner().revision
    }

    /// EnableUser.
    pub(crate) async fn enable(&self, username: &str) {
        let message = pb::EnableUserRequest { username: username.to_owned() };
        self.administration().enable_user(self.request(message)).await.unwrap();
    }

    /// CreateOrganization.
    pub(crate) async fn create_organization(&self, name: &str) {
        let message = pb::CreateOrganizationRequest { name: name.to_owned() };
        self.administration().create_organization(self.request(message)).await.unwrap();
    }

    /// AddMember.
    pub(crate) async fn add_member(&self, org_name: &str, username: &str) {
        let message = pb::AddMemberRequest { org_name: org_name.to_owned(), username: username.to_owned(), ..Default::default() };
        self.administration().add_member(self.request(message)).await.unwrap();
    }

    /// RemoveMember.
    pub(crate) async fn remove_member(&self, org_name: &str, username: &str) {
        let message = pb::RemoveMemberRequest { org_name: org_name.to_owned(), username: username.to_owned() };
        self.administration().remove_member(self.request(message)).await.unwrap();
    }
}

/// A personal key as it was shown once.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}
