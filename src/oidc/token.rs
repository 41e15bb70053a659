//! Exchanges a code, and checks the ID token (OpenID Connect Core 1.0, section 3.1.3.7).

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openidconnect::core::{CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreTokenResponse};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, ClientId, IdTokenVerifier, Nonce, OAuth2TokenResponse as _,
    PkceCodeVerifier, RequestTokenError, SignatureVerificationError, TokenResponse as _,
};

use super::fetch::Fetch;
use super::metadata::{Known, Provider};
use super::{Ready, Result, quoted};
use crate::model::clock::Timestamp;
use crate::model::secret::Secret;
use crate::service::sso::{IdentityError, ProvenIdentity, Registration, SignInRequest};

/// The accepted signature algorithms: those with a public key, never `none`, never a MAC under the client secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// How far a provider's clock may be ahead of ours.
const MAX_CLOCK_AHEAD: Duration = Duration::from_mins(5);
/// The longest `sub` (OpenID Connect Core 1.0, section 2), in bytes.
const MAX_SUBJECT: usize = 255;

/// Exchanges the code at the token endpoint.
pub(super) async fn exchange(
    client: &Ready,
    fetch: &Fetch,
    code: &Secret,
    verifier: PkceCodeVerifier,
) -> Result<CoreTokenResponse> {
    let code = AuthorizationCode::new(code.expose().to_owned());
    client.exchange_code(code).set_pkce_verifier(verifier).request_async(fetch).await.map_err(|error| match error {
        RequestTokenError::Request(error) => IdentityError::Unreachable(format!("token endpoint: {error}")),
        // Only the error code is repeated; a description may contain anything.
        RequestTokenError::ServerResponse(answer) => {
            IdentityError::Unreachable(format!("token endpoint: {}", quoted(answer.error().as_ref())))
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            IdentityError::Unreachable("token endpoint: the answer cannot be read".to_owned())
        }
    })
}

/// The identity of the ID token in the answer.
pub(super) async fn identity(
    provider: &Provider,
    known: Arc<Known>,
    registration: &Registration,
    request: &SignInRequest,
    answer: &CoreTokenResponse,
    now: Timestamp,
) -> Result<ProvenIdentity> {
    match claims(&known, registration, request, answer, now) {
        Err(Disbelief::UnknownKey) => {
            let newer = provider.with_newer_keys(&known).await?;
            claims(&newer, registration, request, answer, now)
        }
        other => other,
    }
    .map_err(|error| match error {
        Disbelief::UnknownKey => IdentityError::Untrusted("the ID token is signed with none of the provider's keys".to_owned()),
        Disbelief::Because(why) => IdentityError::Untrusted(why),
    })
}

enum Disbelief {
    UnknownKey,
    Because(String),
}

fn claims(
    known: &Known,
    registration: &Registration,
    request: &SignInRequest,
    answer: &CoreTokenResponse,
    now: Timestamp,
) -> std::result::Result<ProvenIdentity, Disbelief> {
    let because = |why: &str| Disbelief::Because(why.to_owned());
    let client_id = ClientId::new(registration.client_id.clone());
    let time = UNIX_EPOCH + Duration::from_micros(now.micros());
    let latest = i64::try_from(now.plus(MAX_CLOCK_AHEAD).secs()).unwrap_or(i64::MAX);
    // Without the client secret, so that it cannot be used as a key. Other audiences than ours are refused (the library's
    // default).
    let verifier = IdTokenVerifier::new_public_client(client_id.clone(), known.issuer(), known.keys())
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || time.into())
        .set_issue_time_verifier_fn(
            move |at| {
                if at.timestamp() <= latest { Ok(()) } else { Err("issued in the future".to_owned()) }
            },
        );
    let token = answer.id_token().ok_or_else(|| because("there is no ID token"))?;
    let nonce = Nonce::new(request.nonce.expose().to_owned());
    let claims = token.claims(&verifier, &nonce).map_err(|error| match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => Disbelief::UnknownKey,
        other => Disbelief::Because(quoted(&with_source(&other))),
    })?;
    if claims.authorized_party().is_some_and(|party| *party != client_id) {
        return Err(because("the ID token was issued to another client (azp)"));
    }
    if let Some(said) = claims.access_token_hash() {
        let algorithm = token.signing_alg().map_err(|error| Disbelief::Because(error.to_string()))?;
        let key = token.signing_key(&verifier).map_err(|error| Disbelief::Because(error.to_string()))?;
        let hash = AccessTokenHash::from_token(answer.access_token(), algorithm, key);
        if hash.ok().as_ref() != Some(said) {
            return Err(because("the ID token is of another access token (at_hash)"));
        }
    }
    proven(claims).ok_or_else(|| because("the subject is empty, too long or has control characters"))
}

fn proven(claims: &CoreIdTokenClaims) -> Option<ProvenIdentity> {
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > MAX_SUBJECT || subject.chars().any(char::is_control) {
        return None;
    }
    let verified = claims.email_verified() == Some(true);
    Some(ProvenIdentity {
        subject: subject.to_owned(),
        preferred_username: claims.preferred_username().map(|name| name.as_str().to_owned()),
        name: claims.name().and_then(|name| name.iter().next()).map(|(_, name)| name.as_str().to_owned()),
        verified_email: claims.email().filter(|_| verified).map(|email| email.as_str().to_owned()),
    })
}

fn with_source(error: &ClaimsVerificationError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
