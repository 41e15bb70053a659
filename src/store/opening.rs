//! Opening a store: which engine keeps it is settled here, and nowhere else.

use std::path::PathBuf;
use std::sync::Arc;

pub use super::sled::{Failure, OpenError};
use super::sled::{Options, is_store, open as open_embedded};
use super::{Revocations, Store};
use crate::model::clock::Timestamp;
use crate::model::ids::StoreId;

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

/// Whether there is a store that was made whole. Where that cannot be told, opening it says why.
#[must_use]
pub fn exists(settings: &Settings) -> bool {
    is_store(&settings.data_dir)
}

/// Opens a store, or makes it where there is nothing, and tells `revocations` what is revoked. A store of an earlier format is
/// upgraded first.
///
/// The [`Failure`] tells when the store has failed while it was open.
///
/// # Errors
/// [`OpenError`]: its text is one sentence that says what to do. Nothing that was there is ever replaced by an empty store.
pub async fn open(settings: &Settings, revocations: Arc<Revocations>) -> Result<(Arc<dyn Store>, Failure), OpenError> {
    let usual = Options::new(settings.data_dir.clone(), settings.fresh_id);
    open_embedded(Options { now: settings.now, ..usual }, revocations).await
}
