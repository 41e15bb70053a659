//! A process without file descriptors. The limit is the process's, so the server runs in one of its own: this test binary again.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign::net::Limits;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::support::{CHECK, H2, Server};

const DESCRIPTORS: u64 = 48;

/// Kills what it holds.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Owned {
    /// Clock ticks of processor time so far (proc(5), fields 14 and 15 of `stat`).
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

#[tokio::test]
async fn the_accept_loop_outlives_a_lack_of_descriptors_without_spinning() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "descriptors::serve_with_few_descriptors", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = Owned(child.unwrap());
    let stdout = BufReader::new(child.0.stdout.take().unwrap());
    let address: SocketAddr = tokio::task::spawn_blocking(move || {
        let mut lines = stdout.lines().map(Result::unwrap);
        lines.find_map(|line| line.split_once("serving on ").map(|(_, address)| address.parse().unwrap())).unwrap()
    })
    .await
    .unwrap();

    let connect = || async { tokio::net::TcpStream::connect(address).await.unwrap() };
    let first = H2::over(connect().await).await;
    let mut crowd = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        crowd.push(connect().await);
    }
    // The kernel takes the last one and the server does not: its call is not answered. The first one's is, all the same.
    let last = H2::over(connect().await).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), last.call(CHECK)).await.is_err());
    let before = child.ticks();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent = child.ticks() - before;
    assert!(spent < 30, "{spent} of 100 ticks in a second of nothing to do");
    assert_eq!(first.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);

    drop(crowd);
    assert_eq!(last.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
}

/// The server of the test above: tells its address, and ends with its standard input.
#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn serve_with_few_descriptors() {
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) }).unwrap();
    let server = Server::start(Limits::default()).await;
    println!("serving on {}", server.address);
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}
