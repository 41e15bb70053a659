//! A machine's clock that is wrong, or was: nothing is stored or signed by it, and the server goes on when it is right.

mod data_directory;
mod faked;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::app::{Seams, recover_clock};
use countersign::config::DataDirectory;
use countersign::grpc::pb;
use countersign::model::clock::{Clock as _, ManualClock, SETTLED_AFTER, SystemClock, Timestamp};
use countersign::model::random::SystemRandom;
use countersign::store::Recovered;

use crate::arena::refusal::{refused, told};
use crate::harness::{Calls, InProcess, PASSWORD, one_time_code};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const UNTRUSTED: &str = "CLOCK_UNTRUSTED";

async fn is_refused(server: &InProcess) -> bool {
    refused(&server.calls().await.try_log_in("admin", PASSWORD).await, UNTRUSTED)
}

#[tokio::test]
async fn a_clock_that_was_set_is_trusted_when_it_has_stood_for_five_minutes() {
    let server = InProcess::start().await;
    let before = server.login_admin().await;
    server.clock.set(server.clock.now().plus(HOUR));
    assert!(is_refused(&server).await);
    server.clock.advance(Duration::from_secs(299));
    assert!(is_refused(&server).await);
    server.clock.advance(SECOND);
    assert!(!is_refused(&server).await);
    // The session of before is an hour older.
    let next = server.calls().await.refresh(&before.refresh_token).await.unwrap();
    assert_eq!(next.session_id, before.session_id);
    server.stop().await;
}

#[tokio::test]
async fn the_kernel_is_believed_about_a_clock_that_was_set() {
    let server = InProcess::start().await;
    server.clock.set(server.clock.now().plus(HOUR));
    assert!(is_refused(&server).await);
    server.clock.synchronise(true);
    assert!(!is_refused(&server).await);
    server.stop().await;
}

/// While nobody can tell what has expired no token is called good, and none is called bad that is not bad in any case.
#[tokio::test]
async fn verification_waits_for_the_clock() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let (dead, live) = (server.login_admin().await, server.login_admin().await);
    server.calls().await.bearing(dead.clone()).logout().await.unwrap();
    let right = server.clock.now();
    server.clock.set(right.plus(3 * DAY));
    let verifier = &server.services.verifier;
    let active =
        async |token: &str| verifier.verify(token, 0, "").await.map(|verdict| verdict.is_some()).map_err(|e| e.reason().name());
    assert_eq!(active(&live.access_token).await, Err(UNTRUSTED));
    assert_eq!(active(&dead.access_token).await, Ok(false));
    assert_eq!(active("no token at all").await, Ok(false));
    server.clock.set(right);
    assert!(admin.active(&live.access_token).await);
    server.stop().await;
}

#[tokio::test]
async fn a_start_behind_the_last_commit_waits_until_the_clock_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let (data, now) = (directory.path().join("data"), SystemClock.now());
    let server = InProcess::start_in(&data, now, &[]).await;
    let before = server.login_admin().await;
    server.stop().await;

    let server = InProcess::start_in(&data, now.minus(2 * DAY), &[]).await;
    let told_why = server.calls().await.try_log_in("admin", PASSWORD).await.unwrap_err();
    assert_eq!(told(&told_why).1, UNTRUSTED);
    assert!(told_why.message().contains("`countersign recover clock`"), "{told_why:?}");
    server.clock.set(now.plus(HOUR));
    assert!(is_refused(&server).await);
    server.clock.advance(SETTLED_AFTER);
    assert!(!is_refused(&server).await);
    assert!(server.calls().await.refresh(&before.refresh_token).await.is_ok());
    server.stop().await;
}

/// What a server gave while its clock was three days ahead.
struct Given {
    tokens: pb::TokenSet,
    key: pb::AccountServiceCreatePersonalKeyResponse,
    link: String,
    state: String,
    /// The secret of ada's one-time codes, which has accepted one.
    codes: String,
}

impl Given {
    async fn by(server: &InProcess) -> Self {
        let admin = server.admin().await;
        let message = pb::AccountServiceCreatePersonalKeyRequest {
            display_name: "made ahead".to_owned(),
            ttl: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
            ..Default::default()
        };
        let key = admin.account().create_personal_key(admin.request(message)).await.unwrap().into_inner();
        let provider = pb::CreateIdentityProviderRequest {
            name: "corp".to_owned(),
            issuer: "https://login.example.org".to_owned(),
            client_id: "countersign".to_owned(),
            ..Default::default()
        };
        admin.administration().create_identity_provider(admin.request(provider)).await.unwrap();
        let state = admin.auth().sso_start(pb::SsoStartRequest::default()).await.unwrap().into_inner().state;
        let ada = admin.person("ada", &[]).await;
        let codes = ada.codes(server.clock.now()).await.0;
        server.clock.advance(60 * SECOND);
        let message = with_code(&codes, server.clock.now());
        assert!(server.calls().await.login(message).await.is_ok());
        Self { link: admin.link("visitor", "d").await.unwrap(), tokens: admin.tokens, key, state, codes }
    }
}

fn with_code(secret: &str, at: Timestamp) -> pb::LoginRequest {
    let (username, password, otp) = ("ada".to_owned(), PASSWORD.to_owned(), one_time_code(secret, at));
    pb::LoginRequest { username, password, otp, ..Default::default() }
}

async fn recover(data: &Path, now: Timestamp) -> Option<Recovered> {
    let seams = Seams { clock: Arc::new(ManualClock::new(now)), random: Arc::new(SystemRandom) };
    let directory = DataDirectory { path: data.to_owned(), kek: None, warnings: Vec::new() };
    recover_clock(directory, seams).await.unwrap()
}

#[tokio::test]
async fn a_store_that_was_used_ahead_is_recovered_and_nothing_of_then_lives_on() {
    let directory = tempfile::tempdir().unwrap();
    let (data, now) = (directory.path().join("data"), SystemClock.now());
    let server = InProcess::start_in(&data, now.plus(3 * DAY), &[]).await;
    let given = Given::by(&server).await;
    server.clock.set(now);
    assert!(is_refused(&server).await);
    server.clock.advance(SETTLED_AFTER);
    assert!(is_refused(&server).await, "time alone does not mend it");
    server.stop().await;

    let recovered = recover(&data, now).await.unwrap();
    assert!(recovered.ahead > 3 * DAY && recovered.ahead < 3 * DAY + HOUR, "{recovered:?}");
    assert_eq!((recovered.sessions, recovered.links), (3, 1), "{recovered:?}");
    assert_eq!(recover(&data, now).await, None);

    let server = InProcess::start_in(&data, now, &[]).await;
    let calls = server.calls().await;
    assert!(!calls.with(&server.login_admin().await.access_token).active(&given.tokens.access_token).await);
    assert!(refused(&calls.refresh(&given.tokens.refresh_token).await, "REFRESH_INVALID"));
    assert!(refused(&calls.redeem(&given.link).await, "LINK_INVALID"));
    let collected = calls.auth().sso_jwt(pb::SsoJwtRequest { state: given.state, wait: None }).await;
    assert!(refused(&collected, "SSO_STATE_INVALID"));
    server.clock.advance(60 * SECOND);
    let ada = calls.login(with_code(&given.codes, server.clock.now())).await.unwrap().into_inner().tokens.unwrap();
    assert!(ada.session_expire_time.unwrap().seconds < i64::try_from(now.plus(2 * DAY).secs()).unwrap());
    assert!(key_works(&calls, &given.key).await);

    // Three days later nothing that was given then has come to life, and the key that was given for an hour is dead long since.
    for _ in 0..25 {
        server.clock.advance(3 * HOUR);
        assert!(!calls.with(&server.login_admin().await.access_token).active(&given.tokens.access_token).await);
    }
    assert!(!key_works(&calls, &given.key).await);
    server.stop().await;
}

async fn key_works(calls: &Calls, key: &pb::AccountServiceCreatePersonalKeyResponse) -> bool {
    let (key_id, key_secret) = (key.key_id.clone(), key.key_secret.clone());
    calls.auth().pkey_jwt(pb::PkeyJwtRequest { key_id, key_secret, ..Default::default() }).await.is_ok()
}
