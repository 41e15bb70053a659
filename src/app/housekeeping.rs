//! What is done now and then beside the calls: expired records are swept, counts of key uses are written.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::watch::Watch;
use crate::service::services::Services;
use crate::store::{Revocations, Store};

/// How often.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// How many records one sweep removes at the most, so that no commit is long.
const MAX_SWEPT_RECORDS: u32 = 200;
/// How many sweeps follow one another: what is left waits for the next minute.
const MAX_SWEEPS: usize = 50;

/// Keeps house until `stop`.
pub(super) async fn keep(
    services: Arc<Services>,
    store: Arc<dyn Store>,
    revocations: Arc<Revocations>,
    watch: Watch,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = services.personal_keys.flush().await {
            tracing::warn!(%error, "counts of key uses were not written");
        }
        // What expires is not decided by a clock that cannot be trusted.
        if watch.clock_trusted() {
            sweep(&services, &*store, &revocations, &stop).await;
        }
    }
}

async fn sweep(services: &Services, store: &dyn Store, revocations: &Revocations, stop: &CancellationToken) {
    let now = services.time.now();
    revocations.forget(now);
    for _ in 0..MAX_SWEEPS {
        match store.sweep(now, MAX_SWEPT_RECORDS).await {
            Ok(removed) if removed >= MAX_SWEPT_RECORDS && !stop.is_cancelled() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "expired records were not swept");
                return;
            }
        }
    }
}
