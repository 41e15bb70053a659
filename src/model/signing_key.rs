//! Signing keys as they are kept: Published -> Signing -> Retired.

use super::clock::Timestamp;

/// The signature algorithms of access tokens (RFC 7518 and RFC 8037 names).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `EdDSA` with Ed25519.
    EdDsa,
    /// `ES256`, the default: what most libraries that verify tokens know.
    #[default]
    Es256,
    /// `RS256`, 2048 bits.
    Rs256,
}

impl Algorithm {
    /// The `alg` of a token signed so.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of this name, exactly as [`name`](Self::name) spells it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256, Self::Rs256].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the JWKS, not yet signing.
    Published,
    /// Signs new tokens; exactly one key does.
    Signing,
    /// Signs no more; verifies until its last token has expired.
    Retired {
        /// Since when.
        since: Timestamp,
    },
}

/// A signing key as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// RFC 7638 thumbprint, base64url: 43 characters.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// ES256: of the two signatures that a message has, `(r, s)` and `(r, n - s)`, only the one with the lower s verifies. False for
    /// keys from before there was this rule, and for other algorithms, which have no such twin.
    pub low_s: bool,
    /// The private key as sealed PKCS#8.
    pub sealed_private: Vec<u8>,
    /// Where it stands.
    pub state: KeyState,
    /// When it was made.
    pub create_time: Timestamp,
}
