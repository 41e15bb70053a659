//! `AdminService`: users, organizations, identity providers and what else an operator does.

use tonic::{Request, Response, Status};

use super::pb::admin_service_server::AdminService;
use super::{Api, convert, pb, status};
use crate::edge::to_the_end;
use crate::model::provider::IdentityProvider;
use crate::model::secret::Secret;
use crate::service::providers::NewProvider;

type Answer<M> = Result<Response<M>, Status>;

#[tonic::async_trait]
impl AdminService for Api {
    async fn create_user(&self, request: Request<pb::CreateUserRequest>) -> Answer<pb::CreateUserResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let roles = convert::roles(&message.roles)?;
        let password = Secret::from(message.password);
        let services = self.services();
        let account =
            to_the_end(async move { services.users.create(&caller, &message.username, &message.email, &password, roles).await })
                .await?;
        Ok(Response::new(pb::CreateUserResponse { user: Some(convert::user(&account)) }))
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Answer<pb::GetUserResponse> {
        let caller = self.caller(&request)?;
        let account = self.services.users.get(&caller, &request.into_inner().username).await?;
        Ok(Response::new(pb::GetUserResponse { user: Some(convert::user(&account)) }))
    }

    async fn disable_user(&self, request: Request<pb::DisableUserRequest>) -> Answer<pb::DisableUserResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let services = self.services();
        let revision = to_the_end(async move { services.users.disable(&caller, &message.username).await }).await?;
        Ok(Response::new(pb::DisableUserResponse { revision }))
    }

    async fn enable_user(&self, request: Request<pb::EnableUserRequest>) -> Answer<pb::EnableUserResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let services = self.services();
        let account = to_the_end(async move { services.users.enable(&caller, &message.username).await }).await?;
        Ok(Response::new(pb::EnableUserResponse { user: Some(convert::user(&account)) }))
    }

    async fn create_organization(
        &self,
        request: Request<pb::CreateOrganizationRequest>,
    ) -> Answer<pb::CreateOrganizationResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let services = self.services();
        let made = to_the_end(async move { services.organizations.create(&caller, &message.name).await }).await?;
        Ok(Response::new(pb::CreateOrganizationResponse { organization: Some(convert::organization(&made)) }))
    }

    async fn add_member(&self, request: Request<pb::AddMemberRequest>) -> Answer<pb::AddMemberResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let role = convert::organization_role(message.role)?;
        let services = self.services();
        to_the_end(async move { services.organizations.add_member(&caller, &message.org_name, &message.username, role).await })
            .await?;
        Ok(Response::new(pb::AddMemberResponse {}))
    }

    async fn remove_member(&self, request: Request<pb::RemoveMemberRequest>) -> Answer<pb::RemoveMemberResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let services = self.services();
        let revision =
            to_the_end(async move { services.organizations.remove_member(&caller, &message.org_name, &message.username).await })
                .await?;
        Ok(Response::new(pb::RemoveMemberResponse { revision }))
    }

    async fn create_identity_provider(
        &self,
        request: Request<pb::CreateIdentityProviderRequest>,
    ) -> Answer<pb::CreateIdentityProviderResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let org_name = message.org_name.clone();
        let new = NewProvider {
            name: message.name,
            org_name: message.org_name,
            issuer: message.issuer,
            client_id: message.client_id,
            client_secret: message.client_secret.into(),
            scopes: message.scopes,
            sign_up: message.sign_up,
            email_domains: message.email_domains,
            trusted_audiences: message.trusted_audiences,
        };
        let services = self.services();
        let made = to_the_end(async move { services.providers.create(&caller, new).await }).await?;
        Ok(Response::new(pb::CreateIdentityProviderResponse { identity_provider: Some(self.provider(&made, org_name)) }))
    }

    async fn create_personal_key(
        &self,
        request: Request<pb::AdminServiceCreatePersonalKeyRequest>,
    ) -> Answer<pb::AdminServiceCreatePersonalKeyResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let ttl = convert::duration("ttl", message.ttl)?;
        let services = self.services();
        let made =
            to_the_end(async move { services.keys.create_for(&caller, &message.username, &message.display_name, ttl).await })
                .await?;
        Ok(Response::new(pb::AdminServiceCreatePersonalKeyResponse {
            key_id: made.key_id,
            key_secret: made.secret.expose().to_owned(),
            expire_time: made.key.expire_time().map(convert::timestamp),
        }))
    }

    async fn list_users(&self, _: Request<pb::ListUsersRequest>) -> Answer<pb::ListUsersResponse> {
        Err(status::unimplemented())
    }

    async fn update_user(&self, _: Request<pb::UpdateUserRequest>) -> Answer<pb::UpdateUserResponse> {
        Err(status::unimplemented())
    }

    async fn delete_user(&self, _: Request<pb::DeleteUserRequest>) -> Answer<pb::DeleteUserResponse> {
        Err(status::unimplemented())
    }

    async fn list_organizations(&self, _: Request<pb::ListOrganizationsRequest>) -> Answer<pb::ListOrganizationsResponse> {
        Err(status::unimplemented())
    }

    async fn update_identity_provider(
        &self,
        request: Request<pb::UpdateIdentityProviderRequest>,
    ) -> Answer<pb::UpdateIdentityProviderResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let (org_name, name) = (message.org_name.clone(), message.name.clone());
        let update = convert::provider_update(message);
        let services = self.services();
        let (changed, org_name) =
            to_the_end(async move { services.providers.update(&caller, &org_name, &name, update).await }).await?;
        Ok(Response::new(pb::UpdateIdentityProviderResponse { identity_provider: Some(self.provider(&changed, org_name)) }))
    }

    async fn list_identity_providers(
        &self,
        request: Request<pb::ListIdentityProvidersRequest>,
    ) -> Answer<pb::ListIdentityProvidersResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let size = convert::page_size(message.page_size)?;
        let after = convert::provider_page(&message.page_token)?;
        // One more says whether there is another page.
        let mut found = self.services.providers.list(&caller, after, size.saturating_add(1)).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token =
            found.last().filter(|_| more).map(|(last, _)| convert::provider_page_token(last)).unwrap_or_default();
        let identity_providers = found.into_iter().map(|(provider, org_name)| self.provider(&provider, org_name)).collect();
        Ok(Response::new(pb::ListIdentityProvidersResponse { identity_providers, next_page_token }))
    }

    async fn delete_identity_provider(
        &self,
        request: Request<pb::DeleteIdentityProviderRequest>,
    ) -> Answer<pb::DeleteIdentityProviderResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let services = self.services();
        to_the_end(async move { services.providers.delete(&caller, &message.org_name, &message.name).await }).await?;
        Ok(Response::new(pb::DeleteIdentityProviderResponse {}))
    }

    async fn list_links(&self, _: Request<pb::ListLinksRequest>) -> Answer<pb::ListLinksResponse> {
        Err(status::unimplemented())
    }

    async fn revoke_link(&self, _: Request<pb::RevokeLinkRequest>) -> Answer<pb::RevokeLinkResponse> {
        Err(status::unimplemented())
    }

    async fn list_audit_events(&self, _: Request<pb::ListAuditEventsRequest>) -> Answer<pb::ListAuditEventsResponse> {
        Err(status::unimplemented())
    }

    async fn list_signing_keys(&self, _: Request<pb::ListSigningKeysRequest>) -> Answer<pb::ListSigningKeysResponse> {
        Err(status::unimplemented())
    }

    async fn rotate_signing_key(&self, _: Request<pb::RotateSigningKeyRequest>) -> Answer<pb::RotateSigningKeyResponse> {
        Err(status::unimplemented())
    }

    async fn reset_password(&self, _: Request<pb::ResetPasswordRequest>) -> Answer<pb::ResetPasswordResponse> {
        Err(status::unimplemented())
    }

    async fn reset_totp(&self, _: Request<pb::ResetTotpRequest>) -> Answer<pb::ResetTotpResponse> {
        Err(status::unimplemented())
    }

    async fn link_identity(&self, _: Request<pb::LinkIdentityRequest>) -> Answer<pb::LinkIdentityResponse> {
        Err(status::unimplemented())
    }

    async fn unlink_identity(&self, _: Request<pb::UnlinkIdentityRequest>) -> Answer<pb::UnlinkIdentityResponse> {
        Err(status::unimplemented())
    }

    async fn release_name(&self, _: Request<pb::ReleaseNameRequest>) -> Answer<pb::ReleaseNameResponse> {
        Err(status::unimplemented())
    }
}

impl Api {
    /// A registration as it is answered.
    fn provider(&self, provider: &IdentityProvider, org_name: String) -> pb::IdentityProvider {
        convert::identity_provider(provider, org_name, self.services.sso.redirect_uri(provider.id))
    }
}
