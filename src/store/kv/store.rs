//! [`KvStore`]: runs verbs on an engine. Each change goes to the engine's writer and waits there for its answer. The traits of the
//! nouns are kept for it in the files of their verbs.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::commit::{Held, decide, decide_fenced};
use super::engine::{Engine, Job, Reads, View};
use super::late::Fetched;
use super::tx::Tx;
use crate::store::verbs::{By, Commit};
use crate::store::{Result, StoreError};

/// A store over an engine.
pub(crate) struct KvStore(pub(super) Arc<dyn Engine>);

impl KvStore {
    /// The store that an engine keeps.
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self(engine)
    }

    /// Reads outside a commit. Over a far engine `read` runs until everything that it asks for was fetched.
    pub(super) async fn read<T: Send>(&self, read: impl Fn(&dyn View) -> Result<T> + Send + Sync) -> Result<T> {
        let far = match self.0.reads() {
            Reads::Near(view) => return read(view),
            Reads::Far(far) => far,
        };
        let known = Fetched::default();
        loop {
            let outcome = read(&known);
            let wanted = known.take_wanted();
            if wanted.is_empty() {
                return outcome;
            }
            let found = far.fetch(wanted.clone()).await?;
            known.learn(wanted, found);
        }
    }

    /// Runs a verb on a writer, for a caller who is still signed in and still has its role then.
    pub(super) async fn change<T, V>(&self, by: By, verb: V) -> Result<Commit<T>>
    where
        T: Send + 'static,
        V: Fn(&mut Tx<'_>, &By) -> Result<T> + Send + 'static,
    {
        self.change_held(by, move |tx, by| verb(tx, by).map(Held::here)).await
    }

    /// [`change`](Self::change), for a verb that may find its outcome in an earlier commit.
    pub(super) async fn change_held<T, V>(&self, by: By, verb: V) -> Result<Commit<T>>
    where
        T: Send + 'static,
        V: Fn(&mut Tx<'_>, &By) -> Result<Held<T>> + Send + 'static,
    {
        self.run(move |tx| decide_fenced(tx, &by, &verb)).await
    }

    /// Runs a verb on a writer that has no caller, or checks it by itself.
    pub(super) async fn change_unfenced<T, V>(&self, by: By, verb: V) -> Result<Commit<T>>
    where
        T: Send + 'static,
        V: Fn(&mut Tx<'_>, &By) -> Result<Held<T>> + Send + 'static,
    {
        self.run(move |tx| decide(tx, &by, &verb)).await
    }

    pub(super) async fn run<T, V>(&self, verb: V) -> Result<T>
    where
        T: Send + 'static,
        V: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.0.submit(Box::new(Asked { verb, outcome: None, answer }))?;
        answered.await.map_err(|_| StoreError::Unavailable("the writer is gone".to_owned()))?
    }
}

/// A verb that somebody waits for.
struct Asked<T, V> {
    verb: V,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, V> Job for Asked<T, V>
where
    T: Send,
    V: Fn(&mut Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) {
        self.outcome = Some((self.verb)(tx));
    }

    fn answer(self: Box<Self>, durable: Result<()>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(StoreError::Unavailable("it was never run".to_owned())));
        // Who no longer waits for the answer does not need it.
        drop(self.answer.send(durable.and(outcome)));
    }
}
