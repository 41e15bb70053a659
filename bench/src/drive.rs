//! Drives a workload: callers over connections, as fast as they are answered or at a fixed rate, on the calling thread.
//!
//! At a fixed rate a call's time counts from the moment at which it was due, not from the one at which it was sent: a server
//! that stops for a second is charged for every call that was due in that second (no coordinated omission).

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use crate::connection::{Answer, Connection};
use crate::error::{BenchError, Result, Trying as _};
use crate::process::{self, Memory};

/// How long the last answers are waited for.
pub(crate) const DRAIN: Duration = Duration::from_secs(20);

/// A request to be sent; its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// The `authorization` metadata, whole; empty: none.
    pub(crate) authorization: String,
    /// The message.
    pub(crate) message: Vec<u8>,
}

/// What is called, over and over.
pub(crate) trait Workload {
    /// The path of the rpc.
    fn path(&self) -> &'static str;

    /// Fills in the next request, whose buffers are empty; false where there is none at present.
    fn next(&mut self, request: &mut Request) -> bool;

    /// Takes the answer to a request. Answers of one connection come in any order.
    fn answered(&mut self, code: u32, message: &[u8]);
}

/// How a workload is driven.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// The server.
    pub(crate) address: SocketAddr,
    /// Its process, where it is ours.
    pub(crate) pid: Option<u32>,
    /// Connections.
    pub(crate) connections: usize,
    /// Callers: calls in flight at the most.
    pub(crate) in_flight: usize,
    /// Calls a second; `None`: each caller calls again as soon as it is answered.
    pub(crate) rate: Option<f64>,
    /// What is not measured at the beginning.
    pub(crate) warm_up: Duration,
    /// How long is measured. A workload without more requests ends earlier.
    pub(crate) length: Duration,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Calls that were answered OK within the measured time.
    pub(crate) calls: u64,
    /// The measured time in seconds.
    pub(crate) seconds: f64,
    /// Answers other than OK, by code and message, over the whole run.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Latencies of the counted calls, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
    /// CPU seconds of the server within the measured time.
    pub(crate) server_cpu: Option<f64>,
    /// CPU seconds of the driver's process within the measured time.
    pub(crate) driver_cpu: f64,
    /// Memory of the server at the end.
    pub(crate) memory: Option<Memory>,
}

impl Measured {
    fn new() -> Result<Self> {
        let latency = latencies()?;
        Ok(Self { calls: 0, seconds: 0.0, refused: BTreeMap::new(), latency, server_cpu: None, driver_cpu: 0.0, memory: None })
    }

    /// Calls a second.
    pub(crate) fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { as_f64(self.calls) / self.seconds } else { 0.0 }
    }

    /// The latency at a quantile from 0 to 1, in seconds.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        as_f64(self.latency.value_at_quantile(quantile)) / 1e9
    }
}

/// An empty histogram of latencies in nanoseconds, from one to a minute and more, with three digits.
///
/// # Errors
/// Never, with these bounds.
pub(crate) fn latencies() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 100_000_000_000, 3).map_err(|error| BenchError::Usage(format!("the histogram: {error}")))
}

/// `count` as a float; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of calls stay far below 2^53")]
pub(crate) const fn as_f64(count: u64) -> f64 {
    count as f64
}

/// Drives `workload` until its time is over, it has nothing more to ask, or `stop` is set. Blocks.
///
/// What was measured until then is in `kept` whatever is answered.
///
/// # Errors
/// [`BenchError::Died`], [`BenchError::Silent`].
pub(crate) fn drive(
    shape: &Shape,
    workload: &mut dyn Workload,
    stop: &AtomicBool,
    kept: &mut Option<Measured>,
) -> Result<Measured> {
    process::exact_timers();
    let mut run = Run::begin(shape, workload)?;
    let outcome = run.run(workload, stop);
    let measured = run.end();
    *kept = Some(measured.clone());
    outcome.map(|()| measured)
}

struct Run<'a> {
    shape: &'a Shape,
    path: &'static str,
    connections: Vec<Connection>,
    /// Connections that the server asked to leave, until their last answer.
    left: Vec<Connection>,
    /// Callers without a call, those that waited longest first.
    idle: VecDeque<usize>,
    request: Request,
    measured: Measured,
    /// When the measured time begins and ends.
    window: (Instant, Instant),
    /// CPU times of server and driver when the measured time began.
    begun: Option<(Option<Duration>, Duration)>,
    /// How many calls were due so far, of those at a fixed rate.
    due: u64,
    begin: Instant,
    exhausted: bool,
}

impl<'a> Run<'a> {
    fn begin(shape: &'a Shape, workload: &dyn Workload) -> Result<Self> {
        let path = workload.path();
        let connections = shape.connections.clamp(1, shape.in_flight.max(1));
        let connections = (0..connections).map(|_| open(shape.address, path)).collect::<Result<Vec<_>>>()?;
        let begin = Instant::now();
        let from = begin + shape.warm_up;
        Ok(Self {
            shape,
            path,
            connections,
            left: Vec::new(),
            idle: (0..shape.in_flight.max(1)).collect(),
            request: Request::default(),
            measured: Measured::new()?,
            window: (from, from + shape.length),
            begun: None,
            due: 0,
            begin,
            exhausted: false,
        })
    }

    fn run(&mut self, workload: &mut dyn Workload, stop: &AtomicBool) -> Result<()> {
        loop {
            let now = Instant::now();
            self.note_begin(now);
            let over = now >= self.window.1 || stop.load(Ordering::Relaxed);
            let waiting = self.waiting();
            if over || (self.exhausted && waiting == 0) {
                self.note_end(now);
                return self.drain(workload);
            }
            let next_due = self.send(workload, now)?;
            let limit = next_due.unwrap_or(self.window.1).min(self.window.1).min(now + Duration::from_millis(100));
            wait(self.connections.iter().chain(&self.left), limit.saturating_duration_since(Instant::now()))?;
            self.receive(workload)?;
        }
    }

    fn note_begin(&mut self, now: Instant) {
        if self.begun.is_none() && now >= self.window.0 {
            self.window = (now, now + self.shape.length);
            self.begun = Some((self.shape.pid.and_then(process::cpu), own_cpu()));
        }
    }

    fn note_end(&mut self, now: Instant) {
        self.window.1 = now.max(self.window.0);
        let Some((server, driver)) = self.begun.take() else { return };
        self.measured.seconds = (self.window.1 - self.window.0).as_secs_f64();
        let spent = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64();
        self.measured.server_cpu = self.shape.pid.and_then(process::cpu).and_then(|now| server.map(|then| spent(then, now)));
        self.measured.driver_cpu = spent(driver, own_cpu());
    }

    /// Sends what is due; answers when the next call will be.
    fn send(&mut self, workload: &mut dyn Workload, now: Instant) -> Result<Option<Instant>> {
        let mut next_due = None;
        while !self.idle.is_empty() {
            let since = match self.shape.rate {
                None => now,
                Some(rate) => {
                    let due = self.begin + Duration::from_secs_f64(as_f64(self.due) / rate.max(0.001));
                    if due > now {
                        next_due = Some(due);
                        break;
                    }
                    due
                }
            };
            self.request.authorization.clear();
            self.request.message.clear();
            if !workload.next(&mut self.request) {
                self.exhausted = true;
                break;
            }
            self.due += 1;
            let Some(caller) = self.idle.pop_front() else { break };
            let at = caller % self.connections.len();
            if let Some(connection) = self.connections.get_mut(at) {
                if connection.leaving() {
                    let fresh = open(self.shape.address, self.path)?;
                    self.left.push(std::mem::replace(connection, fresh));
                }
                connection.call(caller, since, &self.request.authorization, &self.request.message);
            }
        }
        for connection in &mut self.connections {
            connection.flush()?;
        }
        Ok(next_due)
    }

    fn receive(&mut self, workload: &mut dyn Workload) -> Result<()> {
        let Self { connections, left, idle, measured, window, shape, exhausted, .. } = self;
        for connection in connections.iter_mut().chain(left.iter_mut()) {
            let now = Instant::now();
            connection.receive(|answer| {
                idle.push_back(answer.caller);
                // A paced call belongs to the moment it was due, so that the slow ones at the end are not lost.
                let counts = if shape.rate.is_some() {
                    answer.since >= window.0 && answer.since < window.1
                } else {
                    now >= window.0 && now < window.1
                };
                note(measured, &answer, now, counts);
                workload.answered(answer.code, answer.message);
                // What was answered may bring more to ask.
                *exhausted = false;
            })?;
            connection.flush()?;
        }
        left.retain(|connection| connection.waiting() > 0);
        Ok(())
    }

    fn waiting(&self) -> usize {
        self.connections.iter().chain(&self.left).map(Connection::waiting).sum()
    }

    /// Waits for the answers that are on their way.
    fn drain(&mut self, workload: &mut dyn Workload) -> Result<()> {
        let until = Instant::now() + DRAIN;
        loop {
            let waiting = self.waiting();
            if waiting == 0 {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(BenchError::Silent { address: self.shape.address, waiting, seconds: DRAIN.as_secs() });
            }
            wait(self.connections.iter().chain(&self.left), Duration::from_millis(100))?;
            self.receive(workload)?;
        }
    }

    fn end(mut self) -> Measured {
        self.note_end(Instant::now());
        self.measured.memory = self.shape.pid.and_then(process::memory);
        self.measured
    }
}

/// Waits until one of the connections can be read, or written where something waits for that; at most a second.
///
/// # Errors
/// [`BenchError::Io`].
pub(crate) fn wait<'a>(connections: impl IntoIterator<Item = &'a Connection>, at_most: Duration) -> Result<()> {
    let descriptor = |connection: &'a Connection| {
        let write = if connection.unwritten() { PollFlags::OUT } else { PollFlags::empty() };
        PollFd::from_borrowed_fd(connection.socket().as_fd(), PollFlags::IN | write)
    };
    let mut descriptors: Vec<PollFd<'_>> = connections.into_iter().map(descriptor).collect();
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(at_most.min(Duration::from_millis(999)).subsec_nanos()) };
    match poll(&mut descriptors, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error).trying("wait for the server"),
    }
}

/// Opens a connection to a server that was greeted before: one that does not answer now has gone away.
fn open(address: SocketAddr, path: &str) -> Result<Connection> {
    Connection::open(address, path).map_err(|error| match error {
        BenchError::Unreachable { error, .. } => BenchError::Died { address, detail: error.to_string() },
        BenchError::NotOurs { detail, .. } => BenchError::Died { address, detail },
        error => error,
    })
}

fn note(measured: &mut Measured, answer: &Answer<'_>, now: Instant, counts: bool) {
    if answer.code != 0 {
        *measured.refused.entry(format!("{} {}", code_name(answer.code), answer.detail)).or_default() += 1;
    } else if counts {
        measured.calls += 1;
        let nanos = u64::try_from(now.saturating_duration_since(answer.since).as_nanos()).unwrap_or(u64::MAX);
        measured.latency.saturating_record(nanos);
    }
}

fn own_cpu() -> Duration {
    process::cpu(std::process::id()).unwrap_or_default()
}

/// The name of a gRPC code.
pub(crate) fn code_name(code: u32) -> String {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let name = usize::try_from(code).ok().and_then(|code| NAMES.get(code));
    name.map_or_else(|| format!("code {code}"), |name| (*name).to_owned())
}
