//! TLS of the listener: a certificate and its key from two PEM files, read again when they change.
//!
//! A pair that cannot be used never replaces one that can. The old pair stays, and the log says why, once for each change. A
//! change does not touch live connections.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::TlsAcceptor;

/// How often [`super::serve`] looks whether the files have changed.
pub(super) const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// Why a certificate and its key cannot be used. The text is for the operator and names the setting.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: cannot read {path}: {cause}", path = path.display())]
    Unreadable {
        /// The environment variable that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is not PEM, or holds none of what it should.
    #[error("{setting}: {path} holds no {wanted} in PEM form", path = path.display())]
    NotPem {
        /// The environment variable that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// "certificate" or "private key".
        wanted: &'static str,
    },
    /// The key does not belong to the certificate, or one of them is of a kind that is not supported.
    #[error("COUNTERSIGN_TLS_CERT and COUNTERSIGN_TLS_KEY do not make a usable pair: {0}")]
    Unusable(rustls::Error),
}

/// The listener's TLS: versions 1.2 and 1.3, ALPN `h2` and `http/1.1`, no client certificates.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    cert: PathBuf,
    key: PathBuf,
    /// What the files looked like when they were last read, with or without success.
    seen: Mutex<[Option<Stamp>; 2]>,
}

impl Tls {
    /// Reads the certificate chain (leaf first) and its key. Blocks on the file system.
    ///
    /// # Errors
    /// Every [`TlsError`]; a start should end with its text.
    pub fn open(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let (cert, key) = (cert.into(), key.into());
        let provider = Arc::new(default_provider());
        let seen = Mutex::new([stamp(&cert), stamp(&key)]);
        let current = Arc::new(Current(RwLock::new(Arc::new(read(&cert, &key, &provider)?))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), current, cert, key, seen })
    }

    /// Reads the files again if they have changed since they were last read; answers whether a new pair is in use, for every
    /// handshake from now on. Blocks on the file system. [`super::serve`] does this once a second.
    ///
    /// # Errors
    /// The new files cannot be used; the old pair stays, and the same files are not tried again.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let now = [stamp(&self.cert), stamp(&self.key)];
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                return Ok(false);
            }
            *seen = now;
        }
        let pair = read(&self.cert, &self.key, self.config.crypto_provider())?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        Ok(true)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// Keeps `tls` up to date until it is dropped.
pub(super) async fn follow(tls: Arc<Tls>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tls = Arc::clone(&tls);
        match tokio::task::spawn_blocking(move || tls.reload()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("the TLS certificate was replaced"),
            Ok(Err(error)) => tracing::error!(%error, "the TLS certificate was not replaced; the old one stays"),
            Err(error) => tracing::error!(%error, "looking for a new TLS certificate failed"),
        }
    }
}

/// The pair that handshakes use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Tells versions of a file apart. A file that was replaced by rename has another inode; a rewritten one has another time.
type Stamp = (i64, i64, u64, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.mtime(), file.mtime_nsec(), file.ino(), file.size()))
}

fn read(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let not_pem = |setting, path: &Path, wanted| TlsError::NotPem { setting, path: path.to_owned(), wanted };
    let bytes = contents(CERT_SETTING, cert)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, pem::Error>>()
        .map_err(|_| not_pem(CERT_SETTING, cert, "certificate"))?;
    if chain.is_empty() {
        return Err(not_pem(CERT_SETTING, cert, "certificate"));
    }
    let bytes = zeroize::Zeroizing::new(contents(KEY_SETTING, key)?);
    let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| not_pem(KEY_SETTING, key, "private key"))?;
    CertifiedKey::from_der(chain, private, provider).map_err(TlsError::Unusable)
}

fn contents(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Unreadable { setting, path: path.to_owned(), cause })
}

const CERT_SETTING: &str = "COUNTERSIGN_TLS_CERT";
const KEY_SETTING: &str = "COUNTERSIGN_TLS_KEY";

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(directory: &Path) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (cert, key)
    }

    #[test]
    fn errors_name_the_setting_and_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = write_pair(directory.path());
        let missing = Tls::open(directory.path().join("none.pem"), &key).unwrap_err().to_string();
        assert!(missing.contains("COUNTERSIGN_TLS_CERT") && missing.contains("none.pem"), "{missing}");
        let swapped = Tls::open(&key, &cert).unwrap_err().to_string();
        assert!(swapped.contains("COUNTERSIGN_TLS_CERT") && swapped.contains("no certificate"), "{swapped}");
        let keyless = Tls::open(&cert, &cert).unwrap_err().to_string();
        assert!(keyless.contains("COUNTERSIGN_TLS_KEY") && keyless.contains("no private key"), "{keyless}");
    }

    #[test]
    fn a_foreign_key_is_refused() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (cert, _) = write_pair(one.path());
        let (_, key) = write_pair(other.path());
        assert!(matches!(Tls::open(cert, key), Err(TlsError::Unusable(_))));
    }

    #[test]
    fn a_bad_change_keeps_the_old_pair_and_is_told_once() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = write_pair(directory.path());
        let tls = Tls::open(&cert, &key).unwrap();
        let leaf = |tls: &Tls| tls.current.0.read().unwrap().cert[0].clone();
        let first = leaf(&tls);
        assert!(!tls.reload().unwrap());

        let good = std::fs::read(&cert).unwrap();
        std::fs::write(&cert, "not a certificate").unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::NotPem { .. })));
        assert!(!tls.reload().unwrap());
        assert_eq!(leaf(&tls), first);

        std::fs::write(&cert, good).unwrap();
        assert!(tls.reload().unwrap());
        write_pair(directory.path());
        assert!(tls.reload().unwrap());
        assert_ne!(leaf(&tls), first);
    }
}
