//! `countersign bench`, and the bare server that it starts beside the one it measures.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::output::Failure;
use crate::bench::{self, BenchError, Options};
use crate::config::{ProcessEnvironment, Strings as _, table};
use crate::model::secret::Secret;

/// Measures a server.
pub(super) async fn run(options: Options) -> Result<(), Failure> {
    let admin_password = ProcessEnvironment.string(table::ADMIN_PASSWORD.name).map_err(Failure::CommandLine)?;
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        return Err(Failure::Failed("cannot wait for signals".to_owned()));
    };
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        told.store(true, Ordering::Relaxed);
    });
    // A thread of its own: it is kept on a core, and it never awaits.
    let measured = tokio::task::spawn_blocking(move || bench::run(&options, admin_password.map(Secret::from), &stop)).await;
    match measured {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error @ BenchError::Usage(_))) => Err(Failure::CommandLine(error.to_string())),
        Ok(Err(error @ BenchError::Unreachable { .. })) => Err(Failure::Unreachable(error.to_string())),
        Ok(Err(error)) => Err(Failure::Failed(error.to_string())),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// What the bare server takes: the same flags as `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct CeilingArgs {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    data_dir: PathBuf,
}

/// Serves the ceilings until SIGTERM.
pub(super) async fn ceiling(args: CeilingArgs) -> Result<(), Failure> {
    bench::ceiling::serve(args.listen, args.data_dir).await.map_err(|error| Failure::Failed(error.to_string()))
}
