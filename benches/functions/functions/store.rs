//! Records by themselves.

use std::hint::black_box;

use countersign::model::audit::{Action, Actor, AuditEvent, Origin};
use countersign::model::ids::{SessionId, UserId};
use countersign::store::audit_digest;

use super::fixture::{NOW, Run, random};

/// The record of an audit event, encoded and hashed.
pub(crate) fn audit_event() -> Run {
    let event = AuditEvent {
        sequence: 1_000_000,
        at: NOW,
        origin: Origin { actor: Actor::Anonymous, source: None },
        action: Action::Login(UserId::random(random()), SessionId::random(random())),
        previous: [7; 32],
    };
    Box::new(move || {
        black_box(audit_digest(&event));
    })
}
