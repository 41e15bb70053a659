//! The values: a version byte, the kind's byte, and a message of `record.proto`, which says what each field is and by which rules it
//! may change.
//!
//! A value of another version or kind, cut short, of another form, without something that it must have or with something that this
//! version does not know is [`StoreError::Corrupt`] and names the kind and, where there is one, the field; it is never taken for
//! something else. What is not known is refused, and not kept beside what is: a record is read, decided about and written again
//! as a whole, and a verb that does not know a field cannot know whether its decision agrees with it.
//!
//! What a record of the model is on disk, and back, is said once, in the file of its noun. `messages` names nothing of the model,
//! and the model nothing of this, so that either may change. A value that keeps its fields to itself is taken apart whole, so
//! that a part that is added to it and not written does not compile; put together, it is refused where it is
//! [impossible](crate::model::decision::Impossible).

mod account;
mod audit;
mod field;
mod founding;
mod link;
pub(crate) mod messages;
mod organization;
mod pages;
mod personal_key;
mod revocation;
mod session;
mod sign_on;
#[cfg(test)]
mod tests;

use prost::Message;

pub(super) use self::account::{Identity, IdentityEntry, Named, Superuser};
pub(super) use self::audit::AuditPage;
pub(crate) use self::field::{Read, Unreadable, exactly};
pub(super) use self::founding::Start;
pub(super) use self::link::LinkEntry;
pub(super) use self::organization::{Belongs, MemberIn};
pub(super) use self::pages::{ExpiryPage, RollPage};
pub(super) use self::personal_key::KeyEntry;
pub(super) use self::revocation::Tombstone;
pub(super) use self::session::SessionRow;
pub(super) use self::sign_on::ProviderEntry;
use super::engine::View;
use super::key::Kind;
use super::tx::Tx;
use crate::store::{Result, StoreError};

/// The version of the format of every record. Version 1 was postcard.
const VERSION: u8 = 2;

/// What can be a value.
pub(crate) trait Record: Sized {
    /// Its kind.
    const KIND: Kind;
    /// Its form on disk.
    type Message: Message + Default;

    /// What is written.
    fn message(&self) -> Self::Message;

    /// What was written.
    fn read(message: Self::Message) -> Read<Self>;
}

/// The value of a record.
pub(crate) fn encode<R: Record>(record: &R) -> Result<Vec<u8>> {
    frame(R::KIND as u8, &record.message()).map_err(|Unreadable(what)| StoreError::Corrupt(format!("{:?}: {what}", R::KIND)))
}

/// The record of a value.
pub(crate) fn decode<R: Record>(value: &[u8]) -> Result<R> {
    let read = unframe(R::KIND as u8, value).and_then(R::read);
    read.map_err(|Unreadable(what)| StoreError::Corrupt(format!("{:?}: {what}", R::KIND)))
}

/// A message behind its two bytes.
pub(crate) fn frame<M: Message>(kind: u8, message: &M) -> Read<Vec<u8>> {
    let mut value = Vec::with_capacity(2 + message.encoded_len());
    value.extend([VERSION, kind]);
    message.encode(&mut value).map_err(|error| Unreadable(format!("cannot be written: {error}")))?;
    Ok(value)
}

/// The message behind its two bytes, all of it known.
pub(crate) fn unframe<M: Message + Default>(kind: u8, value: &[u8]) -> Read<M> {
    match value {
        [VERSION, of, body @ ..] if *of == kind => {
            let message = M::decode(body).map_err(|error| Unreadable(error.to_string()))?;
            // prost passes over a field that it does not know; what we write has one form only, and no form is shorter.
            if message.encoded_len() == body.len() {
                Ok(message)
            } else {
                Err(Unreadable("holds something that this version does not know".to_owned()))
            }
        }
        [VERSION, of, ..] => Err(Unreadable(format!("is of kind {of:#04x}"))),
        [version, _, ..] => Err(Unreadable(format!("is of version {version}"))),
        _ => Err(Unreadable("is cut short".to_owned())),
    }
}

/// The record under a key.
pub(crate) fn load<R: Record>(view: &dyn View, key: &[u8]) -> Result<Option<R>> {
    view.read(key)?.map(|value| decode(&value)).transpose()
}

/// Puts a record under a key.
pub(super) fn put<R: Record>(tx: &mut Tx<'_>, key: Vec<u8>, record: &R) -> Result<()> {
    tx.put(key, encode(record)?);
    Ok(())
}

/// Every pair whose key begins with `prefix`, in order.
pub(crate) fn scan<R: Record>(view: &dyn View, prefix: &[u8]) -> Result<Vec<(Vec<u8>, R)>> {
    scan_from(view, prefix, prefix, usize::MAX)
}

/// True where there are `most` pairs or more whose keys begin with `prefix`.
pub(super) fn full(view: &dyn View, prefix: &[u8], most: u32) -> Result<bool> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(view.scan(prefix, prefix, most)?.len() >= most)
}

/// At most `most` of them, from `from` (inclusive) on.
pub(super) fn scan_from<R: Record>(view: &dyn View, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<(Vec<u8>, R)>> {
    view.scan(prefix, from, most)?.into_iter().map(|(key, value)| Ok((key, decode(&value)?))).collect()
}
