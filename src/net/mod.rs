//! The listener: accept loop, TLS, limits, drain. Knows no service: it is handed a [`Handler`] and a socket.
//!
//! Depends on [`crate::model::random`] for the jitter of connection ages and on nothing else of ours. It keeps three promises.
//! Silent, slow, idle and old connections are closed (see [`Limits`]). The accept loop survives every error, also a lack of
//! file descriptors. [`serve`] returns within [`Limits::drain_timeout`] of its shutdown.
//!
//! tonic's own server is not used; `docs/decisions/2026-11-22-accept-loop.md` says why.

mod accept;
mod activity;
mod connection;
pub mod descriptors;
mod limits;
mod registry;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use limits::{AGE_SPREAD_PERCENT, Limits};

use crate::model::random::Random;
use accept::Acceptor;
use connection::Context;
use registry::Registry;
use tls::Tls;

/// How long the tasks of requests may take to notice that their connection was cut.
const STREAM_END_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

/// What answers the requests of a listener. Each connection has a clone of it.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static;
    /// The future of an answer. It is dropped, at any point, when its caller leaves.
    type Answering: Future<Output = Response<Self::Body>> + Send + Unpin + 'static;

    /// Begins to answer a request that came over a connection from `peer`. This runs in the task of the connection, so it must
    /// be quick; with HTTP/2 the returned future has a task of its own.
    fn handle(&self, request: Request<Incoming>, peer: SocketAddr) -> Self::Answering;
}

/// What was left when [`serve`] returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections that still had a call in flight, or did not answer, when the drain timeout ended and were cut.
    pub cut: usize,
}

/// Serves `handler` on `listener` until `shutdown` is cancelled, then drains.
///
/// Speaks HTTP/2 (prior knowledge, or by ALPN) and HTTP/1.1 on the same port; TLS only where `tls` is given, and then nothing
/// else. `random` spreads the ages of connections.
///
/// At shutdown the socket is closed, HTTP/2 clients get GOAWAY, and calls in flight finish. Connections that are left after
/// [`Limits::drain_timeout`] are cut. When a connection ends, its handlers are dropped at their next await. Dropping the
/// returned future cuts everything at once.
///
/// # Security
/// Whether cleartext may be spoken on this address is the caller's decision.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    handler: impl Handler,
    limits: Limits,
    random: Arc<dyn Random>,
    shutdown: CancellationToken,
) -> Drained {
    let streams = TaskTracker::new();
    let registry = Arc::new(Registry::new(limits.max_connections_per_source));
    let mut acceptor = Acceptor::new(listener, Arc::clone(&registry), &limits);
    let mut helpers = JoinSet::new();
    if let Some(tls) = &tls {
        helpers.spawn(tls::follow(Arc::clone(tls), tls::RELOAD_INTERVAL));
    }
    let drain_timeout = limits.drain_timeout;
    let context = Arc::new(Context::new(handler, tls, limits, streams.clone(), shutdown.clone()));
    let mut connections = JoinSet::new();

    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            // Ended connections come before new ones: they give back the descriptors that new ones need.
            Some(ended) = connections.join_next() => report(&ended),
            accepted = acceptor.next() => {
                let lifetime = context.lifetime(random.as_ref());
                connections.spawn(connection::run(Arc::clone(&context), accepted, lifetime));
            }
        }
    }

    drop(acceptor);
    let drained = tokio::time::timeout(drain_timeout, async {
        while let Some(ended) = connections.join_next().await {
            report(&ended);
        }
    });
    let cut = if drained.await.is_ok() { 0 } else { connections.len() };
    if cut > 0 {
        tracing::warn!(connections = cut, "cut what had not finished within the drain timeout");
    }
    connections.shutdown().await;
    streams.close();
    // A stream's task ends when its connection is dropped. The timeout is for a task that blocks its thread.
    let _ = tokio::time::timeout(STREAM_END_TIMEOUT, streams.wait()).await;
    Drained { cut }
}

fn report(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}
