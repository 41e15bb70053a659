//! sled's `flush()`, of which a failed write is always heard.
//!
//! In sled 0.34.7 the task that writes a buffer after its last user left (`exit_reservation` in `pagecache/logger.rs`) keeps
//! the error of a failed write and wakes nobody: a `flush()` that waits already then waits for ever. Any other `flush()` finds
//! the error that was kept, and wakes all. So a flush that is overdue gets company, from a thread that has nothing else to do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sled::Db;

/// A flush that is still running after this time is overdue.
const OVERDUE_AFTER: Duration = Duration::from_secs(1);

/// Flushes one database.
#[derive(Debug)]
pub(super) struct Flush {
    db: Db,
    /// Rises when a flush begins and when it ends: odd while one is under way.
    pulse: Arc<AtomicU64>,
    company: Option<JoinHandle<()>>,
}

/// The `pulse` of a [`Flush`] that is gone.
const NO_PULSE: u64 = u64::MAX;

impl Flush {
    /// Starts the thread that keeps it company.
    pub(super) fn new(db: Db) -> io::Result<Self> {
        let pulse = Arc::new(AtomicU64::new(0));
        let company = {
            let (db, pulse) = (db.clone(), Arc::clone(&pulse));
            thread::Builder::new()
                .name("store-flush".to_owned())
                .spawn(move || keep_company(&pulse, OVERDUE_AFTER, || join_in(&db)))?
        };
        Ok(Self { db, pulse, company: Some(company) })
    }

    /// Returns once what was applied is written, or could not be. Blocks.
    pub(super) fn pass(&mut self) -> io::Result<()> {
        self.pulse.fetch_add(1, Ordering::Relaxed);
        let flushed = self.db.flush();
        self.pulse.fetch_add(1, Ordering::Relaxed);
        flushed?;
        Ok(())
    }
}

impl Drop for Flush {
    /// Waits until the thread has let go of the database.
    fn drop(&mut self) {
        self.pulse.store(NO_PULSE, Ordering::Relaxed);
        if let Some(company) = self.company.take() {
            company.thread().unpark();
            drop(company.join());
        }
    }
}

/// Calls `join_in` when a flush is overdue, and again after two, four, eight … times as long while it remains so: what joined
/// in before the write failed waits like the first, so that each call needs a thread of its own and there must be few.
fn keep_company(pulse: &AtomicU64, overdue: Duration, mut join_in: impl FnMut()) {
    let (mut seen, mut patience) = (0, overdue);
    loop {
        thread::park_timeout(patience);
        let now = pulse.load(Ordering::Relaxed);
        if now == NO_PULSE {
            return;
        }
        if now == seen && now % 2 == 1 {
            join_in();
            patience *= 2;
        } else {
            (seen, patience) = (now, overdue);
        }
    }
}

fn join_in(db: &Db) {
    let db = db.clone();
    tracing::warn!("a write to the store takes long");
    let joined = thread::Builder::new().name("store-flush".to_owned()).spawn(move || db.flush());
    if let Err(error) = joined {
        tracing::warn!(%error, "a thread that looks after a write could not be started");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_flush_that_hangs_gets_company_again_and_again() {
        let pulse = AtomicU64::new(1);
        let (joined, company) = channel();
        thread::scope(|scope| {
            let keeper =
                scope.spawn(|| keep_company(&pulse, Duration::from_millis(1), move || joined.send(()).unwrap_or_default()));
            for _ in 0..3 {
                company.recv().unwrap();
            }
            pulse.store(NO_PULSE, Ordering::Relaxed);
            keeper.thread().unpark();
        });
    }

    #[test]
    fn no_flush_no_company() {
        let pulse = AtomicU64::new(0);
        let (joined, company) = channel::<()>();
        thread::scope(|scope| {
            let keeper =
                scope.spawn(|| keep_company(&pulse, Duration::from_millis(1), move || joined.send(()).unwrap_or_default()));
            for _ in 0..50 {
                keeper.thread().unpark();
                thread::yield_now();
            }
            pulse.store(NO_PULSE, Ordering::Relaxed);
            keeper.thread().unpark();
        });
        assert_eq!(company.try_recv().ok(), None);
    }
}
