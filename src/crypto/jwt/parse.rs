//! The strict reading of a token, before and after its signature is checked. Cheap refusals come first.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{Claims, JwtError, MAX_TOKEN, strict_json};

/// The parts of a token; nothing is verified.
pub(in crate::crypto) struct Parts<'a> {
    /// Header and claims with the dot between them: what is signed.
    pub(in crate::crypto) signed: &'a str,
    /// The signature, in base64.
    pub(in crate::crypto) signature: &'a str,
    /// The claims, in base64.
    claims: &'a str,
    /// The key it says it is signed with.
    pub(in crate::crypto) kid: String,
    /// The algorithm that the header names; it must be the key's own.
    pub(in crate::crypto) alg: String,
}

/// Takes a token apart and reads its header: `typ`, `alg` and `kid`, and nothing that points to a key.
pub(in crate::crypto) fn parse(token: &str) -> Result<Parts<'_>, JwtError> {
    if token.len() > MAX_TOKEN {
        return Err(JwtError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
    if claims.contains('.') || signature.is_empty() {
        return Err(JwtError::Malformed);
    }
    let mut header = json(header)?;
    let is_access_token = |typ: &str| {
        let typ = typ.to_ascii_lowercase();
        typ == "at+jwt" || typ == "application/at+jwt"
    };
    // Extensions that must be understood, and those that change what the parts mean (RFC 7515 4.1.11, RFC 7797, RFC 7516).
    let extended = ["crit", "b64", "zip", "enc"].iter().any(|name| header.contains_key(*name));
    if extended || !header.get("typ").and_then(Value::as_str).is_some_and(is_access_token) {
        return Err(JwtError::Header);
    }
    let mut text = |name: &str| match header.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(JwtError::Header),
    };
    Ok(Parts { signed, signature, claims, kid: text("kid")?, alg: text("alg")? })
}

/// Reads the claims of a token whose signature has been checked.
pub(in crate::crypto) fn claims(parts: &Parts<'_>) -> Result<Claims, JwtError> {
    let object = json(parts.claims)?;
    serde_json::from_value(Value::Object(object)).map_err(|_| JwtError::Claims)
}

/// The object that a part of a token holds.
pub(super) fn json(part: &str) -> Result<serde_json::Map<String, Value>, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)?;
    strict_json::object(&bytes).ok_or(JwtError::Malformed)
}
