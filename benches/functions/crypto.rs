//! Tokens and secrets.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign::crypto::jwt::Claims;
use countersign::crypto::keyring::KeyRing;
use countersign::crypto::opaque::KeySecret;
use countersign::crypto::password::pool::{HashPool, Lane, PoolConfig, Ticket};
use countersign::crypto::refresh::RefreshToken;
use countersign::crypto::seal::Sealer;
use countersign::crypto::server_key::{HashPurpose, ServerKeys};
use countersign::crypto::signature_cache::{DEFAULT_CAPACITY, SignatureCache};
use countersign::model::clock::{Clock as _, SystemClock};
use countersign::model::ids::SessionId;
use countersign::model::name::Folded;
use countersign::model::random::SystemRandom;
use countersign::model::secret::Secret;
use countersign::model::signing_key::{Algorithm, KeyState};
use countersign::model::traffic::Traffic;
use criterion::Criterion;

use super::random;

const ISSUER: &str = "http://127.0.0.1:50051";

fn claims() -> Claims {
    let now = SystemClock.now();
    Claims {
        iss: ISSUER.to_owned(),
        sub: SessionId::random(random()).to_string(),
        aud: ISSUER.to_owned(),
        exp: now.secs() + 3600,
        iat: now.secs(),
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
        auth_time: now.secs(),
        dataset: None,
    }
}

fn ring(algorithm: Algorithm) -> KeyRing {
    let sealer = Sealer::new(None);
    let key = KeyRing::generate(algorithm, KeyState::Signing, &sealer, random(), SystemClock.now()).unwrap();
    KeyRing::load(&[key], &sealer).unwrap()
}

/// Minting and verifying access tokens.
pub(crate) fn tokens(criterion: &mut Criterion) {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let (ring, claims) = (ring(algorithm), claims());
        let token = ring.mint(&claims).unwrap();
        let name = algorithm.name();
        criterion.bench_function(&format!("mint {name}"), |b| b.iter(|| ring.mint(black_box(&claims)).unwrap()));
        criterion.bench_function(&format!("verify {name}"), |b| {
            b.iter(|| ring.check_signature(black_box(token.expose())).unwrap());
        });
    }
    let ring = ring(Algorithm::EdDsa);
    let token = ring.mint(&claims()).unwrap();
    let cache = SignatureCache::new(DEFAULT_CAPACITY);
    criterion.bench_function("verify EdDSA, seen before", |b| {
        b.iter(|| {
            let verified = cache.check(&ring, black_box(token.expose()), |claims| Ok(claims.times())).unwrap();
            verified.check(SystemClock.now(), Duration::from_hours(1)).unwrap();
        });
    });
}

/// Keyed hashes, refresh tokens, passwords.
pub(crate) fn secrets(criterion: &mut Criterion) {
    let keys = ServerKeys::generate(random()).unwrap();
    let version = keys.current_version();
    let secret = [7_u8; 48];
    criterion.bench_function("keyed hash", |b| {
        b.iter(|| keys.keyed_hash(HashPurpose::KeySecret, version, black_box(&secret)));
    });
    let (key_secret, _) = KeySecret::issue(&keys, random());
    criterion.bench_function("personal key, check", |b| b.iter(|| KeySecret::parse(&keys, black_box(&key_secret)).unwrap()));
    let (refresh, _) = RefreshToken::first(&keys, 0, SessionId::random(random()), random().bytes());
    criterion.bench_function("refresh token, check and derive its successor", |b| {
        b.iter(|| RefreshToken::parse(&keys, black_box(&refresh)).unwrap().successor(&keys));
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let config = PoolConfig { threads: 1, nice: 0, ..PoolConfig::default() };
    let pool = HashPool::start(config, Arc::new(SystemRandom), &Traffic::default()).unwrap();
    let mut passwords = criterion.benchmark_group("password");
    passwords.sample_size(10).measurement_time(Duration::from_secs(3));
    passwords.bench_function("argon2id at its default cost", |b| {
        b.iter(|| {
            let ticket = Ticket {
                name: Folded::presented("mara"),
                source: IpAddr::from([127, 0, 0, 1]),
                lane: Lane::Known,
                deadline: Duration::from_mins(1),
            };
            runtime.block_on(pool.hash(ticket, Secret::new("violet kettle orbits sandstone"))).unwrap()
        });
    });
    passwords.finish();
    pool.stop();
}
