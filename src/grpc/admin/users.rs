//! Accounts, as an operator handles them.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response, Streaming};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb, status};
use crate::model::secret::Secret;
use crate::model::user::Roles;
use crate::service::users::UserUpdate;

pub(super) async fn create_user(api: &Api, request: Request<pb::CreateUserRequest>) -> Answer<pb::CreateUserResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let roles = convert::roles(&message.roles)?;
    let password = Secret::from(message.password);
    let services = api.services();
    let account =
        to_the_end(async move { services.users.create(&caller, &message.username, &message.email, &password, roles).await })
            .await?;
    Ok(Response::new(pb::CreateUserResponse { user: Some(convert::user(&account)) }))
}

pub(super) async fn get_user(api: &Api, request: Request<pb::GetUserRequest>) -> Answer<pb::GetUserResponse> {
    let caller = api.caller(&request)?;
    let account = api.services.users.get(&caller, &request.into_inner().username).await?;
    Ok(Response::new(pb::GetUserResponse { user: Some(convert::user(&account)) }))
}

pub(super) async fn list_users(api: &Api, request: Request<pb::ListUsersRequest>) -> Answer<pb::ListUsersResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let size = convert::page_size(message.page_size)?;
    let page = api.services.users.list(&caller, size, &message.page_token).await?;
    let users = page.items.iter().map(convert::user).collect();
    Ok(Response::new(pb::ListUsersResponse { users, next_page_token: page.next }))
}

pub(super) async fn update_user(api: &Api, request: Request<pb::UpdateUserRequest>) -> Answer<pb::UpdateUserResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let mask = message.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let given = mask.iter().any(|field| field == "roles");
    let roles = if given { convert::roles(&message.roles)? } else { Roles::default() };
    let update = UserUpdate { mask, email: message.email, roles };
    let services = api.services();
    let (account, revision) = to_the_end(async move { services.users.update(&caller, &message.username, &update).await }).await?;
    Ok(Response::new(pb::UpdateUserResponse { user: Some(convert::user(&account)), revision }))
}

pub(super) async fn disable_user(api: &Api, request: Request<pb::DisableUserRequest>) -> Answer<pb::DisableUserResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    let revision = to_the_end(async move { services.users.disable(&caller, &message.username).await }).await?;
    Ok(Response::new(pb::DisableUserResponse { revision }))
}

pub(super) async fn enable_user(api: &Api, request: Request<pb::EnableUserRequest>) -> Answer<pb::EnableUserResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    let account = to_the_end(async move { services.users.enable(&caller, &message.username).await }).await?;
    Ok(Response::new(pb::EnableUserResponse { user: Some(convert::user(&account)) }))
}

pub(super) async fn delete_user(api: &Api, request: Request<pb::DeleteUserRequest>) -> Answer<pb::DeleteUserResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    let revision = to_the_end(async move { services.users.delete(&caller, &message.username).await }).await?;
    Ok(Response::new(pb::DeleteUserResponse { revision }))
}

pub(super) async fn import_users(
    _: &Api,
    request: Request<Streaming<pb::ImportUsersRequest>>,
) -> Answer<pb::ImportUsersResponse> {
    request.into_inner().message().await?;
    Err(status::unimplemented())
}

pub(super) async fn reset_password(_: &Api, _: Request<pb::ResetPasswordRequest>) -> Answer<pb::ResetPasswordResponse> {
    Err(status::unimplemented())
}

pub(super) async fn reset_totp(_: &Api, _: Request<pb::ResetTotpRequest>) -> Answer<pb::ResetTotpResponse> {
    Err(status::unimplemented())
}

pub(super) async fn release_name(api: &Api, request: Request<pb::ReleaseNameRequest>) -> Answer<pb::ReleaseNameResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    to_the_end(async move { services.users.release_name(&caller, &message.name).await }).await?;
    Ok(Response::new(pb::ReleaseNameResponse {}))
}
