//! Revocations and the tombstones that some of them leave.

use super::Record;
use super::field::{Read, exactly, missing, time};
use super::messages::{self, revocation};
use super::session::{credential_message, read_credential, read_subject, subject_message};
use crate::model::ids::SessionId;
use crate::model::revocation::{Revocation, Revoked};
use crate::model::user::Generation;
use crate::store::kv::key::Kind;

impl Record for Revocation {
    const KIND: Kind = Kind::Revocation;
    type Message = messages::Revocation;

    fn message(&self) -> Self::Message {
        let what = match &self.what {
            Revoked::Below(subject, generation) => {
                revocation::What::Below(messages::Below { subject: Some(subject_message(subject)), generation: generation.0 })
            }
            Revoked::BelowIn(subject, organization, generation) => revocation::What::BelowIn(messages::BelowIn {
                subject: Some(subject_message(subject)),
                organization: organization.clone(),
                generation: generation.0,
            }),
            Revoked::Session(id) => revocation::What::Session(id.as_bytes().to_vec()),
            Revoked::Credential(credential) => revocation::What::Credential(credential_message(*credential)),
        };
        messages::Revocation { revision: self.revision, what: Some(what), until: Some(self.until.micros()) }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let what = match message.what.ok_or_else(|| missing("what"))? {
            revocation::What::Below(below) => {
                let subject = below.subject.ok_or_else(|| missing("below.subject"))?;
                Revoked::Below(read_subject(subject)?, Generation(below.generation))
            }
            revocation::What::BelowIn(below) => {
                let subject = below.subject.ok_or_else(|| missing("below_in.subject"))?;
                Revoked::BelowIn(read_subject(subject)?, below.organization, Generation(below.generation))
            }
            revocation::What::Session(id) => Revoked::Session(SessionId::from_bytes(exactly(&id, "session")?)),
            revocation::What::Credential(credential) => Revoked::Credential(read_credential(credential)?),
        };
        if message.revision == 0 {
            return Err(missing("revision"));
        }
        Ok(Self { revision: message.revision, what, until: time(message.until, "until")? })
    }
}

/// The revision at which something was revoked by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct Tombstone {
    pub(in crate::store::kv) revision: i64,
    /// Of an organization's tokens, those that carry less are dead. Zero everywhere else, where all of them are.
    pub(in crate::store::kv) below: Generation,
}

impl Tombstone {
    /// That of a session or a credential.
    pub(in crate::store::kv) const fn at(revision: i64) -> Self {
        Self { revision, below: Generation(0) }
    }
}

impl Record for Tombstone {
    const KIND: Kind = Kind::Tombstone;
    type Message = messages::Tombstone;

    fn message(&self) -> Self::Message {
        messages::Tombstone { revision: self.revision, below: self.below.0 }
    }

    fn read(message: Self::Message) -> Read<Self> {
        if message.revision == 0 {
            return Err(missing("revision"));
        }
        Ok(Self { revision: message.revision, below: Generation(message.below) })
    }
}
