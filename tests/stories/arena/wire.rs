//! A server in this process, over sled and real gRPC, with a clock that tests move, and clients to attack it with.

use std::net::SocketAddr;
use std::time::Duration;

use countersign::model::clock::{Clock as _, Timestamp};

use crate::harness::{Calls, InProcess};

/// A running server.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    server: InProcess,
}

impl Wire {
    /// With cheap hashes and otherwise the defaults.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these settings besides.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let server = InProcess::start_with(settings).await;
        Self { address: server.address(), server }
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, by: Duration) {
        self.server.clock.advance(by);
    }

    /// The server's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.server.clock.now()
    }

    /// Clients on a connection of their own.
    pub(crate) async fn calls(&self) -> Calls {
        Calls::to(self.address).await
    }

    /// Clients that call from another address of this machine.
    pub(crate) async fn calls_from(&self, source: &str) -> Calls {
        Calls::between(Some(source.parse().unwrap()), self.address).await
    }

    /// Clients that have logged in as the superuser.
    pub(crate) async fn admin(&self) -> Calls {
        self.calls().await.as_user("admin").await
    }
}
