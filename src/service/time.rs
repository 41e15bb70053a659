//! The service's time: the later of the wall clock and the last committed time.

use std::sync::Arc;

use crate::model::clock::{Clock, Timestamp};
use crate::store::verbs::StoreState;

/// Where services read the time that they decide by.
#[derive(Clone)]
pub struct Time {
    clock: Arc<dyn Clock>,
    store: Arc<dyn StoreState>,
}

impl Time {
    /// The later of `clock` and what `store` committed last.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, store: Arc<dyn StoreState>) -> Self {
        Self { clock, store }
    }

    /// The present moment; never before a committed one.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now().max(self.store.status().last_commit)
    }
}
