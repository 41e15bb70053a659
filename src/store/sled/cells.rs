//! The cheapest durable conditional write: what `countersign bench` holds the verbs against.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{OpenError, Options, SledEngine};
use crate::model::ids::StoreId;
use crate::model::random::{Random, SystemRandom};
use crate::store::kv::engine::{Engine as _, Job, View as _};
use crate::store::kv::tx::Tx;
use crate::store::{Result, Revocations, StoreError};

/// Numbers on the store's own engine: its writer, its groups and its barrier, and nothing of a verb.
#[derive(Debug)]
pub struct Cells(SledEngine);

impl Cells {
    /// Opens cells in a new directory. Blocks.
    ///
    /// # Errors
    /// As for a store.
    pub fn open(directory: PathBuf) -> std::result::Result<Self, OpenError> {
        let random: &dyn Random = &SystemRandom;
        let options = Options::new(directory, StoreId::random(random));
        let (engine, _) = SledEngine::open(&options, Arc::new(Revocations::default()), |_| Ok(Vec::new()))?;
        Ok(Self(engine))
    }

    /// Raises a cell by one unless it is at its end; answers what it is then. Atomic; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`], [`StoreError::Unavailable`].
    pub async fn raise(&self, cell: u32) -> Result<u64> {
        let (answer, answered) = oneshot::channel();
        self.0.submit(Box::new(Raise { cell, raised: Ok(0), answer }))?;
        answered.await.map_err(|_| StoreError::Unavailable("the writer is gone".to_owned()))?
    }
}

struct Raise {
    cell: u32,
    raised: Result<u64>,
    answer: oneshot::Sender<Result<u64>>,
}

impl Job for Raise {
    fn run(&mut self, tx: &mut Tx<'_>) {
        let key = [b"cell".as_slice(), &self.cell.to_be_bytes()].concat();
        self.raised = tx.read(&key).map(|value| {
            let before = value.and_then(|value| value.try_into().ok()).map_or(0, u64::from_be_bytes);
            before.checked_add(1).inspect(|after| tx.put(key, after.to_be_bytes().to_vec())).unwrap_or(before)
        });
        if self.raised.is_ok() {
            tx.keep();
        }
    }

    fn answer(self: Box<Self>, durable: Result<()>) {
        // Who no longer waits for the answer does not need it.
        drop(self.answer.send(durable.and(self.raised)));
    }
}
