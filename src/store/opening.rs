//! Opening a store: which engine keeps it is settled here, and nowhere else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::kv::KvStore;
pub use super::sled::{Failure, OpenError};
use super::sled::{Options, is_store, open as open_embedded, open_kv};
use super::{Result, Revocations, Store};
use crate::model::clock::Timestamp;
use crate::model::ids::StoreId;
use crate::model::signing_key::SigningKeyRecord;

/// Where a store is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory of a store that is embedded; made where it is absent.
    pub data_dir: PathBuf,
    /// The id that the store gets if this start makes it.
    pub fresh_id: StoreId,
    /// The service's time: when a store of an earlier format is upgraded.
    pub now: Timestamp,
}

/// Opens a store, or makes it where there is nothing, and tells `revocations` what is revoked. A store of an earlier format is
/// upgraded first.
///
/// The [`Failure`] tells when the store has failed while it was open.
///
/// # Errors
/// [`OpenError`]: its text is one sentence that says what to do. Nothing that was there is ever replaced by an empty store.
pub async fn open(
    settings: &Settings,
    revocations: Arc<Revocations>,
) -> std::result::Result<(Arc<dyn Store>, Failure), OpenError> {
    open_embedded(options(settings), revocations).await
}

fn options(settings: &Settings) -> Options {
    let usual = Options::new(settings.data_dir.clone(), settings.fresh_id);
    Options { now: settings.now, ..usual }
}

/// A store that no server has open, for what is done to it as a whole. To be [closed](crate::store::verbs::StoreState::close) by
/// [`Self::store`].
pub struct Offline(Arc<KvStore>);

/// What [`Offline::recover_clock`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// By how much the last committed time was ahead.
    pub ahead: Duration,
    /// How many sessions were removed, ended ones among them.
    pub sessions: usize,
    /// How many links were removed, dead ones among them.
    pub links: usize,
}

impl Offline {
    /// Opens the store of a data directory, as [`open`] does. `None` where there is no store; none is made.
    ///
    /// # Errors
    /// [`OpenError`]; also where a server has it open.
    pub async fn open(settings: &Settings) -> std::result::Result<Option<Self>, OpenError> {
        if !is_store(&settings.data_dir) {
            return Ok(None);
        }
        let (store, _) = open_kv(options(settings), Arc::new(Revocations::default())).await?;
        Ok(Some(Self(store)))
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0) as Arc<_>
    }

    /// Sets the last committed time back to `now`, which is before it. Whatever a clock that was ahead may have stamped ends: every
    /// session, access token, refresh token, link and sign-on under way. `key` is the only signing key afterwards. Passwords, one-time
    /// codes, personal keys and all that lasts stay good; a personal key that was made while the clock was ahead lives as long from now on
    /// as it was given. Durable when it returns; where it is interrupted, it is to be done again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn recover_clock(&self, key: SigningKeyRecord, now: Timestamp) -> Result<Recovered> {
        self.0.recover_clock(key, now).await
    }
}
