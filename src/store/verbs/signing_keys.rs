//! The signing keys.

use async_trait::async_trait;

use super::{By, Commit};
use crate::model::signing_key::SigningKeyRecord;
use crate::store::Result;

/// The signing keys. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait SigningKeyStore: Send + Sync + 'static {
    /// The signing keys, in no order.
    ///
    /// Case: `founding::changes_signing_keys_together`.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>>;

    /// Puts signing keys in or changes their state, all in one commit.
    ///
    /// Case: `founding::changes_signing_keys_together`.
    async fn put_signing_keys(&self, keys: Vec<SigningKeyRecord>, by: By) -> Result<Commit<()>>;
}
