//! Identity providers, and the identities there.

use tonic::{Request, Response};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb};
use crate::model::provider::IdentityProvider;
use crate::service::identities::LinkedIdentity;
use crate::service::providers::NewProvider;

pub(super) async fn create_identity_provider(
    api: &Api,
    request: Request<pb::CreateIdentityProviderRequest>,
) -> Answer<pb::CreateIdentityProviderResponse> {
    let caller = api.caller(&request)?;
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
    let services = api.services();
    let made = to_the_end(async move { services.providers.create(&caller, new).await }).await?;
    Ok(Response::new(pb::CreateIdentityProviderResponse { identity_provider: Some(api.provider(&made, org_name)) }))
}

pub(super) async fn update_identity_provider(
    api: &Api,
    request: Request<pb::UpdateIdentityProviderRequest>,
) -> Answer<pb::UpdateIdentityProviderResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let (org_name, name) = (message.org_name.clone(), message.name.clone());
    let update = convert::provider_update(message);
    let services = api.services();
    let (changed, org_name) =
        to_the_end(async move { services.providers.update(&caller, &org_name, &name, update).await }).await?;
    Ok(Response::new(pb::UpdateIdentityProviderResponse { identity_provider: Some(api.provider(&changed, org_name)) }))
}

pub(super) async fn list_identity_providers(
    api: &Api,
    request: Request<pb::ListIdentityProvidersRequest>,
) -> Answer<pb::ListIdentityProvidersResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let size = convert::page_size(message.page_size)?;
    let page = api.services.providers.list(&caller, &message.org_name, size, &message.page_token).await?;
    let identity_providers = page.items.into_iter().map(|(provider, org_name)| api.provider(&provider, org_name)).collect();
    Ok(Response::new(pb::ListIdentityProvidersResponse { identity_providers, next_page_token: page.next }))
}

pub(super) async fn delete_identity_provider(
    api: &Api,
    request: Request<pb::DeleteIdentityProviderRequest>,
) -> Answer<pb::DeleteIdentityProviderResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    to_the_end(async move { services.providers.delete(&caller, &message.org_name, &message.name).await }).await?;
    Ok(Response::new(pb::DeleteIdentityProviderResponse {}))
}

pub(super) async fn list_identities(
    api: &Api,
    request: Request<pb::ListIdentitiesRequest>,
) -> Answer<pb::ListIdentitiesResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let size = convert::page_size(message.page_size)?;
    let page = api.services.identities.list(&caller, &message.username, size, &message.page_token).await?;
    let shown = |LinkedIdentity { issuer, subject }| pb::Identity { issuer, subject };
    let identities = page.items.into_iter().map(shown).collect();
    Ok(Response::new(pb::ListIdentitiesResponse { identities, next_page_token: page.next }))
}

pub(super) async fn link_identity(api: &Api, request: Request<pb::LinkIdentityRequest>) -> Answer<pb::LinkIdentityResponse> {
    let caller = api.caller(&request)?;
    let pb::LinkIdentityRequest { username, issuer, subject } = request.into_inner();
    let services = api.services();
    to_the_end(async move { services.identities.link(&caller, &username, &issuer, &subject).await }).await?;
    Ok(Response::new(pb::LinkIdentityResponse {}))
}

pub(super) async fn unlink_identity(
    api: &Api,
    request: Request<pb::UnlinkIdentityRequest>,
) -> Answer<pb::UnlinkIdentityResponse> {
    let caller = api.caller(&request)?;
    let pb::UnlinkIdentityRequest { username, issuer, subject } = request.into_inner();
    let services = api.services();
    to_the_end(async move { services.identities.unlink(&caller, &username, &issuer, &subject).await }).await?;
    Ok(Response::new(pb::UnlinkIdentityResponse {}))
}

impl Api {
    /// A registration as it is answered.
    fn provider(&self, provider: &IdentityProvider, org_name: String) -> pb::IdentityProvider {
        convert::identity_provider(provider, org_name, self.services.sso.redirect_uri(provider.id))
    }
}
