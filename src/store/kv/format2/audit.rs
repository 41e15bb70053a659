//! The audit log, and its chain: the old one is checked, the new one is made.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Id, Record2, folded, read};
use crate::model::audit::{self, AuditEvent};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::store::kv::audit::audit_digest;
use crate::store::kv::head::Head;
use crate::store::kv::key;
use crate::store::kv::record::{self, encode};
use crate::store::{Lane, Result, StoreError};

/// The format that is left.
const FROM: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
enum Actor {
    System,
    User(Id),
    Guest(String),
    Anonymous,
}

#[derive(Debug, Serialize, Deserialize)]
struct Origin {
    actor: Actor,
    source: Option<IpAddr>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Action {
    StoreCreated,
    Login(Id, Id),
    SsoCollected(Id, Id, Id),
    SsoExchangeBegun(Id),
    SsoIdentified(Id, Id, bool),
    SsoConfirmed(Id),
    SsoRefused(Id),
    Refreshed(Id, bool),
    RenewedByAccessToken(Id),
    RefreshReused(Id, String),
    SessionEnded(Id),
    SessionCrowdedOut(Id),
    KeyUsed(Id, u32),
    LinkIssued(Id),
    LinkRedeemed(Id, Id),
    LinkRevoked(Id),
    LogoutUser(String, u32, u32),
    UserCreated(Id),
    UserDisabled(Id),
    UserEnabled(Id),
    PasswordChanged(Id),
    TotpEnrolled(Id),
    TotpConfirmed(Id),
    OrganizationCreated(Id),
    MemberAdded(Id, Id),
    MemberRemoved(Id, Id),
    ProviderCreated(Id),
    KeyCreated(Id, Id),
    KeyRevoked(Id),
    SigningKey(String),
    LoginRefused(Id, String),
    SessionRetried(Id),
    Swept(u32),
    SessionSwept(Id, u32),
}

/// An event whole, as its digest was over it.
#[derive(Serialize)]
struct Event<'a> {
    sequence: u64,
    at: u64,
    origin: &'a Origin,
    action: &'a Action,
    previous: [u8; 32],
}

#[derive(Deserialize)]
struct AuditPage {
    first: u64,
    previous: [u8; 32],
    events: Vec<(u64, Origin, Action)>,
}

impl Record2 for AuditPage {
    type Now = record::AuditPage;

    /// With the link of then; the chain puts in the one of today.
    fn now(self) -> Result<Self::Now> {
        let event = |(at, origin, action): (u64, Origin, Action)| (Timestamp::from_micros(at), origin.now(), action.now());
        Ok(record::AuditPage { first: self.first, previous: self.previous, events: self.events.into_iter().map(event).collect() })
    }
}

/// How far the log has come, by the chain of then and by that of today.
#[derive(Debug, Default)]
pub(super) struct Chain {
    sequence: u64,
    then: [u8; 32],
    now: [u8; 32],
}

impl Chain {
    /// The next page of the log, chained anew, under its key of today.
    pub(super) fn page(&mut self, value: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let page = read::<AuditPage>(value)?;
        if page.first != self.sequence + 1 || page.previous != self.then {
            return Err(StoreError::Corrupt(format!("Audit: event {} is not chained to the one before", page.first)));
        }
        for (at, origin, action) in &page.events {
            self.sequence += 1;
            self.then = Event { sequence: self.sequence, at: *at, origin, action, previous: self.then }.digest()?;
        }

        let mut page = page.now()?;
        page.previous = self.now;
        for (sequence, (at, origin, action)) in (page.first..).zip(&page.events) {
            self.now = audit_digest(&AuditEvent {
                sequence,
                at: *at,
                origin: origin.clone(),
                action: action.clone(),
                previous: self.now,
            });
        }
        Ok((key::audit(Lane::Only, self.sequence), encode(&page)?))
    }

    /// Records the upgrade as the last event; answers where the store then stands, and the page with its key.
    pub(super) fn finish(self, head: &Head, now: Timestamp, to: u32) -> Result<(Head, Vec<u8>, Vec<u8>)> {
        if head.audit_sequence != self.sequence || head.audit_hash != self.then {
            return Err(StoreError::Corrupt(format!("Audit: ends with event {} of {}", self.sequence, head.audit_sequence)));
        }
        let at = now.max(head.last_commit);
        let event = AuditEvent {
            sequence: self.sequence + 1,
            at,
            origin: audit::Origin { actor: audit::Actor::System, source: None },
            action: audit::Action::StoreUpgraded { from: FROM, to, last: self.sequence, digest: self.then },
            previous: self.now,
        };
        let head = Head { last_commit: at, audit_sequence: event.sequence, audit_hash: audit_digest(&event), ..head.clone() };
        let key = key::audit(Lane::Only, event.sequence);
        let page = record::AuditPage {
            first: event.sequence,
            previous: event.previous,
            events: vec![(event.at, event.origin, event.action)],
        };
        Ok((head, key, encode(&page)?))
    }
}

impl Event<'_> {
    fn digest(&self) -> Result<[u8; 32]> {
        let bytes = postcard::to_stdvec(self).map_err(|error| StoreError::Corrupt(format!("Audit: {error}")))?;
        Ok(Sha256::digest(bytes).into())
    }
}

impl Origin {
    fn now(self) -> audit::Origin {
        let actor = match self.actor {
            Actor::System => audit::Actor::System,
            Actor::User(id) => audit::Actor::User(UserId::from_bytes(id)),
            Actor::Guest(name) => audit::Actor::Guest(folded(&name)),
            Actor::Anonymous => audit::Actor::Anonymous,
        };
        audit::Origin { actor, source: self.source }
    }
}

impl Action {
    fn now(self) -> audit::Action {
        use audit::Action as Now;
        match self {
            Self::StoreCreated => Now::StoreCreated,
            Self::Login(user, session) => Now::Login(of_user(user), of_session(session)),
            Self::SsoCollected(user, session, attempt) => {
                Now::SsoCollected(of_user(user), of_session(session), of_attempt(attempt))
            }
            Self::SsoExchangeBegun(id) => Now::SsoExchangeBegun(of_attempt(id)),
            Self::SsoIdentified(attempt, user, new) => Now::SsoIdentified(of_attempt(attempt), of_user(user), new),
            Self::SsoConfirmed(id) => Now::SsoConfirmed(of_attempt(id)),
            Self::SsoRefused(id) => Now::SsoRefused(of_attempt(id)),
            Self::Refreshed(id, again) => Now::Refreshed(of_session(id), again),
            Self::RenewedByAccessToken(id) => Now::RenewedByAccessToken(of_session(id)),
            Self::RefreshReused(id, reason) => Now::RefreshReused(of_session(id), reason),
            Self::SessionEnded(id) => Now::SessionEnded(of_session(id)),
            Self::SessionCrowdedOut(id) => Now::SessionCrowdedOut(of_session(id)),
            Self::KeyUsed(id, times) => Now::KeyUsed(of_key(id), times),
            Self::LinkIssued(id) => Now::LinkIssued(of_link(id)),
            Self::LinkRedeemed(link, session) => Now::LinkRedeemed(of_link(link), of_session(session)),
            Self::LinkRevoked(id) => Now::LinkRevoked(of_link(id)),
            Self::LogoutUser(name, sessions, links) => Now::LogoutUser(folded(&name), sessions, links),
            Self::UserCreated(id) => Now::UserCreated(of_user(id)),
            Self::UserDisabled(id) => Now::UserDisabled(of_user(id)),
            Self::UserEnabled(id) => Now::UserEnabled(of_user(id)),
            Self::PasswordChanged(id) => Now::PasswordChanged(of_user(id)),
            Self::TotpEnrolled(id) => Now::TotpEnrolled(of_user(id)),
            Self::TotpConfirmed(id) => Now::TotpConfirmed(of_user(id)),
            Self::OrganizationCreated(id) => Now::OrganizationCreated(of_organization(id)),
            Self::MemberAdded(id, user) => Now::MemberAdded(of_organization(id), of_user(user)),
            Self::MemberRemoved(id, user) => Now::MemberRemoved(of_organization(id), of_user(user)),
            Self::ProviderCreated(id) => Now::ProviderCreated(ProviderId::from_bytes(id)),
            Self::KeyCreated(id, user) => Now::KeyCreated(of_key(id), of_user(user)),
            Self::KeyRevoked(id) => Now::KeyRevoked(of_key(id)),
            Self::SigningKey(kid) => Now::SigningKey(kid),
            Self::LoginRefused(id, reason) => Now::LoginRefused(of_user(id), reason),
            Self::SessionRetried(id) => Now::SessionRetried(of_session(id)),
            Self::Swept(records) => Now::Swept(records),
            Self::SessionSwept(id, times) => Now::SessionSwept(of_session(id), times),
        }
    }
}

fn of_user(id: Id) -> UserId {
    UserId::from_bytes(id)
}

fn of_session(id: Id) -> SessionId {
    SessionId::from_bytes(id)
}

fn of_attempt(id: Id) -> AttemptId {
    AttemptId::from_bytes(id)
}

fn of_key(id: Id) -> KeyId {
    KeyId::from_bytes(id)
}

fn of_link(id: Id) -> LinkId {
    LinkId::from_bytes(id)
}

fn of_organization(id: Id) -> OrganizationId {
    OrganizationId::from_bytes(id)
}
