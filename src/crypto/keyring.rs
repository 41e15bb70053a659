//! The keys that sign access tokens. Owns the parsed private keys, which are parsed once, not at every signature, and never
//! leave this module. A ring does not change; rotating keys means loading a new ring.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::jwt::{self, Claims, JwtError, VerifyingKey};
use super::seal::{SealError, Sealer};
use crate::model::clock::Timestamp;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::signing_key::{Algorithm, KeyState, SigningKeyRecord};

/// The initial capacity for a token's claims, in bytes; longer claims are no problem.
const CLAIMS_CAPACITY: usize = 640;

/// Why the signing keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// No key, or more than one, is in the state signing.
    #[error("the data directory must hold exactly one signing key that signs, and holds {0}")]
    Signers(usize),
    /// A stored key does not parse, or its parts do not belong together.
    #[error("the signing key {0} is damaged")]
    Damaged(String),
    /// A stored key does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The cryptographic library refused; out of memory, or a self-test that failed.
    #[error("the cryptographic library failed to make a key or a signature")]
    Library,
}

/// A public key as the JWKS shows it (RFC 7517, RFC 8037).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// `OKP`, `EC` or `RSA`.
    pub kty: String,
    /// Its name in tokens.
    pub kid: String,
    /// The algorithm it is used with: `EdDSA`, `ES256` or `RS256`.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub key_use: String,
    /// The curve: `Ed25519` or `P-256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The point, or its x, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The point's y, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The modulus, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The exponent, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

/// All signing keys, parsed and ready.
pub struct KeyRing {
    keys: BTreeMap<String, Arc<RingKey>>,
    signer: Arc<RingKey>,
}

struct RingKey {
    kid: String,
    algorithm: Algorithm,
    state: KeyState,
    private: PrivateKey,
    verifying: VerifyingKey,
    /// The token's header in base64 and the dot after it: the same for every token of this key.
    head: String,
    jwk: Jwk,
}

enum PrivateKey {
    Ed(Ed25519KeyPair),
    Es(EcdsaKeyPair),
    Rs(RsaKeyPair),
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing(signer {}, {} keys)", self.signer.kid, self.keys.len())
    }
}

impl KeyRing {
    /// Makes a key, sealed, to be stored. RSA takes up to a second.
    ///
    /// # Errors
    /// [`KeyRingError::Library`] where the cryptographic library fails.
    ///
    /// # Security
    /// The seed of an Ed25519 key comes from `random`. For the other algorithms aws-lc uses the system's randomness.
    pub fn generate(
        algorithm: Algorithm,
        state: KeyState,
        sealer: &Sealer,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<SigningKeyRecord, KeyRingError> {
        let pkcs8 = new_pkcs8(algorithm, random)?;
        let private = PrivateKey::parse(algorithm, &pkcs8).ok_or(KeyRingError::Library)?;
        let kid = thumbprint(&private.jwk());
        Ok(SigningKeyRecord {
            sealed_private: sealer.seal(&purpose(&kid), &pkcs8, random),
            kid,
            algorithm,
            low_s: algorithm == Algorithm::Es256,
            state,
            create_time: now,
        })
    }

    /// Opens and parses stored keys.
    ///
    /// # Errors
    /// [`KeyRingError::Signers`] unless one key signs, [`KeyRingError::Damaged`] where a key's parts do not belong together,
    /// [`KeyRingError::Seal`] where one does not open.
    pub fn load(records: &[SigningKeyRecord], sealer: &Sealer) -> Result<Self, KeyRingError> {
        let mut keys = BTreeMap::new();
        for record in records {
            let key = Arc::new(RingKey::load(record, sealer)?);
            if keys.insert(record.kid.clone(), key).is_some() {
                return Err(KeyRingError::Damaged(record.kid.clone()));
            }
        }
        let mut signers = keys.values().filter(|key| key.state == KeyState::Signing);
        match (signers.next(), signers.count()) {
            (Some(signer), 0) => Ok(Self { signer: Arc::clone(signer), keys }),
            (None, _) => Err(KeyRingError::Signers(0)),
            (Some(_), more) => Err(KeyRingError::Signers(more + 1)),
        }
    }

    /// The name of the key that signs.
    #[must_use]
    pub fn signer_kid(&self) -> &str {
        &self.signer.kid
    }

    /// True where a key of this name is in the ring.
    #[must_use]
    pub fn holds(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// The public keys, published, signing and retired, in the order of their names.
    #[must_use]
    pub fn jwks(&self) -> Vec<Jwk> {
        self.keys.values().map(|key| key.jwk.clone()).collect()
    }

    /// Signs an access token. The caller must have checked the claims.
    ///
    /// # Errors
    /// [`KeyRingError::Library`] where the cryptographic library fails.
    pub fn mint<Text: Serialize>(&self, claims: &Claims<Text>) -> Result<Secret, KeyRingError> {
        let mut json = Vec::with_capacity(CLAIMS_CAPACITY);
        serde_json::to_writer(&mut json, claims).map_err(|_| KeyRingError::Library)?;
        let key = &self.signer;
        let mut token = String::with_capacity(key.head.len() + json.len().div_ceil(3) * 4 + 352);
        token.push_str(&key.head);
        URL_SAFE_NO_PAD.encode_string(json, &mut token);
        let signature = key.private.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::from(token))
    }

    /// Checks form, header and signature of a token, and reads its claims. [`jwt::Rules::check`] and [`jwt::Times::check`] say
    /// whether the token is good now. The result here depends only on the token and the ring.
    ///
    /// # Errors
    /// [`JwtError::TooLong`], [`JwtError::Malformed`], [`JwtError::Header`], [`JwtError::UnknownKey`],
    /// [`JwtError::Signature`], [`JwtError::Claims`].
    ///
    /// # Security
    /// The key is the one in the ring with that `kid`, and the algorithm is the key's. Keys that the header contains or points
    /// to are ignored. Of an ES256 signature and its twin only the one with the lower s is taken, unless the key is older than
    /// this rule.
    pub fn check_signature(&self, token: &str) -> Result<VerifiedSignature, JwtError> {
        let parts = jwt::parse(token)?;
        let key = self.keys.get(&parts.kid).ok_or(JwtError::UnknownKey)?;
        if parts.alg != key.algorithm.name() {
            return Err(JwtError::Header);
        }
        if !key.verifying.verifies(parts.signed.as_bytes(), parts.signature) {
            return Err(JwtError::Signature);
        }
        Ok(VerifiedSignature { claims: jwt::claims(&parts)?, kid: parts.kid })
    }
}

/// The claims of a token whose signature verifies, and the key it verifies under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// What it says.
    pub claims: Claims,
    /// The key.
    pub kid: String,
}

impl RingKey {
    fn load(record: &SigningKeyRecord, sealer: &Sealer) -> Result<Self, KeyRingError> {
        let damaged = || KeyRingError::Damaged(record.kid.clone());
        let pkcs8 = sealer.open(&purpose(&record.kid), &record.sealed_private)?;
        let private = PrivateKey::parse(record.algorithm, &pkcs8).ok_or_else(damaged)?;
        let jwk = private.jwk();
        // The name is computed from the key. A key that is stored under another name has been altered.
        if thumbprint(&jwk) != record.kid {
            return Err(damaged());
        }
        let header = format!(r#"{{"typ":"at+jwt","alg":"{}","kid":"{}"}}"#, record.algorithm.name(), record.kid);
        Ok(Self {
            kid: record.kid.clone(),
            algorithm: record.algorithm,
            state: record.state,
            verifying: VerifyingKey::new(record.algorithm, &private.public_key(), record.low_s),
            head: format!("{}.", URL_SAFE_NO_PAD.encode(header)),
            jwk: Jwk { kid: record.kid.clone(), alg: record.algorithm.name().to_owned(), key_use: "sig".to_owned(), ..jwk },
            private,
        })
    }
}

impl PrivateKey {
    fn parse(algorithm: Algorithm, pkcs8: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).ok().map(Self::Ed),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok().map(Self::Es),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).ok().map(Self::Rs),
        }
    }

    fn public_key(&self) -> Vec<u8> {
        match self {
            Self::Ed(key) => key.public_key().as_ref().to_vec(),
            Self::Es(key) => key.public_key().as_ref().to_vec(),
            Self::Rs(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// The members that make the key (RFC 7638, section 3.2), and no others.
    fn jwk(&self) -> Jwk {
        let b64 = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
        match self {
            Self::Ed(key) => Jwk {
                kty: "OKP".to_owned(),
                crv: Some("Ed25519".to_owned()),
                x: b64(key.public_key().as_ref()),
                ..Jwk::default()
            },
            Self::Es(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
                Jwk { kty: "EC".to_owned(), crv: Some("P-256".to_owned()), x: b64(x), y: b64(y), ..Jwk::default() }
            }
            Self::Rs(key) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                Jwk { kty: "RSA".to_owned(), n: b64(n), e: b64(e), ..Jwk::default() }
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyRingError> {
        let library = |_| KeyRingError::Library;
        match self {
            Self::Ed(key) => Ok(key.try_sign(message).map_err(library)?.as_ref().to_vec()),
            Self::Es(key) => {
                let mut signature = key.sign(&SystemRandom::new(), message).map_err(library)?.as_ref().to_vec();
                jwt::lower_s(&mut signature);
                Ok(signature)
            }
            Self::Rs(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(library)?;
                Ok(signature)
            }
        }
    }
}

fn new_pkcs8(algorithm: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
    let bytes = match algorithm {
        Algorithm::EdDsa => {
            let seed = Zeroizing::new(random.bytes::<32>());
            let key = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyRingError::Library)?;
            key.to_pkcs8v1().map(|document| document.as_ref().to_vec())
        }
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|key| key.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)
            .and_then(|key| AsDer::<Pkcs8V1Der<'_>>::as_der(&key))
            .map(|document| document.as_ref().to_vec()),
    };
    bytes.map(Zeroizing::new).map_err(|_| KeyRingError::Library)
}

/// The RFC 7638 thumbprint of the members that make the key. They are written in the order of their names.
fn thumbprint(jwk: &Jwk) -> String {
    let members =
        [("crv", &jwk.crv), ("e", &jwk.e), ("kty", &Some(jwk.kty.clone())), ("n", &jwk.n), ("x", &jwk.x), ("y", &jwk.y)]
            .into_iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!(r#""{name}":"{value}""#)))
            .collect::<Vec<_>>();
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes()))
}

fn purpose(kid: &str) -> String {
    format!("signing-key {kid}")
}

#[cfg(test)]
mod tests;
