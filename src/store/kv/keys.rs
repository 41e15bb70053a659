//! Personal keys.

use async_trait::async_trait;

use super::commit::{Held, revision_of};
use super::decided::apply;
use super::engine::View;
use super::key;
use super::record::{KeyEntry, load, put, scan_from};
use super::rows::{acting, active, user};
use super::sessions::end_those_of;
use super::store::KvStore;
use super::tx::Tx;
use crate::model::audit::{Actor, Origin};
use crate::model::ids::{KeyId, UserId};
use crate::model::name::Folded;
use crate::model::personal_key::{KeyCreated, KeyRevoked, PersonalKey};
use crate::model::session::Credential;
use crate::model::user::Subject;
use crate::store::verbs::{By, Commit, CreateKey, Ended, KeyOwner, KeyStore, KeyUse, RevokeKey};
use crate::store::{Result, StoreError};

#[async_trait]
impl KeyStore for KvStore {
    async fn key_owner(&self, id: KeyId, organization: Option<&Folded>) -> Result<Option<KeyOwner>> {
        self.read(|view| key_owner(view, id, organization)).await
    }

    async fn keys_of(&self, user: UserId, after: Option<KeyId>, most: u32) -> Result<Vec<PersonalKey>> {
        self.read(|view| keys_of(view, user, after, most)).await
    }

    async fn create_key(&self, command: CreateKey, by: By) -> Result<Commit<KeyCreated>> {
        self.change(by, move |tx, by| create_key(tx, by, &command)).await
    }

    async fn revoke_key(&self, command: RevokeKey, by: By) -> Result<Commit<Ended>> {
        self.change_held(by, move |tx, by| revoke_key(tx, by, command)).await
    }

    async fn note_key_use(&self, uses: Vec<KeyUse>, by: By) -> Result<Commit<()>> {
        self.change_unfenced(by, move |tx, by| note_key_use(tx, by, &uses).map(Held::here)).await
    }
}

/// Reads the account before the membership, and both after the key: what a change in between takes away is missing here, or
/// its revocation reaches the token that carries what was read before it.
fn key_owner(view: &dyn View, id: KeyId, asked: Option<&Folded>) -> Result<Option<KeyOwner>> {
    let Some(key) = load::<PersonalKey>(view, &key::personal_key(id))? else { return Ok(None) };
    let Some(user) = user(view, key.user())? else { return Ok(None) };
    let (organization, role) = match active(view, &user, asked)? {
        Some(active) => {
            let (acting, role) = acting(view, &user, active)?.unzip();
            (Ok(acting.as_ref().map_or(user.name(), |acting| &acting.name).as_str().to_owned()), role)
        }
        None => (Err(()), None),
    };
    Ok(Some(KeyOwner { key, user, organization, role }))
}

pub(super) fn create_key(tx: &mut Tx<'_>, by: &By, command: &CreateKey) -> Result<KeyCreated> {
    let CreateKey { key: new, most } = command;
    let (id, owner) = (new.id(), new.user());
    if load::<PersonalKey>(tx, &key::personal_key(id))?.is_some() {
        return Err(StoreError::Corrupt(format!("PersonalKey: {id} exists already")));
    }
    if user(tx, owner)?.is_none() {
        return Ok(KeyCreated::NoSuchUser);
    }
    let live = keys_of(tx, owner, None, u32::MAX)?.iter().filter(|key| key.lives(by.now)).count();
    let outcome = apply(tx, by, new.clone().create(live, *most))?;
    if outcome == KeyCreated::Created {
        put(tx, key::personal_key_by_user(owner, new.create_time(), id), &KeyEntry(id))?;
    }
    Ok(outcome)
}

fn keys_of(view: &dyn View, user: UserId, after: Option<KeyId>, most: u32) -> Result<Vec<PersonalKey>> {
    let all = key::personal_keys_by_user(user);
    let from = match after {
        None => all.clone(),
        // One that is revoked still knows its place; another's has none here.
        Some(id) => match load::<PersonalKey>(view, &key::personal_key(id))?.filter(|key| key.user() == user) {
            Some(last) => key::following(key::personal_key_by_user(user, last.create_time(), id)),
            None => return Ok(Vec::new()),
        },
    };
    let mut keys = Vec::new();
    for (_, KeyEntry(id)) in scan_from(view, &all, &from, usize::try_from(most).unwrap_or(usize::MAX))? {
        keys.extend(load::<PersonalKey>(view, &key::personal_key(id))?);
    }
    Ok(keys)
}

pub(super) fn revoke_key(tx: &mut Tx<'_>, by: &By, RevokeKey { owner, id }: RevokeKey) -> Result<Held<Ended>> {
    let Some(key) = load::<PersonalKey>(tx, &key::personal_key(id))? else { return Ok(Held::here(Ended::Unknown)) };
    let credential = Credential::Key(id);
    let entry = key::personal_key_by_user(owner, key.create_time(), id);
    let decision = key.revoke(owner, by.now);
    match decision.outcome {
        KeyRevoked::Foreign => Ok(Held::here(Ended::Unknown)),
        KeyRevoked::Before => Ok(Held::at(revision_of(tx, &key::credential_tombstone(credential))?, Ended::Before)),
        KeyRevoked::Revoked => {
            tx.remove(entry);
            end_those_of(tx, by, &Subject::User(owner), credential)?;
            apply(tx, by, decision)?;
            Ok(Held::here(Ended::Ended))
        }
    }
}

fn note_key_use(tx: &mut Tx<'_>, by: &By, uses: &[KeyUse]) -> Result<()> {
    for noted in uses {
        let Some(key) = load::<PersonalKey>(tx, &key::personal_key(noted.key))? else { continue };
        let origin = Origin { actor: Actor::User(key.user()), source: noted.source };
        apply(tx, &By { origin, caller: None, now: by.now }, key.note_use(noted.count, noted.now))?;
    }
    Ok(())
}
