//! TLS of the listener: a certificate and its key from two PEM files, read again when they change.
//!
//! A pair that cannot be used never replaces one that can. The old pair stays, the log says why, once for each reason, and the
//! files are tried again until they can be used. A change does not touch live connections. A certificate that has expired is
//! served all the same, and the log says so at start and every day.

mod pair;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

pub use self::pair::TlsError;
use crate::model::clock::{Clock, SystemClock, Timestamp};

/// How often [`super::serve`] looks whether the files have changed.
pub(super) const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// How often the log says that a certificate has expired.
const EXPIRY_INTERVAL: Duration = Duration::from_hours(24);

/// The listener's TLS: versions 1.2 and 1.3, ALPN `h2` and `http/1.1`, no client certificates.
pub struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    cert: PathBuf,
    key: PathBuf,
    /// What the files looked like when they were last read with success.
    seen: Mutex<[Option<Stamp>; 2]>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.cert).field("key", &self.key).finish_non_exhaustive()
    }
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
        let current = Arc::new(Current(RwLock::new(Arc::new(pair::read(&cert, &key, &provider)?))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| TlsError::Unusable(pair::in_words(&error)))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), current, cert, key, seen, clock: Arc::new(SystemClock) })
    }

    /// Tells by `clock` whether its certificate has expired, in place of the machine's own.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Reads the files again if they have changed since they were last read with success; answers whether a new pair is in use,
    /// for every handshake from now on. Blocks on the file system. [`super::serve`] does this once a second.
    ///
    /// # Errors
    /// The files cannot be used, or not yet. The old pair stays, and the next call tries again.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let now = [stamp(&self.cert), stamp(&self.key)];
        if *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == now {
            return Ok(false);
        }
        let pair = pair::read(&self.cert, &self.key, self.config.crypto_provider())?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        // Only now: what was half written or briefly unreadable may look the same when it is whole.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(true)
    }

    /// Why clients refuse the certificate at `now`; `None` where it is within its time.
    #[must_use]
    pub fn out_of_time(&self, now: Timestamp) -> Option<String> {
        let pair = Arc::clone(&self.current.0.read().unwrap_or_else(PoisonError::into_inner));
        pair::out_of_time(pair.cert.first()?, now)
            .map(|problem| format!("{}: {} {problem}", pair::CERT_SETTING, self.cert.display()))
    }

    /// Reads the files again soon, changed or not.
    pub fn read_again(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = [None, None];
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// Keeps `tls` up to date until it is dropped, and says each day that its certificate has expired.
pub(super) async fn follow(tls: Arc<Tls>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = None;
    let mut warn_at = tokio::time::Instant::now();
    loop {
        ticks.tick().await;
        let reloading = Arc::clone(&tls);
        match tokio::task::spawn_blocking(move || reloading.reload()).await {
            Ok(Ok(false)) => told = None,
            Ok(Ok(true)) => {
                (told, warn_at) = (None, tokio::time::Instant::now());
                tracing::info!("the TLS certificate was replaced");
            }
            Ok(Err(error)) => {
                let reason = error.to_string();
                if told.as_ref() != Some(&reason) {
                    tracing::error!(
                        reason,
                        "the TLS certificate was not replaced; the old one stays until the new one can be used"
                    );
                    told = Some(reason);
                }
            }
            Err(error) => tracing::error!(%error, "looking for a new TLS certificate failed"),
        }
        if warn_at <= tokio::time::Instant::now() {
            warn_at += EXPIRY_INTERVAL;
            if let Some(problem) = tls.out_of_time(tls.clock.now()) {
                tracing::warn!("{problem}");
            }
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
    fn each_mistake_has_a_sentence_of_its_own() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (cert, key) = write_pair(one.path());
        let (foreign_cert, foreign_key) = write_pair(other.path());
        let refused = |cert: &Path, key: &Path| {
            let said = Tls::open(cert, key).unwrap_err().to_string();
            for notation in ["Other(", "Error", "{", "InvalidCertificate"] {
                assert!(!said.contains(notation), "{said}");
            }
            said
        };
        assert!(refused(&cert, &foreign_key).contains("the key is not that of the certificate"));

        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        let made = one.path().join("made.pem");
        let with = |content: &[u8]| {
            std::fs::write(&made, content).unwrap();
            made.clone()
        };
        let chain = format!("{}{}", text(&foreign_cert), text(&cert));
        assert!(refused(&with(chain.as_bytes()), &key).contains("wrong order"));
        let marked = format!("\u{feff}{}", text(&cert));
        assert!(refused(&with(marked.as_bytes()), &key).contains("byte order mark"));
        let marked = format!("\u{feff}{}", text(&key));
        assert!(refused(&cert, &with(marked.as_bytes())).contains("byte order mark"));
        for locked in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        ] {
            assert!(refused(&cert, &with(locked.as_bytes())).contains("passphrase"), "{locked}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        refused(&with(broken.as_bytes()), &key);
        let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        refused(&cert, &with(broken.as_bytes()));
        assert!(refused(Path::new("/dev/zero"), &key).contains("more than"));
    }

    #[test]
    fn a_certificate_that_is_out_of_its_time_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = write_pair(directory.path());
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
        let pair = rcgen::KeyPair::from_pem(&std::fs::read_to_string(&key).unwrap()).unwrap();
        std::fs::write(&cert, params.self_signed(&pair).unwrap().pem()).unwrap();
        let tls = Tls::open(&cert, &key).unwrap();
        let at = Timestamp::from_secs;
        assert_eq!(tls.out_of_time(at(1_600_000_000)), None);
        assert!(tls.out_of_time(at(1_500_000_000)).unwrap().contains("is not valid before"));
        let expired = tls.out_of_time(at(1_700_000_000)).unwrap();
        assert!(expired.contains("COUNTERSIGN_TLS_CERT") && expired.contains("has expired"), "{expired}");
    }

    #[test]
    fn a_bad_change_keeps_the_old_pair_and_is_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = write_pair(directory.path());
        let tls = Tls::open(&cert, &key).unwrap();
        let leaf = |tls: &Tls| tls.current.0.read().unwrap().cert[0].clone();
        let first = leaf(&tls);
        assert!(!tls.reload().unwrap());

        let good = std::fs::read(&cert).unwrap();
        std::fs::write(&cert, "not a certificate").unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::NotPem { .. })));
        assert!(matches!(tls.reload(), Err(TlsError::NotPem { .. })), "it is tried again");
        assert_eq!(leaf(&tls), first);

        // A file that could not be read looks the same when it can.
        std::fs::write(&cert, &good).unwrap();
        std::fs::rename(&key, directory.path().join("away")).unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::Unreadable { .. })));
        std::fs::rename(directory.path().join("away"), &key).unwrap();
        assert!(tls.reload().unwrap());
        assert!(!tls.reload().unwrap());
        tls.read_again();
        assert!(tls.reload().unwrap());
        write_pair(directory.path());
        assert!(tls.reload().unwrap());
        assert_ne!(leaf(&tls), first);
    }
}
