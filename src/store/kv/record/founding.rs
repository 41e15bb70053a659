//! What a store is founded with, the signing keys, and what the last start said.

use super::Record;
use super::field::{Coded as _, Read, Unreadable, coded, missing, narrow, time, unknown};
use super::messages::{self, SigningState};
use crate::model::clock::Timestamp;
use crate::model::signing_key::{Algorithm, KeyState, SigningKeyRecord};
use crate::store::kv::head::Head;
use crate::store::kv::key::Kind;
use crate::store::verbs::Foundation;

impl Record for Foundation {
    const KIND: Kind = Kind::Foundation;
    type Message = messages::Foundation;

    fn message(&self) -> Self::Message {
        let key = |(version, sealed): &(u8, Vec<u8>)| messages::ServerKey { version: (*version).into(), sealed: sealed.clone() };
        messages::Foundation {
            issuer: self.issuer.clone(),
            epoch: self.epoch,
            sealed_check: self.sealed_check.clone(),
            server_keys: self.server_keys.iter().map(key).collect(),
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let key = |key: messages::ServerKey| Ok((narrow(key.version, "server_keys.version")?, key.sealed));
        Ok(Self {
            issuer: message.issuer,
            epoch: message.epoch,
            sealed_check: message.sealed_check,
            server_keys: message.server_keys.into_iter().map(key).collect::<Read<_>>()?,
        })
    }
}

coded! {
    Algorithm, messages::Algorithm {
        Self::EdDsa => messages::Algorithm::Eddsa,
        Self::Es256 => messages::Algorithm::Es256,
        Self::Rs256 => messages::Algorithm::Rs256,
    }
}

impl Record for SigningKeyRecord {
    const KIND: Kind = Kind::SigningKey;
    type Message = messages::SigningKey;

    fn message(&self) -> Self::Message {
        let (state, retired) = match self.state {
            KeyState::Published => (SigningState::Published, None),
            KeyState::Signing => (SigningState::Signing, None),
            KeyState::Retired { since } => (SigningState::Retired, Some(since)),
        };
        messages::SigningKey {
            kid: self.kid.clone(),
            algorithm: self.algorithm.code(),
            sealed_private: self.sealed_private.clone(),
            state: state.into(),
            retire_time: retired.map(Timestamp::micros),
            create_time: Some(self.create_time.micros()),
            low_s: self.low_s,
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let state = match SigningState::try_from(message.state) {
            Ok(SigningState::Published) => KeyState::Published,
            Ok(SigningState::Signing) => KeyState::Signing,
            Ok(SigningState::Retired) => KeyState::Retired { since: time(message.retire_time, "retire_time")? },
            Ok(SigningState::Unspecified) => return Err(missing("state")),
            Err(_) => return Err(unknown("state", message.state)),
        };
        Ok(Self {
            kid: message.kid,
            algorithm: Algorithm::coded(message.algorithm, "algorithm")?,
            low_s: message.low_s,
            sealed_private: message.sealed_private,
            state,
            create_time: time(message.create_time, "create_time")?,
        })
    }
}

/// What the last start said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct Start {
    /// The audience of its tokens.
    pub(in crate::store::kv) audience: String,
}

impl Record for Start {
    const KIND: Kind = Kind::Start;
    type Message = messages::Start;

    fn message(&self) -> Self::Message {
        messages::Start { audience: self.audience.clone() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self { audience: message.audience })
    }
}

impl From<&Head> for messages::Head {
    fn from(head: &Head) -> Self {
        Self {
            revision: head.revision,
            last_commit: head.last_commit.micros(),
            audit_sequence: head.audit_sequence,
            audit_hash: head.audit_hash.to_vec(),
        }
    }
}

impl TryFrom<messages::Head> for Head {
    type Error = Unreadable;

    fn try_from(message: messages::Head) -> Read<Self> {
        Ok(Self {
            revision: message.revision,
            last_commit: Timestamp::from_micros(message.last_commit),
            audit_sequence: message.audit_sequence,
            audit_hash: super::field::exactly(&message.audit_hash, "head.audit_hash")?,
        })
    }
}
