//! What an engine is: a place for ordered bytes, and one writer that commits verbs in groups.

use async_trait::async_trait;

use super::tx::{Group, Tx};
use crate::store::verbs::StoreStatus;
use crate::store::{Result, StoreError};

/// Reading ordered bytes.
pub(crate) trait View: Send + Sync {
    /// The value of a key.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// At most `most` pairs whose key begins with `prefix`, from `from` (inclusive) on, in the order of their keys.
    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>>;
}

/// Gives a verb's caller its answer; told first whether the group became durable.
pub(crate) type Reply = Box<dyn FnOnce(std::result::Result<(), StoreError>) + Send>;

/// A verb with its arguments. A verb that fails leaves nothing behind in its group and is answered alone, but after the barrier
/// as every other.
pub(crate) type Job = Box<dyn FnOnce(&mut Tx<'_>) -> Reply + Send>;

/// Where the verbs run.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Queues a verb for the writer. `Overloaded` where the queue is full, `Unavailable` after a failed barrier or a close.
    /// Once this is `Ok` the job runs, whoever still waits for it.
    fn submit(&self, job: Job) -> Result<()>;

    /// What is applied, for reads that may only refuse more. May run ahead of what is durable.
    fn view(&self) -> &dyn View;

    /// Id, durable revision, last committed time.
    fn status(&self) -> StoreStatus;

    /// False after a failed barrier, or while a commit does not return.
    fn healthy(&self) -> bool;

    /// Commits what is queued and closes.
    async fn close(&self);
}

/// Runs the verbs of one group over `group`; answers what to send once the group is durable.
///
/// The engine then [finishes](Group::finish) the group, writes its changes atomically, passes its barrier, hands what it revokes
/// to the [`crate::store::Revocations`], and calls every reply with `Ok(())`; or, where it could not, with the error.
pub(crate) fn run_group(group: &mut Group<'_>, jobs: impl IntoIterator<Item = Job>) -> Vec<Reply> {
    jobs.into_iter().map(|job| group.run(job)).collect()
}
