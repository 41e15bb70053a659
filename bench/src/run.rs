//! One run: the scenario that the options name, and what is done with the report.

use std::sync::atomic::AtomicBool;

use crate::error::{BenchError, Result, Trying as _};
use crate::options::{Options, Scenario};
use crate::report::Report;
use crate::secret::Secret;
use crate::stage::Stage;
use crate::{bulk, chart, compare, flood, growth, markdown, plan, revocation, soak, start};

/// Measures what `options` ask for, prints the table to standard output, and writes the files. Blocks; progress goes to
/// standard error. `admin_password` is that of a server that is not our own.
///
/// Setting `stop` ends it early. What was measured until then, or until an error, is printed and written all the same.
///
/// # Errors
/// Why it ended before its end. Servers of our own are stopped and scratch directories removed whatever is answered.
pub(crate) fn run(options: &Options, admin_password: Option<Secret>, stop: &AtomicBool) -> Result<()> {
    check(options)?;
    if options.fill_only {
        return bulk::fill_only(options, admin_password, stop);
    }
    if let Some(Scenario::Compare(compare)) = &options.scenario {
        return compare::run(options, compare, stop);
    }
    let mut report = Report::new();
    let outcome = Stage::new(options, admin_password, stop).and_then(|stage| measure(&stage, &mut report));
    report.close(outcome.as_ref().err());
    println!("{}", report.table());
    if let Some(path) = &options.json {
        let json = serde_json::to_vec_pretty(&report).map_err(std::io::Error::from).trying("write JSON")?;
        std::fs::write(path, json).trying(format!("write {}", path.display()))?;
    }
    if let Some(path) = &options.into {
        markdown::replace(path, &report)?;
    }
    if let Some(path) = &options.svg {
        std::fs::write(path, chart::svg(&report)).trying(format!("write {}", path.display()))?;
    }
    outcome
}

fn measure(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    match &stage.options.scenario {
        // The others have no report, and were run instead.
        None | Some(Scenario::Ceiling(_) | Scenario::Compare(_) | Scenario::Counts { .. } | Scenario::Features) => {
            plan::every_rpc(stage, report)
        }
        Some(Scenario::Flood) => flood::run(stage, report),
        Some(Scenario::Start) => start::run(stage, report),
        Some(Scenario::Revocation) => revocation::run(stage, report),
        Some(Scenario::Growth(growth)) => growth::run(stage, *growth, report),
        Some(Scenario::Soak { minutes }) => soak::run(stage, *minutes, report),
        Some(Scenario::All(growth)) => {
            start::run(stage, report)?;
            plan::every_rpc(stage, report)?;
            revocation::run(stage, report)?;
            flood::run(stage, report)?;
            growth::run(stage, *growth, report)
        }
    }
}

fn check(options: &Options) -> Result<()> {
    let usage = |text: &str| Err(BenchError::Usage(text.to_owned()));
    match options.server {
        Some(address) if !address.ip().to_canonical().is_loopback() && !options.allow_remote => {
            usage("--server names an address that is not loopback: add --allow-remote if the machine there is yours to load")
        }
        _ if options.into.as_deref().is_some_and(|page| !markdown::has_marks(page)) => {
            usage("--into names no page with the lines <!-- figures --> and <!-- /figures -->")
        }
        Some(_) if options.pin => usage("--pin keeps our own server on a core; with --server there is none"),
        _ => Ok(()),
    }
}
