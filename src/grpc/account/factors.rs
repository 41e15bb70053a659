//! The password and one-time codes.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::{Request, Response};

use super::Answer;
use crate::edge::to_the_end;
use crate::grpc::{Api, convert, pb, status};
use crate::model::secret::Secret;

pub(super) async fn change_password(
    api: &Api,
    request: Request<pb::ChangePasswordRequest>,
) -> Answer<pb::ChangePasswordResponse> {
    let caller = api.caller(&request)?;
    let message = request.into_inner();
    let (current, new) = (Secret::from(message.current_password), Secret::from(message.new_password));
    let services = api.services();
    let changed = to_the_end(async move { services.accounts.change_password(&caller, &current, &new).await }).await?;
    let tokens = changed.tokens.map(convert::tokens);
    Ok(Response::new(pb::ChangePasswordResponse { revision: changed.revision, tokens }))
}

pub(super) async fn enroll_totp(api: &Api, request: Request<pb::EnrollTotpRequest>) -> Answer<pb::EnrollTotpResponse> {
    let caller = api.caller(&request)?;
    let services = api.services();
    let enrolment = to_the_end(async move { services.accounts.enroll_totp(&caller).await }).await?;
    Ok(Response::new(pb::EnrollTotpResponse {
        secret: enrolment.secret.expose().to_owned(),
        otpauth_url: enrolment.otpauth_url.expose().to_owned(),
    }))
}

pub(super) async fn confirm_totp(api: &Api, request: Request<pb::ConfirmTotpRequest>) -> Answer<pb::ConfirmTotpResponse> {
    let caller = api.caller(&request)?;
    let otp = Secret::from(request.into_inner().otp);
    let services = api.services();
    let codes = to_the_end(async move { services.accounts.confirm_totp(&caller, &otp).await }).await?;
    let recovery_codes = codes.iter().map(|code| code.expose().to_owned()).collect();
    Ok(Response::new(pb::ConfirmTotpResponse { recovery_codes }))
}

pub(super) async fn disable_totp(_: &Api, _: Request<pb::DisableTotpRequest>) -> Answer<pb::DisableTotpResponse> {
    Err(status::unimplemented())
}

pub(super) async fn regenerate_recovery_codes(
    _: &Api,
    _: Request<pb::RegenerateRecoveryCodesRequest>,
) -> Answer<pb::RegenerateRecoveryCodesResponse> {
    Err(status::unimplemented())
}
