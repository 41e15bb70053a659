//! Randomness as a dependency: services hold a [`Random`], and only [`SystemRandom`] asks the machine.

use rand::Rng as _;

/// A source of unpredictable bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `buffer` with bytes that nobody can foresee: for secrets.
    fn fill(&self, buffer: &mut [u8]);

    /// Fills `buffer` for an identifier that is shown to everybody, from which nothing is derived, and which must not occur twice.
    /// May be cheaper than [`fill`](Self::fill); not for secrets.
    fn fill_id(&self, buffer: &mut [u8; 16]) {
        self.fill(buffer);
    }
}

impl dyn Random {
    /// `N` unpredictable bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        self.fill(&mut buffer);
        buffer
    }

    /// 16 bytes for an identifier.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        let mut buffer = [0; 16];
        self.fill_id(&mut buffer);
        buffer
    }
}

/// The operating system's generator.
///
/// What [`fill_id`](Random::fill_id) gives is from one in each thread (ChaCha12) that it seeds, again after each 64 KiB: a token
/// takes two, and asking the machine costs as much as a keyed hash. That one is not told when the whole machine is copied while it
/// runs, so that both copies may give the same identifiers for a while; secrets they never share.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::panic,
        clippy::disallowed_methods,
        reason = "the one place that asks the machine; without randomness it cannot issue credentials"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            panic!("the operating system gave no randomness: {error}");
        }
    }

    fn fill_id(&self, buffer: &mut [u8; 16]) {
        rand::rng().fill_bytes(buffer);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_identifier_occurs_twice() {
        let thread = || std::thread::spawn(|| (0..50_000).map(|_| (&SystemRandom as &dyn Random).id()).collect::<Vec<_>>());
        let threads = [thread(), thread(), thread(), thread()];
        let mut seen = HashSet::new();
        assert!(threads.into_iter().flat_map(|thread| thread.join().unwrap()).all(|id| seen.insert(id)));
    }
}
