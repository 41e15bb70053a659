//! Signing keys.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use tonic::Request;

use super::Answer;
use crate::grpc::{Api, pb, status};

pub(super) async fn list_signing_keys(_: &Api, _: Request<pb::ListSigningKeysRequest>) -> Answer<pb::ListSigningKeysResponse> {
    Err(status::unimplemented())
}

pub(super) async fn rotate_signing_key(_: &Api, _: Request<pb::RotateSigningKeyRequest>) -> Answer<pb::RotateSigningKeyResponse> {
    Err(status::unimplemented())
}
