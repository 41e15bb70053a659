//! The founding, and the signing keys.

use async_trait::async_trait;

use super::accounts::insert;
use super::audit::audit;
use super::commit::Held;
use super::engine::View;
use super::key::{self, Kind};
use super::record::{Start, load, put, scan};
use super::store::KvStore;
use super::sweep::sweep;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::provider::IdentityProvider;
use crate::model::signing_key::SigningKeyRecord;
use crate::model::user::{Totp, User};
use crate::store::verbs::{By, Commit, Foundation, Founding, Refounding, SealedSecret, SigningKeyStore, StoreState, StoreStatus};
use crate::store::{Lane, Result, StoreError};

#[async_trait]
impl StoreState for KvStore {
    async fn foundation(&self) -> Result<Option<Foundation>> {
        self.read(|view| foundation(view)).await
    }

    async fn found(&self, founding: Founding, by: By) -> Result<Commit<bool>> {
        self.change_unfenced(by, move |tx, by| found(tx, by, &founding).map(Held::here)).await
    }

    async fn refound(&self, change: Refounding, by: By) -> Result<Commit<Option<String>>> {
        self.change(by, move |tx, by| refound(tx, by, &change)).await
    }

    async fn sealed_secrets(&self) -> Result<Vec<SealedSecret>> {
        self.read(|view| sealed_secrets(view)).await
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

fn refound(tx: &mut Tx<'_>, by: &By, change: &Refounding) -> Result<Option<String>> {
    let founded = foundation(tx)?.ok_or_else(|| StoreError::Corrupt("Foundation: there is none".to_owned()))?;
    match change {
        Refounding::Issuer(issuer, _) if *issuer == founded.issuer => Ok(Some(founded.issuer)),
        Refounding::Issuer(issuer, signing_key) => {
            let before = founded.issuer.clone();
            put(
                tx,
                key::foundation(),
                &Foundation { issuer: issuer.clone(), epoch: founded.epoch.saturating_add(1), ..founded },
            )?;
            for old in signing_keys(tx)? {
                tx.remove(key::signing_key(&old.kid));
            }
            audit(tx, by, Action::FoundationChanged(format!("issuer {issuer}")))?;
            put_signing_keys(tx, by, std::slice::from_ref(signing_key))?;
            Ok(Some(before))
        }
        Refounding::SealedCheck(sealed) => {
            put(tx, key::foundation(), &Foundation { sealed_check: sealed.clone(), ..founded })?;
            audit(tx, by, Action::FoundationChanged("sealed check".to_owned()))?;
            Ok(None)
        }
        Refounding::Audience(audience) => {
            let before = load::<Start>(tx, &key::start())?.map(|start| start.audience);
            if before.as_ref() != Some(audience) {
                put(tx, key::start(), &Start { audience: audience.clone() })?;
                audit(tx, by, Action::FoundationChanged(format!("audience {audience}")))?;
            }
            Ok(before)
        }
    }
}

fn sealed_secrets(view: &dyn View) -> Result<Vec<SealedSecret>> {
    let codes = scan::<User>(view, &key::all(Kind::User))?.into_iter().filter_map(|(_, user)| match user.totp() {
        Totp::Off => None,
        Totp::Pending { sealed } | Totp::On { sealed, .. } => Some(SealedSecret::Totp(user.id(), sealed.clone())),
    });
    let clients = scan::<IdentityProvider>(view, &key::all(Kind::Provider))?.into_iter();
    let clients = clients.filter_map(|(_, at)| at.sealed_client_secret.map(|sealed| SealedSecret::Client(at.id, sealed)));
    Ok(codes.chain(clients).collect())
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
