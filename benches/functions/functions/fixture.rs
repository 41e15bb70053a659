//! What every function runs on: seeded randomness and a clock that stands still, so that each run does the same.

use std::sync::{Mutex, PoisonError};

use countersign::model::clock::Timestamp;
use countersign::model::random::Random;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

/// A function with all that it takes. Each call does its work once more.
pub(crate) type Run = Box<dyn FnMut()>;

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// The same bytes in every run of the program.
pub(crate) struct Seeded;

impl Random for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        static GENERATOR: Mutex<Option<SmallRng>> = Mutex::new(None);
        let mut generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
        generator.get_or_insert_with(|| SmallRng::seed_from_u64(11)).fill_bytes(buffer);
    }
}

/// [`Seeded`].
pub(crate) fn random() -> &'static dyn Random {
    &Seeded
}
