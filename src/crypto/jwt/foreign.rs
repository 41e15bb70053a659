//! Tokens that others signed: the ID tokens of identity providers. Owns their strict reading and the check of their signature;
//! what the claims must say is the reader's to check.
//!
//! # Source
//! RFC 7515, RFC 7518, RFC 8037, RFC 8725, RFC 9864 (`Ed25519` is `EdDSA`).

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::jwk::PublicKeys;
use super::parse::json;

/// The most keys that are tried with one signature.
const MAX_TRIED: usize = 8;

/// The accepted signature algorithms: those with a public key, never `none`, never a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256
    Ps256,
    /// RSASSA-PSS with SHA-384
    Ps384,
    /// RSASSA-PSS with SHA-512
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// ECDSA on P-521 with SHA-512
    Es512,
    /// Ed25519
    EdDsa,
}

/// A token of another issuer. Nothing is verified but its form.
#[derive(Debug)]
pub struct ForeignToken<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: SignatureAlgorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
}

/// Why a token of another issuer is not believed. The texts hold nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Not three parts of canonical URL-safe base64 around JSON without duplicate names, or without a signature.
    #[error("is not a signed JWT in compact form")]
    Malformed,
    /// `none`, a MAC, or nothing that is known.
    #[error("has an `alg` that is not accepted")]
    Algorithm,
    /// An extension that must be understood and is not.
    #[error("has a header that is not understood")]
    Header,
    /// No key fits by id, type, use and algorithm.
    #[error("is signed with none of the provider's keys")]
    UnknownKey,
    /// None of the keys that fit made the signature.
    #[error("has a signature that does not verify")]
    Signature,
}

impl SignatureAlgorithm {
    /// The algorithm of that name in a token or a key; `None` for one that is not accepted.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }

    /// The left half of the hash of `text`, in base64: `at_hash` (OpenID Connect Core 1.0, section 3.1.3.6).
    #[must_use]
    pub fn half_hash(self, text: &str) -> String {
        let hash = match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::EdDsa => &SHA512,
        };
        let hash = digest(hash, text.as_bytes());
        let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
        URL_SAFE_NO_PAD.encode(left)
    }
}

impl<'a> ForeignToken<'a> {
    /// Takes a token apart. How long it may be is the caller's to bound.
    ///
    /// # Errors
    /// [`ForeignError::Malformed`], [`ForeignError::Algorithm`], [`ForeignError::Header`].
    pub fn parse(token: &'a str) -> Result<Self, ForeignError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(ForeignError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(ForeignError::Malformed)?;
        let header = json(header).map_err(|_| ForeignError::Malformed)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(SignatureAlgorithm::named);
        let algorithm = algorithm.ok_or(ForeignError::Algorithm)?;
        // Extensions that must be understood, and those that change what the parts mean (RFC 7515 4.1.11, RFC 7797, RFC 7516).
        if ["crit", "b64", "zip", "enc"].iter().any(|name| header.contains_key(*name)) {
            return Err(ForeignError::Header);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| ForeignError::Malformed)?;
        if claims.contains('.') || signature.is_empty() {
            return Err(ForeignError::Malformed);
        }
        let claims = json(claims).map_err(|_| ForeignError::Malformed)?;
        let kid = header.get("kid").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { signed, signature, algorithm, kid, claims })
    }

    /// What it says it is signed with.
    #[must_use]
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The claims, once one of `keys` is found to have signed them. Without a key id in the token or in a key, every key that
    /// fits by type, use and algorithm is tried, those with the token's id first, eight at the most.
    ///
    /// # Errors
    /// [`ForeignError::UnknownKey`], [`ForeignError::Signature`]: newer keys may help in both cases.
    ///
    /// # Security
    /// A key is used only with an algorithm of its own type, and only with the one it names where it names one.
    pub fn verified(&self, keys: &PublicKeys) -> Result<&Map<String, Value>, ForeignError> {
        let mut tried = false;
        for key in keys.fitting(self.algorithm, self.kid.as_deref()).take(MAX_TRIED) {
            if key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature) {
                return Ok(&self.claims);
            }
            tried = true;
        }
        Err(if tried { ForeignError::Signature } else { ForeignError::UnknownKey })
    }
}
