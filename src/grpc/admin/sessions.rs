//! Sessions.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::Request;

use super::Answer;
use crate::grpc::{Api, pb, status};

pub(super) async fn list_sessions(
    _: &Api,
    _: Request<pb::AdminServiceListSessionsRequest>,
) -> Answer<pb::AdminServiceListSessionsResponse> {
    Err(status::unimplemented())
}

pub(super) async fn revoke_session(
    _: &Api,
    _: Request<pb::AdminServiceRevokeSessionRequest>,
) -> Answer<pb::AdminServiceRevokeSessionResponse> {
    Err(status::unimplemented())
}
