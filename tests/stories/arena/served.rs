//! The services of a [`Backend`] behind the real layers and the real listener: calls over the wire, while the test holds what is
//! behind it.

use std::sync::Arc;

use countersign::app::Front;
use countersign::edge::EdgeSettings;
use countersign::grpc::Api;
use countersign::grpc::routes::Routes;
use countersign::model::random::SystemRandom;
use countersign::net::{Drained, Limits, serve};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use crate::harness::Calls;

/// A running listener, and a client of it.
pub(crate) struct Served {
    pub(crate) calls: Calls,
    shutdown: CancellationToken,
    task: JoinHandle<Drained>,
}

impl Served {
    pub(crate) async fn new(backend: &Backend, settings: EdgeSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_, health) = tonic_health::server::health_reporter();
        let api = Api::new(Arc::clone(&backend.services), &backend.policy);
        let front = Front::new(Routes::new(&api, health, false).unwrap(), axum::Router::new(), settings);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(listener, None, front, Limits::default(), Arc::new(SystemRandom), shutdown.clone()));
        Self { calls: Calls::to(address).await, shutdown, task }
    }

    /// Lets go of the connection and drains.
    pub(crate) async fn stop(self) {
        drop(self.calls);
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}
