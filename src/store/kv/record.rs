//! The values: a version byte, the kind's byte, and the record in postcard.
//!
//! A value of another version or kind, cut short, with something behind it, or not of its form is
//! [`StoreError::Corrupt`] and names the kind; it is never taken for something else.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::audit::{audit_digest, written};
use super::engine::View;
use super::expiry::Expiring;
use super::key::Kind;
use super::roll::RollPage;
use super::session_row::SessionRow;
use super::tx::Tx;
use crate::model::audit::{Action, AuditEvent, Origin};
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, OrganizationId, ProviderId, UserId};
use crate::model::link::Link;
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::personal_key::PersonalKey;
use crate::model::provider::IdentityProvider;
use crate::model::revocation::Revocation;
use crate::model::signing_key::SigningKeyRecord;
use crate::model::sso::Attempt;
use crate::model::user::{Generation, Generations, User};
use crate::store::verbs::Foundation;
use crate::store::{Result, StoreError};

/// The version of the format of every record.
const VERSION: u8 = 1;

/// What can be a value.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;
}

macro_rules! records {
    ($($record:ty => $kind:ident),* $(,)?) => {
        $(impl Record for $record {
            const KIND: Kind = Kind::$kind;
        })*
    };
}

records! {
    Foundation => Foundation,
    SigningKeyRecord => SigningKey,
    Start => Start,
    User => User,
    Superuser => Superuser,
    Named => Name,
    Identity => Identity,
    Organization => Organization,
    Belongs => MemberByOrganization,
    MemberIn => MemberByUser,
    SessionRow => Session,
    RollPage => Roll,
    Generations => Guest,
    PersonalKey => PersonalKey,
    KeyEntry => PersonalKeyByUser,
    Link => Link,
    LinkEntry => LinkByGuest,
    IdentityProvider => Provider,
    ProviderEntry => ProviderByScope,
    Attempt => Attempt,
    Revocation => Revocation,
    Tombstone => Tombstone,
    AuditPage => Audit,
    ExpiryPage => Expiry,
}

/// What the last start said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    /// The audience of its tokens.
    pub(super) audience: String,
}

/// What a name of the namespace stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Named {
    /// An account (and its personal organization).
    User(UserId),
    /// The e-mail of an account.
    Email(UserId),
    /// An organization.
    Organization(OrganizationId),
    /// Nothing any more; nobody else may have it.
    Reserved,
}

/// A superuser, in the index of them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Superuser(pub(super) UserId);

/// The account of an identity.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Identity(pub(super) UserId);

/// A member, in the index of an organization's.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Belongs(pub(super) UserId);

/// A membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberIn {
    pub(super) organization: OrganizationId,
    pub(super) role: OrganizationRole,
}

/// A key that was not revoked, in the index of its owner's.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct KeyEntry(pub(super) KeyId);

/// A link that was neither used up nor revoked, in the index of its guest's: enough to tell whether it can be redeemed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct LinkEntry {
    pub(super) redeem_by: Timestamp,
    pub(super) generation: Generation,
}

/// A provider, in the index of its organization's or the site's.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ProviderEntry(pub(super) ProviderId);

/// The revision at which something was revoked by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tombstone(pub(super) i64);

/// Some events in a row, and the digest of the one before them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AuditPage {
    first: u64,
    previous: [u8; 32],
    events: Vec<(Timestamp, Origin, Action)>,
}

impl AuditPage {
    /// An empty page, to begin with `first`.
    pub(super) fn after(first: &AuditEvent) -> Self {
        Self { first: first.sequence, previous: first.previous, events: Vec::new() }
    }

    /// Appends the next event; answers how many bytes it takes.
    pub(super) fn push(&mut self, event: AuditEvent) -> Result<usize> {
        let entry = (event.at, event.origin, event.action);
        let size = written(&entry)?.len();
        self.events.push(entry);
        Ok(size)
    }

    /// Appends the events from number `from` on, whole; answers the number after the last.
    pub(super) fn append_to(self, found: &mut Vec<AuditEvent>, from: u64) -> Result<u64> {
        let Self { first: mut sequence, mut previous, events } = self;
        for (at, origin, action) in events {
            let event = AuditEvent { sequence, at, origin, action, previous };
            previous = audit_digest(&event)?;
            sequence += 1;
            if event.sequence >= from {
                found.push(event);
            }
        }
        Ok(sequence)
    }
}

/// What expires together. Its key has the time of the last of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ExpiryPage(pub(super) Vec<Expiring>);

/// The value of a record.
pub(crate) fn encode<R: Record>(record: &R) -> Result<Vec<u8>> {
    postcard::to_extend(record, vec![VERSION, R::KIND as u8])
        .map_err(|error| StoreError::Corrupt(format!("{:?} cannot be written: {error}", R::KIND)))
}

/// The record of a value.
pub(crate) fn decode<R: Record>(value: &[u8]) -> Result<R> {
    let corrupt = |what: String| StoreError::Corrupt(format!("{:?}: {what}", R::KIND));
    match value {
        [VERSION, kind, body @ ..] if *kind == R::KIND as u8 => match postcard::take_from_bytes(body) {
            Ok((record, [])) => Ok(record),
            Ok(_) => Err(corrupt("something follows it".to_owned())),
            Err(error) => Err(corrupt(error.to_string())),
        },
        [VERSION, kind, ..] => Err(corrupt(format!("is of kind {kind:#04x}"))),
        [version, _, ..] => Err(corrupt(format!("is of version {version}"))),
        _ => Err(corrupt("is cut short".to_owned())),
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

#[cfg(test)]
mod tests;
