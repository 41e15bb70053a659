//! The founding, and the signing keys.

use super::accounts::insert;
use super::audit::audit;
use super::engine::View;
use super::key::{self, Kind};
use super::record::{load, put, scan};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::signing_key::SigningKeyRecord;
use crate::store::Result;
use crate::store::verbs::{By, Foundation, Founding};

pub(super) fn found(tx: &mut Tx<'_>, by: &By, founding: &Founding) -> Result<bool> {
    if foundation(tx)?.is_some() {
        return Ok(false);
    }
    put(tx, key::foundation(), &founding.foundation)?;
    audit(tx, by, Action::StoreCreated)?;
    put_signing_keys(tx, by, &founding.signing_keys)?;
    insert(tx, by, &founding.admin)?;
    Ok(true)
}

pub(super) fn foundation(view: &dyn View) -> Result<Option<Foundation>> {
    load(view, &key::foundation())
}

pub(super) fn signing_keys(view: &dyn View) -> Result<Vec<SigningKeyRecord>> {
    Ok(scan(view, &key::all(Kind::SigningKey))?.into_iter().map(|(_, key)| key).collect())
}

pub(super) fn put_signing_keys(tx: &mut Tx<'_>, by: &By, keys: &[SigningKeyRecord]) -> Result<()> {
    for key in keys {
        put(tx, key::signing_key(&key.kid), key)?;
        audit(tx, by, Action::SigningKey(key.kid.clone()))?;
    }
    Ok(())
}
