//! Format 2, as it was: positional postcard behind the version byte 1. Frozen: this reads what directories out there hold, and only
//! what a record *becomes* follows the rest of the code.
//!
//! Each type here has the fields of the record of that time in their order, and says what it is today. Keys are the same as then, but
//! for those of audit pages, revocations and expiries, which [`Translation`] builds anew by the functions of `key`. Format 2 has one
//! lane. The audit log was chained over the postcard bytes of its events; it is chained anew over their canonical ones, after the
//! old chain was found whole.

mod account;
mod audit;
mod pages;
mod session;
mod things;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::audit::Chain;
use super::head::Head;
use super::record::{self, Record};
use crate::model::clock::Timestamp;
use crate::model::ids::StoreId;
use crate::store::{Result, StoreError};

/// The version byte of every record.
const VERSION: u8 = 1;

type Id = [u8; 16];

/// A record of format 2.
trait Record2: DeserializeOwned {
    /// What it is today.
    type Now: Record;

    /// The same, today.
    fn now(self) -> Result<Self::Now>;
}

/// The engine's first record.
#[derive(Deserialize)]
struct IdentityRow {
    _format: u32,
    store: Id,
}

/// The engine's last record.
#[derive(Deserialize)]
struct Tip {
    commits: u64,
    tally: (u64, u64),
    head: (i64, u64, u64, [u8; 32]),
}

/// Where a store of format 2 stood.
#[derive(Clone, Debug)]
pub(crate) struct Stood {
    /// Commits so far.
    pub(crate) commits: u64,
    /// The sum of the tally over all records.
    pub(crate) tally: u64,
    pub(crate) head: Head,
}

/// Whose a database is; `None` where this is not the record of it.
pub(crate) fn store_id(value: &[u8]) -> Option<StoreId> {
    postcard::from_bytes::<IdentityRow>(value).ok().map(|row| StoreId::from_bytes(row.store))
}

/// Where a database stands; `None` where this is not the record of it.
pub(crate) fn stood(value: &[u8]) -> Option<Stood> {
    let Tip { commits, tally: (few, many), head } = postcard::from_bytes(value).ok()?;
    let (revision, last_commit, audit_sequence, audit_hash) = head;
    let head = Head { revision, last_commit: Timestamp::from_micros(last_commit), audit_sequence, audit_hash };
    Some(Stood { commits, tally: few.wrapping_add(many), head })
}

/// Brings the records of a store over, in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Translation {
    chain: Chain,
}

impl Translation {
    /// The key and the value that a record has today.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no record of format 2, or the audit log is not chained to what came before.
    pub(crate) fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let kept = |value: Result<Vec<u8>>| Ok((key.to_vec(), value?));
        match key.first() {
            Some(0x02) => kept(translate::<things::Foundation>(value)),
            Some(0x03) => kept(translate::<things::SigningKey>(value)),
            Some(0x10) => kept(translate::<account::User>(value)),
            Some(0x11) => kept(translate::<account::Superuser>(value)),
            Some(0x12) => kept(translate::<account::Named>(value)),
            Some(0x13) => kept(translate::<account::Identity>(value)),
            Some(0x18) => kept(translate::<things::Organization>(value)),
            Some(0x19) => kept(translate::<things::Belongs>(value)),
            Some(0x1A) => kept(translate::<things::MemberIn>(value)),
            Some(0x20) => kept(translate::<session::SessionRow>(value)),
            Some(0x21) => kept(translate::<pages::RollPage>(value)),
            Some(0x22) => kept(translate::<account::Generations>(value)),
            Some(0x28) => kept(translate::<things::PersonalKey>(value)),
            Some(0x29) => kept(translate::<things::KeyEntry>(value)),
            Some(0x30) => kept(translate::<things::Link>(value)),
            Some(0x31) => kept(translate::<things::LinkEntry>(value)),
            Some(0x38) => kept(translate::<things::IdentityProvider>(value)),
            Some(0x39) => kept(translate::<things::ProviderEntry>(value)),
            Some(0x3A) => kept(translate::<things::Attempt>(value)),
            Some(0x40) => pages::revocation(value),
            Some(0x41) => kept(translate::<pages::Tombstone>(value)),
            Some(0x48) => self.chain.page(value),
            Some(0x50) => pages::expiry(key, value),
            _ => Err(StoreError::Corrupt(format!("a key that begins with {:?} is none of format 2", key.first()))),
        }
    }

    /// Ends the translation of a store that stood at `head`: answers where it stands, and the record of the event that tells of it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where the audit log does not end where `head` says.
    pub(crate) fn finish(self, head: &Head, now: Timestamp, to: u32) -> Result<(Head, Vec<u8>, Vec<u8>)> {
        self.chain.finish(head, now, to)
    }
}

/// What a record was.
fn read<Then: Record2>(value: &[u8]) -> Result<Then> {
    let corrupt = |what: String| StoreError::Corrupt(format!("{:?}: {what}", Then::Now::KIND));
    match value {
        [VERSION, kind, body @ ..] if *kind == Then::Now::KIND as u8 => match postcard::take_from_bytes(body) {
            Ok((record, [])) => Ok(record),
            Ok(_) => Err(corrupt("something follows it".to_owned())),
            Err(error) => Err(corrupt(error.to_string())),
        },
        [VERSION, kind, ..] => Err(corrupt(format!("is of kind {kind:#04x}"))),
        [version, _, ..] => Err(corrupt(format!("is of version {version}"))),
        _ => Err(corrupt("is cut short".to_owned())),
    }
}

/// What a record is today.
fn translate<Then: Record2>(value: &[u8]) -> Result<Vec<u8>> {
    record::encode(&read::<Then>(value)?.now()?)
}

/// That a text does not have the form that it had when it was written.
fn no(what: &str) -> StoreError {
    StoreError::Corrupt(format!("a stored text is no {what}"))
}

/// That a value cannot have been written so.
fn impossible(impossible: crate::model::decision::Impossible) -> StoreError {
    StoreError::Corrupt(impossible.to_string())
}

/// The name of an account, an organization or a provider.
fn name(text: &str) -> Result<crate::model::name::Name> {
    crate::model::name::Name::parse(text).map_err(|_| no("name"))
}

/// Text that was folded when it was written.
fn folded(text: &str) -> crate::model::name::Folded {
    crate::model::name::Folded::presented(text)
}

#[cfg(test)]
mod tests;
