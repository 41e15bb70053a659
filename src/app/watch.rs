//! Keeps health up to date: SERVING only while the store can be written and the clock is trusted.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::grpc::routes::HEALTH_NAMES;
use crate::model::clock::{Clock, Doubt, SystemClock, Timestamp};
use crate::model::random::{Random, SystemRandom};
use crate::service::time::Time;
use crate::store::verbs::StoreState;

/// How often the store and the clock are checked.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// What a server takes from the machine.
#[derive(Clone)]
pub struct Seams {
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl Seams {
    /// The machine's own.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }
}

/// Turns health on and off, and says in the log why.
#[derive(Clone)]
pub(super) struct Watch(Arc<Inner>);

struct Inner {
    time: Time,
    store: Arc<dyn StoreState>,
    reporter: HealthReporter,
    doubt: std::sync::Mutex<Option<Doubt>>,
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
    pub(super) fn new(time: Time, store: Arc<dyn StoreState>, reporter: HealthReporter) -> Self {
        let told = Mutex::new(Told::Nothing);
        Self(Arc::new(Inner { time, store, reporter, doubt: std::sync::Mutex::default(), told }))
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
        let doubt = inner.time.doubt();
        let before = std::mem::replace(&mut *inner.doubt.lock().unwrap_or_else(PoisonError::into_inner), doubt);
        match doubt {
            Some(doubt) if before != Some(doubt) => {
                let (shown, committed) = inner.time.shown();
                tracing::error!("{}", clock_problem(doubt, shown, committed));
            }
            None if before.is_some() => tracing::info!("the machine's clock is trusted again"),
            _ => {}
        }
        let healthy = inner.store.healthy();
        self.tell(if healthy && doubt.is_none() { Told::Serving } else { Told::NotServing }).await;
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

/// What is wrong with a wall clock, what that costs, and what helps.
pub(super) fn clock_problem(doubt: Doubt, shown: Timestamp, committed: Timestamp) -> String {
    match doubt {
        Doubt::Jumped => {
            "the machine's clock was set by more than a minute: nothing is stored or signed until it is back, the kernel \
                          says that it is synchronised, or it has stood for a while at its new place"
                .to_owned()
        }
        Doubt::BehindCommit => format!(
            "the machine's clock is {} behind the last commit in the data directory: nothing is stored or signed. If the clock is \
             wrong, set it, and the server goes on by itself. If it is right, the server ran while it was ahead: stop the server and \
             run `countersign recover clock`, which ends all sessions, access tokens, single-use links and sign-ons under way",
            length(committed.since(shown))
        ),
        Doubt::BeforeBuild => {
            "the machine's clock shows a time before this program was built: nothing is stored or signed until it is \
                               set"
            .to_owned()
        }
    }
}

/// A length of time in the largest unit of which there are two, rounded.
#[must_use]
pub fn length(of: Duration) -> String {
    let seconds = of.as_secs();
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    let (size, name) = units.into_iter().find(|(size, _)| seconds >= 2 * size).unwrap_or((1, "seconds"));
    format!("{} {name}", seconds.saturating_add(size / 2) / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_as_people_do() {
        for (seconds, told) in [
            (0, "0 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7199, "120 minutes"),
            (7200, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(length(Duration::from_secs(seconds)), told);
        }
    }

    #[test]
    fn a_clock_behind_the_store_is_told_with_the_command_that_mends_it_and_what_it_costs() {
        let told = clock_problem(Doubt::BehindCommit, Timestamp::from_secs(1000), Timestamp::from_secs(1000 + 3 * 86_400));
        for part in ["3 days behind the last commit", "`countersign recover clock`", "ends all sessions"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
