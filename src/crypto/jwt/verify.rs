//! Verifies signatures with jsonwebtoken. The algorithm comes from the key, never from the header.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;

use super::low_s::has_low_s;
use crate::model::signing_key::Algorithm;

/// A public key and the one algorithm it is used with.
pub(in crate::crypto) struct VerifyingKey {
    algorithm: jsonwebtoken::Algorithm,
    key: DecodingKey,
    low_s: bool,
}

impl VerifyingKey {
    /// The key with these public bytes: Ed25519 32 bytes; ES256 the uncompressed point, 65 bytes; RS256 `RSAPublicKey` in DER.
    /// With `low_s` only ES256 signatures with the lower s verify.
    pub(in crate::crypto) fn new(algorithm: Algorithm, public_key: &[u8], low_s: bool) -> Self {
        let (algorithm, key) = match algorithm {
            Algorithm::EdDsa => (jsonwebtoken::Algorithm::EdDSA, DecodingKey::from_ed_der(public_key)),
            Algorithm::Es256 => (jsonwebtoken::Algorithm::ES256, DecodingKey::from_ec_der(public_key)),
            Algorithm::Rs256 => (jsonwebtoken::Algorithm::RS256, DecodingKey::from_rsa_der(public_key)),
        };
        Self { algorithm, key, low_s }
    }

    /// True where `signature`, in canonical base64, is this key's over `signed`.
    pub(in crate::crypto) fn verifies(&self, signed: &[u8], signature: &str) -> bool {
        // jsonwebtoken decodes it again. This check accepts only canonical base64, whatever that decoder accepts.
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| !self.low_s || has_low_s(&bytes))
            && jsonwebtoken::crypto::verify(signature, signed, &self.key, self.algorithm).unwrap_or(false)
    }
}

/// What a service does that has only the JWKS: jsonwebtoken's own decoding, with the published key.
#[cfg(test)]
pub(in crate::crypto) fn verifies_as_a_stranger_would(token: &str, jwk: &jsonwebtoken::jwk::Jwk) -> bool {
    let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
    let mut validation = jsonwebtoken::Validation::new(header.alg);
    validation.set_audience(&["https://audience.example"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(jwk).unwrap();
    header.kid == jwk.common.key_id && jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).is_ok()
}
