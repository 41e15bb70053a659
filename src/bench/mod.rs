//! `countersign bench`: how fast a live server is, next to what it could be.
//!
//! Owns the load generator (`drive` over `connection` and `wire`), what is called with what (`steps`, `calls`,
//! `fill`), the ceilings ([`ceiling`], `null`), the scenarios, and the report. Depends on `grpc` for the messages, on
//! `store` and `crypto` for filling a directory in bulk and for the ceilings; the server itself it only meets over its port.
//!
//! What makes a figure mean something: it is taken between two runs of Health/Check on the same server, by the same driver, at
//! the same calls in flight, and told as a ratio to them; latencies at a fixed rate count from the moment a call was due; the
//! driver says how busy it was; and servers of our own get no setting from the environment of whoever measures.

mod bulk;
mod caller;
mod calls;
pub mod ceiling;
mod chart;
mod child;
mod connection;
mod drive;
mod error;
mod fill;
mod flood;
mod growth;
mod hpack;
mod markdown;
mod mixed;
mod null;
mod options;
mod plan;
mod process;
mod report;
mod revocation;
mod soak;
mod stage;
mod start;
mod steps;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::atomic::AtomicBool;

pub use self::error::BenchError;
use self::error::{Result, Trying as _};
pub use self::options::{Options, Scenario};
pub use self::report::Report;
use self::stage::Stage;
use crate::model::secret::Secret;

/// Measures what `options` ask for, prints the table to standard output, and writes the files. Blocks; progress goes to
/// standard error. `admin_password` is that of a server that is not our own.
///
/// Setting `stop` ends it early. What was measured until then, or until an error, is printed and written all the same.
///
/// # Errors
/// Why it ended before its end. Servers of our own are stopped and scratch directories removed whatever is answered.
pub fn run(options: &Options, admin_password: Option<Secret>, stop: &AtomicBool) -> Result<()> {
    check(options)?;
    if options.fill_only {
        return bulk::fill_only(options, admin_password, stop);
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
        None => plan::every_rpc(stage, report),
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
