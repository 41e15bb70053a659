//! `AccountService`: a signed-in person's own account.

use tonic::{Request, Response, Status};

use super::pb::account_service_server::AccountService;
use super::{Api, convert, pb, status};
use crate::edge::to_the_end;
use crate::model::secret::Secret;

type Answer<M> = Result<Response<M>, Status>;

#[tonic::async_trait]
impl AccountService for Api {
    async fn get_account(&self, request: Request<pb::GetAccountRequest>) -> Answer<pb::GetAccountResponse> {
        let caller = self.caller(&request)?;
        let account = self.services.accounts.account(&caller).await?;
        Ok(Response::new(pb::GetAccountResponse { user: Some(convert::user(&account)) }))
    }

    async fn change_password(&self, request: Request<pb::ChangePasswordRequest>) -> Answer<pb::ChangePasswordResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let (current, new) = (Secret::from(message.current_password), Secret::from(message.new_password));
        let services = self.services();
        let changed = to_the_end(async move { services.accounts.change_password(&caller, &current, &new).await }).await?;
        let tokens = changed.tokens.map(convert::tokens);
        Ok(Response::new(pb::ChangePasswordResponse { revision: changed.revision, tokens }))
    }

    async fn enroll_totp(&self, request: Request<pb::EnrollTotpRequest>) -> Answer<pb::EnrollTotpResponse> {
        let caller = self.caller(&request)?;
        let services = self.services();
        let enrolment = to_the_end(async move { services.accounts.enroll_totp(&caller).await }).await?;
        Ok(Response::new(pb::EnrollTotpResponse {
            secret: enrolment.secret.expose().to_owned(),
            otpauth_url: enrolment.otpauth_url.expose().to_owned(),
        }))
    }

    async fn confirm_totp(&self, request: Request<pb::ConfirmTotpRequest>) -> Answer<pb::ConfirmTotpResponse> {
        let caller = self.caller(&request)?;
        let otp = Secret::from(request.into_inner().otp);
        let services = self.services();
        let codes = to_the_end(async move { services.accounts.confirm_totp(&caller, &otp).await }).await?;
        let recovery_codes = codes.iter().map(|code| code.expose().to_owned()).collect();
        Ok(Response::new(pb::ConfirmTotpResponse { recovery_codes }))
    }

    async fn disable_totp(&self, _: Request<pb::DisableTotpRequest>) -> Answer<pb::DisableTotpResponse> {
        Err(status::unimplemented())
    }

    async fn create_personal_key(
        &self,
        request: Request<pb::AccountServiceCreatePersonalKeyRequest>,
    ) -> Answer<pb::AccountServiceCreatePersonalKeyResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let ttl = convert::duration("ttl", message.ttl)?;
        let services = self.services();
        let made = to_the_end(async move { services.keys.create(&caller, &message.display_name, ttl).await }).await?;
        Ok(Response::new(pb::AccountServiceCreatePersonalKeyResponse {
            key_id: made.key_id,
            key_secret: made.secret.expose().to_owned(),
            expire_time: made.key.expire_time().map(convert::timestamp),
        }))
    }

    async fn list_personal_keys(&self, request: Request<pb::ListPersonalKeysRequest>) -> Answer<pb::ListPersonalKeysResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let size = convert::page_size(message.page_size)?;
        let page = self.services.keys.list(&caller, &message.page_token, size).await?;
        let personal_keys = page.keys.iter().map(|(id, key)| convert::personal_key(id, key)).collect();
        Ok(Response::new(pb::ListPersonalKeysResponse { personal_keys, next_page_token: page.next.unwrap_or_default() }))
    }

    async fn rotate_personal_key(&self, _: Request<pb::RotatePersonalKeyRequest>) -> Answer<pb::RotatePersonalKeyResponse> {
        Err(status::unimplemented())
    }

    async fn revoke_personal_key(&self, request: Request<pb::RevokePersonalKeyRequest>) -> Answer<pb::RevokePersonalKeyResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let services = self.services();
        let revision = to_the_end(async move { services.keys.revoke(&caller, &message.key_id).await }).await?;
        Ok(Response::new(pb::RevokePersonalKeyResponse { revision }))
    }

    async fn list_sessions(&self, _: Request<pb::ListSessionsRequest>) -> Answer<pb::ListSessionsResponse> {
        Err(status::unimplemented())
    }

    async fn revoke_session(&self, _: Request<pb::RevokeSessionRequest>) -> Answer<pb::RevokeSessionResponse> {
        Err(status::unimplemented())
    }

    async fn switch_organization(&self, _: Request<pb::SwitchOrganizationRequest>) -> Answer<pb::SwitchOrganizationResponse> {
        Err(status::unimplemented())
    }
}
