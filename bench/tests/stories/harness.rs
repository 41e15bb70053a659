//! The two programs, run as somebody at a shell runs them. The server is the one that was built beside `countersign-bench`, as
//! every build of the workspace leaves it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use countersign_client::pb::auth_service_client::AuthServiceClient;
use countersign_client::pb::{LoginRequest, TokenSet};
use countersign_client::tonic::Status;
use countersign_client::tonic::transport::Channel;
use countersign_client::{Endpoint, tonic};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub(crate) const ADMIN_PASSWORD: &str = "violet kettle orbits sandstone";

/// The least that a password check can cost.
pub(crate) const CHEAP: [(&str, &str); 2] = [("COUNTERSIGN_HASH_MEMORY", "8"), ("COUNTERSIGN_HASH_PASSES", "1")];

/// What anything here may take before the test says that it hangs.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// `countersign-bench` with these words and nothing in its environment.
pub(crate) fn bench(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-bench"));
    command.args(words).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The last line on standard error.
    pub(crate) fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// Runs it to its end.
pub(crate) async fn run(mut command: Command) -> Ran {
    let output = timeout(4 * SOON, command.output()).await.expect("it ends").unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Where its data is, where that is its own.
    _own: Option<TempDir>,
}

impl Server {
    /// One on a fresh directory.
    pub(crate) async fn start() -> Self {
        let own = tempfile::tempdir().unwrap();
        let data = own.path().join("data");
        Self { _own: Some(own), ..Self::on(&data).await }
    }

    /// One on this directory, which the caller keeps.
    pub(crate) async fn on(data: &Path) -> Self {
        let mut child = Command::new(program())
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env_clear()
            .env("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .envs(CHEAP)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(SOON, said.next_line()).await.expect("it listens soon").unwrap().expect("it listens");
        let (_, address) = line.split_once("listening on ").unwrap();
        Self { child, address: address.trim().parse().unwrap(), _own: None }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::new(&format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn login(&self, username: &str, password: &str) -> Result<TokenSet, Status> {
        let request = LoginRequest { username: username.to_owned(), password: password.to_owned(), ..LoginRequest::default() };
        let answer: tonic::Response<_> = AuthServiceClient::new(self.channel().await).login(request).await?;
        Ok(answer.into_inner().tokens.unwrap())
    }

    /// SIGTERM, and waits for the end.
    pub(crate) async fn stop(mut self) {
        kill_process(Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
        assert!(timeout(SOON, self.child.wait()).await.expect("it ends soon").unwrap().success());
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        timeout(SOON, self.child.kill()).await.expect("it ends soon").unwrap();
    }
}

/// The server's program.
pub(crate) fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_countersign-bench")).with_file_name("countersign");
    assert!(program.is_file(), "no server at {}: `cargo build --workspace` makes it", program.display());
    program
}
