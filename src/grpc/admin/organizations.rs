//! Organizations and their members.

use tonic::{Request, Response};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb};

pub(super) async fn create_organization(
    api: &Api,
    request: Request<pb::CreateOrganizationRequest>,
) -> Answer<pb::CreateOrganizationResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    let made = to_the_end(async move { services.organizations.create(&caller, &message.name).await }).await?;
    Ok(Response::new(pb::CreateOrganizationResponse { organization: Some(convert::organization(&made)) }))
}

pub(super) async fn list_organizations(
    api: &Api,
    request: Request<pb::ListOrganizationsRequest>,
) -> Answer<pb::ListOrganizationsResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let size = convert::page_size(message.page_size)?;
    let page = api.services.organizations.list(&caller, size, &message.page_token).await?;
    let organizations = page.items.iter().map(convert::listed_organization).collect();
    Ok(Response::new(pb::ListOrganizationsResponse { organizations, next_page_token: page.next }))
}

pub(super) async fn update_organization(
    api: &Api,
    request: Request<pb::UpdateOrganizationRequest>,
) -> Answer<pb::UpdateOrganizationResponse> {
    let caller = api.caller(&request)?;
    let pb::UpdateOrganizationRequest { org_name, require_factor, update_mask } = request.into_inner();
    let mask = update_mask.map(|mask| mask.paths).unwrap_or_default();
    let services = api.services();
    let updated =
        to_the_end(async move { services.organizations.update(&caller, &org_name, require_factor, &mask).await }).await?;
    Ok(Response::new(pb::UpdateOrganizationResponse { organization: Some(convert::organization(&updated)) }))
}

pub(super) async fn delete_organization(
    api: &Api,
    request: Request<pb::DeleteOrganizationRequest>,
) -> Answer<pb::DeleteOrganizationResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    let revision = to_the_end(async move { services.organizations.delete(&caller, &message.name).await }).await?;
    Ok(Response::new(pb::DeleteOrganizationResponse { revision }))
}

pub(super) async fn list_members(api: &Api, request: Request<pb::ListMembersRequest>) -> Answer<pb::ListMembersResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let size = convert::page_size(message.page_size)?;
    let page = api.services.organizations.members(&caller, &message.org_name, size, &message.page_token).await?;
    let members = page.items.iter().map(convert::member).collect();
    Ok(Response::new(pb::ListMembersResponse { members, next_page_token: page.next }))
}

pub(super) async fn add_member(api: &Api, request: Request<pb::AddMemberRequest>) -> Answer<pb::AddMemberResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let role = convert::organization_role(message.role)?;
    let services = api.services();
    to_the_end(async move { services.organizations.add_member(&caller, &message.org_name, &message.username, role).await })
        .await?;
    Ok(Response::new(pb::AddMemberResponse {}))
}

pub(super) async fn remove_member(api: &Api, request: Request<pb::RemoveMemberRequest>) -> Answer<pb::RemoveMemberResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    let revision =
        to_the_end(async move { services.organizations.remove_member(&caller, &message.org_name, &message.username).await })
            .await?;
    Ok(Response::new(pb::RemoveMemberResponse { revision }))
}
