//! The composition root: opens the store, founds it at first start, builds the services and their faces, and runs them until
//! it is told to stop.
//!
//! Owns the order of start and end. At start: settings, store, keys, services, the open port, and only then SERVING. At the end:
//! NOT_SERVING, then the drain, then the store closes.

mod error;
mod founding;
mod front;
mod housekeeping;
mod offline;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::health_reporter;

pub use self::error::StartError;
use self::founding::Founded;
pub use self::front::Front;
pub use self::offline::{recover_clock, set_issuer};
use self::watch::Watch;
pub use self::watch::{Seams, length};
use crate::config::{Outside, Settings};
use crate::crypto::keyring::KeyRing;
use crate::crypto::password::HashParams;
use crate::crypto::password::pool::{HashPool, PoolConfig};
use crate::crypto::seal::{KeyEncryptionKey, Sealer};
use crate::crypto::server_key::ServerKeys;
use crate::edge::EdgeSettings;
use crate::edge::request_id::RequestIds;
use crate::edge::source::{BadProxy, TrustedProxies};
use crate::grpc::Api;
use crate::grpc::routes::Routes;
use crate::model::clock::{Clock, Doubt, Timestamp};
use crate::model::ids::StoreId;
use crate::model::secret::Secret;
use crate::model::traffic::Traffic;
use crate::net;
use crate::net::tls::Tls;
use crate::oidc::{Network, OidcClient};
use crate::service::Error;
use crate::service::policy::Policy;
use crate::service::services::{Parts, Services};
use crate::service::time::Time;
use crate::store::{self, Failure, Revocations, Store};
use crate::web::{self, PagesState, well_known};

/// How long the drain may take after the store has failed. It is short because every call can only be refused.
const DRAIN_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted; the kernel's own limit counts too.
const BACKLOG: u32 = 1024;

/// What the process is told from outside while it runs.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Cancelled when the server is to end.
    pub stop: CancellationToken,
    /// Changes when what can change at run time is to be read again.
    pub reload: tokio::sync::watch::Receiver<()>,
}

/// Opens, listens and serves until `signals.stop` is cancelled. `ready` is called with the real address once calls are answered.
///
/// The address is reserved first, so that one that is taken ends the start before anything was done, and listened on last:
/// until the server can answer, connections are refused. A stop while the store is being opened does not wait for it.
///
/// # Errors
/// [`StartError`], also if the store fails for good while serving. Its text is the last line that the operator sees.
pub async fn run(settings: Settings, seams: Seams, signals: Signals, ready: impl FnOnce(SocketAddr)) -> Result<(), StartError> {
    let Signals { stop, mut reload } = signals;
    let listen = settings.listen;
    let refused = |source| StartError::Listen { address: listen, source };
    let socket = reserve(listen).map_err(refused)?;
    let bound = socket.local_addr().map_err(refused)?;
    let app = tokio::select! {
        biased;
        () = stop.cancelled() => {
            tracing::info!("stopped before the store was open");
            return Ok(());
        }
        app = App::open(settings, bound, seams) => app?,
    };
    let _reloading = app.tls.clone().map(|tls| {
        AbortOnDropHandle::new(tokio::spawn(async move {
            while reload.changed().await.is_ok() {
                tls.read_again();
            }
        }))
    });
    match socket.listen(BACKLOG) {
        Ok(listener) => app.run(listener, stop, || ready(bound)).await,
        Err(error) => {
            app.close().await;
            Err(refused(error))
        }
    }
}

/// A socket of this address that nobody can connect to yet.
fn reserve(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As a restart needs it: connections of the process before may still be closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A server whose store is open and whose services are built; it answers nobody until it is [run](Self::run).
pub struct App {
    settings: Settings,
    seams: Seams,
    policy: Arc<Policy>,
    tls: Option<Arc<Tls>>,
    store: Arc<dyn Store>,
    revocations: Arc<Revocations>,
    failure: Failure,
    traffic: Traffic,
    pool: Arc<HashPool>,
    services: Arc<Services>,
}

impl App {
    /// Opens the store, founds it where it is new, and builds the services. `bound` is the address that will be listened on.
    ///
    /// # Errors
    /// [`StartError`]: one plain sentence that says what to do.
    pub async fn open(settings: Settings, bound: SocketAddr, seams: Seams) -> Result<Self, StartError> {
        let public_url = settings.reached_at(bound);
        let tls = match &settings.tls {
            Some(files) => Some(Arc::new(Tls::open(&files.cert, &files.key)?.with_clock(Arc::clone(&seams.clock)))),
            None => None,
        };
        let sealer = Arc::new(Sealer::new(key_encryption_key(settings.kek.as_ref())?));
        let traffic = Traffic::default();
        let pool = Arc::new(hash_pool(&settings, &seams, &traffic)?);
        let revocations = Arc::new(Revocations::default());
        let place = store::Settings {
            data_dir: settings.data_dir.clone(),
            fresh_id: StoreId::random(&*seams.random),
            now: upgrade_time(&*seams.clock),
        };
        let (store, failure) = store::open(&place, Arc::clone(&revocations)).await?;
        // From here on every way out closes the store, so that its lock is released and its last writes are durable.
        match build(&settings, &seams, &public_url, &sealer, &pool, &store, &revocations).await {
            Ok((services, policy)) => {
                let services = Arc::new(services);
                Ok(Self { settings, seams, policy, tls, store, revocations, failure, traffic, pool, services })
            }
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// The services, for tests that look behind the wire.
    #[must_use]
    pub fn services(&self) -> Arc<Services> {
        Arc::clone(&self.services)
    }

    /// Serves `listener` until `shutdown` is cancelled, drains, and closes the store. `ready` is called when calls are answered.
    ///
    /// # Errors
    /// [`StartError::StoreFailed`] if a write could not be made durable. Everything that was answered before is true, and
    /// nothing is answered after it.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken, ready: impl FnOnce()) -> Result<(), StartError> {
        let (reporter, health) = health_reporter();
        let watch = Watch::new(self.services.time.clone(), self.store.clone(), reporter);
        let api = Api::new(Arc::clone(&self.services), &self.policy);
        let drain = CancellationToken::new();
        let front = self.front(&api, health, drain.clone())?;

        watch.look().await;
        let stop = CancellationToken::new();
        let keeping = tokio::spawn(housekeeping::keep(
            Arc::clone(&self.services),
            self.store.clone(),
            Arc::clone(&self.revocations),
            stop.clone(),
        ));
        let watching = tokio::spawn(watch.clone().follow(stop.clone()));

        let serving =
            net::serve(listener, self.tls.clone(), front, limits(&self.settings), Arc::clone(&self.seams.random), drain.clone());
        tokio::pin!(serving);
        ready();
        let ended = tokio::select! {
            _ = &mut serving => Ok(()),
            () = shutdown.cancelled() => Ok(()),
            reason = self.failure.failed() => Err(StartError::StoreFailed(reason)),
        };
        // Health comes first, so that load balancers send nobody new. Then the drain, then the store.
        watch.stop().await;
        drain.cancel();
        match &ended {
            Ok(()) => drop(serving.await),
            Err(error) => {
                tracing::error!(%error, "the store has failed, the server ends");
                drop(tokio::time::timeout(DRAIN_AFTER_FAILURE, serving).await);
            }
        }
        stop.cancel();
        drop(tokio::join!(keeping, watching));
        if ended.is_ok()
            && let Err(error) = self.services.personal_keys.flush().await
        {
            tracing::warn!(%error, "the last counts of key uses were not written");
        }
        self.close().await;
        ended
    }

    /// Closes the store of a server that serves nobody any more.
    async fn close(&self) {
        self.store.close().await;
        self.pool.stop();
    }

    /// gRPC, the pages of sign-on and the well-known documents on one port.
    fn front<H: Health>(
        &self,
        api: &Api,
        health: HealthServer<H>,
        draining: CancellationToken,
    ) -> Result<Front<Routes<H>>, StartError> {
        let trusted_proxies: TrustedProxies = self
            .settings
            .trusted_proxies
            .parse()
            .map_err(|bad: BadProxy| StartError::Setting { name: "COUNTERSIGN_TRUSTED_PROXIES", problem: bad.to_string() })?;
        let services =
            Routes::new(api, health, self.settings.reflection).map_err(|error| StartError::Other(error.to_string()))?;
        let pages = web::router(PagesState::new(self.services.sso.clone(), &self.policy))
            .merge(well_known::router(Arc::clone(&self.services.verifier), &self.policy));
        let settings = EdgeSettings {
            trusted_proxies,
            traffic: self.traffic.clone(),
            request_ids: RequestIds::new(&*self.seams.random),
            draining,
            ..EdgeSettings::default()
        };
        Ok(Front::new(services, pages, settings))
    }
}

/// Everything between an open store and the services.
async fn build(
    settings: &Settings,
    seams: &Seams,
    public_url: &str,
    sealer: &Arc<Sealer>,
    pool: &Arc<HashPool>,
    store: &Arc<dyn Store>,
    revocations: &Arc<Revocations>,
) -> Result<(Services, Arc<Policy>), StartError> {
    let time = Time::new(Arc::clone(&seams.clock), store.clone(), settings.clock_settled_after);
    say_when_it_last_committed(&time);
    let random = &*seams.random;
    let parts = founding::Parts { settings, random, time: &time, public_url, sealer, pool, store };
    let Founded { foundation, signing_keys } = founding::found_or_read(&parts).await?;
    let server_keys = ServerKeys::from_sealed(&foundation.server_keys, sealer)?;
    let ring = KeyRing::load(&signing_keys, sealer)?;
    if !sealer.has_key() {
        tracing::warn!(
            "without COUNTERSIGN_KEK_FILE the signing keys, the server keys and the secrets of one-time codes lie in the data \
             directory as they are"
        );
    }
    let policy = Arc::new(policy(settings, public_url, &foundation.issuer));
    let identity = Arc::new(OidcClient::new(time.clone(), network(settings)));
    let services = Services::new(Parts {
        store: Arc::clone(store),
        revocations: Arc::clone(revocations),
        time,
        random: Arc::clone(&seams.random),
        sealer: Arc::clone(sealer),
        server_keys: Arc::new(server_keys),
        ring: Arc::new(ring),
        pool: Arc::clone(pool),
        policy: Arc::clone(&policy),
        epoch: foundation.epoch,
        identity,
    });
    Ok((services, policy))
}

/// The time that an upgrade is stamped with. A clock that shows a time before the build gives none: the last committed time counts then,
/// as it does where the clock is behind that.
fn upgrade_time(clock: &dyn Clock) -> Timestamp {
    let now = clock.now();
    if now < clock.earliest() { Timestamp::default() } else { now }
}

/// The present moment, where a start or a command needs it to go on.
fn trusted(time: &Time) -> Result<Timestamp, StartError> {
    time.now().map_err(|error| match error {
        Error::ClockUntrusted(Doubt::BeforeBuild) => StartError::ClockBeforeBuild,
        Error::ClockUntrusted(doubt) => {
            let (shown, committed) = time.shown();
            StartError::Clock(watch::clock_problem(doubt, shown, committed))
        }
        error => StartError::Other(error.to_string()),
    })
}

/// A clock that is ahead cannot be told from a long stop: whoever reads this can.
fn say_when_it_last_committed(time: &Time) {
    let (shown, committed) = time.shown();
    if committed > Timestamp::default() && committed <= shown {
        tracing::info!("by the machine's clock the last commit was {} ago", watch::length(shown.since(committed)));
    }
}

/// The way to identity providers.
fn network(settings: &Settings) -> Network {
    let Outside { proxy, no_proxy, authorities } = settings.outside.clone();
    Network { proxy, no_proxy, authorities }
}

/// The settings that services decide by, for a server of this issuer.
fn policy(settings: &Settings, public_url: &str, issuer: &str) -> Policy {
    Policy {
        issuer: issuer.to_owned(),
        audience: settings.audience.clone().unwrap_or_else(|| issuer.to_owned()),
        link: settings.links.max_age,
        link_one_time: settings.links.one_time,
        link_parameter: settings.links.parameter.clone(),
        most_sessions: settings.most_sessions,
        most_keys: settings.most_keys,
        most_members: settings.most_members,
        most_providers: settings.most_providers,
        password_alone: settings.password_alone,
        password_with_code: settings.password_with_code,
        cookie_secure: settings.cookie_secure,
        ..Policy::new(public_url)
    }
}

fn limits(settings: &Settings) -> net::Limits {
    let limits = net::Limits {
        max_connections: settings.max_connections,
        max_connections_per_source: settings.max_connections_per_source,
        drain_timeout: settings.drain,
        ..net::Limits::default()
    };
    let wanted = u64::try_from(settings.max_connections).unwrap_or(u64::MAX).saturating_mul(2);
    limits.within(net::descriptors::raise(wanted))
}

/// The key of this text, as it stands in its file.
fn key_encryption_key(text: Option<&Secret>) -> Result<Option<KeyEncryptionKey>, StartError> {
    let key = text.map(|text| KeyEncryptionKey::from_base64(text.expose()));
    key.transpose().map_err(|bad| StartError::Setting { name: "COUNTERSIGN_KEK_FILE", problem: bad.to_string() })
}

fn hash_pool(settings: &Settings, seams: &Seams, traffic: &Traffic) -> Result<HashPool, StartError> {
    let cost = settings.hash;
    let params = HashParams::new(cost.memory, cost.passes, cost.lanes)
        .map_err(|bad| StartError::Setting { name: "COUNTERSIGN_HASH_MEMORY", problem: bad.to_string() })?;
    let usual = PoolConfig::default();
    let config = PoolConfig { threads: cost.threads.unwrap_or(usual.threads), params, ..usual };
    HashPool::start(config, Arc::clone(&seams.random), traffic)
        .map_err(|error| StartError::Other(format!("cannot start the threads that check passwords: {error}")))
}
