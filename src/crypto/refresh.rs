//! Refresh tokens: a chain with one row. R(0) is 16 random or derived bytes and R(n+1) the first 16 bytes of an HMAC of R(n),
//! so a server that is shown R(n) can always compute the same successor. The data directory has only keyed hashes, so no token
//! in it works. Owns the token and the chain; `model` decides what a presented n means.
//!
//! Shape: `csr_` and 76 URL-safe characters: version of the server key (1 byte), epoch of the store (4, big-endian), session
//! id (16), n (4, big-endian), R(n) (16) and the MAC (16), as in [`super::opaque`].

use zeroize::Zeroizing;

use super::opaque::{Malformed, decode, encode_at};
use super::server_key::{HashPurpose, ServerKeys, first16, hmac_parts};
use crate::model::ids::SessionId;
use crate::model::secret::{Secret, SecretBytes};
use crate::model::session::ChainHash;

const PREFIX: &str = "csr_";
const PAYLOAD_LEN: usize = 4 + 16 + 4 + 16;

/// The refresh token as text.
#[derive(Clone, Copy, Debug)]
pub struct RefreshToken;

impl RefreshToken {
    /// The token of n = 0 and the keyed hash of R(0) for the session's row. `r0` is random, or derived if a retry must find it
    /// again.
    #[must_use]
    pub fn first(keys: &ServerKeys, epoch: u32, session_id: SessionId, r0: [u8; 16]) -> (Secret, ChainHash) {
        let link = Link { key_version: keys.current_version(), epoch, session_id, n: 0, value: SecretBytes::new(r0) };
        (link.text(keys), link.hash(keys))
    }

    /// Reads a refresh token.
    ///
    /// # Errors
    /// [`Malformed`] for anything this server did not issue as a refresh token.
    pub fn parse(keys: &ServerKeys, text: &Secret) -> Result<Presented, Malformed> {
        let (key_version, payload) = decode::<PAYLOAD_LEN>(keys, PREFIX, text.expose())?;
        let rest = payload.as_slice();
        let (epoch, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
        let (session_id, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
        let (n, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
        let value = rest.first_chunk::<16>().ok_or(Malformed)?;
        let link = Link {
            key_version,
            epoch: u32::from_be_bytes(*epoch),
            session_id: SessionId::from_bytes(*session_id),
            n: u32::from_be_bytes(*n),
            value: SecretBytes::new(*value),
        };
        let next = link.next(keys).ok_or(Malformed)?;
        Ok(Presented {
            key_version,
            epoch: link.epoch,
            session_id: link.session_id,
            n: link.n,
            hash: link.hash(keys),
            next_hash: next.hash(keys),
            next,
        })
    }
}

/// A refresh token as it was presented, and what follows it.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The server key it was made under.
    pub key_version: u8,
    /// The epoch of the store it was made in.
    pub epoch: u32,
    /// The session.
    pub session_id: SessionId,
    /// How often the chain had moved.
    pub n: u32,
    /// The keyed hash of R(n), for comparison with the row's.
    pub hash: ChainHash,
    /// The keyed hash of R(n+1), for the row.
    pub next_hash: ChainHash,
    next: Link,
}

impl Presented {
    /// The token of n + 1: the same each time.
    #[must_use]
    pub fn successor(&self, keys: &ServerKeys) -> Secret {
        self.next.text(keys)
    }
}

/// One link of the chain.
#[derive(Clone, Debug)]
struct Link {
    key_version: u8,
    epoch: u32,
    session_id: SessionId,
    n: u32,
    value: SecretBytes<16>,
}

impl Link {
    /// `None` if this server does not have that version of the key, or n has reached its maximum.
    fn next(&self, keys: &ServerKeys) -> Option<Self> {
        let chain = &keys.at(self.key_version)?.chain;
        let n = self.n.checked_add(1)?;
        let next = hmac_parts(chain, b"refresh", self.key_version, &[self.session_id.as_bytes(), self.value.expose()]);
        let next = Zeroizing::new(next);
        Some(Self { n, value: SecretBytes::new(first16(&next)), ..self.clone() })
    }

    /// Includes the session and n, so that a hash that is copied to another row matches no token.
    fn hash(&self, keys: &ServerKeys) -> ChainHash {
        first16(&keys.keyed_hash(HashPurpose::Refresh, self.key_version, self.payload().as_slice()))
    }

    fn text(&self, keys: &ServerKeys) -> Secret {
        let mac = &keys.at(self.key_version).unwrap_or_else(|| keys.newest()).mac;
        Secret::new(encode_at(mac, self.key_version, PREFIX, self.payload().as_slice()))
    }

    fn payload(&self) -> Zeroizing<Vec<u8>> {
        let (epoch, n) = (self.epoch.to_be_bytes(), self.n.to_be_bytes());
        Zeroizing::new([&epoch, self.session_id.as_bytes().as_slice(), &n, self.value.expose()].concat())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn keys(versions: &[u8]) -> ServerKeys {
        ServerKeys::from_stored(versions.iter().map(|v| (*v, SecretBytes::new([*v; 32]))).collect()).unwrap()
    }

    proptest! {
        #[test]
        fn a_chain_runs_on_and_never_repeats(r0: [u8; 16], id: [u8; 16], epoch: u32, steps in 1u32..40) {
            let keys = keys(&[1]);
            let session_id = SessionId::from_bytes(id);
            let (mut token, mut hash) = RefreshToken::first(&keys, epoch, session_id, r0);
            prop_assert_eq!(token.len(), 80);
            let mut seen = std::collections::BTreeSet::new();
            for n in 0..steps {
                let presented = RefreshToken::parse(&keys, &token).unwrap();
                prop_assert_eq!((presented.epoch, presented.session_id, presented.n), (epoch, session_id, n));
                prop_assert_eq!(presented.hash, hash, "the row's hash is that of the token it answered");
                prop_assert!(seen.insert(presented.hash));
                let successor = presented.successor(&keys);
                let again = presented.successor(&keys);
                prop_assert_eq!(successor.expose(), again.expose());
                prop_assert_eq!(RefreshToken::parse(&keys, &successor).unwrap().hash, presented.next_hash);
                (token, hash) = (successor, presented.next_hash);
            }
        }

        #[test]
        fn no_flipped_bit_parses(r0: [u8; 16], id: [u8; 16], at in 0usize..57 * 8) {
            let keys = keys(&[1]);
            let (token, _) = RefreshToken::first(&keys, 1, SessionId::from_bytes(id), r0);
            let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
            let mut bytes = engine.decode(&token.expose()[4..]).unwrap();
            bytes[at / 8] ^= 1 << (at % 8);
            let forged = Secret::new(format!("csr_{}", engine.encode(bytes)));
            prop_assert!(RefreshToken::parse(&keys, &forged).is_err());
        }

        #[test]
        fn arbitrary_text_never_parses(text in ".{0,100}") {
            prop_assert!(RefreshToken::parse(&keys(&[1]), &Secret::new(text)).is_err());
        }
    }

    #[test]
    fn a_chain_stays_under_the_server_key_it_began_with() {
        let (token, _) = RefreshToken::first(&keys(&[1]), 1, SessionId::from_bytes([1; 16]), [2; 16]);
        let presented = RefreshToken::parse(&keys(&[1, 2]), &token).unwrap();
        assert_eq!(presented.key_version, 1);
        assert!(RefreshToken::parse(&keys(&[1]), &presented.successor(&keys(&[1, 2]))).is_ok());
        assert!(RefreshToken::parse(&keys(&[2]), &token).is_err());
    }

    /// What was issued stays good: a chain and what is stored of it may never change under the same server key.
    #[test]
    fn a_chain_is_what_it_always_was() {
        let keys = keys(&[1]);
        let (token, hash) = RefreshToken::first(&keys, 0x0102_0304, SessionId::from_bytes([3; 16]), [2; 16]);
        let presented = RefreshToken::parse(&keys, &token).unwrap();
        let encoded = |bytes| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(presented.hash, hash);
        assert_eq!(token.expose(), "csr_AQECAwQDAwMDAwMDAwMDAwMDAwMDAAAAAAICAgICAgICAgICAgICAgKghkTIAiLandAJ9KFk4R3v");
        assert_eq!(encoded(hash), "dNqQBqBCB5iTIkBqcou4uw");
        let successor = presented.successor(&keys);
        assert_eq!(successor.expose(), "csr_AQECAwQDAwMDAwMDAwMDAwMDAwMDAAAAATOEzgoZsXi978KUT2MmJ4VlR9ckvHt1zEZgEQ7xd3jM");
        assert_eq!(encoded(presented.next_hash), "cOUABtoPvKruR-P_7u0W3w");
    }

    #[test]
    fn nothing_shows_itself() {
        let (token, _) = RefreshToken::first(&keys(&[1]), 1, SessionId::from_bytes([1; 16]), [2; 16]);
        let presented = RefreshToken::parse(&keys(&[1]), &token).unwrap();
        assert!(format!("{presented:?}").contains("SecretBytes(..)"));
    }
}
