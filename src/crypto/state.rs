//! Sealed values: what this server must remember and does not keep travels in values that only it can make and read. SsoStart writes
//! nothing, and no list keeps where its reader stands. Owns their format, not their content.
//!
//! Shape: the kind's prefix and the URL-safe base64, without padding, of one byte of server-key version, a nonce of 12 bytes,
//! the AES-256-GCM-SIV ciphertext and a tag of 16. Kind and version are authenticated. So a value of one kind (which the
//! browser's URL shows) never passes for one of another (which collects the token).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::opaque::Malformed;
use super::seal::{open_with, seal_with};
use super::server_key::ServerKeys;
use crate::model::random::Random;

/// The longest sealed value that is read, in bytes.
pub const MAX_STATE: usize = 2048;

/// Who holds a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// The caller of SsoStart, who collects the token with it: `cso_`. A secret.
    Collector,
    /// The provider and the browser's URL, as OIDC `state`: `csb_`.
    Browser,
    /// Our own page, which sets the binding cookie and goes on to the provider: `csg_`.
    Begin,
    /// Whoever reads a list, between two of its pages: `csp_`.
    Page,
}

impl StateKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Collector => "cso_",
            Self::Browser => "csb_",
            Self::Begin => "csg_",
            Self::Page => "csp_",
        }
    }
}

/// A sealed value that opened.
pub struct OpenedState {
    /// The version of the server key it was sealed under. Derive values for the attempt with this version.
    pub key_version: u8,
    /// What was sealed.
    pub payload: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for OpenedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenedState(..)")
    }
}

/// Seals `payload` as a value of `kind` under the current server key.
#[must_use]
pub fn seal_state(keys: &ServerKeys, kind: StateKind, payload: &[u8], random: &dyn Random) -> String {
    let version = keys.current_version();
    let sealed = seal_with(&keys.newest().state, &[version], &aad(kind, version), payload, random);
    let mut text = String::from(kind.prefix());
    URL_SAFE_NO_PAD.encode_string(sealed, &mut text);
    text
}

/// Opens a value of `kind`.
///
/// # Errors
/// [`Malformed`] for anything this server did not seal as a value of this kind, and for anything over [`MAX_STATE`] bytes.
pub fn open_state(keys: &ServerKeys, kind: StateKind, text: &str) -> Result<OpenedState, Malformed> {
    if text.len() > MAX_STATE {
        return Err(Malformed);
    }
    let body = text.strip_prefix(kind.prefix()).ok_or(Malformed)?;
    let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| Malformed)?;
    let (&version, sealed) = bytes.split_first().ok_or(Malformed)?;
    let key = &keys.at(version).ok_or(Malformed)?.state;
    let payload = open_with(key, &aad(kind, version), sealed).map_err(|_| Malformed)?;
    Ok(OpenedState { key_version: version, payload })
}

fn aad(kind: StateKind, version: u8) -> Vec<u8> {
    [kind.prefix().as_bytes(), &[version]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::random::SystemRandom;
    use crate::model::secret::SecretBytes;

    const KINDS: [StateKind; 4] = [StateKind::Collector, StateKind::Browser, StateKind::Begin, StateKind::Page];

    fn keys(versions: &[u8]) -> ServerKeys {
        ServerKeys::from_stored(versions.iter().map(|v| (*v, SecretBytes::new([*v; 32]))).collect()).unwrap()
    }

    #[test]
    fn a_value_opens_as_its_own_kind_only() {
        let keys = keys(&[1]);
        for kind in KINDS {
            let sealed = seal_state(&keys, kind, b"attempt", &SystemRandom);
            assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            assert_eq!(open_state(&keys, kind, &sealed).unwrap().payload.as_slice(), b"attempt");
            for other in KINDS.into_iter().filter(|other| *other != kind) {
                let renamed = format!("{}{}", other.prefix(), &sealed[4..]);
                assert!(open_state(&keys, other, &sealed).is_err());
                assert!(open_state(&keys, other, &renamed).is_err());
            }
        }
    }

    #[test]
    fn no_altered_or_cut_value_opens() {
        let keys = keys(&[1]);
        let sealed = seal_state(&keys, StateKind::Collector, b"attempt", &SystemRandom);
        for i in 0..sealed.len() {
            let mut other = sealed.clone().into_bytes();
            other[i] = if other[i] == b'A' { b'B' } else { b'A' };
            assert!(open_state(&keys, StateKind::Collector, std::str::from_utf8(&other).unwrap()).is_err(), "byte {i}");
            assert!(open_state(&keys, StateKind::Collector, &sealed[..i]).is_err());
        }
        assert!(open_state(&keys, StateKind::Collector, &format!("cso_{}", "A".repeat(MAX_STATE))).is_err());
    }

    #[test]
    fn versions_are_told_apart() {
        let sealed = seal_state(&keys(&[1]), StateKind::Browser, b"x", &SystemRandom);
        assert_eq!(open_state(&keys(&[1, 2]), StateKind::Browser, &sealed).unwrap().key_version, 1);
        assert!(open_state(&keys(&[2]), StateKind::Browser, &sealed).is_err());
    }
}
