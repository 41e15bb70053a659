//! The store in memory, for tests: nothing of it is left when the process ends.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;

use super::kv::KvStore;
use super::kv::engine::{Engine, Job, View, run_group};
use super::kv::tx::{Changes, Group, Head};
use super::verbs::StoreStatus;
use super::{Result, Revocations, Store, StoreError};
use crate::model::ids::StoreId;
use crate::model::random::{Random, SystemRandom};

/// An empty store in memory that tells `revocations` what is revoked.
///
/// Keeps the contract of [`Store`] but for durability; each verb is a group of its own and is run by its caller.
#[must_use]
pub fn memory(revocations: Arc<Revocations>) -> Arc<dyn Store> {
    let random: &dyn Random = &SystemRandom;
    Arc::new(KvStore::new(Arc::new(Memory {
        id: StoreId::random(random),
        pairs: Pairs::default(),
        head: Mutex::default(),
        closed: AtomicBool::new(false),
        revocations,
    })))
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
    fn submit(&self, job: Job) -> Result<()> {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("it is closed".to_owned()));
        }
        let mut group = Group::new(&self.pairs, head.clone());
        let replies = run_group(&mut group, [job]);
        let committed = group.finish()?;
        *head = committed.head;
        self.pairs.apply(committed.changes);
        self.revocations.extend(&committed.revocations, head.revision);
        drop(head);
        for reply in replies {
            reply(Ok(()));
        }
        Ok(())
    }

    fn view(&self) -> &dyn View {
        &self.pairs
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

#[derive(Debug, Default)]
struct Pairs(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Pairs {
    fn apply(&self, changes: Changes) {
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

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let pairs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = pairs.range::<[u8], _>((Bound::Included(from.max(prefix)), Bound::Unbounded));
        let found = range.take_while(|(key, _)| key.starts_with(prefix)).take(most);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
