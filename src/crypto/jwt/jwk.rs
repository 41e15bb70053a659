//! Public keys as others publish them (JWKS). Only what a signature needs is read: a key that cannot be used is passed over, and
//! `null` is absent.
//!
//! # Source
//! RFC 7517, RFC 7518 (section 6), RFC 8037.

use aws_lc_rs::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::foreign::SignatureAlgorithm as Alg;

/// The public keys of an issuer that signatures can be checked with.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(Vec<PublicKey>);

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    kid: Option<String>,
    /// The only algorithm that it is for; `None`: any of its type.
    algorithm: Option<Alg>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    Ec(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
}

impl PublicKeys {
    /// Reads the `keys` of a JWK set; `None` where they are no list.
    #[must_use]
    pub fn read(keys: &Value) -> Option<Self> {
        let keys = keys.as_array()?;
        Some(Self(keys.iter().filter_map(Value::as_object).filter_map(PublicKey::read).collect()))
    }

    /// How many keys can be used.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// True where none can be used.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that may have made a signature: those with its key id, then those where either names none.
    pub(super) fn fitting<'k>(&'k self, algorithm: Alg, kid: Option<&'k str>) -> impl Iterator<Item = &'k PublicKey> {
        let fitting = move || self.0.iter().filter(move |key| key.fits(algorithm));
        let named = fitting().filter(move |key| kid.is_some() && key.kid.as_deref() == kid);
        let nameless = fitting().filter(move |key| kid.is_none() || key.kid.is_none());
        named.chain(nameless)
    }
}

impl PublicKey {
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let for_signatures = text("use").is_none_or(|purpose| purpose == "sig");
        let verifies = jwk.get("key_ops").and_then(Value::as_array).is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !for_signatures || !verifies {
            return None;
        }
        let algorithm = match text("alg") {
            None => None,
            // For another algorithm, which is none of ours.
            Some(name) => Some(Alg::named(name)?),
        };
        let number = |name: &str| bytes(text(name)?);
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { n: number("n")?, e: number("e")? },
            ("EC", Some(curve)) => {
                let curve = Curve::named(curve)?;
                Material::Ec(curve, curve.point(number("x")?, number("y")?)?)
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(URL_SAFE_NO_PAD.decode(text("x")?.trim_end_matches('=')).ok()?),
            _ => return None,
        };
        Some(Self { kid: text("kid").map(str::to_owned), algorithm, material })
    }

    fn fits(&self, algorithm: Alg) -> bool {
        let of_its_type = match &self.material {
            Material::Rsa { .. } => {
                matches!(algorithm, Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Ps256 | Alg::Ps384 | Alg::Ps512)
            }
            Material::Ec(Curve::P256, _) => algorithm == Alg::Es256,
            Material::Ec(Curve::P384, _) => algorithm == Alg::Es384,
            Material::Ec(Curve::P521, _) => algorithm == Alg::Es512,
            Material::Ed25519(_) => algorithm == Alg::EdDsa,
        };
        of_its_type && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// True where `signature` is this key's over `signed`.
    pub(super) fn verifies(&self, algorithm: Alg, signed: &[u8], signature: &[u8]) -> bool {
        let by = |with: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(with, key).verify(signed, signature).is_ok()
        };
        match &self.material {
            Material::Rsa { n, e } => rsa(algorithm)
                .is_some_and(|parameters| RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok()),
            Material::Ec(Curve::P256, point) => by(&signature::ECDSA_P256_SHA256_FIXED, point),
            Material::Ec(Curve::P384, point) => by(&signature::ECDSA_P384_SHA384_FIXED, point),
            Material::Ec(Curve::P521, point) => by(&signature::ECDSA_P521_SHA512_FIXED, point),
            Material::Ed25519(key) => by(&signature::ED25519, key),
        }
    }
}

impl Curve {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "P-256" => Self::P256,
            "P-384" => Self::P384,
            "P-521" => Self::P521,
            _ => return None,
        })
    }

    /// The uncompressed point. Some providers cut leading zeros from the coordinates.
    fn point(self, x: Vec<u8>, y: Vec<u8>) -> Option<Vec<u8>> {
        let size = match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        };
        let mut point = vec![4];
        for coordinate in [x, y] {
            point.extend(std::iter::repeat_n(0, usize::checked_sub(size, coordinate.len())?));
            point.extend(coordinate);
        }
        Some(point)
    }
}

/// An RSA key of 2048 to 8192 bits; a shorter one is refused.
const fn rsa(algorithm: Alg) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Alg::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Alg::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Alg::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Alg::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Alg::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Alg::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Alg::Es256 | Alg::Es384 | Alg::Es512 | Alg::EdDsa => return None,
    })
}

/// A number without its leading zeros, also where the base64 is padded.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes.into_iter().skip(zeros).collect())
}
