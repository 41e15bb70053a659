//! `AccountService`: a signed-in person's own account.

mod factors;
mod keys;
mod own;
mod sessions;

use tonic::{Request, Response, Status};

use super::pb::account_service_server::AccountService;
use super::{Api, pb};

/// What a handler answers.
type Answer<M> = Result<Response<M>, Status>;

#[tonic::async_trait]
impl AccountService for Api {
    async fn get_account(&self, request: Request<pb::GetAccountRequest>) -> Answer<pb::GetAccountResponse> {
        own::get_account(self, request).await
    }

    async fn switch_organization(
        &self,
        request: Request<pb::SwitchOrganizationRequest>,
    ) -> Answer<pb::SwitchOrganizationResponse> {
        own::switch_organization(self, request).await
    }

    async fn change_password(&self, request: Request<pb::ChangePasswordRequest>) -> Answer<pb::ChangePasswordResponse> {
        factors::change_password(self, request).await
    }

    async fn enroll_totp(&self, request: Request<pb::EnrollTotpRequest>) -> Answer<pb::EnrollTotpResponse> {
        factors::enroll_totp(self, request).await
    }

    async fn confirm_totp(&self, request: Request<pb::ConfirmTotpRequest>) -> Answer<pb::ConfirmTotpResponse> {
        factors::confirm_totp(self, request).await
    }

    async fn disable_totp(&self, request: Request<pb::DisableTotpRequest>) -> Answer<pb::DisableTotpResponse> {
        factors::disable_totp(self, request).await
    }

    async fn regenerate_recovery_codes(
        &self,
        request: Request<pb::RegenerateRecoveryCodesRequest>,
    ) -> Answer<pb::RegenerateRecoveryCodesResponse> {
        factors::regenerate_recovery_codes(self, request).await
    }

    async fn create_personal_key(
        &self,
        request: Request<pb::AccountServiceCreatePersonalKeyRequest>,
    ) -> Answer<pb::AccountServiceCreatePersonalKeyResponse> {
        keys::create_personal_key(self, request).await
    }

    async fn list_personal_keys(&self, request: Request<pb::ListPersonalKeysRequest>) -> Answer<pb::ListPersonalKeysResponse> {
        keys::list_personal_keys(self, request).await
    }

    async fn rotate_personal_key(&self, request: Request<pb::RotatePersonalKeyRequest>) -> Answer<pb::RotatePersonalKeyResponse> {
        keys::rotate_personal_key(self, request).await
    }

    async fn revoke_personal_key(&self, request: Request<pb::RevokePersonalKeyRequest>) -> Answer<pb::RevokePersonalKeyResponse> {
        keys::revoke_personal_key(self, request).await
    }

    async fn list_sessions(&self, request: Request<pb::ListSessionsRequest>) -> Answer<pb::ListSessionsResponse> {
        sessions::list_sessions(self, request).await
    }

    async fn revoke_session(&self, request: Request<pb::RevokeSessionRequest>) -> Answer<pb::RevokeSessionResponse> {
        sessions::revoke_session(self, request).await
    }
}
