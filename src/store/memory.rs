//! The store in memory, for tests: nothing of it is left when the process ends.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;

use super::kv::KvStore;
use super::kv::engine::{Engine, Job, Pair, Reads, View};
use super::kv::head::Head;
use super::kv::tx::{Changes, Group};
use super::verbs::StoreStatus;
use super::{Lane, Result, Revocations, Store, StoreError};
use crate::model::ids::StoreId;
use crate::model::random::{Random, SystemRandom};

/// An empty store in memory that tells `revocations` what is revoked.
///
/// Keeps the contract of [`Store`] but for durability; each verb is a group of its own and is run by its caller.
#[must_use]
pub fn memory(revocations: Arc<Revocations>) -> Arc<dyn Store> {
    Arc::new(kv_in_memory(revocations))
}

/// [`memory`], before it is hidden which store it is.
pub(super) fn kv_in_memory(revocations: Arc<Revocations>) -> KvStore {
    let random: &dyn Random = &SystemRandom;
    KvStore::new(Arc::new(Memory {
        id: StoreId::random(random),
        pairs: Pairs::default(),
        head: Mutex::default(),
        closed: AtomicBool::new(false),
        revocations,
    }))
}

#[derive(Debug)]
struct Memory {
    id: StoreId,
    pairs: Pairs,
    /// Whoever holds it is the writer.
    head: Mutex<Head>,
    closed: AtomicBool,
    revocations: Arc<Revocations>,
}

#[async_trait]
impl Engine for Memory {
    fn submit(&self, mut job: Box<dyn Job>) -> Result<()> {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("it is closed".to_owned()));
        }
        let mut group = Group::new(&self.pairs, Lane::Only, head.clone());
        group.run(&mut *job);
        let committed = group.finish()?;
        *head = committed.head;
        self.pairs.apply(committed.changes);
        self.revocations.extend(Lane::Only, &committed.revocations, head.revision);
        drop(head);
        job.answer(Ok(()));
        Ok(())
    }

    fn reads(&self) -> Reads<'_> {
        Reads::Near(&self.pairs)
    }

    fn lanes(&self) -> Vec<Lane> {
        vec![Lane::Only]
    }

    fn status(&self) -> StoreStatus {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        StoreStatus { id: self.id, revision: head.revision, last_commit: head.last_commit }
    }

    fn healthy(&self) -> bool {
        !self.closed.load(Ordering::SeqCst)
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

/// Ordered pairs that are read and changed as a whole.
#[derive(Debug, Default)]
pub(super) struct Pairs(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Pairs {
    /// Applies all changes at once.
    pub(super) fn apply(&self, changes: Changes) {
        let mut pairs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            match value {
                Some(value) => pairs.insert(key, value),
                None => pairs.remove(&key),
            };
        }
    }
}

impl View for Pairs {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        let pairs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = pairs.range::<[u8], _>((Bound::Included(from.max(prefix)), Bound::Unbounded));
        let found = range.take_while(|(key, _)| key.starts_with(prefix)).take(most);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
