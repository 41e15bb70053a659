//! Reads that are answered late: what was fetched so far, and what is still wanted.
//!
//! [`Fetched`] is the view of a verb, or of a read outside a commit, over an engine that is far away. Whatever is asked for and is not
//! there is noted and answered with an error. The caller then throws away what was made of that error, fetches everything that is
//! [wanted](Fetched::take_wanted) in one go, and runs the same code again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::engine::{Pair, View};
use crate::store::{Result, StoreError};

/// Something to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanted {
    /// The value of a key.
    Key(Vec<u8>),
    /// At most `most` pairs whose key begins with `prefix`, from `from` (inclusive) on.
    Range { prefix: Vec<u8>, from: Vec<u8>, most: usize },
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The value of a key.
    Value(Option<Vec<u8>>),
    /// The pairs of a range, in order.
    Pairs(Vec<Pair>),
}

/// What was fetched so far.
#[derive(Debug, Default)]
pub(crate) struct Fetched(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<Wanted, Found>,
    wanted: BTreeSet<Wanted>,
    misses: u64,
}

impl Fetched {
    /// What was asked for in vain since the last call; empty where everything was there.
    pub(crate) fn take_wanted(&self) -> Vec<Wanted> {
        std::mem::take(&mut self.state().wanted).into_iter().collect()
    }

    /// How often something was asked for in vain.
    pub(crate) fn misses(&self) -> u64 {
        self.state().misses
    }

    /// Takes in what was found of what was wanted, in the same order.
    pub(crate) fn learn(&self, wanted: Vec<Wanted>, found: Vec<Found>) {
        self.state().known.extend(wanted.into_iter().zip(found));
    }

    /// Everything that was read, and what it was: a commit that depends on it holds only while it still is.
    pub(crate) fn reads(self) -> BTreeMap<Wanted, Found> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).known
    }

    fn find(&self, wanted: Wanted) -> Result<Found> {
        let mut state = self.state();
        if let Some(found) = state.known.get(&wanted) {
            return Ok(found.clone());
        }
        state.wanted.insert(wanted);
        state.misses += 1;
        Err(StoreError::Unavailable("what it reads is not fetched yet".to_owned()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View for Fetched {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.find(Wanted::Key(key.to_vec()))? {
            Found::Value(value) => Ok(value),
            Found::Pairs(_) => Err(StoreError::Corrupt("a key was answered with a range".to_owned())),
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        match self.find(Wanted::Range { prefix: prefix.to_vec(), from: from.to_vec(), most })? {
            Found::Pairs(pairs) => Ok(pairs),
            Found::Value(_) => Err(StoreError::Corrupt("a range was answered with a key".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_wanted_once_and_then_known() {
        let view = Fetched::default();
        assert!(view.read(b"a").is_err() && view.read(b"a").is_err() && view.scan(b"b", b"", 3).is_err());
        assert_eq!(view.misses(), 3);
        let wanted = view.take_wanted();
        let range = Wanted::Range { prefix: b"b".to_vec(), from: Vec::new(), most: 3 };
        assert_eq!(wanted, [Wanted::Key(b"a".to_vec()), range]);
        let pairs = vec![(b"b1".to_vec(), b"v".to_vec())];
        view.learn(wanted, vec![Found::Value(None), Found::Pairs(pairs.clone())]);
        assert_eq!(view.read(b"a"), Ok(None));
        assert_eq!(view.scan(b"b", b"", 3), Ok(pairs));
        assert_eq!((view.misses(), view.reads().len()), (3, 2));
    }
}
