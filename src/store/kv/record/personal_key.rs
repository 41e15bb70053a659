//! Personal keys.

use super::Record;
use super::field::{Read, exactly, possible, time};
use super::messages;
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, UserId};
use crate::model::personal_key::{PersonalKey, PersonalKeyParts};
use crate::store::kv::key::Kind;

impl Record for PersonalKey {
    const KIND: Kind = Kind::PersonalKey;
    type Message = messages::PersonalKey;

    fn message(&self) -> Self::Message {
        let PersonalKeyParts { id, user, display_name, secret, previous, create_time, expire_time, revoke_time, last_use_time } =
            self.clone().into_parts();
        messages::PersonalKey {
            id: id.as_bytes().to_vec(),
            user: user.as_bytes().to_vec(),
            display_name,
            secret: secret.to_vec(),
            previous: previous
                .map(|(secret, until)| messages::PreviousSecret { secret: secret.to_vec(), until: Some(until.micros()) }),
            create_time: Some(create_time.micros()),
            expire_time: expire_time.map(Timestamp::micros),
            revoke_time: revoke_time.map(Timestamp::micros),
            last_use_time: last_use_time.map(Timestamp::micros),
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let previous = |previous: messages::PreviousSecret| {
            Ok((exactly(&previous.secret, "previous.secret")?, time(previous.until, "previous.until")?))
        };
        let parts = PersonalKeyParts {
            id: KeyId::from_bytes(exactly(&message.id, "id")?),
            user: UserId::from_bytes(exactly(&message.user, "user")?),
            display_name: message.display_name,
            secret: exactly(&message.secret, "secret")?,
            previous: message.previous.map(previous).transpose()?,
            create_time: time(message.create_time, "create_time")?,
            expire_time: message.expire_time.map(Timestamp::from_micros),
            revoke_time: message.revoke_time.map(Timestamp::from_micros),
            last_use_time: message.last_use_time.map(Timestamp::from_micros),
        };
        possible(Self::try_from(parts))
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
