//! `AdminService`: users, organizations, identity providers and what else an operator does.

mod audit;
mod keys;
mod links;
mod organizations;
mod providers;
mod sessions;
mod signing_keys;
mod users;

use tonic::{Request, Response, Status, Streaming};

use super::pb::admin_service_server::AdminService;
use super::{Api, pb};

/// What a handler answers.
type Answer<M> = Result<Response<M>, Status>;

#[tonic::async_trait]
impl AdminService for Api {
    async fn create_user(&self, request: Request<pb::CreateUserRequest>) -> Answer<pb::CreateUserResponse> {
        users::create_user(self, request).await
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Answer<pb::GetUserResponse> {
        users::get_user(self, request).await
    }

    async fn list_users(&self, request: Request<pb::ListUsersRequest>) -> Answer<pb::ListUsersResponse> {
        users::list_users(self, request).await
    }

    async fn update_user(&self, request: Request<pb::UpdateUserRequest>) -> Answer<pb::UpdateUserResponse> {
        users::update_user(self, request).await
    }

    async fn disable_user(&self, request: Request<pb::DisableUserRequest>) -> Answer<pb::DisableUserResponse> {
        users::disable_user(self, request).await
    }

    async fn enable_user(&self, request: Request<pb::EnableUserRequest>) -> Answer<pb::EnableUserResponse> {
        users::enable_user(self, request).await
    }

    async fn delete_user(&self, request: Request<pb::DeleteUserRequest>) -> Answer<pb::DeleteUserResponse> {
        users::delete_user(self, request).await
    }

    async fn import_users(&self, request: Request<Streaming<pb::ImportUsersRequest>>) -> Answer<pb::ImportUsersResponse> {
        users::import_users(self, request).await
    }

    async fn reset_password(&self, request: Request<pb::ResetPasswordRequest>) -> Answer<pb::ResetPasswordResponse> {
        users::reset_password(self, request).await
    }

    async fn reset_totp(&self, request: Request<pb::ResetTotpRequest>) -> Answer<pb::ResetTotpResponse> {
        users::reset_totp(self, request).await
    }

    async fn release_name(&self, request: Request<pb::ReleaseNameRequest>) -> Answer<pb::ReleaseNameResponse> {
        users::release_name(self, request).await
    }

    async fn create_organization(
        &self,
        request: Request<pb::CreateOrganizationRequest>,
    ) -> Answer<pb::CreateOrganizationResponse> {
        organizations::create_organization(self, request).await
    }

    async fn list_organizations(&self, request: Request<pb::ListOrganizationsRequest>) -> Answer<pb::ListOrganizationsResponse> {
        organizations::list_organizations(self, request).await
    }

    async fn update_organization(
        &self,
        request: Request<pb::UpdateOrganizationRequest>,
    ) -> Answer<pb::UpdateOrganizationResponse> {
        organizations::update_organization(self, request).await
    }

    async fn delete_organization(
        &self,
        request: Request<pb::DeleteOrganizationRequest>,
    ) -> Answer<pb::DeleteOrganizationResponse> {
        organizations::delete_organization(self, request).await
    }

    async fn list_members(&self, request: Request<pb::ListMembersRequest>) -> Answer<pb::ListMembersResponse> {
        organizations::list_members(self, request).await
    }

    async fn add_member(&self, request: Request<pb::AddMemberRequest>) -> Answer<pb::AddMemberResponse> {
        organizations::add_member(self, request).await
    }

    async fn remove_member(&self, request: Request<pb::RemoveMemberRequest>) -> Answer<pb::RemoveMemberResponse> {
        organizations::remove_member(self, request).await
    }

    async fn create_identity_provider(
        &self,
        request: Request<pb::CreateIdentityProviderRequest>,
    ) -> Answer<pb::CreateIdentityProviderResponse> {
        providers::create_identity_provider(self, request).await
    }

    async fn update_identity_provider(
        &self,
        request: Request<pb::UpdateIdentityProviderRequest>,
    ) -> Answer<pb::UpdateIdentityProviderResponse> {
        providers::update_identity_provider(self, request).await
    }

    async fn list_identity_providers(
        &self,
        request: Request<pb::ListIdentityProvidersRequest>,
    ) -> Answer<pb::ListIdentityProvidersResponse> {
        providers::list_identity_providers(self, request).await
    }

    async fn delete_identity_provider(
        &self,
        request: Request<pb::DeleteIdentityProviderRequest>,
    ) -> Answer<pb::DeleteIdentityProviderResponse> {
        providers::delete_identity_provider(self, request).await
    }

    async fn list_identities(&self, request: Request<pb::ListIdentitiesRequest>) -> Answer<pb::ListIdentitiesResponse> {
        providers::list_identities(self, request).await
    }

    async fn link_identity(&self, request: Request<pb::LinkIdentityRequest>) -> Answer<pb::LinkIdentityResponse> {
        providers::link_identity(self, request).await
    }

    async fn unlink_identity(&self, request: Request<pb::UnlinkIdentityRequest>) -> Answer<pb::UnlinkIdentityResponse> {
        providers::unlink_identity(self, request).await
    }

    async fn create_service_account(
        &self,
        request: Request<pb::CreateServiceAccountRequest>,
    ) -> Answer<pb::CreateServiceAccountResponse> {
        keys::create_service_account(self, request).await
    }

    async fn create_personal_key(
        &self,
        request: Request<pb::AdminServiceCreatePersonalKeyRequest>,
    ) -> Answer<pb::AdminServiceCreatePersonalKeyResponse> {
        keys::create_personal_key(self, request).await
    }

    async fn list_personal_keys(
        &self,
        request: Request<pb::AdminServiceListPersonalKeysRequest>,
    ) -> Answer<pb::AdminServiceListPersonalKeysResponse> {
        keys::list_personal_keys(self, request).await
    }

    async fn revoke_personal_key(
        &self,
        request: Request<pb::AdminServiceRevokePersonalKeyRequest>,
    ) -> Answer<pb::AdminServiceRevokePersonalKeyResponse> {
        keys::revoke_personal_key(self, request).await
    }

    async fn list_sessions(
        &self,
        request: Request<pb::AdminServiceListSessionsRequest>,
    ) -> Answer<pb::AdminServiceListSessionsResponse> {
        sessions::list_sessions(self, request).await
    }

    async fn revoke_session(
        &self,
        request: Request<pb::AdminServiceRevokeSessionRequest>,
    ) -> Answer<pb::AdminServiceRevokeSessionResponse> {
        sessions::revoke_session(self, request).await
    }

    async fn list_links(&self, request: Request<pb::ListLinksRequest>) -> Answer<pb::ListLinksResponse> {
        links::list_links(self, request).await
    }

    async fn revoke_link(&self, request: Request<pb::RevokeLinkRequest>) -> Answer<pb::RevokeLinkResponse> {
        links::revoke_link(self, request).await
    }

    async fn list_audit_events(&self, request: Request<pb::ListAuditEventsRequest>) -> Answer<pb::ListAuditEventsResponse> {
        audit::list_audit_events(self, request).await
    }

    type WatchAuditEventsStream = audit::AuditStream;

    async fn watch_audit_events(&self, request: Request<pb::WatchAuditEventsRequest>) -> Answer<audit::AuditStream> {
        audit::watch_audit_events(self, request).await
    }

    async fn list_signing_keys(&self, request: Request<pb::ListSigningKeysRequest>) -> Answer<pb::ListSigningKeysResponse> {
        signing_keys::list_signing_keys(self, request).await
    }

    async fn rotate_signing_key(&self, request: Request<pb::RotateSigningKeyRequest>) -> Answer<pb::RotateSigningKeyResponse> {
        signing_keys::rotate_signing_key(self, request).await
    }
}
