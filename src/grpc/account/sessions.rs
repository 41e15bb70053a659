//! Sessions.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::Request;

use super::Answer;
use crate::grpc::{Api, pb, status};

pub(super) async fn list_sessions(_: &Api, _: Request<pb::ListSessionsRequest>) -> Answer<pb::ListSessionsResponse> {
    Err(status::unimplemented())
}

pub(super) async fn revoke_session(_: &Api, _: Request<pb::RevokeSessionRequest>) -> Answer<pb::RevokeSessionResponse> {
    Err(status::unimplemented())
}
