//! Whether this process may have the threads that it needs. Several libraries panic or wait for ever where one does not start.

use std::num::NonZero;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

/// Threads beside those of the runtime and of password checks: the log, signals, the store's (a dozen), and a few for what blocks.
const BESIDE: usize = 20;
/// Enough of a stack to wait on.
const STACK_BYTES: usize = 64 << 10;

/// Starts as many threads as a server has, all at once, and ends them again.
///
/// # Errors
/// A sentence that says what is missing.
pub(super) fn for_a_server() -> Result<(), String> {
    start(2 * thread::available_parallelism().map_or(1, NonZero::get) + BESIDE)
}

/// The same for a client.
pub(super) fn for_a_client() -> Result<(), String> {
    start(thread::available_parallelism().map_or(1, NonZero::get) + 2)
}

fn start(count: usize) -> Result<(), String> {
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
    let mut started = Vec::new();
    let mut refused = None;
    while started.len() < count && refused.is_none() {
        let gate = Arc::clone(&gate);
        let wait = move || drop(gate.read());
        match thread::Builder::new().stack_size(STACK_BYTES).spawn(wait) {
            Ok(thread) => started.push(thread),
            Err(error) => refused = Some(error),
        }
    }
    let had = started.len();
    drop(closed);
    for thread in started {
        drop(thread.join());
    }
    match refused {
        None => Ok(()),
        Some(error) => Err(format!(
            "cannot start {count} threads, only {had} ({error}): raise the limit of processes and threads (ulimit -u, TasksMax, \
             pids.max) or of memory"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_threads_can_be_had() {
        start(3).unwrap();
    }
}
