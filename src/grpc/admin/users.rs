//! Accounts, as an operator handles them.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response, Streaming};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb, status};
use crate::model::secret::Secret;

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

pub(super) async fn list_users(_: &Api, _: Request<pb::ListUsersRequest>) -> Answer<pb::ListUsersResponse> {
    Err(status::unimplemented())
}

pub(super) async fn update_user(_: &Api, _: Request<pb::UpdateUserRequest>) -> Answer<pb::UpdateUserResponse> {
    Err(status::unimplemented())
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

pub(super) async fn delete_user(_: &Api, _: Request<pb::DeleteUserRequest>) -> Answer<pb::DeleteUserResponse> {
    Err(status::unimplemented())
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

pub(super) async fn release_name(_: &Api, _: Request<pb::ReleaseNameRequest>) -> Answer<pb::ReleaseNameResponse> {
    Err(status::unimplemented())
}
