//! Seals what is stored in the data directory: signing keys, server keys, one-time-code secrets and provider secrets, under the
//! key-encryption key if there is one. Owns the sealed format; the store does not know what the bytes contain.
//!
//! Shape of a sealed value: one byte of format, then for 0 (no key-encryption key) the plain bytes as they are, for 1 a nonce
//! of 12 bytes, the ciphertext and a tag of 16 (AES-256-GCM-SIV, RFC 8452: a repeated nonce reveals only that two plain
//! values are equal). The format byte and the purpose are authenticated, so a value sealed for one purpose opens for no other.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize as _, Zeroizing};

use crate::model::random::Random;

const CLEAR: u8 = 0;
const SEALED: u8 = 1;

/// The key that seals the server's own secrets: 32 bytes from outside the data directory. Cheap to clone.
#[derive(Clone)]
pub struct KeyEncryptionKey(Arc<LessSafeKey>);

impl std::fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyEncryptionKey(..)")
    }
}

/// Why a text is no key-encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key-encryption key must be 32 bytes in base64 (44 characters), as `openssl rand -base64 32` prints them")]
pub struct InvalidKek;

impl KeyEncryptionKey {
    /// Reads 32 bytes in standard base64 with padding; white space around them, such as a file's last newline, is ignored.
    ///
    /// # Errors
    /// [`InvalidKek`] where it is anything else.
    pub fn from_base64(text: &str) -> Result<Self, InvalidKek> {
        let mut bytes = Zeroizing::new([0; 33]);
        match STANDARD.decode_slice(text.trim(), bytes.as_mut_slice()) {
            Ok(32) => {}
            Ok(_) | Err(_) => return Err(InvalidKek),
        }
        let (key, _) = bytes.split_first_chunk::<32>().ok_or(InvalidKek)?;
        Self::from_bytes(key)
    }

    /// The key of these 32 bytes.
    ///
    /// # Errors
    /// Never in practice: [`InvalidKek`] where the cryptographic library refuses.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKek> {
        gcm_siv(bytes).map(|key| Self(Arc::new(key))).ok_or(InvalidKek)
    }
}

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed under another key-encryption key or for another purpose, or altered since.
    #[error("the key-encryption key is not the one this data directory was sealed with, or the sealed value was altered")]
    WrongKey,
    /// Sealed, and there is no key-encryption key.
    #[error("this data directory is sealed; name the file with its key-encryption key in COUNTERSIGN_KEK_FILE")]
    KeyMissing,
    /// Not of a format this version knows.
    #[error("a sealed value in the data directory is damaged or of a newer format")]
    Malformed,
}

/// Seals and opens what is stored in the data directory. Without a key-encryption key it writes plain values, and opens only
/// plain values.
#[derive(Clone, Debug)]
pub struct Sealer(Option<KeyEncryptionKey>);

impl Sealer {
    /// One that seals under `key`, or in the clear without one.
    #[must_use]
    pub const fn new(key: Option<KeyEncryptionKey>) -> Self {
        Self(key)
    }

    /// True where there is a key-encryption key.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.0.is_some()
    }

    /// Seals `plain` for `purpose`, a short constant text that [`open`](Self::open) must name again. 29 bytes longer than
    /// `plain` with a key, 1 byte without.
    #[must_use]
    pub fn seal(&self, purpose: &str, plain: &[u8], random: &dyn Random) -> Vec<u8> {
        let Some(key) = &self.0 else {
            return [&[CLEAR], plain].concat();
        };
        seal_with(&key.0, &[SEALED], &aad(SEALED, purpose), plain, random)
    }

    /// Opens what [`seal`](Self::seal) sealed for the same purpose. A plain value opens also if there is a key now. So a data
    /// directory that began without a key can be read before it is sealed.
    ///
    /// # Errors
    /// - [`SealError::WrongKey`] - another key or purpose, or an altered value.
    /// - [`SealError::KeyMissing`] - sealed, and there is no key.
    /// - [`SealError::Malformed`] - empty, too short or of an unknown format.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match sealed.split_first() {
            Some((&CLEAR, plain)) => Ok(Zeroizing::new(plain.to_vec())),
            Some((&SEALED, body)) => {
                let key = self.0.as_ref().ok_or(SealError::KeyMissing)?;
                open_with(&key.0, &aad(SEALED, purpose), body)
            }
            _ => Err(SealError::Malformed),
        }
    }
}

fn aad(format: u8, purpose: &str) -> Vec<u8> {
    [b"countersign sealed value", [format].as_slice(), purpose.as_bytes()].concat()
}

/// An AES-256-GCM-SIV key, kept ready; `None` where the library refuses, for want of memory.
pub(super) fn gcm_siv(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM_SIV, key).ok().map(LessSafeKey::new)
}

/// `head`, a random nonce, the ciphertext and the tag.
pub(super) fn seal_with(key: &LessSafeKey, head: &[u8], aad: &[u8], plain: &[u8], random: &dyn Random) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random.bytes();
    let mut body = Vec::with_capacity(plain.len() + 16);
    body.extend_from_slice(plain);
    if key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body).is_err() {
        // Only a plain text of 64 GiB gets here. The empty body that is returned for it never opens.
        body.zeroize();
    }
    [head, &nonce, &body].concat()
}

/// Opens a nonce, a ciphertext and a tag.
pub(super) fn open_with(key: &LessSafeKey, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, body) = body.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Malformed)?;
    let mut plain = Zeroizing::new(body.to_vec());
    let length = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), plain.as_mut_slice())
        .map_err(|_| SealError::WrongKey)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::random::SystemRandom;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(Some(KeyEncryptionKey::from_bytes(&[byte; 32]).unwrap()))
    }

    #[test]
    fn a_sealed_value_opens_under_its_key_and_purpose_only() {
        let sealed = sealer(1).seal("totp", b"secret", &SystemRandom);
        assert_eq!(sealed.len(), 6 + 29);
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        assert_eq!(sealer(1).open("totp", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(sealer(2).open("totp", &sealed), Err(SealError::WrongKey));
        assert_eq!(sealer(1).open("signing", &sealed), Err(SealError::WrongKey));
        assert_eq!(Sealer::new(None).open("totp", &sealed), Err(SealError::KeyMissing));
    }

    #[test]
    fn no_altered_byte_opens() {
        let sealer = sealer(1);
        let value = sealer.seal("p", b"secret", &SystemRandom);
        for i in 1..value.len() {
            let mut other = value.clone();
            other[i] ^= 1;
            assert_eq!(sealer.open("p", &other), Err(SealError::WrongKey), "byte {i}");
        }
        for n in 0..value.len() {
            assert!(sealer.open("p", &value[..n]).is_err());
        }
        assert_eq!(sealer.open("p", &[2, 3, 4]), Err(SealError::Malformed));
    }

    #[test]
    fn in_the_clear_says_so() {
        let sealed = Sealer::new(None).seal("p", b"plain", &SystemRandom);
        assert_eq!(sealed, b"\0plain");
        assert_eq!(sealer(1).open("p", &sealed).unwrap().as_slice(), b"plain");
    }

    #[test]
    fn the_key_is_32_bytes_of_base64() {
        let text = STANDARD.encode([7; 32]);
        assert!(KeyEncryptionKey::from_base64(&format!("{text}\n")).is_ok());
        for bad in ["", "AAAA", &text[..43], &STANDARD.encode([7; 31]), &STANDARD.encode([7; 33]), &STANDARD.encode([7; 64])] {
            assert_eq!(KeyEncryptionKey::from_base64(bad).err(), Some(InvalidKek), "{bad}");
        }
    }
}
