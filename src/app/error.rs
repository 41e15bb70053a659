//! Why a server does not start, or ends by itself. Each error is one plain sentence.

use std::net::SocketAddr;

use crate::config::BadSettings;
use crate::crypto::keyring::KeyRingError;
use crate::crypto::seal::SealError;
use crate::crypto::server_key::ServerKeyError;
use crate::net::tls::TlsError;
use crate::store::{OpenError, StoreError};

/// Why a start fails, or a running server gives up. Exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings of the wrong form: a sentence for each.
    #[error(transparent)]
    Settings(#[from] BadSettings),
    /// One setting whose content cannot be used.
    #[error("{name}: {problem}")]
    Setting {
        /// The environment variable.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; stop what uses it, or set another COUNTERSIGN_LISTEN (--listen)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store opened and does not answer.
    #[error("the store cannot be read or written: {0}")]
    Store(#[from] StoreError),
    /// The data directory was sealed with another key-encryption key.
    #[error(
        "COUNTERSIGN_KEK_FILE: this is not the key-encryption key that the data directory was sealed with; name the file that holds \
         that one"
    )]
    WrongKek,
    /// The data directory is sealed, and no key was given.
    #[error("COUNTERSIGN_KEK_FILE: the data directory is sealed; name the file that holds its key-encryption key")]
    KekMissing,
    /// What is sealed in the data directory does not open.
    #[error("the data directory is damaged: {0}; restore it from a backup")]
    Damaged(String),
    /// A store would be founded, or set back, at a time that is certainly wrong.
    #[error("the machine's clock shows a time before this program was built; set the clock and start again")]
    ClockBeforeBuild,
    /// Something is to be stored at a time that is not trusted.
    #[error("{0}")]
    Clock(String),
    /// The store failed for good while serving.
    #[error("the store has failed: {0}; everything that was answered before is safe, see to the disk and start again")]
    StoreFailed(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<SealError> for StartError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::WrongKey => Self::WrongKek,
            SealError::KeyMissing => Self::KekMissing,
            SealError::Malformed => Self::Damaged(error.to_string()),
        }
    }
}

impl From<ServerKeyError> for StartError {
    fn from(error: ServerKeyError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<KeyRingError> for StartError {
    fn from(error: KeyRingError) -> Self {
        match error {
            KeyRingError::Library => Self::Other(error.to_string()),
            error => Self::Damaged(error.to_string()),
        }
    }
}
