//! A certificate chain and its key, from two files. Each mistake that people make with them has a sentence of its own.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, InconsistentKeys};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::model::clock::Timestamp;

/// The settings that name the files.
pub(super) const CERT_SETTING: &str = "COUNTERSIGN_TLS_CERT";
const KEY_SETTING: &str = "COUNTERSIGN_TLS_KEY";
/// The most bytes of either.
const MAX_FILE_BYTES: u64 = 1 << 20;

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
        cause: io::Error,
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
    /// A file begins with a byte order mark.
    #[error("{setting}: {path} begins with a byte order mark, as some editors write it; save it without one", path = path.display())]
    Marked {
        /// The environment variable that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The key wants a passphrase.
    #[error("COUNTERSIGN_TLS_KEY: the key in {} is locked with a passphrase, which nobody is there to type; write it without one (openssl pkey -in FILE -out FILE)", .0.display())]
    Locked(PathBuf),
    /// The chain does not begin with the server's own certificate.
    #[error("COUNTERSIGN_TLS_CERT: the certificates in {} are in the wrong order; the server\'s own comes first, then the one that signed it", .0.display())]
    WrongOrder(PathBuf),
    /// The key does not belong to the certificate, or one of them is of a kind that is not supported.
    #[error("COUNTERSIGN_TLS_CERT and COUNTERSIGN_TLS_KEY do not make a usable pair: {0}")]
    Unusable(String),
}

/// Reads a chain (leaf first) and its key.
pub(super) fn read(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let not_pem = |setting, path: &Path, wanted| TlsError::NotPem { setting, path: path.to_owned(), wanted };
    let bytes = contents(CERT_SETTING, cert)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, pem::Error>>()
        .map_err(|_| not_pem(CERT_SETTING, cert, "certificate"))?;
    if chain.is_empty() {
        return Err(not_pem(CERT_SETTING, cert, "certificate"));
    }
    let bytes = zeroize::Zeroizing::new(contents(KEY_SETTING, key)?);
    if is_locked(&bytes) {
        return Err(TlsError::Locked(key.to_owned()));
    }
    let private = || PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| not_pem(KEY_SETTING, key, "private key"));
    match CertifiedKey::from_der(chain.clone(), private()?, provider) {
        Ok(pair) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) if is_of_another(&chain, private()?, provider) => {
            Err(TlsError::WrongOrder(cert.to_owned()))
        }
        Err(error) => Err(TlsError::Unusable(in_words(&error))),
    }
}

/// What rustls says of a pair, without its own notation.
pub(super) fn in_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => "the key is not that of the certificate".to_owned(),
        rustls::Error::InconsistentKeys(_) => "whether the key is that of the certificate cannot be told".to_owned(),
        rustls::Error::InvalidCertificate(CertificateError::BadEncoding) => "the certificate is damaged".to_owned(),
        rustls::Error::InvalidCertificate(_) => "the certificate is of a kind that is not supported".to_owned(),
        rustls::Error::General(_) => "the key is damaged or of a kind that is not supported".to_owned(),
        _ => "the TLS library refuses them".to_owned(),
    }
}

/// Why a certificate is refused at `now` for its time alone.
pub(super) fn out_of_time(cert: &CertificateDer<'_>, now: Timestamp) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(cert).ok()?;
    let now = i64::try_from(now.micros() / 1_000_000).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    if now > validity.not_after.timestamp() {
        Some(format!("has expired on {}, and clients refuse it", validity.not_after))
    } else if now < validity.not_before.timestamp() {
        Some(format!("is not valid before {}, and clients refuse it", validity.not_before))
    } else {
        None
    }
}

/// Whether the key is that of a certificate behind the first.
fn is_of_another(chain: &[CertificateDer<'static>], key: PrivateKeyDer<'static>, provider: &CryptoProvider) -> bool {
    let Ok(key) = provider.key_provider.load_private_key(key) else { return false };
    chain.iter().skip(1).any(|cert| CertifiedKey::new(vec![cert.clone()], key.clone()).keys_match().is_ok())
}

fn is_locked(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn contents(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes")));
        }
        Ok(bytes)
    };
    let bytes = read().map_err(|cause| TlsError::Unreadable { setting, path: path.to_owned(), cause })?;
    if [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b"\xFE\xFF"].iter().any(|mark| bytes.starts_with(mark)) {
        return Err(TlsError::Marked { setting, path: path.to_owned() });
    }
    Ok(bytes)
}
