//! Settings that mean something else than they say: each is refused, or told in one line.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::config::{Settings, table};
use countersign::grpc::pb::RefreshRequest;
use serde_json::json;

use crate::arena::refusal::told;
use crate::harness::{ADMIN_PASSWORD, Server, Setup, command};

const README: &str = include_str!("../../README.md");

/// The lines of a log that hold `part`.
fn lines<'l>(log: &'l str, part: &str) -> Vec<&'l str> {
    log.lines().filter(|line| line.contains(part)).collect()
}

/// A file that only its owner may read.
fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

fn claims(access_token: &str) -> serde_json::Value {
    let body = access_token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[tokio::test]
async fn a_path_that_was_not_meant_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    for path in ["~/data", "$HOME/data", &format!("'{at}/data'"), &format!("{at}/data "), &format!("{at}/da\tta"), " x"] {
        for setting in ["COUNTERSIGN_DATA_DIR", "COUNTERSIGN_KEK_FILE", "COUNTERSIGN_CONFIG", "COUNTERSIGN_ADMIN_PASSWORD_FILE"] {
            let stopped = Setup::new().env(setting, path).data_dir(&folder.path().join("data")).fail().await;
            assert_eq!(stopped.status.code(), Some(1), "{stopped:#?}");
            assert!(stopped.last_line().contains(setting) && stopped.last_line().contains("written out"), "{stopped:#?}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let ran = command(&["login", "admin", "--ca", "~/ca.pem"], &[], "").await;
    assert!(ran.code == 2 && ran.stderr.contains("written out"), "{ran:?}");
}

#[tokio::test]
async fn a_new_store_says_its_absolute_path() {
    let server = Server::start().await;
    let path = server.data_dir().canonicalize().unwrap().display().to_string();
    server.logged(&format!("made a new store in {path}")).await;
    server.stop().await;
}

#[tokio::test]
async fn a_level_that_is_none_and_a_variable_that_is_none_are_named() {
    let stopped = Setup::new().env("COUNTERSIGN_LOG", "warning").fail().await;
    assert!(stopped.last_line().contains("COUNTERSIGN_LOG") && stopped.last_line().contains("\"warning\""), "{stopped:#?}");
    let unknown = [("COUNTERSIGN_DATADIR", "/x"), ("COUNTERSIGN_TLS_KEYFILE", "/y")];
    let others = [
        ("COUNTERSIGN_SERVER", "x"),
        ("COUNTERSIGN_TOKEN", "x"),
        ("COUNTERSIGN_PORT", "tcp://10.0.0.1:50051"),
        ("COUNTERSIGN_PORT_50051_TCP_ADDR", "10.0.0.1"),
        ("COUNTERSIGN_SERVICE_HOST", "10.0.0.1"),
    ];
    let server = Setup::new().envs(&unknown).envs(&others).start().await;
    server.logged("health is Serving").await;
    let log = server.log();
    let [line] = lines(&log, "is no setting")[..] else { panic!("{log}") };
    assert!(line.contains("WARN") && line.ends_with("COUNTERSIGN_DATADIR, COUNTERSIGN_TLS_KEYFILE"), "{line}");
    server.stop().await;
}

#[test]
fn the_example_of_the_readme_is_read() {
    let (_, rest) = README.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The files of its secrets are this test's.
    let secret = file(folder.path(), "secret", STANDARD.encode([1; 32]));
    let example: String = example
        .lines()
        .map(|line| {
            if line.contains("/run/secrets/") {
                format!("{} = '{secret}'\n", line.split(' ').next().unwrap())
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let path = file(folder.path(), "countersign.toml", &example);
    let environment = BTreeMap::from([("COUNTERSIGN_CONFIG".to_owned(), path)]);
    let settings = Settings::read(&BTreeMap::new(), &environment).unwrap();
    assert_eq!(settings.listen.to_string(), "0.0.0.0:50051");
    assert_eq!(settings.data_dir, Path::new("/var/lib/countersign"));
    assert_eq!(
        (settings.public_url.as_deref(), settings.audience.as_deref()),
        (Some("https://auth.example.org"), Some("https://api.example.org"))
    );
    assert!(settings.kek.is_some() && settings.admin_password.is_some() && settings.tls.is_some() && !settings.reflection);
    assert_eq!((settings.max_connections, settings.links.max_age.as_secs()), (20_000, 900));
    for line in example.lines() {
        let key = line.split(" = ").next().unwrap();
        assert!(table::ALL.iter().any(|setting| setting.key() == key), "{key}");
    }
}

#[tokio::test]
async fn a_secret_that_nobody_could_type_founds_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let setup = || Setup::new().data_dir(&data).env("COUNTERSIGN_ADMIN_PASSWORD", "");
    for (content, part) in [
        ("a file's own saxophone\n\n", "more than one line"),
        (" a file's own saxophone", "white space"),
        ("a file's own saxophone \n", "white space"),
        ("\u{feff}a file's own saxophone\n", "byte order mark"),
        ("a file's own\0saxophone\n", "NUL"),
        ("a file's own\tsaxophone\n", "control character"),
    ] {
        let path = file(folder.path(), "password", content);
        let stopped = setup().env("COUNTERSIGN_ADMIN_PASSWORD_FILE", &path).fail().await;
        assert!(stopped.last_line().contains("COUNTERSIGN_ADMIN_PASSWORD") && stopped.last_line().contains(part), "{stopped:#?}");
        assert!(!stopped.stderr.contains("saxophone"), "{stopped:#?}");
    }
    let kek = file(folder.path(), "kek", format!("{} \n", STANDARD.encode([1; 32])));
    let stopped = Setup::new().data_dir(&data).env("COUNTERSIGN_KEK_FILE", &kek).fail().await;
    assert!(stopped.last_line().contains("COUNTERSIGN_KEK_FILE") && stopped.last_line().contains("white space"), "{stopped:#?}");
    let endless = setup().env("COUNTERSIGN_ADMIN_PASSWORD_FILE", "/dev/zero").fail().await;
    assert!(endless.last_line().contains("more than 65536 bytes"), "{endless:#?}");

    // One line end is nobody's, from a variable too, at the server and at the command.
    let server = setup().env("COUNTERSIGN_ADMIN_PASSWORD", "a variable's saxophone\n").start().await;
    let url = server.url();
    for given in ["a variable's saxophone", "a variable's saxophone\n"] {
        let environment = [("COUNTERSIGN_SERVER", url.as_str()), ("COUNTERSIGN_PASSWORD", given)];
        let ran = command(&["login", "admin"], &environment, "").await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_secret_that_others_can_read_draws_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let password = file(folder.path(), "password", "a file's own saxophone\n");
    let setup = || Setup::new().env("COUNTERSIGN_ADMIN_PASSWORD", "").env("COUNTERSIGN_ADMIN_PASSWORD_FILE", &password);
    for (mode, warnings) in [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)] {
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(mode)).unwrap();
        let server = setup().start().await;
        server.logged("health is Serving").await;
        let log = server.log();
        assert_eq!(lines(&log, "can be read by others").len(), warnings, "{mode:o}: {log}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_second_key_is_refused_also_where_the_store_began_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let kek = |byte: u8| file(folder.path(), &format!("kek-{byte}"), STANDARD.encode([byte; 32]));
    let setup = |kek: &str| Setup::new().data_dir(&data).env("COUNTERSIGN_KEK_FILE", kek);
    setup("").start().await.stop().await;
    let server = setup(&kek(1)).start().await;
    server.calls().await.bearing(server.login_admin().await).enroll().await.unwrap();
    server.stop().await;
    for (other, part) in [(kek(2), "not the key-encryption key"), (String::new(), "is sealed")] {
        let stopped = setup(&other).fail().await;
        assert_eq!(stopped.status.code(), Some(1));
        assert!(stopped.last_line().contains("COUNTERSIGN_KEK_FILE") && stopped.last_line().contains(part), "{stopped:#?}");
    }
    let server = setup(&kek(1)).start().await;
    server.login_admin().await;
    server.logged("made without a key-encryption key").await;
    server.stop().await;
}

#[tokio::test]
async fn what_counts_once_or_ends_every_token_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let setup = || Setup::new().data_dir(&data).env("COUNTERSIGN_ADMIN_PASSWORD", "");
    let first = Setup::new().data_dir(&data).env("COUNTERSIGN_PUBLIC_URL", "https://one.example");
    let server = first.env("COUNTERSIGN_AUDIENCE", "https://a.example").start().await;
    server.logged("health is Serving").await;
    for part in ["COUNTERSIGN_PUBLIC_URL", "COUNTERSIGN_AUDIENCE", "COUNTERSIGN_ADMIN_PASSWORD"] {
        assert_eq!(lines(&server.log(), part), Vec::<&str>::new());
    }
    let tokens = server.login_admin().await;
    server.stop().await;

    let changed = setup().env("COUNTERSIGN_PUBLIC_URL", "https://two.example").env("COUNTERSIGN_AUDIENCE", "https://b.example");
    let server = changed.env("COUNTERSIGN_ADMIN_PASSWORD", "another password, never used").start().await;
    server.logged("health is Serving").await;
    let log = server.log();
    for (setting, level, parts) in [
        ("COUNTERSIGN_PUBLIC_URL", "WARN", &["https://one.example", "https://two.example", "countersign issuer set"][..]),
        ("COUNTERSIGN_AUDIENCE", "WARN", &["https://a.example", "https://b.example"]),
        ("COUNTERSIGN_ADMIN_PASSWORD", "INFO", &["first start only"]),
    ] {
        let [line] = lines(&log, setting)[..] else { panic!("{setting}: {log}") };
        assert!(line.contains(level) && parts.iter().all(|part| line.contains(part)), "{line}");
    }
    assert!(server.try_login("admin", "another password, never used").await.is_err());
    let asker = server.login_admin().await;
    assert!(!server.calls().await.bearing(asker).active(&tokens.access_token).await, "the audience ended it");
    server.stop().await;

    // As at the last start: not a word.
    let server = setup()
        .env("COUNTERSIGN_PUBLIC_URL", "https://one.example")
        .env("COUNTERSIGN_AUDIENCE", "https://b.example")
        .start()
        .await;
    server.logged("health is Serving").await;
    assert_eq!(lines(&server.log(), "COUNTERSIGN_AUDIENCE"), Vec::<&str>::new());
    server.stop().await;
}

#[tokio::test]
async fn the_issuer_changes_by_command_and_every_token_ends() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let kek = file(folder.path(), "kek", STANDARD.encode([1; 32]));
    let setup = || Setup::new().data_dir(&data).env("COUNTERSIGN_KEK_FILE", &kek);
    let set = async |url: &str, environment: &[(&str, &str)]| {
        command(&["issuer", "set", url, "--data-dir", data.to_str().unwrap(), "--json"], environment, "").await
    };
    let own = [("COUNTERSIGN_KEK_FILE", kek.as_str())];
    let nothing = set("https://two.example", &own).await;
    assert!(nothing.code == 1 && nothing.stderr.contains("there is no store"), "{nothing:?}");
    assert!(!data.exists());

    let server = setup().env("COUNTERSIGN_PUBLIC_URL", "https://one.example").start().await;
    let tokens = server.login_admin().await;
    let busy = set("https://two.example", &own).await;
    assert!(busy.code == 1 && busy.stderr.contains("in use"), "{busy:?}");
    server.stop().await;
    let keyless = set("https://two.example", &[]).await;
    assert!(keyless.code == 1 && keyless.stderr.contains("COUNTERSIGN_KEK_FILE"), "{keyless:?}");
    assert_eq!(set("two.example", &own).await.code, 2);

    // There and back again: what was signed before stays dead.
    for (to, from) in [("https://two.example", "https://one.example"), ("https://one.example", "https://two.example")] {
        let ran = set(to, &own).await;
        assert_eq!(ran.json(), json!({ "issuer": to, "previous_issuer": from }), "{ran:?}");
    }
    let same = command(&["issuer", "set", "https://one.example", "--data-dir", data.to_str().unwrap()], &own, "").await;
    assert!(same.code == 0 && same.stdout.contains("nothing was changed"), "{same:?}");

    let server = setup().env("COUNTERSIGN_PUBLIC_URL", "https://one.example").start().await;
    let again = server.login_admin().await;
    assert_eq!(claims(&again.access_token)["iss"], json!("https://one.example"));
    let calls = server.calls().await.bearing(again.clone());
    assert!(calls.active(&again.access_token).await && !calls.active(&tokens.access_token).await);
    let request = RefreshRequest { refresh_token: tokens.refresh_token.clone(), ..RefreshRequest::default() };
    assert_eq!(told(&server.auth().await.refresh(request).await.unwrap_err()).1, "REFRESH_INVALID");
    server.stop().await;

    let text = command(&["issuer", "set", "https://two.example", "--data-dir", data.to_str().unwrap()], &own, "").await;
    assert!(text.stdout.contains("every access and refresh token of before has ended"), "{text:?}");
}

/// D2: a misspelt variable is named once, by whichever command would have read it.
#[tokio::test]
async fn every_command_names_what_is_no_setting_once() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let unknown = [("COUNTERSIGN_SERVR", "x"), ("COUNTERSIGN_KEKFILE", "/y"), ("COUNTERSIGN_TOKEN", "x")];
    let none = none.to_str().unwrap();
    let offline = [&["issuer", "set", "https://two.example", "--data-dir", none][..], &["recover", "clock", "--data-dir", none]];
    for words in offline.into_iter().chain([&["logout-user", "pat"][..]]) {
        let ran = command(words, &unknown, "").await;
        let [line] = lines(&ran.stderr, "is no setting")[..] else { panic!("{words:?}: {ran:?}") };
        assert!(line.ends_with("COUNTERSIGN_KEKFILE, COUNTERSIGN_SERVR"), "{line}");
        let quiet = command(words, &unknown[2..], "").await;
        assert_eq!(lines(&quiet.stderr, "is no setting"), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn the_commands_take_a_host_and_its_port() {
    let server = Server::start().await;
    for given in [server.address().to_string(), server.url(), format!("localhost:{}", server.address().port())] {
        let ran = command(&["login", "admin"], &[("COUNTERSIGN_SERVER", &given)], ADMIN_PASSWORD).await;
        assert_eq!(ran.code, 0, "{given}: {ran:?}");
    }
    for bad in ["localhost", "nonsense here:1"] {
        let ran = command(&["login", "admin"], &[("COUNTERSIGN_SERVER", bad)], ADMIN_PASSWORD).await;
        assert!(ran.code == 2 && ran.stderr.contains("HOST:PORT"), "{bad}: {ran:?}");
    }
    server.stop().await;
}
