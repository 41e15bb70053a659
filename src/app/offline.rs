//! What is done to a data directory that no server has open.

use std::path::Path;
use std::sync::Arc;

use super::{Seams, StartError, founding};
use crate::config::DataDirectory;
use crate::crypto::keyring::KeyRing;
use crate::crypto::seal::Sealer;
use crate::model::ids::StoreId;
use crate::model::signing_key::KeyState;
use crate::store::verbs::{By, Refounding};
use crate::store::{self, Revocations, Store};

/// Changes the issuer of tokens, and answers the one before it.
///
/// Ends every access and refresh token: the new issuer has a signing key of its own, and refresh tokens of before are of an older
/// epoch. Personal keys, passwords and links stay good. Nothing is changed where the issuer is `issuer` already. Durable when it
/// returns.
///
/// # Errors
/// [`StartError`]: there is no store, it is in use or does not open, or the key-encryption key is missing or another.
pub async fn set_issuer(directory: DataDirectory, seams: Seams, issuer: String) -> Result<String, StartError> {
    let sealer = Sealer::new(super::key_encryption_key(directory.kek.as_ref())?);
    let store = open(&directory.path, &seams).await?;
    let changed = change_issuer(&*store, &sealer, &seams, issuer).await;
    // Also where it failed, so that its lock is released.
    store.close().await;
    changed
}

async fn change_issuer(store: &dyn Store, sealer: &Sealer, seams: &Seams, issuer: String) -> Result<String, StartError> {
    let foundation = store.foundation().await?.ok_or_else(|| {
        StartError::Other("this store was never served from: start the server with COUNTERSIGN_PUBLIC_URL instead".to_owned())
    })?;
    founding::admit_key(sealer, &foundation, store, seams).await?;
    let keys = store.signing_keys().await?;
    let algorithm = keys.iter().find(|key| key.state == KeyState::Signing).map(|key| key.algorithm);
    let algorithm = algorithm.ok_or_else(|| StartError::Damaged("it has no signing key".to_owned()))?;
    let now = seams.clock.now();
    let key = KeyRing::generate(algorithm, KeyState::Signing, sealer, &*seams.random, now)?;
    let replaced = store.refound(Refounding::Issuer(issuer, key), By::system(now)).await?;
    Ok(replaced.outcome.unwrap_or(foundation.issuer))
}

/// Opens the store of a directory, and makes none.
async fn open(path: &Path, seams: &Seams) -> Result<Arc<dyn Store>, StartError> {
    let place = store::Settings { data_dir: path.to_owned(), fresh_id: StoreId::random(&*seams.random), now: seams.clock.now() };
    if !store::exists(&place) {
        return Err(StartError::Other(format!("there is no store in {}: name its directory by --data-dir", path.display())));
    }
    let (store, _) = store::open(&place, Arc::new(Revocations::default())).await?;
    Ok(store)
}
