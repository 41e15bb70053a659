//! Personal keys.

use std::time::Duration;

use super::audit::{audit, audit_as};
use super::commit::{revision_of, revoke};
use super::engine::View;
use super::key;
use super::record::{KeyEntry, load, put, scan};
use super::rows::{active, organization_name, user};
use super::sessions::end_those_of;
use super::tx::Tx;
use crate::model::audit::{Action, Actor, Origin};
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, UserId};
use crate::model::name::Folded;
use crate::model::personal_key::PersonalKey;
use crate::model::revocation::Revoked;
use crate::model::session::Credential;
use crate::model::user::Subject;
use crate::store::verbs::{By, Created, Ended, KeyOwner, KeyUse};
use crate::store::{Result, StoreError};

/// Last-used times are kept to the minute.
const COARSE: Duration = Duration::from_mins(1);

/// Reads the account before the membership, and both after the key: what a change in between takes away is missing here, or
/// its revocation reaches the token that carries what was read before it.
pub(super) fn key_owner(view: &dyn View, id: KeyId, asked: Option<&Folded>) -> Result<Option<KeyOwner>> {
    let Some(key) = load::<PersonalKey>(view, &key::personal_key(id))? else { return Ok(None) };
    let Some(user) = user(view, key.user)? else { return Ok(None) };
    let organization = match active(view, &user, asked)? {
        Some(active) => Ok(organization_name(view, &user, active)?),
        None => Err(()),
    };
    Ok(Some(KeyOwner { key, user, organization }))
}

pub(super) fn create_key(tx: &mut Tx<'_>, by: &By, new: &PersonalKey, most: u32) -> Result<Created> {
    if load::<PersonalKey>(tx, &key::personal_key(new.id))?.is_some() || user(tx, new.user)?.is_none() {
        return Err(StoreError::Corrupt(format!("PersonalKey: {} exists already, or its owner does not", new.id)));
    }
    let live = keys_of(tx, new.user)?.iter().filter(|key| key.lives(by.now)).count();
    if live >= usize::try_from(most).unwrap_or(usize::MAX) {
        return Ok(Created::LimitReached);
    }
    put(tx, key::personal_key(new.id), new)?;
    put(tx, key::personal_key_by_user(new.user, new.create_time, new.id), &KeyEntry(new.id))?;
    audit(tx, by, Action::KeyCreated(new.id, new.user))?;
    Ok(Created::Created)
}

pub(super) fn keys_of(view: &dyn View, user: UserId) -> Result<Vec<PersonalKey>> {
    let mut keys = Vec::new();
    for (_, KeyEntry(id)) in scan(view, &key::personal_keys_by_user(user))? {
        keys.extend(load::<PersonalKey>(view, &key::personal_key(id))?.filter(|key| key.revoke_time.is_none()));
    }
    Ok(keys)
}

pub(super) fn revoke_key(tx: &mut Tx<'_>, by: &By, owner: UserId, id: KeyId) -> Result<Ended> {
    let Some(mut key) = load::<PersonalKey>(tx, &key::personal_key(id))? else { return Ok(Ended::Unknown) };
    if key.user != owner {
        return Ok(Ended::Unknown);
    }
    let credential = Credential::Key(id);
    if key.revoke_time.is_some() {
        return Ok(Ended::Before(revision_of(tx, &key::credential_tombstone(credential))?));
    }
    key.revoke_time = Some(by.now);
    put(tx, key::personal_key(id), &key)?;
    tx.remove(key::personal_key_by_user(key.user, key.create_time, id));
    audit(tx, by, Action::KeyRevoked(id))?;
    end_those_of(tx, by.now, &Subject::User(owner), credential)?;
    Ok(Ended::Ended(revoke(tx, by.now, Revoked::Credential(credential))?))
}

pub(super) fn note_key_use(tx: &mut Tx<'_>, by: &By, uses: &[KeyUse]) -> Result<()> {
    for noted in uses {
        let Some(mut key) = load::<PersonalKey>(tx, &key::personal_key(noted.key))? else { continue };
        let minute = Timestamp::from_secs(noted.now.secs() / COARSE.as_secs() * COARSE.as_secs());
        if key.last_use_time < Some(minute) {
            key.last_use_time = Some(minute);
            put(tx, key::personal_key(key.id), &key)?;
        }
        let origin = Origin { actor: Actor::User(key.user), source: noted.source };
        audit_as(tx, by.now, origin, Action::KeyUsed(key.id, noted.count))?;
    }
    Ok(())
}
