//! Starting: the first time, and again; and what a server that has just started needs.

use std::path::Path;
use std::time::Duration;

use crate::caller::Caller;
use crate::calls::{Prepared, paths};
use crate::drive::{as_f64, drive};
use crate::error::{BenchError, Result, Trying as _};
use crate::process;
use crate::report::{Fact, Report, Row, Target as Goal};
use crate::secret::Secret;
use crate::stage::{Stage, Target, progress};
use crate::steps::Step;

/// How often each start is repeated; the median counts.
const TIMES: usize = 5;
/// How long a server does nothing before its memory is looked at.
const IDLE: Duration = Duration::from_secs(1);
const MIB: f64 = 1_048_576.0;

/// Measures both kinds of start, idle memory, and memory with 256 logins in flight.
///
/// # Errors
/// Why it ended early; what was measured until then is in `report`.
pub(crate) fn run(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    if stage.options.server.is_some() {
        return Err(BenchError::Usage("start measures servers of its own: leave --server out".to_owned()));
    }
    let program = stage.program()?.metadata().trying("look at the program")?;
    report.facts.push(Fact::new("size of the binary", as_f64(program.len()) / MIB, "MiB", None));

    progress("first start");
    let (mut first, mut again, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for time in 0..TIMES {
        let directory = stage.directory(&format!("start-{time}"));
        let password = Secret::fresh();
        let (target, millis) = started(stage, &directory, &password)?;
        first.push(millis);
        target.stop()?;
        let (target, millis) = started(stage, &directory, &password)?;
        again.push(millis);
        std::thread::sleep(IDLE);
        idle.extend(target.pid().and_then(process::memory).map(|memory| as_f64(memory.resident) / MIB));
        target.stop()?;
    }
    let within = |millis| Some(Goal::AtMost(millis));
    report.facts.push(Fact::new("first start to first answer", median(first), "ms", within(60.0)));
    report.facts.push(Fact::new(
        "restart over a store that holds only admin, to first answer",
        median(again),
        "ms",
        within(30.0),
    ));
    report.facts.push(Fact::new("idle memory after that", median(idle), "MiB", within(16.0)));
    logins_in_flight(stage, report)
}

/// The peak memory of a fresh server under 256 logins at once.
fn logins_in_flight(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    progress("256 logins in flight");
    let mut target = stage.target("start-logins", None)?;
    let mut filled = stage.fill(&mut target)?;
    let mut shape = stage.shape(target.address, target.pid(), stage.seconds());
    shape.in_flight = 256;
    let measured = Step::Login.with(&mut filled, 1.0, |workload| drive(&shape, workload, stage.stop, &mut None));
    let measured = measured.map_err(|error| target.explain(error))?;
    let peak = measured.memory.map_or(0.0, |memory| as_f64(memory.peak) / MIB);
    report.rows.push(Row::new("Login, 256 in flight", &measured));
    let goal = Some(Goal::AtMost(64.0));
    report.facts.push(Fact::new("peak memory of a fresh server with 256 logins in flight", peak, "MiB", goal));
    target.stop()
}

/// Starts a server on `directory` and waits for the first answer; answers with how long that took, in milliseconds.
pub(crate) fn started(stage: &Stage<'_>, directory: &Path, password: &Secret) -> Result<(Target, f64)> {
    let own = stage.serve(directory, None, password, &[])?;
    let health = Prepared { authorization: "".into(), message: Vec::new() };
    Caller::open(own.address, paths::HEALTH)?.call(&health)?;
    let millis = own.started.elapsed().as_secs_f64() * 1e3;
    Ok((Target { address: own.address, own: Some(own), admin_password: password.clone() }, millis))
}

/// The middle one; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
