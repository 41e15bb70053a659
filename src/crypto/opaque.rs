//! Opaque tokens: personal keys and single-use links. Owns their format. Junk is refused here, before the store is read.
//!
//! Shape: a typed prefix and the URL-safe base64, without padding (RFC 4648, section 5), of one byte of server-key version, the
//! payload, and the first 16 bytes of HMAC-SHA-256 over the prefix, the version and the payload. Letters, digits, `-` and
//! `_` only, so nothing needs escaping in a URL path or a header.
//!
//! | prefix | token | payload | characters |
//! |---|---|---|---|
//! | `csk_` | key id | the [`KeyId`] | 48 |
//! | `css_` | key secret | 20 random bytes | 54 |
//! | `csl_` | link | the [`LinkId`] and 16 random bytes | 70 |
//!
//! # Security
//! Parsing checks prefix, length, canonical base64 and, in constant time, the MAC; there is one error for everything. Only the
//! keyed hash of a secret is stored. Compare it with [`hashes_equal`].

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::server_key::{HashPurpose, ServerKeys};
use crate::model::ids::{KeyId, LinkId};
use crate::model::random::Random;
use crate::model::secret::Secret;

const KEY_ID: &str = "csk_";
const KEY_SECRET: &str = "css_";
const LINK: &str = "csl_";
pub(super) const MAC_LEN: usize = 16;
/// The longest token's bytes, a refresh token's: version, payload, MAC.
const MAX_LEN: usize = 1 + 40 + MAC_LEN;

/// Not a token of this kind and this server. It does not say what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this kind and this server")]
pub struct Malformed;

/// True where two keyed hashes are equal; takes the same time either way.
#[must_use]
pub fn hashes_equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// A personal key's id as its owner sees it: `csk_` and 44 characters. Not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyIdToken {
    /// The key.
    pub id: KeyId,
}

impl KeyIdToken {
    /// The text for `id` under the current server key.
    #[must_use]
    pub fn issue(keys: &ServerKeys, id: KeyId) -> String {
        encode(keys, KEY_ID, id.as_bytes())
    }

    /// Reads a key id.
    ///
    /// # Errors
    /// [`Malformed`] for anything this server did not issue as a key id.
    pub fn parse(keys: &ServerKeys, text: &str) -> Result<Self, Malformed> {
        let (_, payload) = decode::<16>(keys, KEY_ID, text)?;
        Ok(Self { id: KeyId::from_bytes(*payload) })
    }
}

/// A presented personal key secret: its keyed hash, to compare with the stored ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeySecret {
    /// What is stored of it.
    pub keyed_hash: [u8; 32],
}

impl KeySecret {
    /// A new secret of 160 random bits, `css_` and 50 characters, and the hash to store.
    #[must_use]
    pub fn issue(keys: &ServerKeys, random: &dyn Random) -> (Secret, [u8; 32]) {
        let payload = Zeroizing::new(random.bytes::<20>());
        let hash = keys.keyed_hash(HashPurpose::KeySecret, keys.current_version(), payload.as_slice());
        (Secret::new(encode(keys, KEY_SECRET, payload.as_slice())), hash)
    }

    /// Reads a key secret.
    ///
    /// # Errors
    /// [`Malformed`] for anything this server did not issue as a key secret.
    pub fn parse(keys: &ServerKeys, text: &Secret) -> Result<Self, Malformed> {
        let (version, payload) = decode::<20>(keys, KEY_SECRET, text.expose())?;
        Ok(Self { keyed_hash: keys.keyed_hash(HashPurpose::KeySecret, version, payload.as_slice()) })
    }
}

/// A single-use link's token as it was presented.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkToken {
    /// The link.
    pub id: LinkId,
    /// What is stored of it.
    pub keyed_hash: [u8; 32],
    /// The version of the server key it was made under. Derive values for a retry with this version.
    pub key_version: u8,
}

impl LinkToken {
    /// A new token for the link `id` with 128 random bits, `csl_` and 66 characters, and the hash to store.
    #[must_use]
    pub fn issue(keys: &ServerKeys, id: LinkId, random: &dyn Random) -> (Secret, [u8; 32]) {
        let mut payload = Zeroizing::new([0; 32]);
        let (head, tail) = payload.split_at_mut(16);
        head.copy_from_slice(id.as_bytes());
        random.fill(tail);
        let hash = keys.keyed_hash(HashPurpose::Link, keys.current_version(), payload.as_slice());
        (Secret::new(encode(keys, LINK, payload.as_slice())), hash)
    }

    /// Reads a link's token.
    ///
    /// # Errors
    /// [`Malformed`] for anything this server did not issue as a link.
    pub fn parse(keys: &ServerKeys, text: &Secret) -> Result<Self, Malformed> {
        let (version, payload) = decode::<32>(keys, LINK, text.expose())?;
        let id = payload.first_chunk::<16>().ok_or(Malformed)?;
        let keyed_hash = keys.keyed_hash(HashPurpose::Link, version, payload.as_slice());
        Ok(Self { id: LinkId::from_bytes(*id), keyed_hash, key_version: version })
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
opaque_debug!(KeySecret, LinkToken);

/// The token of `payload` under the current server key.
pub(super) fn encode(keys: &ServerKeys, prefix: &str, payload: &[u8]) -> String {
    encode_at(&keys.newest().mac, keys.current_version(), prefix, payload)
}

/// The token of `payload` under one version of the server key.
pub(super) fn encode_at(mac: &hmac::Key, version: u8, prefix: &str, payload: &[u8]) -> String {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1 + payload.len() + MAC_LEN));
    bytes.push(version);
    bytes.extend_from_slice(payload);
    let tag = tag(mac, prefix, &bytes);
    bytes.extend_from_slice(&tag);
    let mut text = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4);
    text.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
    text
}

/// The version and payload of a token with `N` bytes of payload.
pub(super) fn decode<const N: usize>(keys: &ServerKeys, prefix: &str, text: &str) -> Result<(u8, Zeroizing<[u8; N]>), Malformed> {
    const { assert!(1 + N + MAC_LEN <= MAX_LEN, "longer than MAX_LEN says") };
    let body = text.strip_prefix(prefix).ok_or(Malformed)?;
    if body.len() != ((1 + N + MAC_LEN) * 4).div_ceil(3) {
        return Err(Malformed);
    }
    let mut bytes = Zeroizing::new([0; MAX_LEN]);
    let length = URL_SAFE_NO_PAD.decode_slice(body, bytes.as_mut_slice()).map_err(|_| Malformed)?;
    let (signed, mac) = bytes.get(..length).and_then(<[u8]>::split_last_chunk::<MAC_LEN>).ok_or(Malformed)?;
    let (version, payload) = signed.split_first().ok_or(Malformed)?;
    let key = &keys.at(*version).ok_or(Malformed)?.mac;
    verify_slices_are_equal(&tag(key, prefix, signed), mac).map_err(|_| Malformed)?;
    let payload = <[u8; N]>::try_from(payload).map_err(|_| Malformed)?;
    Ok((*version, Zeroizing::new(payload)))
}

fn tag(mac: &hmac::Key, prefix: &str, signed: &[u8]) -> [u8; MAC_LEN] {
    let mut context = hmac::Context::with_key(mac);
    context.update(prefix.as_bytes());
    context.update(signed);
    let mut out = [0; MAC_LEN];
    out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests;
