//! Personal keys.

use super::commit::revision_of;
use super::decided::apply;
use super::engine::View;
use super::key;
use super::record::{KeyEntry, load, put, scan};
use super::rows::{acting, active, user};
use super::sessions::end_those_of;
use super::tx::Tx;
use crate::model::audit::{Actor, Origin};
use crate::model::ids::{KeyId, UserId};
use crate::model::name::Folded;
use crate::model::personal_key::{KeyCreated, KeyRevoked, PersonalKey};
use crate::model::session::Credential;
use crate::model::user::Subject;
use crate::store::verbs::{By, Created, Ended, KeyOwner, KeyUse};
use crate::store::{Result, StoreError};

/// Reads the account before the membership, and both after the key: what a change in between takes away is missing here, or
/// its revocation reaches the token that carries what was read before it.
pub(super) fn key_owner(view: &dyn View, id: KeyId, asked: Option<&Folded>) -> Result<Option<KeyOwner>> {
    let Some(key) = load::<PersonalKey>(view, &key::personal_key(id))? else { return Ok(None) };
    let Some(user) = user(view, key.user())? else { return Ok(None) };
    let organization = match active(view, &user, asked)? {
        Some(active) => {
            let acting = acting(view, &user, active)?;
            Ok(acting.as_ref().map_or(user.name(), |acting| &acting.name).as_str().to_owned())
        }
        None => Err(()),
    };
    Ok(Some(KeyOwner { key, user, organization }))
}

pub(super) fn create_key(tx: &mut Tx<'_>, by: &By, new: &PersonalKey, most: u32) -> Result<Created> {
    let (id, owner) = (new.id(), new.user());
    if load::<PersonalKey>(tx, &key::personal_key(id))?.is_some() || user(tx, owner)?.is_none() {
        return Err(StoreError::Corrupt(format!("PersonalKey: {id} exists already, or its owner does not")));
    }
    let live = keys_of(tx, owner)?.iter().filter(|key| key.lives(by.now)).count();
    match apply(tx, by, new.clone().create(live, most))?.0 {
        KeyCreated::Created => {
            put(tx, key::personal_key_by_user(owner, new.create_time(), id), &KeyEntry(id))?;
            Ok(Created::Created)
        }
        KeyCreated::LimitReached => Ok(Created::LimitReached),
    }
}

pub(super) fn keys_of(view: &dyn View, user: UserId) -> Result<Vec<PersonalKey>> {
    let mut keys = Vec::new();
    for (_, KeyEntry(id)) in scan(view, &key::personal_keys_by_user(user))? {
        keys.extend(load::<PersonalKey>(view, &key::personal_key(id))?.filter(|key| key.revoke_time().is_none()));
    }
    Ok(keys)
}

pub(super) fn revoke_key(tx: &mut Tx<'_>, by: &By, owner: UserId, id: KeyId) -> Result<Ended> {
    let Some(key) = load::<PersonalKey>(tx, &key::personal_key(id))? else { return Ok(Ended::Unknown) };
    let credential = Credential::Key(id);
    let entry = key::personal_key_by_user(owner, key.create_time(), id);
    let decision = key.revoke(owner, by.now);
    match decision.outcome {
        KeyRevoked::Foreign => Ok(Ended::Unknown),
        KeyRevoked::Before => Ok(Ended::Before(revision_of(tx, &key::credential_tombstone(credential))?)),
        KeyRevoked::Revoked => {
            tx.remove(entry);
            end_those_of(tx, by, &Subject::User(owner), credential)?;
            Ok(Ended::Ended(apply(tx, by, decision)?.1))
        }
    }
}

pub(super) fn note_key_use(tx: &mut Tx<'_>, by: &By, uses: &[KeyUse]) -> Result<()> {
    for noted in uses {
        let Some(key) = load::<PersonalKey>(tx, &key::personal_key(noted.key))? else { continue };
        let origin = Origin { actor: Actor::User(key.user()), source: noted.source };
        apply(tx, &By { origin, caller: None, now: by.now }, key.note_use(noted.count, noted.now))?;
    }
    Ok(())
}
