//! What mends a data directory whose last commit lies ahead because the machine's clock did.

use std::sync::Arc;

use super::{Seams, StartError, founding, key_encryption_key, upgrade_time};
use crate::config::Settings;
use crate::crypto::keyring::KeyRing;
use crate::crypto::seal::Sealer;
use crate::model::clock::Doubt;
use crate::model::ids::StoreId;
use crate::model::signing_key::KeyState;
use crate::service::time::Time;
use crate::store::{self, Offline, Recovered};

/// Sets the last committed time of a data directory that no server has open back to the present, and ends whatever the wrong clock may
/// have stamped: see [`Offline::recover_clock`]. `None` where the last commit is not ahead; then nothing is changed.
///
/// # Errors
/// [`StartError`]: there is no store, it is in use or does not open, the key-encryption key is missing or another, or the clock shows a
/// time before this program was built.
pub async fn recover_clock(settings: &Settings, seams: &Seams) -> Result<Option<Recovered>, StartError> {
    let place = store::Settings {
        data_dir: settings.data_dir.clone(),
        fresh_id: StoreId::random(&*seams.random),
        now: upgrade_time(&*seams.clock),
    };
    let none =
        || StartError::Other(format!("there is no store in {}; name its directory by --data-dir", place.data_dir.display()));
    let offline = Offline::open(&place).await?.ok_or_else(none)?;
    let recovered = recover(settings, seams, &offline).await;
    // Also where it failed, so that its lock is released.
    offline.store().close().await;
    recovered
}

async fn recover(settings: &Settings, seams: &Seams, offline: &Offline) -> Result<Option<Recovered>, StartError> {
    let store = offline.store();
    let sealer = Sealer::new(key_encryption_key(settings)?);
    let foundation = store.foundation().await?.ok_or_else(|| StartError::Other("this store was never served from".to_owned()))?;
    founding::check_key(&sealer, &foundation)?;
    let now = seams.clock.now();
    match Time::new(Arc::clone(&seams.clock), store.clone(), settings.clock_settled_after).doubt() {
        Some(Doubt::BehindCommit) => {}
        Some(Doubt::BeforeBuild) => return Err(StartError::ClockBeforeBuild),
        Some(Doubt::Jumped) | None => return Ok(None),
    }
    let keys = store.signing_keys().await?;
    let algorithm = keys.iter().find(|key| key.state == KeyState::Signing).map(|key| key.algorithm);
    let algorithm = algorithm.ok_or_else(|| StartError::Damaged("it has no signing key".to_owned()))?;
    let key = KeyRing::generate(algorithm, KeyState::Signing, &sealer, &*seams.random, now)?;
    Ok(Some(offline.recover_clock(key, now).await?))
}
