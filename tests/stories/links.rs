//! Single-use links: staff hand a dataset to somebody who has no account.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::grpc::pb::{CreateUserRequest, GenerateSingleUseRequest, LogoutRequest};
use countersign::model::clock::Clock as _;

use crate::arena::refusal::refused;
use crate::harness::{InProcess, PASSWORD, Server};

const DAY: Duration = Duration::from_hours(24);

/// The token in a link's URL, its last part.
fn token(url: &str) -> &str {
    let (page, token) = url.split_once("/magic-login/?sst=").unwrap();
    assert!(page.starts_with("http://127.0.0.1:"), "{page}");
    token
}

/// True where neither looking nor redeeming works, and both say so in the one way.
async fn is_dead(server: &InProcess, token: &str) -> bool {
    refused(&server.calls().await.peek(token).await, "LINK_INVALID")
        && refused(&server.calls().await.redeem_link(token, "").await, "LINK_INVALID")
}

#[tokio::test]
async fn a_link_opens_one_session_for_its_dataset() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let link = admin.make_link("Visitor", "dataset-1").await.unwrap();
    let token = token(&link.single_use_url);
    for _ in 0..5 {
        assert_eq!(server.calls().await.peek(token).await.unwrap().dataset_id, "dataset-1");
    }
    let redeemed = server.calls().await.redeem_link(token, "").await.unwrap();
    assert_eq!(redeemed.dataset_id, "dataset-1");
    assert!(is_dead(&server, token).await);
    let tokens = redeemed.tokens.unwrap();
    let verdict = admin.verdict(&tokens, "dataset-1").await;
    assert!(verdict.active);
    assert_eq!((verdict.username.as_str(), verdict.dataset_id.as_str()), ("guest:Visitor", "dataset-1"));
    for elsewhere in ["", "dataset-2", "Dataset-1", "dataset-1 "] {
        assert!(!admin.verdict(&tokens, elsewhere).await.active, "{elsewhere:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let link = admin.make_link("visitor", "d").await.unwrap();
    let token = token(&link.single_use_url);
    let (mine, other) = ("6b29fc40-ca47-4067-b31d-00dd010662da", "6b29fc40-ca47-4067-b31d-00dd010662db");
    let first = server.calls().await.redeem_link(token, mine).await.unwrap().tokens.unwrap();
    server.clock.advance(Duration::from_secs(59));
    let again = server.calls().await.redeem_link(token, mine).await.unwrap().tokens.unwrap();
    assert_eq!((&first.session_id, &first.refresh_token), (&again.session_id, &again.refresh_token));
    assert!(refused(&server.calls().await.redeem_link(token, other).await, "LINK_INVALID"));
    server.calls().await.refresh(&again.refresh_token).await.unwrap();
    assert!(refused(&server.calls().await.redeem_link(token, mine).await, "LINK_INVALID"), "its refresh token is in use");
    assert!(refused(&server.calls().await.redeem_link(token, "no-uuid").await, "VALIDATION_FAILED"));
    server.stop().await;
}

/// E17: by the clock, at most an hour as it is set here.
#[tokio::test]
async fn a_link_dies_when_its_time_is_over() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let link = admin.make_link("visitor", "d").await.unwrap();
    let ttl = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let request = GenerateSingleUseRequest { username: "visitor".into(), dataset_id: "d".into(), ttl };
    let brief = server.auth().await.generate_single_use(admin.request(request.clone())).await.unwrap().into_inner();
    let ttl = Some(prost_types::Duration { seconds: 2 * 3600, nanos: 0 });
    let cut = GenerateSingleUseRequest { ttl, ..request.clone() };
    let cut = server.auth().await.generate_single_use(admin.request(cut)).await.unwrap().into_inner();
    assert_eq!(cut.expire_time.unwrap().seconds, link.expire_time.unwrap().seconds);
    let negative = GenerateSingleUseRequest { ttl: Some(prost_types::Duration { seconds: -1, nanos: 0 }), ..request };
    let refusal = server.auth().await.generate_single_use(admin.request(negative)).await;
    assert!(refused(&refusal, "VALIDATION_FAILED"));

    server.clock.advance(Duration::from_secs(59));
    assert!(server.calls().await.peek(token(&brief.single_use_url)).await.is_ok());
    server.clock.advance(Duration::from_secs(1));
    assert!(is_dead(&server, token(&brief.single_use_url)).await);
    server.clock.advance(Duration::from_secs(3539));
    assert!(server.calls().await.peek(token(&link.single_use_url)).await.is_ok());
    server.clock.advance(Duration::from_secs(1));
    assert!(is_dead(&server, token(&link.single_use_url)).await);
    server.clock.advance(Duration::from_secs(1));
    assert!(is_dead(&server, token(&link.single_use_url)).await);
    server.stop().await;
}

/// E17: seven days are the most that the setting takes, and the end of the link and of what it opened.
#[tokio::test]
async fn nothing_of_a_link_is_left_after_seven_days() {
    let server = InProcess::start_with(&[("SESAME_MAX_AGE", "604800"), ("SESAME_ONE_TIME", "false")]).await;
    let admin = server.admin().await;
    let made = server.clock.now();
    let link = admin.make_link("visitor", "d").await.unwrap();
    let end = i64::try_from(made.plus(7 * DAY).secs()).unwrap();
    assert_eq!(link.expire_time.unwrap().seconds, end);
    let token = token(&link.single_use_url);
    server.clock.advance(6 * DAY + DAY / 2);
    let late = server.calls().await.redeem_link(token, "").await.unwrap().tokens.unwrap();
    assert_eq!(late.session_expire_time.unwrap().seconds, end);
    let refreshed = server.calls().await.refresh(&late.refresh_token).await.unwrap();
    assert_eq!(refreshed.session_expire_time.unwrap().seconds, end);
    server.clock.advance(DAY / 2);
    assert!(is_dead(&server, token).await);
    assert!(server.calls().await.refresh(&refreshed.refresh_token).await.is_err());
    server.stop().await;
}

/// E17: who may.
#[tokio::test]
async fn only_staff_and_superusers_make_links() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let staff = admin.person("sam", &["staff"]).await;
    let plain = admin.person("pat", &[]).await;
    assert!(admin.make_link("visitor", "d").await.is_ok());
    assert!(staff.make_link("visitor", "d").await.is_ok());
    assert!(refused(&plain.make_link("visitor", "d").await, "PERMISSION_DENIED"));
    let script = staff.bearing(staff.exchange(&staff.key().await).await.unwrap());
    assert!(script.make_link("visitor", "d").await.is_ok(), "staff scripts may");
    let nobody = GenerateSingleUseRequest { username: "visitor".into(), dataset_id: "d".into(), ttl: None };
    assert!(refused(&server.auth().await.generate_single_use(nobody).await, "TOKEN_INVALID"));
    server.stop().await;
}

/// E17: `username` is a guest's name and nobody else's.
#[tokio::test]
async fn the_name_of_an_account_is_no_way_into_it() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let own = admin.verdict(&admin.tokens, "").await;
    for name in ["admin", "ADMIN"] {
        let link = admin.make_link(name, "d").await.unwrap();
        let tokens = server.calls().await.redeem_link(token(&link.single_use_url), "").await.unwrap().tokens.unwrap();
        assert!(!admin.verdict(&tokens, "").await.active, "no service that never heard of guests takes it");
        let verdict = admin.verdict(&tokens, "d").await;
        assert_eq!(verdict.username, format!("guest:{name}"));
        assert_ne!(verdict.subject, own.subject);
        assert!(verdict.roles.is_empty());
        let guest = server.calls().await.bearing(tokens);
        let as_admin = CreateUserRequest { username: "eve".into(), password: PASSWORD.into(), ..CreateUserRequest::default() };
        assert!(refused(&server.calls().await.administration().create_user(guest.request(as_admin)).await, "GUEST_NOT_ALLOWED"));
    }
    for name in ["guest:admin", "", "a b", "admin\n"] {
        assert!(refused(&admin.make_link(name, "d").await, "VALIDATION_FAILED"), "{name:?}");
    }
    server.stop().await;
}

/// E17: tokens are random, and what rests of one is of no use.
#[tokio::test]
async fn a_link_is_random_and_rests_as_a_hash() {
    use base64::Engine as _;
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut seen = BTreeSet::new();
    for _ in 0..50 {
        let link = admin.make_link("visitor", "d").await.unwrap();
        assert!(seen.insert(token(&link.single_use_url).to_owned()));
    }
    let directory = server.data_dir().to_owned();
    let kept = tempfile::tempdir().unwrap();
    for entry in walk(&directory) {
        std::fs::copy(&entry, kept.path().join(entry.file_name().unwrap())).unwrap();
    }
    let log = server.stop().await.stderr;
    for token in &seen {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.strip_prefix("csl_").unwrap()).unwrap();
        assert!(!log.contains(token.as_str()));
        // Version, the link's id, 16 random bytes, the MAC.
        let random = &bytes[17..33];
        for file in walk(kept.path()) {
            let content = std::fs::read(&file).unwrap();
            let found = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
            assert!(!found(token.as_bytes()) && !found(random), "{}", file.display());
        }
    }
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// E18: a guest can refresh and log out; that it can do nothing else is `tokens::callers`.
#[tokio::test]
async fn a_guest_can_refresh_and_log_out() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    admin.person("pat", &[]).await;
    let link = admin.make_link("visitor", "d").await.unwrap();
    let guest = server
        .calls()
        .await
        .bearing(server.calls().await.redeem_link(token(&link.single_use_url), "").await.unwrap().tokens.unwrap());

    let refreshed = server.calls().await.refresh(&guest.tokens.refresh_token).await.unwrap();
    assert!(!admin.verdict(&refreshed, "").await.active, "and refreshes into nothing more");
    let verdict = admin.verdict(&refreshed, "d").await;
    assert!(verdict.active && verdict.roles.is_empty() && verdict.username == "guest:visitor");
    let guest = server.calls().await.bearing(refreshed);
    assert!(server.auth().await.logout(guest.request(LogoutRequest {})).await.unwrap().into_inner().revision > 0);
    assert!(!admin.verdict(&guest.tokens, "d").await.active);
    assert!(server.calls().await.refresh(&guest.tokens.refresh_token).await.is_err());
    server.stop().await;
}

/// F10: staff who are being stopped make links up to that moment and none after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_who_were_stopped_make_no_link() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    for round in 0..20 {
        let name = format!("sam-{round}");
        let staff = admin.person(&name, &["staff"]).await;
        let first = admin.make_link("visitor", "d");
        let (stopped, made, also, _) =
            tokio::join!(admin.disable(&name), staff.make_link("visitor", "d"), staff.make_link("visitor", "d"), first);
        stopped.unwrap();
        for outcome in [made, also] {
            assert!(outcome.is_ok() || refused(&outcome, "TOKEN_INVALID"), "{outcome:?}");
        }
        assert!(refused(&staff.make_link("visitor", "d").await, "TOKEN_INVALID"), "round {round}");
    }
    server.stop().await;
}

/// Each field past its limit is named, before anything is done.
#[tokio::test]
async fn fields_have_their_limits() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    for (name, dataset) in
        [("n".repeat(64), "d".to_owned()), ("visitor".to_owned(), "d".repeat(257)), ("visitor".to_owned(), String::new())]
    {
        assert!(refused(&admin.make_link(&name, &dataset).await, "VALIDATION_FAILED"));
    }
    for token in [String::new(), "t".repeat(513)] {
        assert!(refused(&server.calls().await.peek(&token).await, "VALIDATION_FAILED"));
        assert!(refused(&server.calls().await.redeem_link(&token, "").await, "VALIDATION_FAILED"));
    }
    for token in ["junk", "csl_", "csr_AAAA", "csl_\0", "\u{1f980}"] {
        assert!(is_dead(&server, token).await, "{token:?}");
    }
    server.stop().await;
}
