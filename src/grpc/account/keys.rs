//! Personal keys.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb, status};

pub(super) async fn create_personal_key(
    api: &Api,
    request: Request<pb::AccountServiceCreatePersonalKeyRequest>,
) -> Answer<pb::AccountServiceCreatePersonalKeyResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let ttl = convert::duration("ttl", message.ttl)?;
    let services = api.services();
    let made = to_the_end(async move { services.keys.create(&caller, &message.display_name, ttl).await }).await?;
    Ok(Response::new(pb::AccountServiceCreatePersonalKeyResponse {
        key_id: made.key_id,
        key_secret: made.secret.expose().to_owned(),
        expire_time: made.key.expire_time().map(convert::timestamp),
    }))
}

pub(super) async fn list_personal_keys(
    api: &Api,
    request: Request<pb::ListPersonalKeysRequest>,
) -> Answer<pb::ListPersonalKeysResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let size = convert::page_size(message.page_size)?;
    let page = api.services.keys.list(&caller, size, &message.page_token).await?;
    let personal_keys = page.items.iter().map(|(id, key)| convert::personal_key(id, key)).collect();
    Ok(Response::new(pb::ListPersonalKeysResponse { personal_keys, next_page_token: page.next }))
}

pub(super) async fn rotate_personal_key(
    _: &Api,
    _: Request<pb::RotatePersonalKeyRequest>,
) -> Answer<pb::RotatePersonalKeyResponse> {
    Err(status::unimplemented())
}

pub(super) async fn revoke_personal_key(
    api: &Api,
    request: Request<pb::RevokePersonalKeyRequest>,
) -> Answer<pb::RevokePersonalKeyResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let services = api.services();
    let revision = to_the_end(async move { services.keys.revoke(&caller, &message.key_id).await }).await?;
    Ok(Response::new(pb::RevokePersonalKeyResponse { revision }))
}
