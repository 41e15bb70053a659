//! The server's own keys: 32 random bytes each, in versions. HKDF (RFC 5869, SHA-256) derives a key for each purpose once, and
//! it is kept ready. A version lives as long as anything that was derived from it. Owns what is hashed and derived; the tokens
//! that carry the results are in [`super::opaque`], [`super::refresh`] and [`super::state`].

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::seal::{SealError, Sealer, gcm_siv};
use crate::model::random::Random;
use crate::model::secret::SecretBytes;

const SEAL_PURPOSE: &str = "server-key";

/// What a keyed hash is of. Two purposes never give the same hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashPurpose {
    /// A personal key's secret.
    KeySecret,
    /// A single-use link's token.
    Link,
    /// A value of a refresh chain.
    Refresh,
    /// The request id of a redeemed link.
    Request,
    /// A recovery code.
    RecoveryCode,
    /// Names and addresses that are counted or logged without being kept.
    Pseudonym,
    /// The audit chain.
    Audit,
}

/// What is derived. Two purposes never give the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivePurpose {
    /// A session id that a retry must find again.
    SessionId,
    /// The first value of a refresh chain that a retry must find again.
    FirstRefresh,
    /// A sign-on attempt's nonce.
    Nonce,
    /// A sign-on attempt's PKCE verifier.
    PkceVerifier,
    /// The value of the cookie that binds a browser to a sign-on attempt.
    Binding,
    /// The code that a person compares between two screens.
    UserCode,
    /// What a page token is bound to: the caller, the rpc and its query.
    PageQuery,
}

/// Why the stored server keys cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerKeyError {
    /// There is none.
    #[error("the data directory holds no server key")]
    Missing,
    /// Two of one version, or one that is not 32 bytes long.
    #[error("the data directory's server keys are damaged")]
    Damaged,
    /// Sealed otherwise.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// All versions of the server key; the highest is the current one, under which new things are made. Cheap to clone.
#[derive(Clone)]
pub struct ServerKeys {
    current: u8,
    versions: Arc<BTreeMap<u8, Keys>>,
    newest: Arc<Keys>,
}

#[derive(Clone)]
pub(super) struct Keys {
    root: SecretBytes<32>,
    pub(super) mac: hmac::Key,
    pub(super) chain: hmac::Key,
    hash: hmac::Key,
    derive: hmac::Key,
    pub(super) state: Arc<LessSafeKey>,
}

impl std::fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerKeys(current {}, {} in all)", self.current, self.versions.len())
    }
}

impl ServerKeys {
    /// The first server key, version 1.
    ///
    /// # Errors
    /// Never in practice: [`ServerKeyError::Damaged`] where HKDF refuses.
    pub fn generate(random: &dyn Random) -> Result<Self, ServerKeyError> {
        Self::from_stored(vec![(1, SecretBytes::new(random.bytes()))])
    }

    /// The keys as (version, key); the highest version is the current one.
    ///
    /// # Errors
    /// [`ServerKeyError::Missing`] for none, [`ServerKeyError::Damaged`] for two of one version.
    pub fn from_stored(stored: Vec<(u8, SecretBytes<32>)>) -> Result<Self, ServerKeyError> {
        let mut versions = BTreeMap::new();
        for (version, root) in stored {
            let keys = Keys::derive(root).ok_or(ServerKeyError::Damaged)?;
            if versions.insert(version, keys).is_some() {
                return Err(ServerKeyError::Damaged);
            }
        }
        let (current, newest) = versions.last_key_value().ok_or(ServerKeyError::Missing)?;
        Ok(Self { current: *current, newest: Arc::new(newest.clone()), versions: Arc::new(versions) })
    }

    /// The keys as (version, sealed key), as [`to_sealed`](Self::to_sealed) gives them.
    ///
    /// # Errors
    /// [`ServerKeyError::Seal`] where one does not open, else as [`from_stored`](Self::from_stored).
    pub fn from_sealed(stored: &[(u8, Vec<u8>)], sealer: &Sealer) -> Result<Self, ServerKeyError> {
        let open = |(version, sealed): &(u8, Vec<u8>)| {
            let plain = sealer.open(SEAL_PURPOSE, sealed)?;
            let key = <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| ServerKeyError::Damaged)?;
            Ok((*version, SecretBytes::new(key)))
        };
        Self::from_stored(stored.iter().map(open).collect::<Result<_, ServerKeyError>>()?)
    }

    /// The keys as (version, sealed key), for the store.
    #[must_use]
    pub fn to_sealed(&self, sealer: &Sealer, random: &dyn Random) -> Vec<(u8, Vec<u8>)> {
        self.versions.iter().map(|(version, keys)| (*version, sealer.seal(SEAL_PURPOSE, keys.root.expose(), random))).collect()
    }

    /// The version under which new things are made.
    #[must_use]
    pub const fn current_version(&self) -> u8 {
        self.current
    }

    /// The versions that are held, in rising order.
    pub fn versions(&self) -> impl Iterator<Item = u8> + '_ {
        self.versions.keys().copied()
    }

    /// The keyed hash of `data` for `purpose`: HMAC-SHA-256. For a `version` that this server does not have, the hash equals no
    /// stored one.
    #[must_use]
    pub fn keyed_hash(&self, purpose: HashPurpose, version: u8, data: &[u8]) -> [u8; 32] {
        hmac_parts(&self.at_or_newest(version).hash, purpose.label(), version, &[data])
    }

    /// 32 bytes that only this server can derive from `parts`, as good as random, the same each time. `parts` are hashed with
    /// their lengths, so no two lists of parts are confused. For `version` see [`keyed_hash`](Self::keyed_hash). What must be
    /// found again later carries the version it was made with.
    #[must_use]
    pub fn derive32(&self, purpose: DerivePurpose, version: u8, parts: &[&[u8]]) -> [u8; 32] {
        hmac_parts(&self.at_or_newest(version).derive, purpose.label(), version, parts)
    }

    /// The first 16 bytes of [`derive32`](Self::derive32).
    #[must_use]
    pub fn derive16(&self, purpose: DerivePurpose, version: u8, parts: &[&[u8]]) -> [u8; 16] {
        first16(&self.derive32(purpose, version, parts))
    }

    pub(super) fn at(&self, version: u8) -> Option<&Keys> {
        self.versions.get(&version)
    }

    pub(super) fn newest(&self) -> &Keys {
        &self.newest
    }

    /// An unknown version is hashed under the current key; its number is hashed too, so the result matches nothing.
    fn at_or_newest(&self, version: u8) -> &Keys {
        self.at(version).unwrap_or(&self.newest)
    }
}

impl Keys {
    fn derive(root: SecretBytes<32>) -> Option<Self> {
        let prk = Salt::new(HKDF_SHA256, b"countersign server key").extract(root.expose());
        let subkey = |label: &[u8]| -> Option<Zeroizing<[u8; 32]>> {
            let mut out = Zeroizing::new([0; 32]);
            prk.expand(&[label], Len32).ok()?.fill(out.as_mut_slice()).ok()?;
            Some(out)
        };
        let mac = |label| Some(hmac::Key::new(hmac::HMAC_SHA256, subkey(label)?.as_slice()));
        Some(Self {
            mac: mac(b"mac")?,
            chain: mac(b"chain")?,
            hash: mac(b"hash")?,
            derive: mac(b"derive")?,
            state: Arc::new(gcm_siv(&*subkey(b"state")?)?),
            root,
        })
    }
}

struct Len32;

impl KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

impl HashPurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::KeySecret => b"key secret",
            Self::Link => b"link",
            Self::Refresh => b"refresh",
            Self::Request => b"request",
            Self::RecoveryCode => b"recovery code",
            Self::Pseudonym => b"pseudonym",
            Self::Audit => b"audit",
        }
    }
}

impl DerivePurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::SessionId => b"session id",
            Self::FirstRefresh => b"first refresh",
            Self::Nonce => b"nonce",
            Self::PkceVerifier => b"pkce verifier",
            Self::Binding => b"binding",
            Self::UserCode => b"user code",
            Self::PageQuery => b"page query",
        }
    }
}

/// HMAC over the label, the version and each part with its length.
pub(super) fn hmac_parts(key: &hmac::Key, label: &[u8], version: u8, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(label);
    context.update(&[0, version]);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

pub(super) fn first16(bytes: &[u8; 32]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(bytes.first_chunk::<16>().unwrap_or(&[0; 16]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::seal::KeyEncryptionKey;
    use crate::model::random::SystemRandom;

    fn keys(versions: &[u8]) -> ServerKeys {
        ServerKeys::from_stored(versions.iter().map(|v| (*v, SecretBytes::new([*v; 32]))).collect()).unwrap()
    }

    #[test]
    fn the_highest_version_is_current() {
        assert_eq!(keys(&[3, 1, 2]).current_version(), 3);
        assert_eq!(ServerKeys::from_stored(vec![]).err(), Some(ServerKeyError::Missing));
        let twice = vec![(1, SecretBytes::new([1; 32])), (1, SecretBytes::new([2; 32]))];
        assert_eq!(ServerKeys::from_stored(twice).err(), Some(ServerKeyError::Damaged));
    }

    #[test]
    fn hashes_differ_by_purpose_version_and_key() {
        let keys = keys(&[1, 2]);
        let hash = keys.keyed_hash(HashPurpose::Link, 1, b"data");
        assert_eq!(hash, keys.keyed_hash(HashPurpose::Link, 1, b"data"));
        assert_ne!(hash, keys.keyed_hash(HashPurpose::Link, 2, b"data"));
        assert_ne!(hash, keys.keyed_hash(HashPurpose::Refresh, 1, b"data"));
        assert_ne!(keys.keyed_hash(HashPurpose::Link, 9, b"data"), keys.keyed_hash(HashPurpose::Link, 2, b"data"));
    }

    #[test]
    fn derived_values_do_not_confuse_their_parts() {
        let keys = keys(&[1]);
        let of = |parts: &[&[u8]]| keys.derive32(DerivePurpose::SessionId, 1, parts);
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"abc"]), of(&[b"abc", b""]));
        assert_ne!(of(&[b"abc"]), keys.derive32(DerivePurpose::Nonce, 1, &[b"abc"]));
    }

    #[test]
    fn sealed_keys_come_back() {
        let sealer = Sealer::new(Some(KeyEncryptionKey::from_bytes(&[9; 32]).unwrap()));
        let keys = keys(&[1, 2]);
        let stored = keys.to_sealed(&sealer, &SystemRandom);
        let again = ServerKeys::from_sealed(&stored, &sealer).unwrap();
        assert_eq!(again.keyed_hash(HashPurpose::Link, 1, b"x"), keys.keyed_hash(HashPurpose::Link, 1, b"x"));
        let error = ServerKeys::from_sealed(&stored, &Sealer::new(None)).err();
        assert_eq!(error, Some(ServerKeyError::Seal(SealError::KeyMissing)));
    }
}
