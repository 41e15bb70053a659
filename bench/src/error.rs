//! Why a run ends early. Each is one plain sentence; what was measured before it is kept by its owner.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a measurement ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// Nothing listens there, or it is too far.
    #[error("cannot connect to {address}: {error}")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// Something else listens there.
    #[error("{address} is no countersign server: {detail}")]
    NotOurs {
        /// Where.
        address: SocketAddr,
        /// What it answered instead.
        detail: String,
    },
    /// The server went away under load.
    #[error("the server at {address} went away: {detail}")]
    Died {
        /// Where.
        address: SocketAddr,
        /// How it showed.
        detail: String,
    },
    /// A call that the measurement builds upon was refused.
    #[error("{call} was refused: {detail}")]
    Refused {
        /// The rpc.
        call: String,
        /// Code and message.
        detail: String,
    },
    /// Calls are not answered any more.
    #[error("the server at {address} did not answer {waiting} calls within {seconds} s")]
    Silent {
        /// Where.
        address: SocketAddr,
        /// How many.
        waiting: usize,
        /// For how long.
        seconds: u64,
    },
    /// A server of our own did not start.
    #[error("the server did not start: {0}")]
    Start(String),
    /// A directory that is to be filled is there already.
    #[error("{} exists: only a new directory is filled", .0.display())]
    Exists(PathBuf),
    /// Functions take more instructions than they may.
    #[error("more instructions than before; where that is meant, `make counts-update` says so in benches/counts.txt:\n  {0}")]
    More(String),
    /// The command line asks for what is not done.
    #[error("{0}")]
    Usage(String),
    /// By SIGINT or SIGTERM.
    #[error("stopped before its end")]
    Stopped,
    /// The system.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        error: std::io::Error,
    },
}

/// What everything here answers with.
pub(crate) type Result<T> = std::result::Result<T, BenchError>;

/// Says what was tried when the system refuses.
pub(crate) trait Trying<T> {
    fn trying(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> Trying<T> for std::result::Result<T, E> {
    fn trying(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|error| BenchError::Io { what: what.into(), error: error.into() })
    }
}
