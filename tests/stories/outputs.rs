//! Outputs that nobody reads or that cannot be written, and threads that cannot be had: what is not the work does not stop it, and
//! what stops a start is told.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{SOON, Server, Setup};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// A pipe with a name, held open at its reading end.
struct Pipe {
    _folder: TempDir,
    path: PathBuf,
    reader: File,
}

impl Pipe {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
        let reader = OpenOptions::new().read(true).custom_flags(nonblocking).open(&path).unwrap();
        Self { _folder: folder, path, reader }
    }

    /// Whatever is in it by now.
    fn drain(&mut self, text: &mut String) {
        let mut bytes = Vec::new();
        // It ends with "nothing there now", which is an error of its own kind.
        let _ = self.reader.read_to_end(&mut bytes);
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
}

/// A server whose standard error, or output too, goes where the shell sends it.
fn redirected(level: &str, redirection: &str) -> Setup {
    let script = format!("exec \"$@\" {redirection}");
    Setup::new().env("COUNTERSIGN_LOG", level).under(&["sh", "-c", &script, "sh"])
}

fn into(path: &Path) -> String {
    format!("2>{}", path.display())
}

/// Everything works: calls, health, new connections; and the end is a good one.
async fn works_and_ends(server: Server, calls: usize) {
    for _ in 0..calls {
        timeout(SOON, server.login_admin()).await.expect("a call is answered soon");
        let connection = Channel::from_shared(server.url()).unwrap().connect().await.expect("a new connection");
        let mut health = HealthClient::new(connection);
        let answer = timeout(SOON, health.check(HealthCheckRequest::default())).await.expect("health answers").unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
    let tokens = server.login_admin().await;
    assert!(server.calls().await.bearing(tokens.clone()).active(&tokens.access_token).await);
    let stopped = server.stop().await;
    assert_eq!(stopped.status.code(), Some(0), "{stopped:#?}");
}

#[tokio::test]
async fn standard_error_that_is_closed_or_full_from_the_start() {
    for level in LEVELS {
        for redirection in ["2>&-", "2>/dev/full", "2>/dev/null"] {
            works_and_ends(redirected(level, redirection).start().await, 3).await;
        }
    }
}

#[tokio::test]
async fn a_log_whose_reader_goes_away() {
    for level in LEVELS {
        let pipe = Pipe::new();
        let server = redirected(level, &into(&pipe.path)).start().await;
        drop(pipe);
        works_and_ends(server, 5).await;
    }
}

/// At the level of the most lines more than the pipe and the queue can hold.
#[tokio::test]
async fn a_log_whose_reader_does_not_read() {
    for level in LEVELS {
        let pipe = Pipe::new();
        let server = redirected(level, &into(&pipe.path)).start().await;
        works_and_ends(server, if level == "trace" { 150 } else { 5 }).await;
    }
}

#[tokio::test]
async fn lost_lines_are_counted_and_told_once_somebody_reads() {
    let mut pipe = Pipe::new();
    let server = redirected("trace", &into(&pipe.path)).start().await;
    // What a login writes at this level is far more than one line, and the queue has room for 4,096.
    for _ in 0..150 {
        server.login_admin().await;
    }
    let mut text = String::new();
    let told = async {
        while !text.contains("lines of the log were lost") {
            pipe.drain(&mut text);
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, told).await.expect("what was lost is told");
    let line = text.lines().find(|line| line.contains("lines of the log were lost")).unwrap();
    let lost = line.split(" lines of").next().unwrap().rsplit(' ').next().unwrap();
    assert!(lost.parse::<usize>().unwrap() > 100, "{line}");
    drop(pipe);
    works_and_ends(server, 1).await;
}

#[tokio::test]
async fn a_refused_start_ends_although_nobody_reads_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let pipe = Pipe::new();
    // The pipe is full before the server has said anything.
    let script = format!("exec 2>{}; head -c 65536 /dev/zero >&2; exec \"$@\"", pipe.path.display());
    let stopped = Setup::new().under(&["sh", "-c", &script, "sh"]).data_dir(folder.path()).fail().await;
    assert_eq!(stopped.status.code(), Some(1), "{stopped:#?}");
}

#[tokio::test]
async fn standard_output_that_nobody_reads() {
    for script in ["exec \"$@\" >&-", "exec \"$@\" >/dev/full", "head -c 65536 /dev/zero; exec \"$@\""] {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup::new().under(&["sh", "-c", script, "sh"]).data_dir(&folder.path().join("data"));
        let mut child = setup.launch();
        let mut log = tokio::io::BufReader::new(child.stderr.take().unwrap());
        let serving = async {
            let mut line = String::new();
            while !line.contains("health is Serving") {
                line.clear();
                assert_ne!(tokio::io::AsyncBufReadExt::read_line(&mut log, &mut line).await.unwrap(), 0, "it ended");
            }
        };
        timeout(SOON, serving).await.expect("it serves");
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = timeout(SOON, child.wait()).await.expect("it ends").unwrap();
        assert_eq!(status.code(), Some(0), "{script}");
    }
}

#[tokio::test]
async fn a_start_without_threads_to_be_had_is_a_sentence() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: only root can become somebody who may have few threads");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Somebody who has no other process.
    let words = ["setpriv", "--reuid=61999", "--clear-groups", "prlimit"];
    for most in [3, 8, 12, 16] {
        let limit = format!("--nproc={most}");
        let setup = Setup::new().under(&[&words[..], &[&limit]].concat()).data_dir(&folder.path().join("data"));
        let stopped = timeout(SOON, setup.fail()).await.expect("it does not hang");
        assert_eq!(stopped.status.code(), Some(1), "{most}: {stopped:#?}");
        assert!(stopped.last_line().contains("threads") && !stopped.stderr.contains("panicked"), "{most}: {stopped:#?}");
    }
}
