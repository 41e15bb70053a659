//! The account, and where its session acts.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response};

use super::Answer;
use crate::grpc::{Api, convert, pb, status};

pub(super) async fn get_account(api: &Api, request: Request<pb::GetAccountRequest>) -> Answer<pb::GetAccountResponse> {
    let caller = api.caller(&request)?;
    let account = api.services.accounts.account(&caller).await?;
    Ok(Response::new(pb::GetAccountResponse { user: Some(convert::user(&account)) }))
}

pub(super) async fn switch_organization(
    _: &Api,
    _: Request<pb::SwitchOrganizationRequest>,
) -> Answer<pb::SwitchOrganizationResponse> {
    Err(status::unimplemented())
}
