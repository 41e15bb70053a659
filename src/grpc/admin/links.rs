//! Single-use links.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::Request;

use super::Answer;
use crate::grpc::{Api, pb, status};

pub(super) async fn list_links(_: &Api, _: Request<pb::ListLinksRequest>) -> Answer<pb::ListLinksResponse> {
    Err(status::unimplemented())
}

pub(super) async fn revoke_link(_: &Api, _: Request<pb::RevokeLinkRequest>) -> Answer<pb::RevokeLinkResponse> {
    Err(status::unimplemented())
}
