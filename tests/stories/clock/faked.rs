//! The real binary under libfaketime, which shows it a wall clock that the test sets. The time that has passed stays the machine's.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::grpc::pb;
use countersign::model::clock::{Clock as _, SystemClock};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::UNTRUSTED;
use crate::arena::refusal::told;
use crate::harness::{Calls, Key, PASSWORD, SOON, Server, Setup, command};

const THREE_DAYS: i64 = 3 * 86_400;

/// A wall clock for one process.
struct Faked {
    library: PathBuf,
    directory: TempDir,
}

impl Faked {
    /// One that is ahead of the machine's by so many seconds.
    fn ahead_by(seconds: i64) -> Self {
        let library =
            library().expect("libfaketime is not there: run `tools/install clock`, or install it with the system's packages");
        let faked = Self { library, directory: tempfile::tempdir().unwrap() };
        faked.set(seconds);
        faked
    }

    /// Is ahead by so many seconds from now on.
    fn set(&self, seconds: i64) {
        let fresh = self.directory.path().join("fresh");
        std::fs::write(&fresh, format!("{seconds:+}\n")).unwrap();
        // The process reads it at any moment, and reads all of it.
        std::fs::rename(fresh, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("offset")
    }

    fn setup(&self) -> Setup {
        let (library, file) = (self.library.display().to_string(), self.file().display().to_string());
        Setup::new().envs(&[
            ("LD_PRELOAD", &library),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_NO_CACHE", "1"),
            // By its name of 0.9.10 and by that of later ones.
            ("DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ])
    }
}

/// Where `tools/install clock` puts it, or the system's own.
fn library() -> Option<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/faketime/usr/lib");
    let places = [ours, PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")].into_iter().flat_map(|root| {
        let inside = std::fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path());
        std::iter::once(root).chain(inside).collect::<Vec<_>>()
    });
    places.map(|place| place.join("faketime/libfaketimeMT.so.1")).find(|library| library.is_file())
}

/// The health of a server, as it is told to who watches.
struct Health(Streaming<HealthCheckResponse>);

impl Health {
    async fn of(server: &Server) -> Self {
        let mut client = HealthClient::new(server.channel().await);
        Self(client.watch(HealthCheckRequest::default()).await.unwrap().into_inner())
    }

    async fn becomes(&mut self, expected: ServingStatus) {
        let wait = async { while self.0.message().await.unwrap().unwrap().status() != expected {} };
        timeout(Duration::from_mins(1), wait).await.unwrap_or_else(|_| panic!("within a minute it is {expected:?}"));
    }
}

/// What a token says.
fn claim(token: &str, name: &str) -> i64 {
    let body = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&body).unwrap()[name].as_i64().unwrap()
}

fn now() -> i64 {
    i64::try_from(SystemClock.now().secs()).unwrap()
}

/// Logs in, refreshes and exchanges a key, over and over, and tells what was answered.
fn load(
    calls: &Calls,
    key: &Key,
    stop: &CancellationToken,
) -> (JoinSet<()>, mpsc::UnboundedReceiver<Result<pb::TokenSet, Status>>) {
    let (answers, answered) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let (calls, stop, answers) = (Calls::on(calls.channel.clone()), stop.clone(), answers.clone());
        let key = Key { id: key.id.clone(), secret: key.secret.clone() };
        tasks.spawn(async move {
            let mut refresh = String::new();
            while !stop.is_cancelled() {
                let answer = match task {
                    0 => calls.try_log_in("admin", PASSWORD).await,
                    1 => calls.exchange(&key).await,
                    _ if refresh.is_empty() => calls.try_log_in("admin", PASSWORD).await,
                    _ => calls.refresh(&refresh).await,
                };
                if let (Ok(tokens), true) = (&answer, task > 1) {
                    refresh.clone_from(&tokens.refresh_token);
                }
                answers.send(answer).unwrap();
            }
        });
    }
    (tasks, answered)
}

#[tokio::test]
async fn three_days_ahead_for_two_seconds_under_load_leave_nothing_behind() {
    let clock = Faked::ahead_by(0);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = clock.setup().data_dir(&data).start().await;
    let before = server.admin().await;
    let mut health = Health::of(&server).await;
    health.becomes(ServingStatus::Serving).await;

    let stop = CancellationToken::new();
    let (tasks, mut answered) = load(&before, &before.key().await, &stop);
    let mut given: Vec<pb::TokenSet> = Vec::new();
    let mut refusals = 0;
    let mut note = |answer: Result<pb::TokenSet, Status>, given: &mut Vec<pb::TokenSet>| match answer {
        Ok(tokens) => given.push(tokens),
        Err(refused) => {
            assert_eq!(told(&refused).1, UNTRUSTED, "{refused:?}");
            refusals += 1;
        }
    };
    while given.len() < 100 {
        note(answered.recv().await.unwrap(), &mut given);
    }
    clock.set(THREE_DAYS);
    let set = Instant::now();
    while set.elapsed() < Duration::from_secs(2) {
        note(answered.recv().await.unwrap(), &mut given);
    }
    health.becomes(ServingStatus::NotServing).await;
    clock.set(0);
    health.becomes(ServingStatus::Serving).await;
    let so_far = given.len();
    while given.len() < so_far + 100 {
        note(answered.recv().await.unwrap(), &mut given);
    }
    stop.cancel();
    tasks.join_all().await;
    assert!(refusals > 0);

    let latest = now() + 5;
    for tokens in &given {
        assert!(claim(&tokens.access_token, "iat") <= latest, "{tokens:?}");
        assert!(claim(&tokens.access_token, "exp") <= latest + 3600, "{tokens:?}");
        assert!(tokens.session_expire_time.unwrap().seconds <= latest + 86_400, "{tokens:?}");
    }
    assert!(before.active(&given.last().unwrap().access_token).await);
    assert!(before.refresh(&before.tokens.refresh_token).await.is_ok(), "a session of before lives");
    drop(health);
    server.stop().await;

    // What is stored is not ahead either: by the machine's own clock it is served at once.
    let server = Setup::new().data_dir(&data).start().await;
    assert!(server.try_login("admin", PASSWORD).await.is_ok(), "{}", server.log());
    let log = server.stop().await.stderr;
    assert!(log.contains("the last commit was ") && log.contains(" ago"), "{log}");
}

#[tokio::test]
async fn started_behind_and_then_set_right_it_serves_again_by_itself() {
    let clock = Faked::ahead_by(0);
    let server = clock.setup().env("COUNTERSIGN_CLOCK_SETTLE_SECONDS", "3").start().await;
    let before = server.admin().await;
    let mut health = Health::of(&server).await;
    health.becomes(ServingStatus::Serving).await;
    clock.set(THREE_DAYS);
    health.becomes(ServingStatus::NotServing).await;
    let refused = before.try_log_in("admin", PASSWORD).await.unwrap_err();
    assert_eq!(told(&refused).1, UNTRUSTED, "{refused:?}");
    health.becomes(ServingStatus::Serving).await;
    let after = before.log_in("admin").await;
    assert!(claim(&after.access_token, "iat") >= now() + THREE_DAYS - 60);
    drop(health);
    server.stop().await;
}

#[tokio::test]
async fn started_ahead_used_and_then_set_right_it_names_the_command_that_mends_it() {
    let clock = Faked::ahead_by(THREE_DAYS);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = clock.setup().data_dir(&data).env("COUNTERSIGN_CLOCK_SETTLE_SECONDS", "1").start().await;
    let ahead = server.admin().await;
    let mut health = Health::of(&server).await;
    health.becomes(ServingStatus::Serving).await;
    clock.set(0);
    health.becomes(ServingStatus::NotServing).await;
    let refused = ahead.try_log_in("admin", PASSWORD).await.unwrap_err();
    assert!(told(&refused).1 == UNTRUSTED && refused.message().contains("`countersign recover clock`"), "{refused:?}");

    let path = data.display().to_string();
    let recover = ["recover", "clock", "--data-dir", &path, "--json"];
    let in_use = command(&recover, &[], "").await;
    assert!(in_use.code == 1 && in_use.stderr.contains("is in use"), "{in_use:?}");
    drop(health);
    let log = server.stop().await.stderr;
    let line = "the machine's clock is 3 days behind the last commit in the data directory";
    assert!(log.contains(line) && log.contains("which ends all sessions"), "{log}");
    let server = clock.setup().data_dir(&data).start().await;
    let refused = server.try_login("admin", PASSWORD).await.unwrap_err();
    assert_eq!(told(&refused).1, UNTRUSTED, "a restart does not help: {refused:?}");
    server.stop().await;

    let mended = command(&recover, &[], "").await;
    assert_eq!(mended.code, 0, "{mended:?}");
    assert!(
        mended.json()["set_back_seconds"].as_i64().is_some_and(|seconds| (THREE_DAYS - 60..=THREE_DAYS).contains(&seconds)),
        "{mended:?}"
    );
    assert_eq!(mended.json()["sessions_ended"], 1, "{mended:?}");
    let again = command(&recover, &[], "").await;
    assert_eq!((again.code, &again.json()["set_back_seconds"]), (0, &serde_json::json!(0)), "{again:?}");

    let server = Setup::new().data_dir(&data).start().await;
    let admin = server.admin().await;
    assert!(claim(&admin.tokens.access_token, "iat") <= now() + 5);
    assert!(!admin.active(&ahead.tokens.access_token).await);
    assert!(admin.refresh(&ahead.tokens.refresh_token).await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn a_new_store_does_not_begin_before_the_program_was_built() {
    let clock = Faked::ahead_by(-20 * 365 * 86_400);
    let stopped = clock.setup().fail().await;
    assert!(stopped.last_line().contains("the machine's clock shows a time before this program was built"), "{stopped:?}");
    assert_eq!(stopped.status.code(), Some(1));
}

#[tokio::test]
async fn recover_clock_finds_no_store_where_there_is_none_and_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nowhere").display().to_string();
    let ran = timeout(SOON, command(&["recover", "clock", "--data-dir", &path], &[], "")).await.unwrap();
    assert!(ran.code == 1 && ran.stderr.contains("there is no store in"), "{ran:?}");
    assert!(!Path::new(&path).exists());
}
