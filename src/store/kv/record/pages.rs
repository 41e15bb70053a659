//! The pages of a roll, and of what expires.

use std::time::Duration;

use super::Record;
use super::field::{Read, exactly, missing, time};
use super::messages::{self, expiring};
use super::session::micros;
use crate::model::ids::{AttemptId, LinkId, SessionId};
use crate::model::user::Generation;
use crate::store::kv::expiry::Expiring;
use crate::store::kv::key::Kind;
use crate::store::kv::roll::Entry;

/// Some of the sessions on a roll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store::kv) struct RollPage(pub(in crate::store::kv) Vec<Entry>);

impl Record for RollPage {
    const KIND: Kind = Kind::Roll;
    type Message = messages::RollPage;

    fn message(&self) -> Self::Message {
        let entry = |entry: &Entry| messages::RollEntry {
            session: entry.id.as_bytes().to_vec(),
            auth_time: Some(entry.auth_time.micros()),
            lifetime: micros(entry.lifetime),
            generation: entry.generation.0,
            refreshed_after: micros(entry.refresh_time.since(entry.auth_time)),
        };
        messages::RollPage { entries: self.0.iter().map(entry).collect() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let entry = |entry: messages::RollEntry| {
            let auth_time = time(entry.auth_time, "entries.auth_time")?;
            Ok(Entry {
                id: SessionId::from_bytes(exactly(&entry.session, "entries.session")?),
                auth_time,
                lifetime: Duration::from_micros(entry.lifetime),
                generation: Generation(entry.generation),
                refresh_time: auth_time.plus(Duration::from_micros(entry.refreshed_after)),
            })
        };
        message.entries.into_iter().map(entry).collect::<Read<_>>().map(Self)
    }
}

/// Some of what expires within one second. Its key has the time of the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct ExpiryPage(pub(in crate::store::kv) Vec<Expiring>);

impl Record for ExpiryPage {
    const KIND: Kind = Kind::Expiry;
    type Message = messages::ExpiryPage;

    fn message(&self) -> Self::Message {
        let what = |expiring: &Expiring| match expiring {
            Expiring::Session(id) => expiring::What::Session(id.as_bytes().to_vec()),
            Expiring::Link(id) => expiring::What::Link(id.as_bytes().to_vec()),
            Expiring::Attempt(id) => expiring::What::Attempt(id.as_bytes().to_vec()),
            Expiring::Revocation(revision) => expiring::What::Revocation(*revision),
        };
        messages::ExpiryPage { expiring: self.0.iter().map(|one| messages::Expiring { what: Some(what(one)) }).collect() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let read = |one: messages::Expiring| {
            Ok(match one.what.ok_or_else(|| missing("expiring.what"))? {
                expiring::What::Session(id) => Expiring::Session(SessionId::from_bytes(exactly(&id, "expiring.session")?)),
                expiring::What::Link(id) => Expiring::Link(LinkId::from_bytes(exactly(&id, "expiring.link")?)),
                expiring::What::Attempt(id) => Expiring::Attempt(AttemptId::from_bytes(exactly(&id, "expiring.attempt")?)),
                expiring::What::Revocation(revision) => Expiring::Revocation(revision),
            })
        };
        message.expiring.into_iter().map(read).collect::<Read<_>>().map(Self)
    }
}
