//! Accepts connections, one at a time. No error ends the loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::limits::Limits;
use super::registry::{Registered, Registry};

/// How long to wait for room or descriptors before asking another idle connection to leave.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// At most one log line about a shortage in this time.
const SHORTAGE_LOG_INTERVAL: Duration = Duration::from_mins(1);

/// A connection that may be served.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) registered: Registered,
    /// Held for as long as the connection lives.
    pub(super) slot: OwnedSemaphorePermit,
}

/// The listener and what bounds it.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    registry: Arc<Registry>,
    slots: Arc<Semaphore>,
    idle_when_full: Duration,
    /// When a shortage was last logged.
    complained: Option<Instant>,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, registry: Arc<Registry>, limits: &Limits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
        Self { listener, registry, slots, idle_when_full: limits.idle_when_full, complained: None }
    }

    /// The next connection. Cancel-safe: the caller drops the future and calls again whenever a connection has ended. That also
    /// ends a wait for descriptors early.
    pub(super) async fn next(&mut self) -> Accepted {
        loop {
            let slot = self.slot().await;
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let Some(registered) = self.registry.admit(peer.ip()) else {
                        tracing::debug!(%peer, "refused: too many connections of one source");
                        continue;
                    };
                    // This fails only for a connection that is gone already; serving it will notice.
                    let _ = stream.set_nodelay(true);
                    return Accepted { stream, peer, registered, slot };
                }
                Err(error) if is_of_the_client(&error) => tracing::debug!(%error, "a connection was gone before it was accepted"),
                Err(error) => self.endure(&error).await,
            }
        }
    }

    /// Waits until there is room. Further connections stay in the kernel's queue meanwhile.
    async fn slot(&mut self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
                return slot;
            }
            if self.may_complain() {
                tracing::warn!("all connections are taken; idle ones are asked to leave");
            }
            self.registry.close_idlest(self.idle_when_full);
            if let Ok(Ok(slot)) = tokio::time::timeout(SHORTAGE_PAUSE, Arc::clone(&self.slots).acquire_owned()).await {
                return slot;
            }
        }
    }

    /// Whether to log a shortage now. The rate is limited because strangers can cause shortages.
    fn may_complain(&mut self) -> bool {
        let may = self.complained.is_none_or(|last| last.elapsed() >= SHORTAGE_LOG_INTERVAL);
        if may {
            self.complained = Some(Instant::now());
        }
        may
    }

    /// Waits after an error of the machine, such as no descriptors. The socket stays ready, so trying again at once would spin.
    async fn endure(&mut self, error: &io::Error) {
        if self.may_complain() {
            tracing::error!(%error, "cannot accept connections for now");
        }
        if is_shortage(error) {
            self.registry.close_idlest(self.idle_when_full);
        }
        tokio::time::sleep(SHORTAGE_PAUSE).await;
    }
}

/// The connection failed, not the listener (accept(2), "Error handling").
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused | Kind::Interrupted)
        || is_one_of(error, &[Errno::PROTO, Errno::NETDOWN, Errno::HOSTDOWN, Errno::HOSTUNREACH, Errno::NETUNREACH])
}

fn is_shortage(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM])
}

fn is_one_of(error: &io::Error, errors: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|raw| errors.iter().any(|errno| errno.raw_os_error() == raw))
}
