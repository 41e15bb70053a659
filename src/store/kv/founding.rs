//! The founding, and the signing keys.

use async_trait::async_trait;

use super::accounts::insert;
use super::audit::audit;
use super::commit::Held;
use super::engine::View;
use super::key::{self, Kind};
use super::record::{load, put, scan};
use super::store::KvStore;
use super::sweep::sweep;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::signing_key::SigningKeyRecord;
use crate::store::verbs::{By, Commit, Foundation, Founding, SigningKeyStore, StoreState, StoreStatus};
use crate::store::{Lane, Result};

#[async_trait]
impl StoreState for KvStore {
    async fn foundation(&self) -> Result<Option<Foundation>> {
        self.read(|view| foundation(view)).await
    }

    async fn found(&self, founding: Founding, by: By) -> Result<Commit<bool>> {
        self.change_unfenced(by, move |tx, by| found(tx, by, &founding).map(Held::here)).await
    }

    fn status(&self) -> StoreStatus {
        self.0.status()
    }

    fn healthy(&self) -> bool {
        self.0.healthy()
    }

    async fn close(&self) {
        self.0.close().await;
    }

    fn lanes(&self) -> Vec<Lane> {
        self.0.lanes()
    }

    async fn sweep(&self, most: u32, by: By) -> Result<Commit<u32>> {
        let now = by.now;
        self.change_unfenced(by, move |tx, by| sweep(tx, by, now, most).map(Held::here)).await
    }
}

#[async_trait]
impl SigningKeyStore for KvStore {
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>> {
        self.read(|view| signing_keys(view)).await
    }

    async fn put_signing_keys(&self, keys: Vec<SigningKeyRecord>, by: By) -> Result<Commit<()>> {
        self.change(by, move |tx, by| put_signing_keys(tx, by, &keys)).await
    }
}

fn found(tx: &mut Tx<'_>, by: &By, founding: &Founding) -> Result<bool> {
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
