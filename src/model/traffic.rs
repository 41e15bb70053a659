//! How much the server is asked for beside password checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts calls that check no password. The hash pool looks at it before it takes the last core.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<AtomicU64>);

impl Traffic {
    /// Counts a call.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many calls were counted until now.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
