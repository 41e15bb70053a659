//! Several workloads at once, each at its rate on a thread of its own: what others do while something else happens.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::calls::{Listed, Refreshing, paths};
use crate::drive::{Measured, Shape, Workload, drive};
use crate::error::{BenchError, Result, Trying as _};
use crate::fill::Filled;
use crate::stage::{Stage, Target};
use crate::steps::{exchanges, verify};

/// What was measured of each of the three.
pub(crate) struct Others {
    pub(crate) verify: Measured,
    pub(crate) refresh: Measured,
    pub(crate) pkey_jwt: Measured,
}

impl Others {
    /// Each with its name.
    pub(crate) fn each(&self) -> [(&'static str, &Measured); 3] {
        [("VerifyToken", &self.verify), ("Refresh", &self.refresh), ("PkeyJwt", &self.pkey_jwt)]
    }
}

/// Verifies, refreshes and mints at `rate` a second each for `length`. Puts the refresh tokens back.
///
/// # Errors
/// Those of [`drive`].
pub(crate) fn others(stage: &Stage<'_>, target: &Target, filled: &mut Filled, rate: f64, length: Duration) -> Result<Others> {
    let shape = Shape { connections: 2, in_flight: 128, rate: Some(rate), ..stage.shape(target.address, target.pid(), length) };
    let seen = filled.access.iter().take(256).map(|token| verify(&filled.admin, token)).collect();
    let mut verifying = Listed::rotating(paths::VERIFY, seen);
    let mut refreshing = Refreshing::new(std::mem::take(&mut filled.refresh));
    let mut minting = Listed::rotating(paths::PKEY_JWT, exchanges(&filled.keys));
    let measured = std::thread::scope(|scope| {
        let run = |workload| spawn(scope, shape, workload, stage.stop);
        let verify = run(&mut verifying)?;
        let refresh = run(&mut refreshing)?;
        let pkey_jwt = run(&mut minting)?;
        Ok(Others { verify: join(verify)?, refresh: join(refresh)?, pkey_jwt: join(pkey_jwt)? })
    });
    filled.refresh = refreshing.into_tokens();
    measured
}

type Driven<'scope> = std::thread::ScopedJoinHandle<'scope, Result<Measured>>;

/// Drives a workload on a thread of its own.
///
/// # Errors
/// [`BenchError::Io`] where there is no thread.
pub(crate) fn spawn<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    shape: Shape,
    workload: &'scope mut (dyn Workload + Send),
    stop: &'scope AtomicBool,
) -> Result<Driven<'scope>> {
    let builder = std::thread::Builder::new().name("driver".to_owned());
    builder.spawn_scoped(scope, move || drive(&shape, workload, stop, &mut None)).trying("start a thread")
}

/// Waits for a thread of [`spawn`].
///
/// # Errors
/// Those of [`drive`].
pub(crate) fn join(driven: Driven<'_>) -> Result<Measured> {
    driven.join().unwrap_or_else(|_| Err(BenchError::Usage("a driver's thread panicked".to_owned())))
}
