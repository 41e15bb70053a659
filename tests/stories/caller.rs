//! Somebody who is signed in to a server in this process, and what the stories have that one say.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use countersign::grpc::pb::{
    AccountServiceCreatePersonalKeyRequest, AccountServiceCreatePersonalKeyResponse, ChangePasswordRequest, ConfirmTotpRequest,
    DisableUserRequest, EnableUserRequest, EnrollTotpRequest, EnrollTotpResponse, GenerateSingleUseRequest,
    GenerateSingleUseResponse, ListPersonalKeysRequest, LoginRequest, LogoutUserRequest, LogoutUserResponse, PkeyJwtRequest,
    RedeemSingleUseRequest, RedeemSingleUseResponse, RefreshRequest, RevokePersonalKeyRequest, TokenSet, VerifyTokenRequest,
    VerifyTokenResponse,
};
use countersign::model::clock::{Clock as _, Timestamp};
use tonic::{Request, Status};

use crate::harness::{InProcess, bearer, reason};

/// A signed-in caller.
pub(crate) struct Caller<'a> {
    server: &'a InProcess,
    pub(crate) tokens: TokenSet,
}

impl<'a> Caller<'a> {
    /// The bearer of these tokens.
    pub(crate) const fn new(server: &'a InProcess, tokens: TokenSet) -> Self {
        Self { server, tokens }
    }

    /// The superuser.
    pub(crate) async fn admin(server: &'a InProcess) -> Self {
        Self::new(server, server.login_admin().await)
    }

    /// A new user of these roles, made by `self`, who logs in.
    pub(crate) async fn person(&self, username: &str, roles: &[&str]) -> Caller<'a> {
        self.server.create_user(&self.tokens, username, roles).await;
        Caller::new(self.server, self.server.login(username).await)
    }

    /// A request of this caller.
    pub(crate) fn says<M>(&self, message: M) -> Request<M> {
        bearer(&self.tokens.access_token, message)
    }

    pub(crate) async fn make_link(&self, username: &str, dataset_id: &str) -> Result<GenerateSingleUseResponse, Status> {
        let request = GenerateSingleUseRequest { username: username.into(), dataset_id: dataset_id.into(), ttl: None };
        Ok(self.server.auth().await.generate_single_use(self.says(request)).await?.into_inner())
    }

    pub(crate) async fn logout_user(&self, username: &str) -> Result<LogoutUserResponse, Status> {
        let request = LogoutUserRequest { username: username.into() };
        Ok(self.server.auth().await.logout_user(self.says(request)).await?.into_inner())
    }

    pub(crate) async fn make_key(&self, name: &str) -> Result<AccountServiceCreatePersonalKeyResponse, Status> {
        let request = AccountServiceCreatePersonalKeyRequest { display_name: name.into(), ttl: None };
        Ok(self.server.account().await.create_personal_key(self.says(request)).await?.into_inner())
    }

    pub(crate) async fn revoke_key(&self, key_id: &str) -> Result<i64, Status> {
        let request = RevokePersonalKeyRequest { key_id: key_id.into() };
        Ok(self.server.account().await.revoke_personal_key(self.says(request)).await?.into_inner().revision)
    }

    /// The ids of the live keys.
    pub(crate) async fn key_ids(&self) -> Result<Vec<String>, Status> {
        let listed = self.server.account().await.list_personal_keys(self.says(ListPersonalKeysRequest::default())).await?;
        Ok(listed.into_inner().personal_keys.into_iter().map(|key| key.key_id).collect())
    }

    pub(crate) async fn change_password(&self, current: &str, new: &str) -> Result<i64, Status> {
        let request = ChangePasswordRequest { current_password: current.into(), new_password: new.into() };
        Ok(self.server.account().await.change_password(self.says(request)).await?.into_inner().revision)
    }

    pub(crate) async fn enroll(&self) -> Result<EnrollTotpResponse, Status> {
        Ok(self.server.account().await.enroll_totp(self.says(EnrollTotpRequest {})).await?.into_inner())
    }

    pub(crate) async fn confirm(&self, otp: &str) -> Result<Vec<String>, Status> {
        let request = ConfirmTotpRequest { otp: otp.into() };
        Ok(self.server.account().await.confirm_totp(self.says(request)).await?.into_inner().recovery_codes)
    }

    /// Turns one-time codes on; answers the secret and the recovery codes. The step of the present moment is spent.
    pub(crate) async fn codes(&self) -> (String, Vec<String>) {
        let secret = self.enroll().await.unwrap().secret;
        let recovery = self.confirm(&code(&secret, self.server.clock.now())).await.unwrap();
        (secret, recovery)
    }

    pub(crate) async fn disable(&self, username: &str) -> Result<i64, Status> {
        let request = DisableUserRequest { username: username.into() };
        Ok(self.server.admin().await.disable_user(self.says(request)).await?.into_inner().revision)
    }

    pub(crate) async fn enable(&self, username: &str) -> Result<(), Status> {
        let request = EnableUserRequest { username: username.into() };
        self.server.admin().await.enable_user(self.says(request)).await.map(drop)
    }

    /// What VerifyToken answers about these tokens where the dataset is this one.
    pub(crate) async fn verify(&self, tokens: &TokenSet, dataset_id: &str) -> VerifyTokenResponse {
        let token = tokens.access_token.clone();
        let request = VerifyTokenRequest { token, dataset_id: dataset_id.into(), ..VerifyTokenRequest::default() };
        self.server.tokens().await.verify_token(self.says(request)).await.unwrap().into_inner()
    }
}

impl InProcess {
    pub(crate) async fn log_in(&self, username: &str, password: &str, otp: &str, org_name: &str) -> Result<TokenSet, Status> {
        let request = LoginRequest {
            username: username.into(),
            password: password.into(),
            otp: otp.into(),
            org_name: org_name.into(),
            ..LoginRequest::default()
        };
        Ok(self.auth().await.login(request).await?.into_inner().tokens.unwrap())
    }

    pub(crate) async fn exchange(&self, key_id: &str, key_secret: &str) -> Result<TokenSet, Status> {
        let request = PkeyJwtRequest { key_id: key_id.into(), key_secret: key_secret.into(), org_name: String::new() };
        Ok(self.auth().await.pkey_jwt(request).await?.into_inner().tokens.unwrap())
    }

    pub(crate) async fn redeem(&self, token: &str, request_id: &str) -> Result<RedeemSingleUseResponse, Status> {
        let (token, request_id) = (token.into(), request_id.into());
        let request = RedeemSingleUseRequest { token, request_id, ..RedeemSingleUseRequest::default() };
        Ok(self.auth().await.redeem_single_use(request).await?.into_inner())
    }

    pub(crate) async fn refresh(&self, tokens: &TokenSet) -> Result<TokenSet, Status> {
        let request = RefreshRequest { refresh_token: tokens.refresh_token.clone(), ..RefreshRequest::default() };
        Ok(self.auth().await.refresh(request).await?.into_inner().tokens.unwrap())
    }
}

/// True where the answer is this refusal, by the name of its reason.
pub(crate) fn refused<T>(outcome: &Result<T, Status>, expected: &str) -> bool {
    outcome.as_ref().is_err_and(|status| reason(status) == expected)
}

/// What an authenticator of another make shows at `at`: RFC 6238 with SHA-1, six digits and 30 s, written down a second time.
pub(crate) fn code(base32: &str, at: Timestamp) -> String {
    let step = (at.secs() / 30).to_be_bytes();
    let hash = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &from_base32(base32)), &step);
    let hash = hash.as_ref();
    let offset = usize::from(hash[19] & 15);
    let bits = u32::from_be_bytes(hash[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", bits % 1_000_000)
}

/// RFC 4648, section 6, without padding.
fn from_base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for symbol in text.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == symbol).unwrap();
        held = held << 5 | u32::try_from(value).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    bytes
}
