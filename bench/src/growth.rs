//! What happens to latency, memory, disk and start time as sessions and rotations grow.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bulk::{Bulk, CHEAP};
use crate::calls::Refreshing;
use crate::drive::{Measured, Shape, Workload, as_f64, drive};
use crate::error::{BenchError, Result};
use crate::options::Growth;
use crate::report::{Fact, Latency, Paced, Report, Row, Target as Goal};
use crate::secret::Secret;
use crate::stage::{Stage, Target, progress};
use crate::start::started;

const FIRST: u32 = 1000;
/// Users that the sessions belong to.
const USERS: u32 = 10_000;
/// Refreshes a second at which latency is compared.
const RATE: f64 = 1000.0;
/// After so many rotations disk and memory are looked at for the first time.
const ROTATIONS: u64 = 1_000_000;
const MIB: f64 = 1_048_576.0;

/// Grows one directory ten times at each step, then rotates.
///
/// # Errors
/// Why it ended early; what was measured until then is in `report`.
pub(crate) fn run(stage: &Stage<'_>, growth: Growth, report: &mut Report) -> Result<()> {
    if stage.options.server.is_some() {
        return Err(BenchError::Usage("growth measures servers of its own: leave --server out".to_owned()));
    }
    let mut grown = Grown::new(stage, "growth")?;
    let (mut sessions, mut first_p50) = (0, None);
    let mut next = FIRST;
    while next <= growth.most_sessions {
        grown.grow(next - sessions)?;
        sessions = next;
        let measured = grown.measure(report, &format!("{sessions} sessions"), u64::from(sessions))?;
        let p50 = measured.quantile(0.5);
        let (first, first_p99) = *first_p50.get_or_insert((p50, measured.quantile(0.99)));
        if sessions > FIRST {
            let name = |quantile: &str| format!("Refresh latency at {sessions} sessions / at {FIRST}, {quantile}");
            report.facts.push(Fact::new(name("p50"), p50 / first.max(1e-9), "", Some(Goal::AtMost(1.2))));
            report.facts.push(Fact::new(name("p99"), measured.quantile(0.99) / first_p99.max(1e-9), "", None));
        }
        next = next.saturating_mul(10);
    }
    grown.rotate(report, growth.rotations, u64::from(sessions))
}

/// A directory that grows.
pub(crate) struct Grown<'a> {
    stage: &'a Stage<'a>,
    pub(crate) directory: PathBuf,
    pub(crate) admin_password: Secret,
    bulk: Bulk,
    tokens: Vec<String>,
}

impl<'a> Grown<'a> {
    /// One with users and no session yet.
    ///
    /// # Errors
    /// Those of a start and of the rpcs.
    pub(crate) fn new(stage: &'a Stage<'a>, name: &str) -> Result<Self> {
        let (directory, admin_password) = (stage.directory(name), Secret::fresh());
        let server = stage.serve(&directory, None, &admin_password, &CHEAP)?;
        let bulk = Bulk::users(server.address, &admin_password, USERS, stage.stop)?;
        server.stop()?;
        Ok(Self { stage, directory, admin_password, bulk, tokens: Vec::new() })
    }

    /// Opens so many sessions more, at a server of its own, and keeps all their tokens.
    ///
    /// # Errors
    /// Those of a start and of the rpcs.
    pub(crate) fn grow(&mut self, more: u32) -> Result<()> {
        let server = self.stage.serve(&self.directory, None, &self.admin_password, &CHEAP)?;
        self.tokens.extend(self.bulk.sessions(server.address, more, self.stage.stop)?);
        server.stop()
    }

    /// Starts a server on the directory and measures Refresh at a fixed rate.
    fn measure(&mut self, report: &mut Report, when: &str, sessions: u64) -> Result<Measured> {
        progress(&format!("Refresh at {when}"));
        let (target, millis) = started(self.stage, &self.directory, &self.admin_password)?;
        let shape = Shape { rate: Some(RATE), ..self.stage.shape(target.address, target.pid(), self.stage.seconds()) };
        let (target, measured) = self.refresh(target, &shape, None)?;
        let mut row = Row::new(&format!("Refresh, {when}"), &measured);
        row.paced = Some(Paced { rate: RATE, per_second: measured.per_second(), latency: Latency::of(&measured) });
        report.rows.push(row);
        target.stop()?;
        let goal = (sessions == 1_000_000).then_some(Goal::AtMost(1000.0));
        report.facts.push(Fact::new(format!("start to first answer, {when}"), millis, "ms", goal));
        self.note(report, when, &measured, sessions);
        Ok(measured)
    }

    fn refresh(&mut self, mut target: Target, shape: &Shape, most: Option<u64>) -> Result<(Target, Measured)> {
        let chains = Refreshing::new(std::mem::take(&mut self.tokens));
        let mut workload = AtMost { chains, left: most.unwrap_or(u64::MAX) };
        let measured = drive(shape, &mut workload, self.stage.stop, &mut None);
        self.tokens = workload.chains.into_tokens();
        let measured = measured.map_err(|error| target.explain(error))?;
        match measured.refused.iter().next() {
            Some((detail, _)) => Err(BenchError::Refused { call: "Refresh".to_owned(), detail: detail.clone() }),
            None if self.stage.stop.load(std::sync::atomic::Ordering::Relaxed) => Err(BenchError::Stopped),
            None => Ok((target, measured)),
        }
    }

    /// Rotates so often, as fast as it goes, at a server of its own.
    ///
    /// # Errors
    /// Those of a start and of the rpcs.
    pub(crate) fn rotated(&mut self, rotations: u64) -> Result<Measured> {
        progress(&format!("{rotations} rotations"));
        let (target, _) = started(self.stage, &self.directory, &self.admin_password)?;
        let shape = self.stage.shape(target.address, target.pid(), Duration::from_hours(12));
        let (target, measured) = self.refresh(target, &shape, Some(rotations))?;
        target.stop()?;
        Ok(measured)
    }

    /// Rotates as fast as it goes, and looks after the first million and at the end.
    fn rotate(&mut self, report: &mut Report, rotations: u64, sessions: u64) -> Result<()> {
        let mut after_first = None;
        let mut done = 0;
        for until in [ROTATIONS.min(rotations), rotations] {
            if until <= done {
                continue;
            }
            let measured = self.rotated(until - done)?;
            done = until;
            report.rows.push(Row::new(&format!("Refresh, to {until} rotations"), &measured));
            let when = format!("{sessions} sessions after {until} rotations");
            self.measure(report, &when, sessions)?;
            let disk = as_f64(on_disk(&self.directory));
            let each = disk / as_f64(sessions.max(1));
            let goal = (until >= 10 * ROTATIONS).then_some(Goal::AtMost(1024.0));
            report.facts.push(Fact::new(format!("disk for each live session after {until} rotations"), each, "bytes", goal));
            let first = *after_first.get_or_insert(disk);
            if until > ROTATIONS {
                let name = format!("disk after {until} rotations / after {ROTATIONS}");
                report.facts.push(Fact::new(name, disk / first.max(1.0), "", Some(Goal::AtMost(1.5))));
            }
        }
        Ok(())
    }

    fn note(&self, report: &mut Report, when: &str, measured: &Measured, sessions: u64) {
        let disk = as_f64(on_disk(&self.directory));
        report.facts.push(Fact::new(format!("disk, {when}"), disk / MIB, "MiB", None));
        report.facts.push(Fact::new(format!("disk for each session, {when}"), disk / as_f64(sessions.max(1)), "bytes", None));
        if let Some(memory) = measured.memory {
            report.facts.push(Fact::new(format!("memory, {when}"), as_f64(memory.resident) / MIB, "MiB", None));
        }
    }
}

/// Refreshes so often and no more.
struct AtMost {
    chains: Refreshing,
    left: u64,
}

impl Workload for AtMost {
    fn path(&self) -> &'static str {
        self.chains.path()
    }

    fn next(&mut self, request: &mut crate::drive::Request) -> bool {
        let next = self.left > 0 && self.chains.next(request);
        self.left -= u64::from(next);
        next
    }

    fn answered(&mut self, code: u32, message: &[u8]) {
        self.chains.answered(code, message);
    }
}

/// Bytes that a directory takes on its disk.
pub(crate) fn on_disk(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => on_disk(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    };
    entries.map(size).sum()
}
