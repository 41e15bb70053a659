//! What is done to a data directory that no server has open.

use std::sync::Arc;

use super::founding::{self, KeyIs};
use super::{Seams, StartError, trusted, upgrade_time};
use crate::config::DataDirectory;
use crate::crypto::keyring::KeyRing;
use crate::crypto::seal::Sealer;
use crate::model::clock::{Doubt, SETTLED_AFTER, Timestamp};
use crate::model::ids::StoreId;
use crate::model::signing_key::{KeyState, SigningKeyRecord};
use crate::service::time::Time;
use crate::store::verbs::{By, Foundation, Refounding};
use crate::store::{self, Recovered, Store};

/// Changes the issuer of tokens, and answers the one before it.
///
/// Ends every access and refresh token, and sign-ons under way: the new issuer has a signing key of its own, and refresh tokens of
/// before are of an older epoch. Personal keys, passwords and links stay good. Nothing is changed where the issuer is `issuer`
/// already. Durable when it returns.
///
/// # Errors
/// [`StartError`]: there is no store, it is in use or does not open, the key-encryption key is missing or another, or the clock is
/// not trusted.
pub async fn set_issuer(directory: DataDirectory, seams: Seams, issuer: String) -> Result<String, StartError> {
    offline(directory, seams, async |at| at.set_issuer(issuer).await).await
}

/// Sets the last committed time back to the present, and ends whatever the wrong clock may have stamped: see
/// [`Offline::recover_clock`](store::Offline::recover_clock). `None` where the last commit is not ahead; then nothing is changed.
///
/// # Errors
/// [`StartError`]: there is no store, it is in use or does not open, the key-encryption key is missing or another, or the clock
/// shows a time before this program was built.
pub async fn recover_clock(directory: DataDirectory, seams: Seams) -> Result<Option<Recovered>, StartError> {
    offline(directory, seams, Offline::recover_clock).await
}

/// A store that no server has open, and what a change of it takes.
struct Offline {
    store: store::Offline,
    foundation: Foundation,
    key_is: KeyIs,
    sealer: Sealer,
    seams: Seams,
    time: Time,
}

/// Opens the store of a directory, makes none, and does `work` with it.
async fn offline<T>(
    directory: DataDirectory,
    seams: Seams,
    work: impl AsyncFnOnce(&Offline) -> Result<T, StartError>,
) -> Result<T, StartError> {
    let sealer = Sealer::new(super::key_encryption_key(directory.kek.as_ref())?);
    let place =
        store::Settings { data_dir: directory.path, fresh_id: StoreId::random(&*seams.random), now: upgrade_time(&*seams.clock) };
    let none =
        || StartError::Other(format!("there is no store in {}: name its directory by --data-dir", place.data_dir.display()));
    let opened = store::Offline::open(&place).await?.ok_or_else(none)?;
    let store = opened.store();
    let done = async { work(&Offline::read(opened, sealer, seams).await?).await }.await;
    // Also where it failed, so that its lock is released.
    store.close().await;
    done
}

impl Offline {
    async fn read(opened: store::Offline, sealer: Sealer, seams: Seams) -> Result<Self, StartError> {
        let store = opened.store();
        let foundation = store.foundation().await?.ok_or_else(|| {
            StartError::Other("this store was never served from: start the server with COUNTERSIGN_PUBLIC_URL instead".to_owned())
        })?;
        let key_is = founding::check_key(&sealer, &foundation, &*store).await?;
        let time = Time::new(Arc::clone(&seams.clock), store, SETTLED_AFTER);
        Ok(Self { store: opened, foundation, key_is, sealer, seams, time })
    }

    async fn set_issuer(&self, issuer: String) -> Result<String, StartError> {
        let now = trusted(&self.time)?;
        self.admit_key(now).await?;
        let key = self.signing_key(now).await?;
        let replaced = self.store().refound(Refounding::Issuer(issuer, key), By::system(now)).await?;
        Ok(replaced.outcome.unwrap_or_else(|| self.foundation.issuer.clone()))
    }

    async fn recover_clock(&self) -> Result<Option<Recovered>, StartError> {
        match self.time.doubt() {
            Some(Doubt::BehindCommit) => {}
            Some(Doubt::BeforeBuild) => return Err(StartError::ClockBeforeBuild),
            Some(Doubt::Jumped) | None => return Ok(None),
        }
        let now = self.seams.clock.now();
        let recovered = self.store.recover_clock(self.signing_key(now).await?, now).await?;
        self.admit_key(now).await?;
        Ok(Some(recovered))
    }

    fn store(&self) -> Arc<dyn Store> {
        self.store.store()
    }

    async fn admit_key(&self, now: Timestamp) -> Result<(), StartError> {
        match self.key_is {
            KeyIs::Known => Ok(()),
            KeyIs::TheFirst => founding::admit_key(&self.sealer, &*self.store(), &*self.seams.random, now).await,
        }
    }

    /// A new signing key, of the algorithm that the store signs with.
    async fn signing_key(&self, now: Timestamp) -> Result<SigningKeyRecord, StartError> {
        let keys = self.store().signing_keys().await?;
        let algorithm = keys.iter().find(|key| key.state == KeyState::Signing).map(|key| key.algorithm);
        let algorithm = algorithm.ok_or_else(|| StartError::Damaged("it has no signing key".to_owned()))?;
        Ok(KeyRing::generate(algorithm, KeyState::Signing, &self.sealer, &*self.seams.random, now)?)
    }
}
