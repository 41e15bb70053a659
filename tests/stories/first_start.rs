//! The first start of a server, the ones after it, and the ones that must not be.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::grpc::pb::{GetJwksRequest, GetJwksResponse};
use tonic::Code;

use crate::arena::refusal::told;
use crate::harness::{ADMIN_PASSWORD, Server, Setup, Stopped};

/// The start ended with exit code 1 and one plain sentence that says all of `parts`.
fn assert_refused(stopped: &Stopped, parts: &[&str]) {
    assert_eq!(stopped.status.code(), Some(1), "{stopped:#?}");
    let line = stopped.last_line();
    assert!(line.starts_with("countersign: "), "{stopped:#?}");
    for part in parts {
        assert!(line.contains(part), "{part:?} is missing in {line:?}");
    }
    assert!(!stopped.stderr.contains("panicked") && !line.contains("src/"), "{stopped:#?}");
    assert!(!stopped.stdout.contains("listening on"), "{stopped:#?}");
}

/// The claims of a token, unchecked.
fn claims(access_token: &str) -> serde_json::Value {
    let body = access_token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

async fn jwks(server: &Server) -> GetJwksResponse {
    server.calls().await.tokens().get_jwks(GetJwksRequest {}).await.unwrap().into_inner()
}

#[tokio::test]
async fn the_given_password_is_the_admins_and_there_is_no_default_one() {
    let server = Server::start().await;
    assert_ne!(server.address().port(), 0);
    let tokens = server.login_admin().await;
    assert_eq!(claims(&tokens.access_token)["roles"], serde_json::json!(["superuser"]));
    for guess in ["admin", "password", "countersign", "changeme", ""] {
        let refused = server.try_login("admin", guess).await.unwrap_err();
        let expected = if guess.is_empty() { "VALIDATION_FAILED" } else { "INVALID_CREDENTIALS" };
        assert_eq!(told(&refused).1, expected, "{guess:?}");
    }
    assert!(!server.data_dir().join("admin-password").exists());
    let stopped = server.stop().await;
    assert_eq!(stopped.status.code(), Some(0), "{stopped:#?}");
    assert!(!stopped.stderr.contains(ADMIN_PASSWORD) && !stopped.stdout.contains(ADMIN_PASSWORD));
}

#[tokio::test]
async fn without_one_a_random_password_goes_where_only_the_owner_looks() {
    let server = Setup::new().env("COUNTERSIGN_ADMIN_PASSWORD", "").start().await;
    let path = server.data_dir().join("admin-password");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let password = text.trim_end();
    assert!(password.len() >= 24);
    server.try_login("admin", password).await.unwrap();
    assert!(server.log().contains("admin-password"), "{}", server.log());
    assert!(!server.log().contains(password));
    server.stop().await;
}

#[tokio::test]
async fn a_password_may_come_in_a_file_and_must_be_long_enough() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "a file's own saxophone\n").unwrap();
    let file = file.display().to_string();
    let setup = || Setup::new().env("COUNTERSIGN_ADMIN_PASSWORD", "");
    let server = setup().env("COUNTERSIGN_ADMIN_PASSWORD_FILE", &file).start().await;
    server.try_login("admin", "a file's own saxophone").await.unwrap();
    server.stop().await;

    let data = folder.path().join("data");
    let stopped = setup().env("COUNTERSIGN_ADMIN_PASSWORD", "xylophone-4711").data_dir(&data).fail().await;
    assert_refused(&stopped, &["COUNTERSIGN_ADMIN_PASSWORD", "at least 15 characters"]);
    assert!(!stopped.stderr.contains("xylophone"));
    // What failed is no store that somebody else's password opens: the next start is a first one again.
    let server = Setup::new().data_dir(&data).start().await;
    server.login_admin().await;
    server.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_issuer_keys_users_and_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let setup = || Setup::new().data_dir(&data);
    let server = setup().start().await;
    let issuer = server.url();
    let tokens = server.login_admin().await;
    let keys = jwks(&server).await;
    assert_eq!(claims(&tokens.access_token)["iss"], serde_json::json!(issuer));
    assert_eq!(claims(&tokens.access_token)["aud"], serde_json::json!(issuer));
    assert_eq!(server.stop().await.status.code(), Some(0));

    // Another port, another public URL, another password: what was founded stays.
    let server =
        setup().env("COUNTERSIGN_ADMIN_PASSWORD", "").env("COUNTERSIGN_PUBLIC_URL", "https://auth.example.org").start().await;
    assert_eq!(jwks(&server).await, keys);
    assert!(server.calls().await.bearing(tokens.clone()).active(&tokens.access_token).await);
    let again = server.login_admin().await;
    assert_eq!(claims(&again.access_token)["iss"], serde_json::json!(issuer));
    assert!(!data.join("admin-password").exists());
    server.stop().await;
}

/// New stores sign with ES256. One that exists keeps its own algorithm, without a word unless somebody set another.
#[tokio::test]
async fn tokens_are_signed_with_es256_unless_the_directory_or_its_founder_says_otherwise() {
    async fn algorithm(server: &Server) -> String {
        let token = server.login_admin().await.access_token;
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header["alg"], jwks(server).await.keys[0].alg);
        header["alg"].as_str().unwrap().to_owned()
    }
    let folder = tempfile::tempdir().unwrap();
    let setup = |name: &str| Setup::new().data_dir(&folder.path().join(name));
    let server = setup("new").start().await;
    assert_eq!(algorithm(&server).await, "ES256");
    server.stop().await;
    for set in ["EdDSA", "RS256"] {
        let server = setup(set).env("COUNTERSIGN_SIGNING_ALGORITHM", set).start().await;
        assert_eq!(algorithm(&server).await, set);
        server.stop().await;
    }
    for (again, told) in [("", false), ("EdDSA", false), ("ES256", true)] {
        let server = setup("EdDSA").env("COUNTERSIGN_SIGNING_ALGORITHM", again).start().await;
        assert_eq!(algorithm(&server).await, "EdDSA", "{again}");
        assert_eq!(server.log().contains("COUNTERSIGN_SIGNING_ALGORITHM is ES256, and"), told, "{again}: {}", server.log());
        assert_eq!(server.log().contains("SIGNING_ALGORITHM"), told, "{again}: {}", server.log());
        server.stop().await;
    }
}

#[tokio::test]
async fn a_sealed_directory_opens_with_its_own_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str, byte: u8| {
        let path = folder.path().join(name);
        std::fs::write(&path, STANDARD.encode([byte; 32])).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let (right, wrong) = (key("right", 1), key("wrong", 2));
    let data = folder.path().join("data");
    let setup = |kek: &str| Setup::new().data_dir(&data).env("COUNTERSIGN_KEK_FILE", kek);
    let server = setup(&right).start().await;
    let tokens = server.login_admin().await;
    assert!(!server.log().contains("COUNTERSIGN_KEK_FILE"), "{}", server.log());
    server.stop().await;

    assert_refused(&setup(&wrong).fail().await, &["COUNTERSIGN_KEK_FILE", "not the key-encryption key"]);
    assert_refused(&setup("").fail().await, &["COUNTERSIGN_KEK_FILE", "sealed", "name the file"]);
    let server = setup(&right).start().await;
    assert!(server.calls().await.bearing(tokens.clone()).active(&tokens.access_token).await);
    server.stop().await;

    let short = folder.path().join("short");
    std::fs::write(&short, "c2hvcnQ=").unwrap();
    let fresh = Setup::new().env("COUNTERSIGN_KEK_FILE", &short.display().to_string());
    assert_refused(&fresh.fail().await, &["COUNTERSIGN_KEK_FILE", "32 bytes in base64"]);
}

#[tokio::test]
async fn a_key_that_comes_later_says_what_it_does_not_seal() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Setup::new().data_dir(&data).start().await.stop().await;
    let kek = folder.path().join("kek");
    std::fs::write(&kek, STANDARD.encode([1; 32])).unwrap();
    let server = Setup::new().data_dir(&data).env("COUNTERSIGN_KEK_FILE", &kek.display().to_string()).start().await;
    assert!(server.log().contains("made without a key-encryption key"), "{}", server.log());
    server.login_admin().await;
    server.stop().await;
}

#[tokio::test]
async fn without_a_key_one_line_says_what_lies_open() {
    let server = Server::start().await;
    let log = server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("COUNTERSIGN_KEK_FILE")).collect();
    let [line] = lines.as_slice() else { panic!("{log}") };
    for what in ["signing keys", "server keys", "one-time codes"] {
        assert!(line.contains(what), "{line}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_busy_port_ends_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stopped = Setup::new().env("COUNTERSIGN_LISTEN", &address).fail().await;
    assert_refused(&stopped, &["cannot listen on", &address, "COUNTERSIGN_LISTEN"]);
}

#[tokio::test]
async fn a_directory_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let stopped = Setup::new().data_dir(folder.path()).fail().await;
    assert_refused(&stopped, &["is not empty", "thesis.txt"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("thesis.txt")).unwrap(), "years of work");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let file = folder.path().join("thesis.txt");
    assert_refused(&Setup::new().data_dir(&file).fail().await, &["is not a directory"]);
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Setup::new().data_dir(&data).start().await;
    assert_refused(&Setup::new().data_dir(&data).fail().await, &["in use by another process"]);
    first.login_admin().await;
    first.kill().await;
    // A lock does not outlive its process.
    let next = Setup::new().data_dir(&data).start().await;
    next.login_admin().await;
    next.stop().await;
}

#[tokio::test]
async fn every_bad_setting_is_named_at_once() {
    let bad = [("COUNTERSIGN_LISTEN", "everywhere"), ("COUNTERSIGN_HASH_PASSES", "0"), ("SESAME_MAX_AGE", "-1")];
    let stopped = Setup::new().envs(&bad).fail().await;
    assert_eq!(stopped.status.code(), Some(1), "{stopped:#?}");
    assert_eq!(stopped.stderr.lines().count(), 3, "{stopped:#?}");
    for (name, _) in bad {
        assert_eq!(stopped.stderr.matches(name).count(), 1, "{name}: {stopped:#?}");
    }
    let stopped = Setup::new().arg("--lisen").arg("x").fail().await;
    assert_eq!(stopped.status.code(), Some(2), "{stopped:#?}");
    let stopped = Setup::new().env("COUNTERSIGN_LISTEN", "0.0.0.0:0").fail().await;
    assert_eq!(stopped.status.code(), Some(1));
    assert!(stopped.stderr.contains("not a loopback address"), "{stopped:#?}");
}

#[tokio::test]
async fn flags_and_a_file_set_what_the_environment_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countersign.toml");
    std::fs::write(&file, "public_url = 'https://auth.example.org'\naudience = 'https://file.example.org'\n").unwrap();
    let server = Setup::new()
        .env("COUNTERSIGN_CONFIG", &file.display().to_string())
        .arg("--audience=https://flag.example.org")
        .start()
        .await;
    let claims = claims(&server.login_admin().await.access_token);
    assert_eq!(claims["iss"], serde_json::json!("https://auth.example.org"));
    assert_eq!(claims["aud"], serde_json::json!("https://flag.example.org"));
    server.stop().await;
}

#[tokio::test]
async fn a_stopped_server_answers_nobody() {
    let server = Server::start().await;
    let mut client = server.auth().await;
    let address = server.address();
    let stopped = server.stop().await;
    assert_eq!(stopped.status.code(), Some(0), "{stopped:#?}");
    assert!(std::net::TcpStream::connect(address).is_err());
    let refused = client.login(countersign::grpc::pb::LoginRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
}
