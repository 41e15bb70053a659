//! Signatures that verified before. Verifying one is the dear part of checking a token, and depends on nothing but the token
//! and the key ring, so it need not be done twice. Owns a bounded table of good results; bad ones are not kept.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use super::jwt::{JwtError, MAX_TOKEN};
use super::keyring::{KeyRing, VerifiedSignature};

/// How many results are kept by default; about 1 KiB each.
pub const DEFAULT_CAPACITY: usize = 16_384;

/// Remembers good signatures by the SHA-256 of the token.
pub struct SignatureCache(Cache<[u8; 32], Arc<VerifiedSignature>>);

impl std::fmt::Debug for SignatureCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignatureCache({})", self.0.len())
    }
}

impl SignatureCache {
    /// One that keeps at most about `capacity` results.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    /// What [`KeyRing::check_signature`] says of `token`, from memory where it said so before and still holds the key.
    ///
    /// # Errors
    /// As [`KeyRing::check_signature`].
    pub fn check(&self, ring: &KeyRing, token: &str) -> Result<Arc<VerifiedSignature>, JwtError> {
        if token.len() > MAX_TOKEN {
            return Err(JwtError::TooLong);
        }
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        if let Some(known) = self.0.get(&name).filter(|known| ring.holds(&known.kid)) {
            return Ok(known);
        }
        let fresh = Arc::new(ring.check_signature(token)?);
        self.0.insert(name, Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Drops what verified under `kid`. Frees memory only: a key that the ring no longer holds counts no more anyway.
    pub fn forget_key(&self, kid: &str) {
        self.0.retain(|_, known| known.kid != kid);
    }

    /// How many results are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
