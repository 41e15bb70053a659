//! Personal keys.

use super::Record;
use super::field::{Read, exactly, time};
use super::messages;
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, UserId};
use crate::model::personal_key::PersonalKey;
use crate::store::kv::key::Kind;

impl Record for PersonalKey {
    const KIND: Kind = Kind::PersonalKey;
    type Message = messages::PersonalKey;

    fn message(&self) -> Self::Message {
        let previous = self
            .previous
            .as_ref()
            .map(|(secret, until)| messages::PreviousSecret { secret: secret.to_vec(), until: Some(until.micros()) });
        messages::PersonalKey {
            id: self.id.as_bytes().to_vec(),
            user: self.user.as_bytes().to_vec(),
            display_name: self.display_name.clone(),
            secret: self.secret.to_vec(),
            previous,
            create_time: Some(self.create_time.micros()),
            expire_time: self.expire_time.map(Timestamp::micros),
            revoke_time: self.revoke_time.map(Timestamp::micros),
            last_use_time: self.last_use_time.map(Timestamp::micros),
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let previous = |previous: messages::PreviousSecret| {
            Ok((exactly(&previous.secret, "previous.secret")?, time(previous.until, "previous.until")?))
        };
        Ok(Self {
            id: KeyId::from_bytes(exactly(&message.id, "id")?),
            user: UserId::from_bytes(exactly(&message.user, "user")?),
            display_name: message.display_name,
            secret: exactly(&message.secret, "secret")?,
            previous: message.previous.map(previous).transpose()?,
            create_time: time(message.create_time, "create_time")?,
            expire_time: message.expire_time.map(Timestamp::from_micros),
            revoke_time: message.revoke_time.map(Timestamp::from_micros),
            last_use_time: message.last_use_time.map(Timestamp::from_micros),
        })
    }
}

/// A key that was not revoked, in the index of its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct KeyEntry(pub(in crate::store::kv) KeyId);

impl Record for KeyEntry {
    const KIND: Kind = Kind::PersonalKeyByUser;
    type Message = messages::PersonalKeyEntry;

    fn message(&self) -> Self::Message {
        messages::PersonalKeyEntry { key: self.0.as_bytes().to_vec() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self(KeyId::from_bytes(exactly(&message.key, "key")?)))
    }
}
