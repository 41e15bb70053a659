//! The raw hash rate of the machine: argon2id as the service has it by default, on every core, and nothing else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::drive::as_f64;
use crate::error::{BenchError, Result, Trying as _};

/// OWASP's, and the service's default: 19 MiB, two passes, one lane.
const COST: (u32, u32, u32) = (19_456, 2, 1);
const SALT: &[u8; 16] = b"as long as a one";

/// Hashes a second of one thread for each core, each with its memory at hand. Blocks for `length`, and until there was one.
///
/// # Errors
/// [`BenchError::Io`] where there is no thread, [`BenchError::Usage`] where nothing was computed.
pub(crate) fn rate(length: Duration) -> Result<f64> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let seconds = thread::scope(|scope| {
        for _ in 0..cores {
            thread::Builder::new().spawn_scoped(scope, || hash(&done, &over)).trying("start a thread")?;
        }
        // The first ones of all wait for their memory.
        let warm = Instant::now();
        while done.load(Ordering::Relaxed) < 2 * cores as u64 && warm.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(1));
        }
        done.store(0, Ordering::Relaxed);
        let begin = Instant::now();
        thread::sleep(length);
        // A machine that is busy elsewhere may not come to one in that time.
        while done.load(Ordering::Relaxed) == 0 && begin.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(1));
        }
        let measured = (done.load(Ordering::Relaxed), begin.elapsed().as_secs_f64());
        over.store(true, Ordering::Relaxed);
        Ok(measured)
    });
    match seconds? {
        (0, _) => Err(BenchError::Usage("no hash was computed in the time that a figure takes".to_owned())),
        (hashes, seconds) => Ok(as_f64(hashes) / seconds),
    }
}

/// Hashes until it is over. A machine without the memory ends early, and shows it.
fn hash(done: &AtomicU64, over: &AtomicBool) {
    let (memory, passes, lanes) = COST;
    let Ok(params) = Params::new(memory, passes, lanes, Some(32)) else { return };
    let mut blocks = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; 32];
    while !over.load(Ordering::Relaxed) {
        let hashed = argon2.hash_password_into_with_memory(b"a password of some length", SALT, &mut output, &mut blocks);
        if hashed.is_err() {
            return;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hashes_are_computed() {
        assert!(rate(Duration::from_secs(2)).unwrap() > 0.1);
    }
}
