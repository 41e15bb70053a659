//! Regular work beside the calls: sweeps expired records and writes counts of key uses.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::services::Services;
use crate::store::Revocations;
use crate::store::verbs::{By, StoreState};

/// How often housekeeping runs.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// The most records that one sweep removes, so that no commit takes long.
const MAX_SWEPT_RECORDS: u32 = 200;
/// The most sweeps in a row; the rest waits for the next round.
const MAX_SWEEPS: usize = 50;

/// Runs until `stop`.
pub(super) async fn keep(
    services: Arc<Services>,
    store: Arc<dyn StoreState>,
    revocations: Arc<Revocations>,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        // A clock that is not trusted must not decide what has expired. The counts wait.
        if services.time.doubt().is_some() {
            continue;
        }
        if let Err(error) = services.personal_keys.flush().await {
            tracing::warn!(%error, "counts of key uses were not written");
        }
        sweep(&services, &*store, &revocations, &stop).await;
    }
}

async fn sweep(services: &Services, store: &dyn StoreState, revocations: &Revocations, stop: &CancellationToken) {
    for _ in 0..MAX_SWEEPS {
        let Ok(now) = services.time.now() else { return };
        revocations.forget(now);
        match store.sweep(MAX_SWEPT_RECORDS, By::system(now)).await {
            Ok(swept) if swept.outcome >= MAX_SWEPT_RECORDS && !stop.is_cancelled() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "expired records were not swept");
                return;
            }
        }
    }
}
