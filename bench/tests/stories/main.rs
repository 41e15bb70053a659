//! An operator measures: servers of its own, a running one, and what is none.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod harness;

use std::path::Path;
use std::process::Stdio;

use countersign_client::Bearer;
use countersign_client::pb::LogoutUserRequest;
use countersign_client::pb::auth_service_client::AuthServiceClient;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{ADMIN_PASSWORD, CHEAP, Ran, SOON, Server, bench, program, run};

/// As little as there is to measure.
const SHORT: [&str; 8] = ["--seconds", "0.2", "--users", "2", "--sessions", "4", "--in-flight", "8"];

/// A short run with these words.
fn short(words: &[&str]) -> Command {
    let mut command = bench(&[&SHORT[..], words].concat());
    command.args(CHEAP.iter().flat_map(|(name, value)| ["--setting".to_owned(), format!("{name}={value}")]));
    command
}

/// A run against somebody's server.
async fn against(words: &[&str]) -> Ran {
    let mut command = bench(words);
    command.env("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD);
    run(command).await
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
    let ran = run(short(&options)).await;
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
    let address = server.address();
    let ran = against(&[&SHORT[..], &["--server", &address, "--only", "verifytoken, seen", "--only", "refresh"]].concat()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Refresh") && !ran.stdout.contains("ceiling"), "{ran:?}");
    server.login("admin", ADMIN_PASSWORD).await.unwrap();
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
    let ran = against(&["--server", &address]).await;
    silent.await.unwrap();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.last_line().contains("is no countersign server"), "{ran:?}");

    let ran = against(&["--server", &address]).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.last_line().contains("cannot connect"), "{ran:?}");

    let ran = against(&["--server", "192.0.2.1:50051"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--allow-remote"), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_leaves_what_was_measured() {
    let server = Server::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let address = server.address();
    let mut command = bench(&["--server", &address, "--users", "2", "--sessions", "4", "--seconds", "0.2", "--json"]);
    command.arg(file.path()).env("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
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
    let nowhere = ["--server-binary", "/nowhere/countersign"];
    for words in
        [&["--seconds", "0"][..], &["--in-flight", "100000"], &["--fill-only"], &nowhere, &["start", "--server", "[::1]:1"]]
    {
        assert_eq!(run(bench(words)).await.code, 2, "{words:?}");
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
        let ran = run(short(&[scenario, &json_option].concat())).await;
        assert_eq!(ran.code, 0, "{scenario:?} {ran:?}");
        let report = json(file.path());
        assert_eq!(report["ended"], Value::Null, "{scenario:?}");
        assert!(report["facts"].as_array().unwrap().iter().any(|fact| fact["name"] == expected), "{report:#}");
    }
}

#[tokio::test]
async fn two_servers_are_measured_by_turns() {
    let scratch = tempfile::tempdir().unwrap();
    let server = program();
    let server = server.to_str().unwrap();
    let compare =
        ["compare", "--before", server, "--after", server, "--runs", "1", "--scratch", scratch.path().to_str().unwrap()];
    let ran = run(short(&[&compare[..], &["--grown-sessions", "100", "--rotations", "100"]].concat())).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for figure in
        ["Refresh / Health/Check", "Login / Health/Check", "idle memory", "start with 100 sessions", "disk for each session"]
    {
        let row = ran.stdout.lines().find(|line| line.starts_with(&format!("| {figure}")));
        assert_eq!(row.unwrap_or_else(|| panic!("{ran:?}")).matches('|').count(), 10, "{ran:?}");
    }
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_filled_directory_is_one_that_serve_opens() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("filled");
    let fill = ["--fill-only", "--data-dir", directory.to_str().unwrap(), "--users", "20", "--sessions", "60"];
    let ran = against(&fill).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let last_word = |line: &str| line.split_whitespace().last().unwrap().to_owned();
    let said: Vec<String> = ran.stdout.lines().map(last_word).collect();
    let [last_user, password] = said.as_slice() else { panic!("{ran:?}") };

    let server = Server::on(&directory).await;
    let tokens = server.login(last_user, password).await.unwrap();
    let admin = server.login("admin", ADMIN_PASSWORD).await.unwrap();
    let bearer = Bearer::new(&admin.access_token).unwrap();
    let mut auth = AuthServiceClient::with_interceptor(server.channel().await, bearer);
    let done = auth.logout_user(LogoutUserRequest { username: last_user.clone() }).await.unwrap().into_inner();
    assert_eq!(done.sessions_revoked, 3 + 1, "{}", tokens.session_id);
    server.stop().await;

    let ran = against(&fill).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.last_line().ends_with("only a new directory is filled"), "{ran:?}");
}

#[tokio::test]
async fn a_run_that_is_stopped_says_what_it_found_and_cleans_up() {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = short(&["--scratch", scratch.path().to_str().unwrap()]).spawn().unwrap();
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
