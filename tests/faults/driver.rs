//! The process that uses a store until something breaks, and how tests start and follow it.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use countersign::model::ids::StoreId;
use countersign::store::sled::Options;

use crate::{check, churn, load};

/// Tells this program that it is the driver, and what to do: an [`Order`].
const ORDER: &str = "COUNTERSIGN_FAULTS_ORDER";
const DIRECTORY: &str = "COUNTERSIGN_FAULTS_DIRECTORY";

/// Everything that was answered is there, or the work is done.
pub(crate) const DONE: i32 = 0;
/// The store did not open, and the last line on standard error says why.
pub(crate) const REFUSED: i32 = 11;
/// The store failed while it was open, as it should, and the last line on standard error says why.
pub(crate) const FAILED: i32 = 12;

/// What the driver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Changes the store until it is killed.
    Load,
    /// Rotates the same sessions until it is killed.
    Churn,
    /// Changes the store a little and closes it.
    LoadAndClose,
    /// Reads what was answered from standard input and looks whether it is there.
    Check,
}

const ORDERS: [Order; 4] = [Order::Load, Order::Churn, Order::LoadAndClose, Order::Check];

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Not a test: the driver's beginning. Passes at once where nothing was ordered.
#[test]
#[expect(clippy::disallowed_methods, reason = "how this program tells itself what to do")]
fn driver() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order = ORDERS.into_iter().find(|known| known.to_string() == order).unwrap();
    let directory = std::env::var(DIRECTORY).unwrap();
    let options = Options::new(directory.into(), StoreId::random(&countersign::model::random::SystemRandom));
    // What is missing is told on one line, the last one.
    std::panic::set_hook(Box::new(|panic| eprintln!("{}", panic.to_string().replace('\n', " "))));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let code = match order {
        Order::Check => runtime.block_on(check::run(options)),
        Order::Load => runtime.block_on(load::run(options, u32::MAX)),
        Order::Churn => runtime.block_on(churn::run(options)),
        Order::LoadAndClose => runtime.block_on(load::run(options, 20)),
    };
    std::process::exit(code);
}

/// A driver that runs.
pub(crate) struct Driver {
    child: Child,
    answered: Receiver<String>,
    reader: JoinHandle<()>,
    complaints: JoinHandle<String>,
}

/// How a driver ended.
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    /// What it had answered in the end.
    pub(crate) answered: Vec<String>,
    /// The last line on standard error.
    pub(crate) last_words: String,
}

impl Driver {
    /// Starts one on a data directory, `under` another program where one is named.
    pub(crate) fn start(order: Order, directory: &Path, under: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = match under {
            [] => Command::new(program),
            [outer, arguments @ ..] => {
                let mut command = Command::new(outer);
                command.args(arguments).arg(program);
                command
            }
        };
        let mut child = command
            .args(["--exact", "driver::driver", "--nocapture", "--test-threads=1"])
            .env(ORDER, order.to_string())
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, answered) = channel();
        let out = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || read_answers(out, &told));
        let mut error = child.stderr.take().unwrap();
        let complaints = std::thread::spawn(move || {
            let mut text = String::new();
            error.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, answered, reader, complaints }
    }

    /// The next `most` answers, fewer where it ends before.
    pub(crate) fn take(&self, most: usize) -> Vec<String> {
        self.answered.iter().take(most).collect()
    }

    /// What it has answered by now.
    pub(crate) fn arrived(&self) -> Vec<String> {
        self.answered.try_iter().collect()
    }

    pub(crate) fn kill(mut self) -> End {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> End {
        drop(self.child.stdin.take());
        let answered = self.answered.iter().collect();
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let complaints = self.complaints.join().unwrap();
        let last_words = complaints.trim_end().lines().last().unwrap_or_default().to_owned();
        End { status, answered, last_words }
    }
}

/// Looks, in a process of its own, whether what was answered is in the store.
pub(crate) fn check_store(directory: &Path, answered: &[String]) -> End {
    let mut driver = Driver::start(Order::Check, directory, &[]);
    let mut input = driver.child.stdin.take().unwrap();
    // It may have refused to open and be gone.
    drop(input.write_all(answered.join("\n").as_bytes()));
    drop(input);
    driver.end()
}

/// The same, and it must be.
pub(crate) fn assert_kept(directory: &Path, answered: &[String]) {
    let end = check_store(directory, answered);
    assert_eq!(end.status.code(), Some(DONE), "of {} answers: {}", answered.len(), end.last_words);
}

/// Whether strace can be used here; where not, says why.
pub(crate) fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let reason = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    println!("SKIPPED: strace cannot be used here ({reason})");
    false
}

/// Hands whole answers on. The test harness's own lines are none.
fn read_answers(out: impl Read, told: &Sender<String>) {
    let mut out = BufReader::new(out);
    let mut line = String::new();
    while out.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(answer) = line.strip_prefix(load::ANSWER).and_then(|rest| rest.strip_suffix('\n')) {
            drop(told.send(answer.to_owned()));
        }
        line.clear();
    }
}
