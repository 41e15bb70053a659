//! Servers of our own, started on a free port with a scratch directory, and stopped by its handle.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{BenchError, Result, Trying as _};
use crate::process;
use crate::secret::random_hex;

/// How long a server may take to say where it listens. A million sessions take seconds.
const START: Duration = Duration::from_mins(2);
/// How long it may take to end after SIGTERM.
const STOP: Duration = Duration::from_secs(20);

/// A directory that is there as long as this value.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty directory in `parent`, for us alone.
    ///
    /// # Errors
    /// [`BenchError::Io`].
    pub(crate) fn new(parent: &Path, name: &str) -> Result<Self> {
        let path = parent.join(format!("countersign-bench-{name}-{}", random_hex::<6>()));
        fs::create_dir(&path).trying(format!("make {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// True where it lies in memory, and what is written there is not on a disk.
    pub(crate) fn in_memory(&self) -> bool {
        const TMPFS: rustix::fs::FsWord = 0x0102_1994;
        rustix::fs::statfs(&self.0).is_ok_and(|found| found.f_type == TMPFS)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// What a server of our own is started with.
#[derive(Clone, Debug)]
pub(crate) struct Start<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// Its subcommand.
    pub(crate) command: &'a str,
    /// Its data directory.
    pub(crate) data: &'a Path,
    /// Where what it says on standard error goes.
    pub(crate) log: &'a Path,
    /// The core that it is kept on.
    pub(crate) core: Option<usize>,
    /// Environment variables; it has no others.
    pub(crate) environment: &'a [(String, String)],
}

/// A running server of our own. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// When its process was started.
    pub(crate) started: Instant,
    log: PathBuf,
}

impl Server {
    /// Starts one and waits until it says where it listens.
    ///
    /// # Errors
    /// [`BenchError::Start`] with the last thing it said.
    pub(crate) fn start(start: &Start<'_>) -> Result<Self> {
        let log = File::create(start.log).trying(format!("make {}", start.log.display()))?;
        let mut command = Command::new(start.program);
        command.arg(start.command).args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(start.data);
        command.env_clear().envs(start.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        // A process has the cores of the thread that starts it.
        let cores = process::cores()?;
        if let Some(core) = start.core {
            process::pin(core)?;
        }
        let started = Instant::now();
        let spawned = command.spawn();
        process::unpin(&cores)?;
        let mut child = spawned.trying(format!("start {}", start.program.display()))?;
        let lines = child.stdout.take().map(said);
        let heard = lines.and_then(|lines| lines.recv_timeout(START).ok());
        let log = start.log.to_owned();
        let Some(address) = heard else {
            let mut failed = Self { child, address: ([0, 0, 0, 0], 0).into(), started, log };
            let ended = failed.ended();
            let last = failed.last_words();
            return Err(BenchError::Start(match ended {
                Some(status) => format!("it ended with {status}: {last}"),
                None => format!("it did not say where it listens within {} s: {last}", START.as_secs()),
            }));
        };
        Ok(Self { child, address, started, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it finish what it is doing and waits for its end.
    ///
    /// # Errors
    /// [`BenchError::Died`] where it ended otherwise than by itself after SIGTERM.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.end();
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let last = self.last_words();
        let how = status.map_or_else(|| format!("it did not stop within {} s", STOP.as_secs()), |status| status.to_string());
        Err(BenchError::Died { address: self.address, detail: format!("{how}: {last}") })
    }

    /// Says how its process ended, where it did, for whoever lost a connection to it.
    pub(crate) fn explain(&mut self, error: BenchError) -> BenchError {
        match self.ended() {
            Some(status) => {
                let detail = format!("{error}; its process ended with {status}: {}", self.last_words());
                BenchError::Died { address: self.address, detail }
            }
            None => error,
        }
    }

    /// How its process ended. It may take a moment from a closed connection to the end of the process.
    fn ended(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    fn end(&mut self) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let until = Instant::now() + STOP;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => break,
            }
        }
        None
    }

    /// The last line that it wrote to standard error.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.end().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Hears where a server listens, and goes on reading, so that it never waits for us.
fn said(stdout: std::process::ChildStdout) -> mpsc::Receiver<SocketAddr> {
    let (heard, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
            let address = line.split_once("listening on ").and_then(|(_, rest)| rest.split_whitespace().next());
            if let Some(Ok(address)) = address.map(|text| text.trim_start_matches("http://").parse()) {
                // Nobody hears it a second time.
                let _ = heard.send(address);
            }
        }
    });
    hear
}
