//! What a start and the commands on the data directory would store, with a clock that is not trusted: nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::app::{App, Seams, StartError, set_issuer};
use countersign::config::DataDirectory;
use countersign::model::clock::{Clock as _, ManualClock, SystemClock, Timestamp};
use countersign::model::ids::StoreId;
use countersign::model::random::SystemRandom;
use countersign::model::secret::Secret;
use countersign::store::{self, Lane, Offline};
use tempfile::TempDir;

use super::{DAY, is_refused};
use crate::harness::InProcess;

/// A data directory that was served from once, at `now`, without a key-encryption key.
struct Used {
    directory: TempDir,
    now: Timestamp,
}

impl Used {
    async fn new() -> Self {
        let used = Self { directory: tempfile::tempdir().unwrap(), now: SystemClock.now() };
        InProcess::start_in(&used.data(), used.now, &[]).await.stop().await;
        used
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn behind(&self) -> Timestamp {
        self.now.minus(2 * DAY)
    }

    /// What was stored so far: each of these changes is audited.
    async fn stored(&self) -> usize {
        let fresh_id = StoreId::from_bytes([1; 16]);
        let offline = Offline::open(&store::Settings { data_dir: self.data(), fresh_id, now: self.now }).await.unwrap().unwrap();
        let events = offline.store().audit_events(Lane::Only, 1, 1000).await.unwrap();
        offline.store().close().await;
        events.len()
    }

    async fn set_issuer(&self, at: Timestamp, kek: Option<Secret>) -> Result<String, StartError> {
        let directory = DataDirectory { path: self.data(), kek, warnings: Vec::new() };
        set_issuer(directory, seams(at), "https://two.example".to_owned()).await
    }
}

fn seams(at: Timestamp) -> Seams {
    Seams { clock: Arc::new(ManualClock::new(at)), random: Arc::new(SystemRandom) }
}

/// The sentence that a refusal ends with, which names what mends it.
fn refused<T>(outcome: Result<T, StartError>) -> bool {
    matches!(outcome, Err(StartError::Clock(told)) if told.contains("2 days behind") && told.contains("`countersign recover clock`"))
}

#[tokio::test]
async fn the_issuer_is_not_changed() {
    let used = Used::new().await;
    let before = used.stored().await;
    assert!(refused(used.set_issuer(used.behind(), None).await));
    assert!(matches!(used.set_issuer(Timestamp::default(), None).await, Err(StartError::Clock(_))));
    assert_eq!(used.stored().await, before);
    used.set_issuer(used.now, None).await.unwrap();
    assert!(used.stored().await > before);
}

#[tokio::test]
async fn an_audience_is_noted_by_the_next_start_whose_clock_is_trusted() {
    let used = Used::new().await;
    let before = used.stored().await;
    let other = [("COUNTERSIGN_AUDIENCE", "https://b.example")];
    let server = InProcess::start_in(&used.data(), used.behind(), &other).await;
    assert!(is_refused(&server).await);
    server.stop().await;
    assert_eq!(used.stored().await, before);
    InProcess::start_in(&used.data(), used.now, &other).await.stop().await;
    assert!(used.stored().await > before);
}

#[tokio::test]
async fn a_first_key_encryption_key_is_not_taken() {
    let used = Used::new().await;
    let before = used.stored().await;
    let kek = used.directory.path().join("kek");
    std::fs::write(&kek, STANDARD.encode([7; 32])).unwrap();
    let settings = InProcess::settings(&used.data(), &[("COUNTERSIGN_KEK_FILE", kek.to_str().unwrap())]);
    let open = async |at| App::open(settings.clone(), SocketAddr::from(([127, 0, 0, 1], 1)), seams(at)).await;
    assert!(refused(open(used.behind()).await));
    assert!(refused(used.set_issuer(used.behind(), Some(Secret::new(STANDARD.encode([7; 32])))).await));
    assert_eq!(used.stored().await, before);
}
