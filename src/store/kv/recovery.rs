//! What is done to a store whose last commit lies ahead because the clock did. It is no verb: nothing else may run meanwhile.

use super::audit::audit;
use super::engine::View as _;
use super::founding::{foundation, put_signing_keys, signing_keys};
use super::key::{self, Kind};
use super::record::{KeyEntry, put, scan_from};
use super::store::KvStore;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::personal_key::PersonalKey;
use crate::model::signing_key::SigningKeyRecord;
use crate::model::user::User;
use crate::store::verbs::{By, Foundation};
use crate::store::{Lane, Recovered, Result, StoreError};

/// So many records are changed in one commit at the most.
const RECORDS_AT_ONCE: usize = 1000;

/// What lives for a while, with what finds it. All of it goes: how long it was meant to live is told by times of the wrong clock.
const PASSING: [Kind; 5] = [Kind::Session, Kind::Roll, Kind::Link, Kind::LinkByGuest, Kind::Attempt];

impl KvStore {
    /// Sets the last committed time back to `now`, and ends what a clock that was ahead has stamped.
    ///
    /// Sessions, links and attempts are removed; a new epoch ends the refresh tokens and what was sealed for browsers, and `key`, which
    /// is the only signing key from now on, the access tokens. Accounts, personal keys, organizations and providers stay. Done in many
    /// commits; the last one sets the time back, so that who is interrupted finds the store as it was to be recovered, and begins anew.
    /// Durable when it returns.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn recover_clock(&self, key: SigningKeyRecord, now: Timestamp) -> Result<Recovered> {
        let mut removed = [0; PASSING.len()];
        for (kind, removed) in PASSING.into_iter().zip(&mut removed) {
            loop {
                match self.run(move |tx| remove_some(tx, kind)).await? {
                    0 => break,
                    some => *removed += some,
                }
            }
        }
        for set_back in [set_back_users, set_back_keys] {
            let mut from = Some(Vec::new());
            while let Some(start) = from {
                from = self.run(move |tx| set_back(tx, &start, now)).await?;
            }
        }
        let ahead = self.run(move |tx| set_back_clock(tx, &key, now)).await?;
        let [sessions, _, links, ..] = removed;
        Ok(Recovered { ahead, sessions, links })
    }
}

fn remove_some(tx: &mut Tx<'_>, kind: Kind) -> Result<usize> {
    let all = key::all(kind);
    let found = tx.scan(&all, &all, RECORDS_AT_ONCE)?;
    let some = found.len();
    for (key, _) in found {
        tx.remove(key);
        tx.keep();
    }
    Ok(some)
}

/// Sets accounts back, from the key `from` on; answers where to go on.
fn set_back_users(tx: &mut Tx<'_>, from: &[u8], now: Timestamp) -> Result<Option<Vec<u8>>> {
    let found = scan_from::<User>(tx, &key::all(Kind::User), from, RECORDS_AT_ONCE)?;
    let next = found.last().map(|(key, _)| key::following(key.clone()));
    for (key, user) in found {
        let back = user.clone().set_back(now);
        if back != user {
            put(tx, key, &back)?;
            tx.keep();
        }
    }
    Ok(next)
}

/// Sets personal keys back, with their places among their owners' keys.
fn set_back_keys(tx: &mut Tx<'_>, from: &[u8], now: Timestamp) -> Result<Option<Vec<u8>>> {
    let found = scan_from::<PersonalKey>(tx, &key::all(Kind::PersonalKey), from, RECORDS_AT_ONCE)?;
    let next = found.last().map(|(key, _)| key::following(key.clone()));
    for (key, personal) in found {
        let back = personal.clone().set_back(now);
        if back == personal {
            continue;
        }
        let place = |of: &PersonalKey| key::personal_key_by_user(of.user(), of.create_time(), of.id());
        // A revoked one has no place there.
        if tx.read(&place(&personal))?.is_some() {
            tx.remove(place(&personal));
            put(tx, place(&back), &KeyEntry(back.id()))?;
        }
        put(tx, key, &back)?;
        tx.keep();
    }
    Ok(next)
}

/// Answers by how much the last committed time was ahead.
fn set_back_clock(tx: &mut Tx<'_>, key: &SigningKeyRecord, now: Timestamp) -> Result<std::time::Duration> {
    if tx.lane() != Lane::Only {
        return Err(StoreError::Unavailable("with several writers the time of one is not set back alone".to_owned()));
    }
    let founded = foundation(tx)?.ok_or_else(|| StoreError::Corrupt("Foundation: it is missing".to_owned()))?;
    let ahead = tx.head.last_commit.since(now);
    let by = By::system(now);
    put(tx, key::foundation(), &Foundation { epoch: founded.epoch.saturating_add(1), ..founded })?;
    audit(tx, &by, Action::ClockRecovered(u32::try_from(ahead.as_secs()).unwrap_or(u32::MAX)))?;
    for old in signing_keys(tx)? {
        tx.remove(key::signing_key(&old.kid));
    }
    put_signing_keys(tx, &by, std::slice::from_ref(key))?;
    tx.head.last_commit = now;
    tx.keep();
    Ok(ahead)
}

#[cfg(test)]
mod tests;
