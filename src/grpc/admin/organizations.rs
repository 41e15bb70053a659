//! Organizations and their members.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb, status};

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
    _: &Api,
    _: Request<pb::ListOrganizationsRequest>,
) -> Answer<pb::ListOrganizationsResponse> {
    Err(status::unimplemented())
}

pub(super) async fn update_organization(
    _: &Api,
    _: Request<pb::UpdateOrganizationRequest>,
) -> Answer<pb::UpdateOrganizationResponse> {
    Err(status::unimplemented())
}

pub(super) async fn delete_organization(
    _: &Api,
    _: Request<pb::DeleteOrganizationRequest>,
) -> Answer<pb::DeleteOrganizationResponse> {
    Err(status::unimplemented())
}

pub(super) async fn list_members(_: &Api, _: Request<pb::ListMembersRequest>) -> Answer<pb::ListMembersResponse> {
    Err(status::unimplemented())
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
