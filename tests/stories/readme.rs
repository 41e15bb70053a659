//! The README's walk-through, run as it stands: its shell blocks in their order, in one shell, against a fresh server.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::Setup;
use crate::sso::browser::{Browser, between};

const README: &str = include_str!("../../README.md");
/// How long one step may say nothing.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_through_works_as_it_stands() {
    let blocks = blocks();
    let start = blocks.iter().find(|(language, _)| language == "sh server").expect("a block that starts the server");
    let password = between(&start.1, "COUNTERSIGN_ADMIN_PASSWORD='", "'");
    let server = Setup::new()
        .env("COUNTERSIGN_ADMIN_PASSWORD", &password)
        // The test's browser, unlike a person's, keeps no secure cookie of a loopback address without TLS.
        .env("COOKIE_SECURE", "false")
        .start()
        .await;

    let steps: Vec<_> = blocks.iter().filter(|(language, _)| language == "sh").map(|(_, text)| text.as_str()).collect();
    let script = format!("set -euo pipefail\n{}\n", steps.join("\n"));
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // It takes a URL as well as the address that stands in it.
        .env("COUNTERSIGN_SERVER", server.url())
        .env("PROVIDER_PORT", free_port().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let mut said = String::new();
    let mut person = None;
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await.expect("it says nothing").unwrap() {
        if line.contains("\"authUrl\"") {
            let auth_url = between(&line, "\"authUrl\": \"", "\"");
            person = Some(tokio::spawn(sign_in(auth_url, server.url())));
        }
        said.push_str(&line);
        said.push('\n');
    }
    assert!(timeout(PATIENCE, shell.wait()).await.unwrap().unwrap().success(), "{said}");
    person.expect("SsoStart was called").await.unwrap();

    for rpc in ["Login", "Refresh", "PkeyJwt", "SsoStart", "SsoJwt", "GenerateSingleUse", "LogoutUser"] {
        assert!(script.contains(&format!("AuthService/{rpc}")), "{rpc} is not in the walk-through");
    }
    assert_eq!(
        said.matches("\"active\": true").count(),
        2,
        "before LogoutUser two tokens are active, after it the guest's is not:\n{said}"
    );
    assert!(said.contains("\"sessionsRevoked\": 1"), "{said}");
    assert!(said.contains("\"username\": \"ada\""), "{said}");
}

/// What the README asks of the person at the browser.
async fn sign_in(auth_url: String, server: String) {
    let mut browser = Browser::new();
    let callback = format!("{server}/sso/callback");
    let address = browser.sign_in_at_provider(&auth_url, "ada", &callback).await;
    let page = browser.go(&address).await;
    let done = browser.answer(&page, &callback, "yes").await;
    assert_eq!(done.title(), "You are signed in");
}

/// The fenced blocks of the walk-through, with what stands behind the fence.
fn blocks() -> Vec<(String, String)> {
    let (_, rest) = README.split_once("\n## Ten minutes with grpcurl\n").unwrap();
    let walk = rest.split("\n## ").next().unwrap();
    let parts: Vec<_> = walk.split("```").collect();
    let fenced = parts.iter().skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).map(|(language, text)| (language.to_owned(), text.to_owned())).collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
