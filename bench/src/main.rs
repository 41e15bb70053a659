//! `countersign-bench`: how fast a live server is, next to what it could be.
//!
//! | modules | own |
//! |---|---|
//! | `options`, `run`, `plan`, `flood`, `start`, `revocation`, `growth`, `soak` | the command line and the scenarios |
//! | `compare` | two servers by turns |
//! | `counts` | instructions of the functions of `benches/`, held to a file or to the commit before |
//! | `stage`, `child`, `process` | servers of our own, scratch directories, what the kernel says of a process |
//! | `steps`, `calls`, `fill`, `bulk`, `mixed` | what is called with what |
//! | `drive`, `caller`, `connection`, `wire`, `hpack` | the load generator |
//! | `ceiling`, `cells`, `hashes`, `null` | what the service is held against |
//! | `report`, `markdown`, `chart` | what is found |
//!
//! Depends on `countersign-client` for the messages and on nothing else of countersign: the server is a program that it starts,
//! or an address, and everything it needs there it gets by rpcs. The ceilings stand on the crates that the server stands on, and
//! not on its code.
//!
//! What makes a figure mean something: it is taken between two runs of Health/Check on the same server, by the same driver, at
//! the same calls in flight, and told as a ratio to them; latencies at a fixed rate count from the moment a call was due; the
//! driver says how busy it was; and servers of our own get no setting from the environment of whoever measures.

mod bulk;
mod caller;
mod calls;
mod ceiling;
mod cells;
mod chart;
mod child;
mod compare;
mod connection;
mod counts;
mod drive;
mod error;
mod fill;
mod flood;
mod growth;
mod hashes;
mod hpack;
mod markdown;
mod mixed;
mod null;
mod options;
mod plan;
mod process;
mod report;
mod revocation;
mod run;
mod secret;
mod soak;
mod stage;
mod start;
mod steps;
#[cfg(test)]
mod tests;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use self::error::{BenchError, Result, Trying as _};
use self::options::{CommandLine, Options, Scenario};
use self::secret::Secret;

/// The password of admin at the server that `--server` names.
const ADMIN_PASSWORD: &str = "COUNTERSIGN_ADMIN_PASSWORD";

fn main() -> ExitCode {
    let CommandLine { options } = CommandLine::parse();
    let done = Runtime::new().trying("start a runtime").and_then(|runtime| match &options.scenario {
        Some(Scenario::Ceiling(ceiling)) => runtime.block_on(ceiling::serve(ceiling.listen, ceiling.data_dir.clone())),
        Some(Scenario::Counts { update, base }) => counts::run(*update, base.as_deref()),
        Some(Scenario::Features) => {
            println!("{}", counts::features());
            Ok(())
        }
        _ => measure(&runtime, &options),
    });
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("countersign-bench: {error}");
    ExitCode::from(match error {
        BenchError::Usage(_) => 2,
        BenchError::Unreachable { .. } => 3,
        _ => 1,
    })
}

/// Measures until it is done or a signal says to stop.
fn measure(runtime: &Runtime, options: &Options) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let _entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).trying("wait for signals")?;
    let mut terminate = signal(SignalKind::terminate()).trying("wait for signals")?;
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        told.store(true, Ordering::Relaxed);
    });
    run::run(options, admin_password()?, &stop)
}

#[expect(clippy::disallowed_methods, reason = "the one thing that is read from the environment; a secret is no argument")]
fn admin_password() -> Result<Option<Secret>> {
    match std::env::var(ADMIN_PASSWORD) {
        Ok(password) => Ok(Some(Secret::from(password))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(BenchError::Usage(format!("{ADMIN_PASSWORD}: {error}"))),
    }
}
