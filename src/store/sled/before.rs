//! [`Before`]: the database as a group of verbs finds it. Each record is read once, however many verbs of the group want it, and
//! the tally of the group is taken against what was read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sled::{Batch, IVec};

use super::database::{Database, TIP_KEY, Tip, encode, failure};
use super::recount::Recount;
use crate::store::Result;
use crate::store::embedded::engine::View;
use crate::store::embedded::tx::Changes;

/// The database before a group. Right as long as nobody else changes the database, and only the writer does.
#[derive(Debug)]
pub(super) struct Before<'a> {
    database: &'a Database,
    read: Mutex<HashMap<Vec<u8>, Option<IVec>>>,
}

impl<'a> Before<'a> {
    /// Nothing is read yet.
    pub(super) fn new(database: &'a Database) -> Self {
        Self { database, read: Mutex::default() }
    }

    /// Applies changes and the tip after them in one atomic batch, and moves `tip` there, and a count that is under way. Not
    /// durable yet.
    pub(super) fn apply(
        self,
        changes: &Changes,
        tip: &mut Tip,
        mut recount: Option<&mut Recount>,
    ) -> std::result::Result<(), sled::Error> {
        let mut next = tip.clone();
        next.commits += 1;
        let mut batch = Batch::default();
        for (key, value) in changes {
            let old = self.value(key)?;
            next.tally.change(key, old.as_deref(), value.as_deref());
            if let Some(recount) = &mut recount {
                recount.follow(key, old.as_deref(), value.as_deref());
            }
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        batch.insert(TIP_KEY, encode(&next));
        self.database.sled().apply_batch(batch)?;
        *tip = next;
        Ok(())
    }

    fn value(&self, key: &[u8]) -> std::result::Result<Option<IVec>, sled::Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = read.get(key) {
            return Ok(value.clone());
        }
        let value = self.database.sled().get(key)?;
        read.insert(key.to_vec(), value.clone());
        Ok(value)
    }
}

impl View for Before<'_> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.value(key).map_err(|error| failure(&error))?.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.database.scan(prefix, from, most)
    }
}
