//! The server in this process, on a clock that the test moves: for what depends on time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use countersign::app::{App, Seams, StartError};
use countersign::config::Settings;
use countersign::model::clock::{Clock, ManualClock, SystemClock, Timestamp};
use countersign::model::random::SystemRandom;
use countersign::service::services::Services;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::{ADMIN_PASSWORD, CHEAP, SOON};

/// A server on a manual clock that begins at the present.
pub(crate) struct InProcess {
    pub(crate) clock: Arc<ManualClock>,
    /// The services, for tests that look behind the wire.
    pub(crate) services: Arc<Services>,
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), StartError>>,
    channel: OnceCell<Channel>,
    data: Option<TempDir>,
}

impl InProcess {
    /// One with nothing special about it, on whose clock time may pass as far as one likes.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One with these settings.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_at(SystemClock.now(), settings).await
    }

    /// One whose clock begins at `now`.
    pub(crate) async fn start_at(now: Timestamp, settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Self::start_in(&data.path().join("data"), now, settings).await;
        Self { data: Some(data), ..server }
    }

    /// One over this data directory, which the caller keeps, and whose clock begins at `now`.
    pub(crate) async fn start_in(directory: &Path, now: Timestamp, settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let seams = Seams { clock: Arc::clone(&clock) as Arc<dyn Clock>, random: Arc::new(SystemRandom) };
        let settings = Self::settings(directory, settings);
        let listener = TcpListener::bind(settings.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = App::open(settings, address, seams).await.unwrap();
        let services = app.services();
        let shutdown = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(Box::pin(app.run(listener, shutdown.clone(), move || ready.send(()).unwrap())));
        timeout(SOON, is_ready).await.expect("it is ready soon").unwrap();
        Self { clock, services, address, shutdown, task, channel: OnceCell::new(), data: None }
    }

    /// What it is started with.
    pub(crate) fn settings(directory: &Path, settings: &[(&str, &str)]) -> Settings {
        let directory = directory.display().to_string();
        let own = [
            ("COUNTERSIGN_LISTEN", "127.0.0.1:0"),
            ("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD),
            ("COUNTERSIGN_DATA_DIR", &directory),
        ];
        let all = own.iter().chain(&CHEAP).chain(settings);
        let environment: BTreeMap<String, String> = all.map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Settings::read(&BTreeMap::new(), &environment).unwrap()
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection, the same one at every call.
    pub(crate) async fn channel(&self) -> Channel {
        let connect = async || Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap();
        self.channel.get_or_init(connect).await.clone()
    }

    /// Drains, closes the store and waits for the end.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        drop(self.channel);
        timeout(SOON, self.task).await.expect("it ends soon").unwrap().unwrap();
        drop(self.data);
    }
}
