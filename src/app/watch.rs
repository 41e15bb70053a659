//! Keeps health up to date: SERVING only while the store can be written and the clock can be trusted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::grpc::routes::HEALTH_NAMES;
use crate::model::clock::{Clock, SystemClock, Timestamp};
use crate::model::random::{Random, SystemRandom};
use crate::store::verbs::StoreState;

/// How often the store and the clock are checked.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);
/// How far the wall clock may be behind the last commit.
const MAX_CLOCK_BEHIND: Duration = Duration::from_mins(1);
/// How far the wall clock may be ahead of the time that has really passed.
const MAX_CLOCK_AHEAD: Duration = Duration::from_hours(1);

/// The time since a fixed moment; setting the wall clock does not change it.
pub type Uptime = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What a server takes from the machine.
#[derive(Clone)]
pub struct Seams {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Monotonic time that includes the machine's sleep.
    pub uptime: Uptime,
}

impl Seams {
    /// The machine's own.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), uptime: Arc::new(boot_time) }
    }
}

fn boot_time() -> Duration {
    let since = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(since.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(since.tv_nsec).unwrap_or_default())
}

/// Turns health on and off, and knows whether the clock can be trusted.
#[derive(Clone)]
pub(super) struct Watch(Arc<Inner>);

struct Inner {
    seams: Seams,
    store: Arc<dyn StoreState>,
    reporter: HealthReporter,
    began: (Timestamp, Duration),
    clock_trusted: AtomicBool,
    told: Mutex<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Serving,
    NotServing,
    Stopped,
}

impl Watch {
    pub(super) fn new(seams: Seams, store: Arc<dyn StoreState>, reporter: HealthReporter) -> Self {
        let began = (seams.clock.now(), (seams.uptime)());
        let told = Mutex::new(Told::Nothing);
        Self(Arc::new(Inner { seams, store, reporter, began, clock_trusted: AtomicBool::new(true), told }))
    }

    /// Checks regularly until `stop`.
    pub(super) async fn follow(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(WATCH_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.look().await,
            }
        }
    }

    /// Checks once, and logs what has changed.
    pub(super) async fn look(&self) {
        let inner = &*self.0;
        let now = inner.seams.clock.now();
        let passed = (inner.seams.uptime)().saturating_sub(inner.began.1);
        let wrong = clock_problem(now, inner.store.status().last_commit, inner.began.0.plus(passed));
        if inner.clock_trusted.swap(wrong.is_none(), Ordering::SeqCst) == wrong.is_some() {
            if let Some(wrong) = wrong {
                tracing::error!("the machine's clock {wrong}: not serving until it is right");
            } else {
                tracing::info!("the machine's clock is right again");
            }
        }
        let healthy = inner.store.healthy();
        self.tell(if healthy && wrong.is_none() { Told::Serving } else { Told::NotServing }).await;
    }

    /// False if the clock must not decide what has expired.
    pub(super) fn clock_trusted(&self) -> bool {
        self.0.clock_trusted.load(Ordering::SeqCst)
    }

    /// NOT_SERVING for good.
    pub(super) async fn stop(&self) {
        self.tell(Told::Stopped).await;
    }

    async fn tell(&self, state: Told) {
        let mut told = self.0.told.lock().await;
        if *told == state || *told == Told::Stopped {
            return;
        }
        *told = state;
        let status = if state == Told::Serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in HEALTH_NAMES {
            self.0.reporter.set_service_status(name, status).await;
        }
        tracing::info!("health is {status}");
    }
}

/// What is wrong with a wall clock that shows `now`. The last commit was at `committed`; by the time that has passed it should
/// be about `expected`.
fn clock_problem(now: Timestamp, committed: Timestamp, expected: Timestamp) -> Option<&'static str> {
    if now.plus(MAX_CLOCK_BEHIND) < committed {
        Some("is more than a minute behind the last commit")
    } else if now > expected.plus(MAX_CLOCK_AHEAD) {
        Some("has jumped ahead by more than an hour")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_trusted_within_its_bounds() {
        let at = Timestamp::from_secs;
        assert_eq!(clock_problem(at(1000), at(1060), at(1000)), None);
        assert!(clock_problem(at(1000), at(1061), at(1000)).is_some());
        assert_eq!(clock_problem(at(4600), at(0), at(1000)), None);
        assert!(clock_problem(at(4601), at(0), at(1000)).is_some());
    }

    #[test]
    fn uptime_does_not_run_back() {
        let first = boot_time();
        assert!(first > Duration::ZERO && boot_time() >= first);
    }
}
