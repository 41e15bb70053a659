//! Tokens and secrets.

use std::hint::black_box;
use std::time::Duration;

use countersign::crypto::jwt::Claims;
use countersign::crypto::keyring::KeyRing;
use countersign::crypto::opaque::KeySecret;
use countersign::crypto::refresh::RefreshToken;
use countersign::crypto::seal::Sealer;
use countersign::crypto::server_key::{HashPurpose, ServerKeys};
use countersign::crypto::signature_cache::{DEFAULT_CAPACITY, SignatureCache};
use countersign::model::ids::SessionId;
use countersign::model::signing_key::{Algorithm, KeyState};

use super::fixture::{NOW, Run, random};

const ISSUER: &str = "http://127.0.0.1:50051";

fn claims() -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        sub: SessionId::random(random()).to_string(),
        aud: ISSUER.to_owned(),
        exp: NOW.secs() + 3600,
        iat: NOW.secs(),
        nbf: None,
        jti: SessionId::random(random()).to_string(),
        sid: SessionId::random(random()),
        generation: 0,
        cred: None,
        client_id: "grpc".to_owned(),
        username: "mara".to_owned(),
        org: "mara".to_owned(),
        org_role: None,
        roles: Vec::new(),
        amr: vec!["pwd".to_owned()],
        auth_time: NOW.secs(),
        dataset: None,
    }
}

fn ring(algorithm: Algorithm) -> KeyRing {
    let sealer = Sealer::new(None);
    let key = KeyRing::generate(algorithm, KeyState::Signing, &sealer, random(), NOW).unwrap();
    KeyRing::load(&[key], &sealer).unwrap()
}

/// Signing an access token.
pub(crate) fn mint(algorithm: Algorithm) -> Run {
    let (ring, claims) = (ring(algorithm), claims());
    Box::new(move || drop(black_box(ring.mint(black_box(&claims)).unwrap())))
}

/// Verifying the signature of an access token.
pub(crate) fn verify(algorithm: Algorithm) -> Run {
    let ring = ring(algorithm);
    let token = ring.mint(&claims()).unwrap();
    Box::new(move || drop(black_box(ring.check_signature(black_box(token.expose())).unwrap())))
}

/// Verifying an access token whose signature was verified before.
pub(crate) fn verify_seen() -> Run {
    let ring = ring(Algorithm::default());
    let token = ring.mint(&claims()).unwrap();
    let cache = SignatureCache::new(DEFAULT_CAPACITY);
    Box::new(move || {
        let verified = cache.check(&ring, black_box(token.expose()), |claims| Ok(claims.times())).unwrap();
        verified.check(NOW, Duration::from_hours(1)).unwrap();
    })
}

/// The keyed hash that stands in the store in place of a secret.
pub(crate) fn keyed_hash() -> Run {
    let keys = ServerKeys::generate(random()).unwrap();
    let (version, secret) = (keys.current_version(), [7_u8; 48]);
    Box::new(move || {
        black_box(keys.keyed_hash(HashPurpose::KeySecret, version, black_box(&secret)));
    })
}

/// Checking the form and the MAC of a personal key.
pub(crate) fn check_personal_key() -> Run {
    let keys = ServerKeys::generate(random()).unwrap();
    let (secret, _) = KeySecret::issue(&keys, random());
    Box::new(move || {
        black_box(KeySecret::parse(&keys, black_box(&secret)).unwrap());
    })
}

/// Checking a refresh token and deriving its successor.
pub(crate) fn derive_refresh() -> Run {
    let keys = ServerKeys::generate(random()).unwrap();
    let (refresh, _) = RefreshToken::first(&keys, 0, SessionId::random(random()), random().bytes());
    Box::new(move || {
        black_box(RefreshToken::parse(&keys, black_box(&refresh)).unwrap().successor(&keys));
    })
}
