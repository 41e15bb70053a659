//! The audit log.

#![expect(clippy::unused_async, reason = "what answers UNIMPLEMENTED awaits nothing")]

use std::pin::Pin;

use futures_util::Stream;
use tonic::{Request, Status};

use super::Answer;
use crate::grpc::{Api, pb, status};

/// What WatchAuditEvents answers.
pub(super) type AuditStream = Pin<Box<dyn Stream<Item = Result<pb::WatchAuditEventsResponse, Status>> + Send>>;

pub(super) async fn list_audit_events(_: &Api, _: Request<pb::ListAuditEventsRequest>) -> Answer<pb::ListAuditEventsResponse> {
    Err(status::unimplemented())
}

pub(super) async fn watch_audit_events(_: &Api, _: Request<pb::WatchAuditEventsRequest>) -> Answer<AuditStream> {
    Err(status::unimplemented())
}
