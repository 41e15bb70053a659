//! Revocations, rolls and what expires.

use std::time::Duration;

use serde::Deserialize;

use super::session::{Credential, Subject};
use super::{Id, Record2, read};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, LinkId, SessionId};
use crate::model::revocation;
use crate::model::user::Generation;
use crate::store::kv::expiry;
use crate::store::kv::key;
use crate::store::kv::record::{self, encode};
use crate::store::kv::roll::Entry;
use crate::store::{Lane, Lanes, Result, StoreError};

#[derive(Deserialize)]
enum Revoked {
    Below(Subject, u64),
    Session(Id),
    Credential(Credential),
}

#[derive(Deserialize)]
struct Revocation {
    revision: i64,
    what: Revoked,
    until: u64,
}

impl Record2 for Revocation {
    type Now = revocation::Revocation;

    fn now(self) -> Result<Self::Now> {
        let what = match self.what {
            Revoked::Below(subject, generation) => revocation::Revoked::Below(subject.now(), Generation(generation)),
            Revoked::Session(id) => revocation::Revoked::Session(SessionId::from_bytes(id)),
            Revoked::Credential(credential) => revocation::Revoked::Credential(credential.now()),
        };
        Ok(revocation::Revocation { revision: self.revision, what, until: Timestamp::from_micros(self.until) })
    }
}

/// A revocation under its key of today.
pub(super) fn revocation(value: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let revocation = read::<Revocation>(value)?.now()?;
    Ok((key::revocation(Lanes::One, revocation.revision), encode(&revocation)?))
}

#[derive(Deserialize)]
pub(super) struct Tombstone(i64);

impl Record2 for Tombstone {
    type Now = record::Tombstone;

    fn now(self) -> Result<Self::Now> {
        Ok(record::Tombstone::at(self.0))
    }
}

#[derive(Deserialize)]
struct RollEntry {
    id: Id,
    auth_time: u64,
    lifetime: Duration,
    generation: u64,
}

#[derive(Deserialize)]
pub(super) struct RollPage(Vec<RollEntry>);

impl Record2 for RollPage {
    type Now = record::RollPage;

    fn now(self) -> Result<Self::Now> {
        let entry = |entry: RollEntry| Entry {
            id: SessionId::from_bytes(entry.id),
            auth_time: Timestamp::from_micros(entry.auth_time),
            lifetime: entry.lifetime,
            generation: Generation(entry.generation),
            refresh_time: Timestamp::from_micros(entry.auth_time),
        };
        Ok(record::RollPage(self.0.into_iter().map(entry).collect()))
    }
}

#[derive(Deserialize)]
enum Expiring {
    Session(Id),
    Link(Id),
    Attempt(Id),
    Revocation(i64),
}

#[derive(Deserialize)]
struct ExpiryPage(Vec<Expiring>);

impl Record2 for ExpiryPage {
    type Now = record::ExpiryPage;

    fn now(self) -> Result<Self::Now> {
        let expiring = |expiring| match expiring {
            Expiring::Session(id) => expiry::Expiring::Session(SessionId::from_bytes(id)),
            Expiring::Link(id) => expiry::Expiring::Link(LinkId::from_bytes(id)),
            Expiring::Attempt(id) => expiry::Expiring::Attempt(AttemptId::from_bytes(id)),
            Expiring::Revocation(revision) => expiry::Expiring::Revocation(revision),
        };
        Ok(record::ExpiryPage(self.0.into_iter().map(expiring).collect()))
    }
}

/// A page of what expires under its key of today. In format 2 the time of the last of them stood behind the kind's byte.
pub(super) fn expiry(key: &[u8], value: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let page = read::<ExpiryPage>(value)?.now()?;
    let at = key.get(1..9).and_then(|at| at.try_into().ok()).map(u64::from_be_bytes);
    match (at, page.0.first()) {
        (Some(at), Some(first)) => {
            Ok((key::expiry(Lane::Only, Timestamp::from_micros(at), &first.key(Lanes::One)), encode(&page)?))
        }
        _ => Err(StoreError::Corrupt("Expiry: its page is empty, or its key cut short".to_owned())),
    }
}
