//! What an engine is: a place for ordered bytes, and a writer for each lane that commits verbs in groups.
//!
//! An engine may be near (every read is answered at once) or far (a read is answered once it was fetched). The verbs do not know
//! which: over a far engine a verb that asks for something that was not fetched yet is [run again](super::late) when it is there,
//! and a whole group where its commit lost against another lane's.

use async_trait::async_trait;

use super::late::{Found, Wanted};
use super::tx::Tx;
use crate::store::verbs::StoreStatus;
use crate::store::{Lane, Result};

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// Reading ordered bytes.
pub(crate) trait View: Send + Sync {
    /// The value of a key.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// At most `most` pairs whose key begins with `prefix`, from `from` (inclusive) on, in the order of their keys.
    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>>;
}

/// A verb with its arguments, and who waits for its outcome.
pub(crate) trait Job: Send {
    /// Runs the verb. Called as often as the engine needs it, each time from the start and over what is there then: a verb is a pure
    /// function of what it reads, its arguments and their time. Only the last run counts. A verb that fails leaves nothing
    /// behind in its group and is answered alone, but after the barrier as every other.
    fn run(&mut self, tx: &mut Tx<'_>);

    /// Gives the caller the outcome of the last run, or the reason why the group did not become durable.
    fn answer(self: Box<Self>, durable: Result<()>);
}

/// Where reads outside a commit look.
pub(crate) enum Reads<'a> {
    /// What is applied. May run ahead of what is durable.
    Near(&'a dyn View),
    /// What can be fetched.
    Far(&'a dyn Fetch),
}

/// The reads of a far engine.
#[async_trait]
pub(crate) trait Fetch: Send + Sync {
    /// Everything that is wanted, as it is at one moment.
    async fn fetch(&self, wanted: Vec<Wanted>) -> Result<Vec<Found>>;
}

/// Where the verbs run.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Queues a verb for a writer. `Overloaded` where the queue is full, `Unavailable` after a failed barrier or a close.
    /// Once this is `Ok` the job runs, whoever still waits for it.
    fn submit(&self, job: Box<dyn Job>) -> Result<()>;

    /// For reads outside a commit, which may only refuse more.
    fn reads(&self) -> Reads<'_>;

    /// The lanes that have committed something, in order.
    fn lanes(&self) -> Vec<Lane>;

    /// Id, durable revision, last committed time.
    fn status(&self) -> StoreStatus;

    /// False after a failed barrier, or while a commit does not return.
    fn healthy(&self) -> bool;

    /// Commits what is queued and closes.
    async fn close(&self);
}
