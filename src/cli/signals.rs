//! The signals of `serve`, followed from their first moment to their last.
//!
//! SIGTERM and SIGINT ask for the end; a second one of either ends at once. SIGHUP asks to read certificate and log level
//! again. SIGUSR1 and SIGUSR2 do nothing. They have a thread and a runtime of their own, so that nothing else can hold them up.

use std::thread;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::Signals;

/// Follows the signals of this process from now on.
///
/// # Errors
/// A sentence that says why they cannot be followed.
pub(super) fn follow() -> Result<Signals, String> {
    let failed = |error: std::io::Error| format!("cannot follow signals: {error}");
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let stop = CancellationToken::new();
    let (told, reload) = watch::channel(());
    let followed = {
        let _inside = runtime.enter();
        Followed::new(stop.clone(), told).map_err(failed)?
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(followed.follow())).map_err(failed)?;
    Ok(Signals { stop, reload })
}

struct Followed {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    stop: CancellationToken,
    reload: watch::Sender<()>,
}

impl Followed {
    fn new(stop: CancellationToken, reload: watch::Sender<()>) -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            stop,
            reload,
        })
    }

    async fn follow(mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => self.end(),
                _ = self.interrupt.recv() => self.end(),
                _ = self.hangup.recv() => self.reload.send_replace(()),
                _ = self.user1.recv() => {}
                _ = self.user2.recv() => {}
            }
        }
    }

    fn end(&self) {
        if self.stop.is_cancelled() {
            // What was answered is durable. Whoever asks twice does not want to wait for the rest.
            std::process::exit(1);
        }
        tracing::info!("shutting down; another signal ends at once");
        self.stop.cancel();
    }
}
