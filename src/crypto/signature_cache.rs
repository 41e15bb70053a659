//! Tokens whose signature was verified before. Verifying is the costly part of checking a token. It depends only on the token
//! and the key ring, so it need not be done twice. Owns a bounded table of good tokens; bad ones are not kept.
//!
//! # Security
//! A token is looked up by its end, which is part of the signature and as good as random. Then the whole token is compared, in
//! constant time, with the one that was verified. The kept text is wiped when it leaves the cache.

use std::ops::Deref;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use quick_cache::sync::Cache;

use super::jwt::{Claims, JwtError, MAX_TOKEN};
use super::keyring::KeyRing;
use crate::model::secret::Secret;

/// How many tokens are kept by default; about 1.5 KiB each.
pub const DEFAULT_CAPACITY: usize = 16_384;

/// The end of a token by which it is found: 192 bits of its signature.
type End = [u8; 32];

/// Remembers good tokens, and of each what was read from its claims.
pub struct SignatureCache<T>(Cache<End, Arc<Seen<T>>>);

/// A token whose signature verified, for what was read from its claims.
pub struct Seen<T> {
    token: Secret,
    kid: String,
    read: T,
}

impl<T> Deref for Seen<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.read
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Seen<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.read.fmt(f)
    }
}

impl<T> std::fmt::Debug for SignatureCache<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignatureCache({})", self.0.len())
    }
}

impl<T> SignatureCache<T> {
    /// One that keeps at most about `capacity` tokens.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    /// Verifies the signature of `token` and returns what `read` makes of its claims. Comes from the cache if the token was
    /// verified before and the ring still has the key. What `read` refuses is not kept.
    ///
    /// # Errors
    /// As [`KeyRing::check_signature`], and those of `read`.
    pub fn check(
        &self,
        ring: &KeyRing,
        token: &str,
        read: impl FnOnce(Claims) -> Result<T, JwtError>,
    ) -> Result<Arc<Seen<T>>, JwtError> {
        if token.len() > MAX_TOKEN {
            return Err(JwtError::TooLong);
        }
        let end = token.as_bytes().last_chunk().ok_or(JwtError::Malformed)?;
        if let Some(known) = self.0.get(end).filter(|known| known.is(token) && ring.holds(&known.kid)) {
            return Ok(known);
        }
        let verified = ring.check_signature(token)?;
        let fresh = Arc::new(Seen { token: Secret::new(token), kid: verified.kid, read: read(verified.claims)? });
        self.0.insert(*end, Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Drops the tokens that were verified with `kid`. This only frees memory: without the key in the ring they are not used
    /// anyway.
    pub fn forget_key(&self, kid: &str) {
        self.0.retain(|_, known| known.kid != kid);
    }

    /// How many tokens are kept.
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

impl<T> Seen<T> {
    fn is(&self, token: &str) -> bool {
        verify_slices_are_equal(self.token.expose().as_bytes(), token.as_bytes()).is_ok()
    }
}
