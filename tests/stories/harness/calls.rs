//! Small help with calls.

use countersign::grpc::pb::account_service_client::AccountServiceClient;
use countersign::grpc::pb::admin_service_client::AdminServiceClient;
use countersign::grpc::pb::auth_service_client::AuthServiceClient;
use countersign::grpc::pb::token_service_client::TokenServiceClient;
use countersign::grpc::pb::{CreateUserRequest, LoginRequest, TokenSet, VerifyTokenRequest, VerifyTokenResponse};
use countersign::model::clock::Timestamp;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::{ADMIN_PASSWORD, InProcess, PASSWORD, Server};

/// A request of the bearer of that access token.
pub(crate) fn bearer<M>(access_token: &str, message: M) -> Request<M> {
    with_bearer(Request::new(message), access_token)
}

/// The same for a request that is there already.
pub(crate) fn with_bearer<M>(mut request: Request<M>, access_token: &str) -> Request<M> {
    request.metadata_mut().insert("authorization", format!("Bearer {access_token}").parse().unwrap());
    request
}

/// The `ErrorInfo.reason` of a refusal. Every refusal has one, of our own domain.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("without ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "countersign", "{status:?}");
    info.reason
}

/// The one-time code of a secret in base32 at a moment.
pub(crate) fn one_time_code(secret: &str, at: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    totp_rs::Builder::new().with_secret(secret).build_noncompliant().generate(at.secs()).to_string()
}

/// The clients and helpers that both kinds of server have.
macro_rules! clients {
    ($server:ty) => {
        #[allow(dead_code, reason = "both kinds of server have all of them, whichever a story needs")]
        impl $server {
            pub(crate) async fn auth(&self) -> AuthServiceClient<Channel> {
                AuthServiceClient::new(self.channel().await)
            }

            pub(crate) async fn tokens(&self) -> TokenServiceClient<Channel> {
                TokenServiceClient::new(self.channel().await)
            }

            pub(crate) async fn account(&self) -> AccountServiceClient<Channel> {
                AccountServiceClient::new(self.channel().await)
            }

            pub(crate) async fn admin(&self) -> AdminServiceClient<Channel> {
                AdminServiceClient::new(self.channel().await)
            }

            /// Logs in; the refusal where there is one.
            pub(crate) async fn try_login(&self, username: &str, password: &str) -> Result<TokenSet, Status> {
                let request =
                    LoginRequest { username: username.to_owned(), password: password.to_owned(), ..LoginRequest::default() };
                let answer = self.auth().await.login(request).await?;
                Ok(answer.into_inner().tokens.unwrap())
            }

            /// Logs a user in that [`Self::create_user`] made.
            pub(crate) async fn login(&self, username: &str) -> TokenSet {
                self.try_login(username, PASSWORD).await.unwrap()
            }

            /// Logs the superuser in.
            pub(crate) async fn login_admin(&self) -> TokenSet {
                self.try_login("admin", ADMIN_PASSWORD).await.unwrap()
            }

            /// Makes a user with [`PASSWORD`], as that superuser.
            pub(crate) async fn create_user(&self, admin: &TokenSet, username: &str, roles: &[&str]) {
                let request = CreateUserRequest {
                    username: username.to_owned(),
                    password: PASSWORD.to_owned(),
                    roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                    ..CreateUserRequest::default()
                };
                self.admin().await.create_user(bearer(&admin.access_token, request)).await.unwrap();
            }

            /// What VerifyToken says of a token, asked by the bearer of another.
            pub(crate) async fn verify(&self, asker: &TokenSet, access_token: &str) -> VerifyTokenResponse {
                let request = VerifyTokenRequest { token: access_token.to_owned(), ..VerifyTokenRequest::default() };
                self.tokens().await.verify_token(bearer(&asker.access_token, request)).await.unwrap().into_inner()
            }
        }
    };
}

clients!(Server);
clients!(InProcess);
