//! Identity providers, and the identities there.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb, status};
use crate::model::provider::IdentityProvider;
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
    let after = convert::provider_page(&message.page_token)?;
    // One more says whether there is another page.
    let mut found = api.services.providers.list(&caller, after, size.saturating_add(1)).await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = found.len() > size;
    found.truncate(size);
    let next_page_token = found.last().filter(|_| more).map(|(last, _)| convert::provider_page_token(last)).unwrap_or_default();
    let identity_providers = found.into_iter().map(|(provider, org_name)| api.provider(&provider, org_name)).collect();
    Ok(Response::new(pb::ListIdentityProvidersResponse { identity_providers, next_page_token }))
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

pub(super) async fn list_identities(_: &Api, _: Request<pb::ListIdentitiesRequest>) -> Answer<pb::ListIdentitiesResponse> {
    Err(status::unimplemented())
}

pub(super) async fn link_identity(_: &Api, _: Request<pb::LinkIdentityRequest>) -> Answer<pb::LinkIdentityResponse> {
    Err(status::unimplemented())
}

pub(super) async fn unlink_identity(_: &Api, _: Request<pb::UnlinkIdentityRequest>) -> Answer<pb::UnlinkIdentityResponse> {
    Err(status::unimplemented())
}

impl Api {
    /// A registration as it is answered.
    fn provider(&self, provider: &IdentityProvider, org_name: String) -> pb::IdentityProvider {
        convert::identity_provider(provider, org_name, self.services.sso.redirect_uri(provider.id))
    }
}
