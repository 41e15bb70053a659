//! Personal keys.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb, status};

pub(super) async fn create_service_account(
    _: &Api,
    _: Request<pb::CreateServiceAccountRequest>,
) -> Answer<pb::CreateServiceAccountResponse> {
    Err(status::unimplemented())
}

pub(super) async fn create_personal_key(
    api: &Api,
    request: Request<pb::AdminServiceCreatePersonalKeyRequest>,
) -> Answer<pb::AdminServiceCreatePersonalKeyResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let ttl = convert::duration("ttl", message.ttl)?;
    let services = api.services();
    let made =
        to_the_end(async move { services.keys.create_for(&caller, &message.username, &message.display_name, ttl).await }).await?;
    Ok(Response::new(pb::AdminServiceCreatePersonalKeyResponse {
        key_id: made.key_id,
        key_secret: made.secret.expose().to_owned(),
        expire_time: made.key.expire_time().map(convert::timestamp),
    }))
}

pub(super) async fn list_personal_keys(
    _: &Api,
    _: Request<pb::AdminServiceListPersonalKeysRequest>,
) -> Answer<pb::AdminServiceListPersonalKeysResponse> {
    Err(status::unimplemented())
}

pub(super) async fn revoke_personal_key(
    _: &Api,
    _: Request<pb::AdminServiceRevokePersonalKeyRequest>,
) -> Answer<pb::AdminServiceRevokePersonalKeyResponse> {
    Err(status::unimplemented())
}
