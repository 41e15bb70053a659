//! The one client: the calls that the stories make most, as one cheap-to-clone value that may be signed in.

use std::net::{IpAddr, SocketAddr};

use countersign::grpc::pb;
use countersign::model::clock::Timestamp;
use pb::account_service_client::AccountServiceClient;
use pb::admin_service_client::AdminServiceClient;
use pb::auth_service_client::AuthServiceClient;
use pb::token_service_client::TokenServiceClient;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::{ADMIN_PASSWORD, InProcess, PASSWORD, Server, one_time_code};

/// Clients on one connection.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) channel: Channel,
    /// What the caller was signed in with; nobody without an access token.
    pub(crate) tokens: pb::TokenSet,
}

impl Calls {
    /// A connection of its own to a server without TLS.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        Self::between(None, server).await
    }

    /// A connection from an address of this machine.
    pub(crate) async fn between(source: Option<IpAddr>, server: SocketAddr) -> Self {
        let endpoint = Channel::from_shared(format!("http://{server}")).unwrap();
        Self::on(endpoint.local_address(source).connect().await.unwrap())
    }

    /// Nobody, on that connection.
    pub(crate) fn on(channel: Channel) -> Self {
        Self { channel, tokens: pb::TokenSet::default() }
    }

    /// The same connection, signed in with [`PASSWORD`].
    pub(crate) async fn as_user(&self, username: &str) -> Self {
        self.bearing(self.log_in(username).await)
    }

    /// A new account with [`PASSWORD`], made by this caller, that has logged in on the same connection.
    pub(crate) async fn person(&self, username: &str, roles: &[&str]) -> Self {
        self.create_user(username, roles).await;
        self.as_user(username).await
    }

    /// The same connection with another caller.
    pub(crate) fn with(&self, access_token: &str) -> Self {
        self.bearing(pb::TokenSet { access_token: access_token.to_owned(), ..Default::default() })
    }

    /// The same connection with the caller whose tokens these are.
    pub(crate) fn bearing(&self, tokens: pb::TokenSet) -> Self {
        Self { channel: self.channel.clone(), tokens }
    }

    /// A request with the caller's token.
    pub(crate) fn request<M>(&self, message: M) -> Request<M> {
        match self.tokens.access_token.as_str() {
            "" => Request::new(message),
            token => bearer(token, message),
        }
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
        self.log_in_with(username, password, "", "").await
    }

    /// Login with a password and a one-time code, for an organization.
    pub(crate) async fn log_in_with(
        &self,
        username: &str,
        password: &str,
        otp: &str,
        org_name: &str,
    ) -> Result<pb::TokenSet, Status> {
        let message = pb::LoginRequest {
            username: username.to_owned(),
            password: password.to_owned(),
            otp: otp.to_owned(),
            org_name: org_name.to_owned(),
            ..Default::default()
        };
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
        self.exchange_for(key, "").await
    }

    /// PkeyJwt for an organization.
    pub(crate) async fn exchange_for(&self, key: &Key, org_name: &str) -> Result<pb::TokenSet, Status> {
        let (key_id, key_secret) = (key.id.clone(), key.secret.clone());
        let message = pb::PkeyJwtRequest { key_id, key_secret, org_name: org_name.to_owned() };
        Ok(self.auth().pkey_jwt(message).await?.into_inner().tokens.unwrap())
    }

    /// GenerateSingleUse: the link's token.
    pub(crate) async fn link(&self, username: &str, dataset_id: &str) -> Result<String, Status> {
        let url = self.make_link(username, dataset_id).await?.single_use_url;
        Ok(url.split_once("?sst=").unwrap().1.to_owned())
    }

    /// GenerateSingleUse: the whole answer.
    pub(crate) async fn make_link(&self, username: &str, dataset_id: &str) -> Result<pb::GenerateSingleUseResponse, Status> {
        let (username, dataset_id) = (username.to_owned(), dataset_id.to_owned());
        let message = pb::GenerateSingleUseRequest { username, dataset_id, ..Default::default() };
        Ok(self.auth().generate_single_use(self.request(message)).await?.into_inner())
    }

    /// RedeemSingleUse.
    pub(crate) async fn redeem(&self, token: &str) -> Result<pb::TokenSet, Status> {
        self.redeem_as(token, "").await
    }

    /// RedeemSingleUse with a request id.
    pub(crate) async fn redeem_as(&self, token: &str, request_id: &str) -> Result<pb::TokenSet, Status> {
        Ok(self.redeem_link(token, request_id).await?.tokens.unwrap())
    }

    /// RedeemSingleUse: the whole answer.
    pub(crate) async fn redeem_link(&self, token: &str, request_id: &str) -> Result<pb::RedeemSingleUseResponse, Status> {
        let (token, request_id) = (token.to_owned(), request_id.to_owned());
        let message = pb::RedeemSingleUseRequest { token, request_id, ..Default::default() };
        Ok(self.auth().redeem_single_use(message).await?.into_inner())
    }

    /// PeekSingleUse.
    pub(crate) async fn peek(&self, token: &str) -> Result<pb::PeekSingleUseResponse, Status> {
        let message = pb::PeekSingleUseRequest { token: token.to_owned() };
        Ok(self.auth().peek_single_use(message).await?.into_inner())
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

    /// VerifyToken of somebody's access token.
    pub(crate) async fn verdict(&self, tokens: &pb::TokenSet, dataset_id: &str) -> pb::VerifyTokenResponse {
        self.verify(&tokens.access_token, dataset_id).await.unwrap()
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
        self.make_key("a script").await.unwrap()
    }

    /// The same with a name, where it may fail.
    pub(crate) async fn make_key(&self, display_name: &str) -> Result<Key, Status> {
        let message = pb::AccountServiceCreatePersonalKeyRequest { display_name: display_name.to_owned(), ..Default::default() };
        let made = self.account().create_personal_key(self.request(message)).await?.into_inner();
        Ok(Key { id: made.key_id, secret: made.key_secret })
    }

    /// ListPersonalKeys: the ids.
    pub(crate) async fn key_ids(&self) -> Result<Vec<String>, Status> {
        let message = pb::ListPersonalKeysRequest::default();
        let listed = self.account().list_personal_keys(self.request(message)).await?.into_inner();
        Ok(listed.personal_keys.into_iter().map(|key| key.key_id).collect())
    }

    /// RevokePersonalKey.
    pub(crate) async fn revoke_key(&self, key_id: &str) -> Result<i64, Status> {
        let message = pb::RevokePersonalKeyRequest { key_id: key_id.to_owned() };
        Ok(self.account().revoke_personal_key(self.request(message)).await?.into_inner().revision)
    }

    /// ChangePassword.
    pub(crate) async fn change_password(&self, current: &str, new: &str) -> Result<i64, Status> {
        let message = pb::ChangePasswordRequest { current_password: current.to_owned(), new_password: new.to_owned() };
        Ok(self.account().change_password(self.request(message)).await?.into_inner().revision)
    }

    /// EnrollTotp.
    pub(crate) async fn enroll(&self) -> Result<pb::EnrollTotpResponse, Status> {
        Ok(self.account().enroll_totp(self.request(pb::EnrollTotpRequest {})).await?.into_inner())
    }

    /// ConfirmTotp: the recovery codes.
    pub(crate) async fn confirm(&self, otp: &str) -> Result<Vec<String>, Status> {
        let message = pb::ConfirmTotpRequest { otp: otp.to_owned() };
        Ok(self.account().confirm_totp(self.request(message)).await?.into_inner().recovery_codes)
    }

    /// Turns one-time codes on at that moment, whose step is spent with it; answers the secret and the recovery codes.
    pub(crate) async fn codes(&self, now: Timestamp) -> (String, Vec<String>) {
        let secret = self.enroll().await.unwrap().secret;
        let recovery = self.confirm(&one_time_code(&secret, now)).await.unwrap();
        (secret, recovery)
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
    pub(crate) async fn disable(&self, username: &str) -> Result<i64, Status> {
        let message = pb::DisableUserRequest { username: username.to_owned() };
        Ok(self.administration().disable_user(self.request(message)).await?.into_inner().revision)
    }

    /// EnableUser.
    pub(crate) async fn enable(&self, username: &str) -> Result<(), Status> {
        let message = pb::EnableUserRequest { username: username.to_owned() };
        self.administration().enable_user(self.request(message)).await.map(drop)
    }

    /// CreateOrganization.
    pub(crate) async fn create_organization(&self, name: &str) -> Result<pb::Organization, Status> {
        let message = pb::CreateOrganizationRequest { name: name.to_owned() };
        Ok(self.administration().create_organization(self.request(message)).await?.into_inner().organization.unwrap())
    }

    /// AddMember.
    pub(crate) async fn add_member(&self, org_name: &str, username: &str) -> Result<(), Status> {
        let message = pb::AddMemberRequest { org_name: org_name.to_owned(), username: username.to_owned(), ..Default::default() };
        self.administration().add_member(self.request(message)).await.map(drop)
    }

    /// RemoveMember.
    pub(crate) async fn remove_member(&self, org_name: &str, username: &str) -> Result<i64, Status> {
        let message = pb::RemoveMemberRequest { org_name: org_name.to_owned(), username: username.to_owned() };
        Ok(self.administration().remove_member(self.request(message)).await?.into_inner().revision)
    }
}

/// A request of the bearer of that access token.
pub(crate) fn bearer<M>(access_token: &str, message: M) -> Request<M> {
    with_bearer(Request::new(message), access_token)
}

/// The same for a request that is there already.
pub(crate) fn with_bearer<M>(mut request: Request<M>, access_token: &str) -> Request<M> {
    request.metadata_mut().insert("authorization", format!("Bearer {access_token}").parse().unwrap());
    request
}

/// The clients of a server, on one connection.
macro_rules! clients {
    ($server:ty) => {
        impl $server {
            /// Nobody, on the server's one connection.
            pub(crate) async fn calls(&self) -> Calls {
                Calls::on(self.channel().await)
            }

            /// The superuser.
            pub(crate) async fn admin(&self) -> Calls {
                self.calls().await.bearing(self.login_admin().await)
            }

            pub(crate) async fn auth(&self) -> AuthServiceClient<Channel> {
                self.calls().await.auth()
            }

            /// Logs in; the refusal where there is one.
            pub(crate) async fn try_login(&self, username: &str, password: &str) -> Result<pb::TokenSet, Status> {
                self.calls().await.try_log_in(username, password).await
            }

            /// Logs the superuser in.
            pub(crate) async fn login_admin(&self) -> pb::TokenSet {
                self.try_login("admin", ADMIN_PASSWORD).await.unwrap()
            }
        }
    };
}

clients!(Server);
clients!(InProcess);

/// A personal key as it was shown once.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}
