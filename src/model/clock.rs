//! Time as a value. Everything that decides by time takes a [`Timestamp`]; only [`SystemClock`] reads the machine's clocks, and
//! [`Trust`] decides whether its wall clock may be believed.

mod machine;
mod trust;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::machine::SystemClock;
pub use self::trust::{Doubt, MAX_APART, SETTLED_AFTER, Trust};

/// A moment, in whole microseconds since 1970-01-01T00:00:00Z. Never before that epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `micros` microseconds after 1970.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment `secs` seconds after 1970.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The moment `by` later, at most the end of time.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The moment `by` earlier, at least 1970.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero where it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// What the machine's clocks show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock. Whoever may set it may set it to anything.
    pub wall: Timestamp,
    /// The time since a fixed moment. Counts on while the machine sleeps; nobody can set it.
    pub uptime: Duration,
}

/// The machine's clocks. Whether the wall clock may be believed is decided by [`Trust`], and nowhere else.
pub trait Clock: Send + Sync + 'static {
    /// What the clocks show, both at the same moment.
    fn read(&self) -> Reading;

    /// True where the kernel says that its wall clock is synchronised, and it is the one that [`read`](Self::read) shows.
    fn synchronised(&self) -> bool;

    /// The earliest time that the wall clock can rightly show: when this was built.
    fn earliest(&self) -> Timestamp;

    /// The wall clock, right or wrong. For what decides nothing.
    fn now(&self) -> Timestamp {
        self.read().wall
    }
}

/// Clocks that stand still until they are moved; for tests of what depends on time.
#[derive(Debug)]
pub struct ManualClock(Mutex<Manual>);

#[derive(Clone, Copy, Debug)]
struct Manual {
    reading: Reading,
    synchronised: bool,
}

impl ManualClock {
    /// Clocks of which the wall clock shows `at`, and that are not synchronised.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self(Mutex::new(Manual { reading: Reading { wall: at, uptime: Duration::ZERO }, synchronised: false }))
    }

    /// Sets the wall clock, earlier or later, as its operator would: no time passes.
    pub fn set(&self, at: Timestamp) {
        self.with(|manual| manual.reading.wall = at);
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.with(|manual| {
            let Reading { wall, uptime } = manual.reading;
            manual.reading = Reading { wall: wall.plus(by), uptime: uptime.saturating_add(by) };
        });
    }

    /// Whether the kernel says from now on that the clock is synchronised.
    pub fn synchronise(&self, synchronised: bool) {
        self.with(|manual| manual.synchronised = synchronised);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Manual) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn read(&self) -> Reading {
        self.with(|manual| manual.reading)
    }

    fn synchronised(&self) -> bool {
        self.with(|manual| manual.synchronised)
    }

    fn earliest(&self) -> Timestamp {
        Timestamp::default()
    }
}
