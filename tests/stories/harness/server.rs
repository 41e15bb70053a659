//! The real binary as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::Channel;

use super::{ADMIN_PASSWORD, CHEAP, SOON};

/// How a server is to be started: on a fresh data directory, with [`ADMIN_PASSWORD`], unless a test says otherwise.
pub(crate) struct Setup {
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    directory: Option<PathBuf>,
    wrapper: Vec<String>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let setup = Self { environment: Vec::new(), arguments: Vec::new(), directory: None, wrapper: Vec::new() };
        setup.env("COUNTERSIGN_LISTEN", "127.0.0.1:0").env("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD).envs(&CHEAP)
    }

    /// Sets a variable; an empty text takes one away.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn envs(self, pairs: &[(&str, &str)]) -> Self {
        pairs.iter().fold(self, |setup, (name, value)| setup.env(name, value))
    }

    /// Adds an argument after `serve`.
    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Uses this data directory, which the caller keeps.
    pub(crate) fn data_dir(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Runs it under another program, which must end as the server does.
    pub(crate) fn under(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Starts, and waits until the server listens.
    ///
    /// # Panics
    /// With what it wrote to standard error, where it does not come so far.
    pub(crate) async fn start(self) -> Server {
        match self.spawn().await {
            Ok(server) => server,
            Err(stopped) => panic!("the server did not start: {stopped:#?}"),
        }
    }

    /// Starts a server that is expected not to come up.
    pub(crate) async fn fail(self) -> Stopped {
        match self.spawn().await {
            Ok(server) => panic!("the server started, at {}", server.address()),
            Err(stopped) => stopped,
        }
    }

    /// Starts the process alone, on this data directory, and waits for nothing.
    pub(crate) fn launch(self) -> Child {
        let data_dir = self.directory.clone().expect("a data directory of the caller's");
        self.command(&data_dir).spawn().unwrap()
    }

    async fn spawn(self) -> Result<Server, Stopped> {
        let own = self.directory.is_none().then(|| tempfile::tempdir().unwrap());
        let data_dir = self.directory.clone().unwrap_or_else(|| own.as_ref().unwrap().path().join("data"));
        let mut child = self.command(&data_dir).spawn().unwrap();
        let errors = Arc::new(watch::Sender::new(String::new()));
        let log = collect(child.stderr.take().unwrap(), Arc::clone(&errors));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let address = timeout(SOON, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                said.push_str(&line);
                said.push('\n');
                if let Some((_, address)) = line.split_once("listening on ") {
                    return Some(address.trim().parse().unwrap());
                }
            }
            None
        });
        let Some(address) = address.await.expect("it listens or ends soon") else {
            let status = timeout(SOON, child.wait()).await.expect("it ends soon").unwrap();
            log.await.unwrap();
            let stderr = errors.borrow().clone();
            return Err(Stopped { status, stdout: said, stderr });
        };
        Ok(Server { address, child, said, errors, log, data_dir, own, channel: OnceCell::new() })
    }
}

impl Setup {
    fn command(self, data_dir: &Path) -> Command {
        let mut words = self.wrapper;
        words.extend([env!("CARGO_BIN_EXE_countersign").to_owned(), "serve".to_owned()]);
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("COUNTERSIGN_DATA_DIR", data_dir)
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    address: SocketAddr,
    child: Child,
    said: String,
    errors: Arc<watch::Sender<String>>,
    log: JoinHandle<()>,
    data_dir: PathBuf,
    own: Option<TempDir>,
    channel: OnceCell<Channel>,
}

/// What a server left behind.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stopped {
    /// The last line on standard error.
    pub(crate) fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

impl Server {
    /// One with nothing special about it.
    pub(crate) async fn start() -> Self {
        Setup::new().start().await
    }

    /// One with these environment variables.
    pub(crate) async fn start_with(environment: &[(&str, &str)]) -> Self {
        Setup::new().envs(environment).start().await
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is reached without TLS.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    #[expect(clippy::unused_self, reason = "the password is the server's to tell")]
    pub(crate) const fn admin_password(&self) -> &'static str {
        ADMIN_PASSWORD
    }

    /// What it has written to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.errors.borrow().clone()
    }

    /// Waits until it has written `text` to standard error.
    pub(crate) async fn logged(&self, text: &str) {
        let mut log = self.errors.subscribe();
        let said = timeout(SOON, log.wait_for(|log| log.contains(text))).await;
        assert!(said.is_ok(), "{text:?} is not in the log:\n{}", self.log());
    }

    /// A connection without TLS, the same one at every call.
    pub(crate) async fn channel(&self) -> Channel {
        let connect = async || Channel::from_shared(self.url()).unwrap().connect().await.unwrap();
        self.channel.get_or_init(connect).await.clone()
    }

    /// Its process, for signals and `/proc`.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap()
    }

    /// SIGTERM, and waits for the end. The data directory of a server that was not given one goes with it.
    pub(crate) async fn stop(self) -> Stopped {
        kill_process(self.pid(), Signal::TERM).unwrap();
        self.ended().await
    }

    /// SIGKILL, as from a kernel that ran out of memory.
    pub(crate) async fn kill(mut self) -> Stopped {
        self.child.start_kill().unwrap();
        self.ended().await
    }

    /// Waits for the end of a server that ends by itself.
    pub(crate) async fn ended(mut self) -> Stopped {
        let status = timeout(SOON, self.child.wait()).await.expect("it ends soon").unwrap();
        timeout(SOON, self.log).await.expect("its log ends with it").unwrap();
        drop(self.own);
        let stderr = self.errors.borrow().clone();
        Stopped { status, stdout: self.said, stderr }
    }
}

fn collect(stream: impl AsyncRead + Unpin + Send + 'static, into: Arc<watch::Sender<String>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            into.send_modify(|text| {
                text.push_str(&line);
                text.push('\n');
            });
        }
    })
}
