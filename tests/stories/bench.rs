//! An operator measures: `countersign bench` against servers of its own, against a running one, and against what is none.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use countersign::grpc::pb::LogoutUserRequest;

use crate::harness::{ADMIN_PASSWORD, CHEAP, SOON, Server, Setup, bearer, command};

/// As little as there is to measure.
const SHORT: [&str; 8] = ["--seconds", "0.2", "--users", "2", "--sessions", "4", "--in-flight", "8"];

fn bench(words: &[&str]) -> Vec<String> {
    let cheap = CHEAP.iter().flat_map(|(name, value)| ["--setting".to_owned(), format!("{name}={value}")]);
    let words = ["bench"].iter().chain(&SHORT).chain(words).map(|word| (*word).to_owned());
    words.chain(cheap).collect()
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["rows"].as_array().unwrap().iter().find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("no row {name}: {report:#}"))
}

#[tokio::test]
async fn every_rpc_is_driven_on_servers_of_its_own_and_nothing_is_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (scratch, file, chart) =
        (directory.path().join("scratch"), directory.path().join("b.json"), directory.path().join("b.svg"));
    std::fs::create_dir(&scratch).unwrap();
    let options = [("--json", &file), ("--svg", &chart), ("--scratch", &scratch)];
    let options: Vec<&str> = options.iter().flat_map(|(name, path)| [*name, path.to_str().unwrap()]).collect();
    let ran = command(&words(&bench(&options)), &[], "").await;
    assert_eq!(ran.code, 0, "{ran:?}");

    let report = json(&file);
    assert_eq!(report["ended"], Value::Null);
    let names: Vec<_> = report["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    assert!(names.len() == 16, "{names:?}");
    for name in names {
        let row = row(&report, &name);
        // How many calls a moment holds is the machine's; that they were driven and counted is ours.
        assert!(row["per_second"].is_number(), "{row:#}");
        assert_eq!(row["refused"], serde_json::json!({}), "{row:#}");
        assert!(ran.stdout.contains(&name));
    }
    assert!(row(&report, "VerifyToken, seen")["to_health"].as_f64().unwrap() > 0.0);
    assert!(report["facts"].as_array().unwrap().iter().any(|fact| fact["name"] == "PkeyJwt / Health/Check"));
    let svg = std::fs::read_to_string(&chart).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Refresh"));
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
}

#[tokio::test]
async fn a_running_server_is_measured_and_left_running() {
    let server = Server::start().await;
    let address = server.address().to_string();
    let options = bench(&["--server", &address, "--only", "verifytoken, seen", "--only", "refresh"]);
    let ran = command(&words(&options), &[("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD)], "").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Refresh") && !ran.stdout.contains("ceiling"), "{ran:?}");
    server.login_admin().await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_server_of_ours_is_named_in_a_sentence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let silent = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        // Hangs up after what was said to it.
        let _ = socket.read(&mut [0; 24]).await;
    });
    let secret = [("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD)];
    let ran = command(&["bench", "--server", &address], &secret, "").await;
    silent.await.unwrap();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.lines().last().unwrap().contains("is no countersign server"), "{ran:?}");

    let ran = command(&["bench", "--server", &address], &secret, "").await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.lines().last().unwrap().contains("cannot connect"), "{ran:?}");

    let ran = command(&["bench", "--server", "192.0.2.1:50051"], &secret, "").await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--allow-remote"), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_leaves_what_was_measured() {
    let server = Server::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let address = server.address().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["bench", "--server", &address, "--users", "2", "--sessions", "4", "--seconds", "0.2", "--json"])
        .arg(file.path())
        .env_clear()
        .env("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    while said.next_line().await.unwrap().expect("it goes on") != "Refresh" {}
    server.kill().await;
    let mut last = String::new();
    while let Some(line) = said.next_line().await.unwrap() {
        last = line;
    }
    let status = timeout(SOON, child.wait()).await.expect("it ends soon").unwrap();
    assert_eq!(status.code(), Some(1), "{last}");
    assert!(last.contains("went away"), "{last}");
    let report = json(file.path());
    assert!(report["ended"].is_string());
    assert!(row(&report, "VerifyToken, seen")["per_second"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn a_wrong_command_line_is_told() {
    for words in [&["bench", "--seconds", "0"][..], &["bench", "--in-flight", "100000"], &["bench", "--fill-only"]] {
        assert_eq!(command(words, &[], "").await.code, 2, "{words:?}");
    }
}

#[tokio::test]
async fn every_scenario_comes_to_its_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let json_option = ["--json", file.path().to_str().unwrap()];
    let scenarios: [(&[&str], &str); 5] = [
        (&["revocation"], "tokens active after LogoutUser's answer"),
        (&["start"], "idle memory after that"),
        (&["growth", "--most-sessions", "1000", "--rotations", "100"], "disk for each live session after 100 rotations"),
        (&["soak", "--minutes", "2"], "memory at the end / after the first round"),
        (&["flood"], "throughput of a saturating VerifyToken kept while 256 log in"),
    ];
    for (scenario, expected) in scenarios {
        let ran = command(&words(&bench(&[scenario, &json_option].concat())), &[], "").await;
        assert_eq!(ran.code, 0, "{scenario:?} {ran:?}");
        let report = json(file.path());
        assert_eq!(report["ended"], Value::Null, "{scenario:?}");
        assert!(report["facts"].as_array().unwrap().iter().any(|fact| fact["name"] == expected), "{report:#}");
    }
}

#[tokio::test]
async fn a_filled_directory_is_one_that_serve_opens() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("filled");
    let secret = [("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD)];
    let fill = ["bench", "--fill-only", "--data-dir", directory.to_str().unwrap(), "--users", "20", "--sessions", "60"];
    let ran = command(&fill, &secret, "").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let last_word = |line: &str| line.split_whitespace().last().unwrap().to_owned();
    let said: Vec<String> = ran.stdout.lines().map(last_word).collect();
    let [last_user, password] = said.as_slice() else { panic!("{ran:?}") };

    let server = Setup::new().data_dir(&directory).start().await;
    let tokens = server.try_login(last_user, password).await.unwrap();
    let admin = server.login_admin().await;
    let mut auth = server.auth().await;
    let request = LogoutUserRequest { username: last_user.clone() };
    let done = auth.logout_user(bearer(&admin.access_token, request)).await.unwrap().into_inner();
    assert_eq!(done.sessions_revoked, 3 + 1, "{}", tokens.session_id);
    server.stop().await;

    let ran = command(&fill, &secret, "").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.lines().last().unwrap().ends_with("only a new directory is filled"), "{ran:?}");
}

#[tokio::test]
async fn a_run_that_is_stopped_says_what_it_found_and_cleans_up() {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(bench(&["--scratch", scratch.path().to_str().unwrap()]))
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    while said.next_line().await.unwrap().expect("it goes on") != "Refresh" {}
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let mut last = String::new();
    while let Some(line) = said.next_line().await.unwrap() {
        last = line;
    }
    let output = timeout(SOON, child.wait_with_output()).await.expect("it ends soon").unwrap();
    assert_eq!(output.status.code(), Some(1), "{last}");
    assert!(last.contains("stopped before its end"), "{last}");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("PkeyJwt") && table.contains("Not whole: stopped"), "{table}");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}
