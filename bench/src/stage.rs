//! Where a run takes place: the scratch directory, the servers in it, and how a workload is measured against one.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::child::{Scratch, Server, Start};
use crate::drive::{Measured, Shape, Workload, drive};
use crate::error::{BenchError, Result, Trying as _};
use crate::fill::{self, Filled};
use crate::options::Options;
use crate::process;
use crate::secret::Secret;

/// The core of the server and that of the driver, where they are pinned.
const CORES: (usize, usize) = (0, 1);
/// What is not measured at the beginning of a run.
const WARM_UP: Duration = Duration::from_millis(300);

/// What every run has.
pub(crate) struct Stage<'a> {
    pub(crate) options: &'a Options,
    pub(crate) stop: &'a AtomicBool,
    admin_password: Option<Secret>,
    scratch: Scratch,
    /// How many servers were started: each has a log of its own.
    started: Cell<u32>,
}

/// A server to be measured: one of our own, or someone's.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) own: Option<Server>,
    pub(crate) admin_password: Secret,
}

impl<'a> Stage<'a> {
    /// Makes the scratch directory.
    ///
    /// # Errors
    /// [`BenchError::Io`].
    pub(crate) fn new(options: &'a Options, admin_password: Option<Secret>, stop: &'a AtomicBool) -> Result<Self> {
        let parent = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
        Ok(Self { options, stop, admin_password, scratch: Scratch::new(&parent, "run")?, started: Cell::new(0) })
    }

    /// How long a figure is measured.
    pub(crate) fn seconds(&self) -> Duration {
        self.options.length(Duration::from_secs(5))
    }

    /// True where what servers write here is not on a disk.
    pub(crate) fn in_memory(&self) -> bool {
        self.scratch.in_memory()
    }

    /// A directory for one server's data, which is not made.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The core of a server and of the driver, where they are to be kept apart.
    pub(crate) const fn server_core(&self) -> Option<usize> {
        if self.options.pin { Some(CORES.0) } else { None }
    }

    /// Runs `measure` with the driver on its core, where it is to have one.
    fn on_driver_core<T>(&self, measure: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.options.pin {
            return measure();
        }
        let before = process::cores()?;
        process::pin(CORES.1)?;
        let measured = measure();
        process::unpin(&before)?;
        measured
    }

    /// The server's program: the one that was named, or the `countersign` beside this one.
    ///
    /// # Errors
    /// [`BenchError::Usage`] where there is none.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let own = std::env::current_exe().trying("find this program")?;
        let program = self.options.server_binary.clone().unwrap_or_else(|| own.with_file_name("countersign"));
        if program.is_file() {
            return Ok(program);
        }
        let text = format!("there is no server to measure at {}: build it, or name one with --server-binary", program.display());
        Err(BenchError::Usage(text))
    }

    /// Starts a server on `data`. Of its settings those of the options win over `settings`.
    ///
    /// # Errors
    /// [`BenchError::Usage`], [`BenchError::Start`], [`BenchError::Io`].
    pub(crate) fn serve(
        &self,
        data: &Path,
        core: Option<usize>,
        admin_password: &Secret,
        settings: &[(&str, &str)],
    ) -> Result<Server> {
        let mut environment: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.push(("COUNTERSIGN_ADMIN_PASSWORD".to_owned(), admin_password.expose().to_owned()));
        environment.extend(self.options.setting.iter().cloned());
        self.start(&self.program()?, "serve", data, core, &environment)
    }

    /// Starts the bare server: this program.
    ///
    /// # Errors
    /// [`BenchError::Start`], [`BenchError::Io`].
    pub(crate) fn ceiling(&self, core: Option<usize>) -> Result<Server> {
        let own = std::env::current_exe().trying("find this program")?;
        self.start(&own, "ceiling", &self.directory("ceiling"), core, &[])
    }

    fn start(
        &self,
        program: &Path,
        command: &str,
        data: &Path,
        core: Option<usize>,
        environment: &[(String, String)],
    ) -> Result<Server> {
        self.started.set(self.started.get() + 1);
        let log = self.scratch.path().join(format!("{command}-{}.log", self.started.get()));
        Server::start(&Start { program, command, data, log: &log, core, environment })
    }

    /// The server to be measured: someone's where one was named, or one of our own on a fresh directory.
    ///
    /// # Errors
    /// Those of [`serve`](Self::serve), and of [`fill::greet`].
    pub(crate) fn target(&self, name: &str, core: Option<usize>) -> Result<Target> {
        if let Some(address) = self.options.server {
            fill::greet(address)?;
            let admin_password = self.admin_password.clone().ok_or_else(|| {
                BenchError::Usage("COUNTERSIGN_ADMIN_PASSWORD must hold the password of admin at --server".to_owned())
            })?;
            return Ok(Target { address, own: None, admin_password });
        }
        self.own(&self.directory(name), core, Secret::fresh())
    }

    /// A server of our own on this directory.
    ///
    /// # Errors
    /// Those of [`serve`](Self::serve).
    pub(crate) fn own(&self, data: &Path, core: Option<usize>, admin_password: Secret) -> Result<Target> {
        let own = self.serve(data, core, &admin_password, &[])?;
        fill::greet(own.address)?;
        Ok(Target { address: own.address, own: Some(own), admin_password })
    }

    /// Fills a server with as many users and sessions as the options say.
    ///
    /// # Errors
    /// Those of [`fill::fill`].
    pub(crate) fn fill(&self, target: &mut Target) -> Result<Filled> {
        self.fill_with(target, self.options.users.unwrap_or(64), self.options.sessions.unwrap_or(512))
    }

    /// Fills a server with so many users and at least as many sessions.
    ///
    /// # Errors
    /// Those of [`fill::fill`].
    pub(crate) fn fill_with(&self, target: &mut Target, users: u32, sessions: u32) -> Result<Filled> {
        let sessions = sessions.max(users);
        progress(&format!("filling {} with {users} users, their keys, and {sessions} sessions", target.address));
        let filled = fill::fill(target.address, ("admin", &target.admin_password), users, sessions, self.stop);
        filled.map_err(|error| target.explain(error))
    }

    /// A shape with the calls in flight and connections of the options.
    pub(crate) fn shape(&self, address: SocketAddr, pid: Option<u32>, length: Duration) -> Shape {
        Shape {
            address,
            pid,
            connections: self.options.connections.into(),
            in_flight: self.options.in_flight.into(),
            rate: None,
            warm_up: WARM_UP.min(length / 4),
            length,
        }
    }

    /// Drives a workload, with the driver on its core where it is to have one.
    ///
    /// # Errors
    /// Those of [`drive`]; [`BenchError::Stopped`].
    pub(crate) fn measure(&self, shape: &Shape, workload: &mut dyn Workload) -> Result<Measured> {
        self.on_driver_core(|| self.measure_shared(shape, workload))
    }

    /// Drives a workload from whichever core is free.
    ///
    /// # Errors
    /// Those of [`drive`]; [`BenchError::Stopped`].
    pub(crate) fn measure_shared(&self, shape: &Shape, workload: &mut dyn Workload) -> Result<Measured> {
        let measured = drive(shape, workload, self.stop, &mut None)?;
        if self.stop.load(Ordering::Relaxed) { Err(BenchError::Stopped) } else { Ok(measured) }
    }
}

impl Target {
    pub(crate) fn pid(&self) -> Option<u32> {
        self.own.as_ref().map(Server::pid)
    }

    /// Says how the process of a server of our own ended, where it did.
    pub(crate) fn explain(&mut self, error: BenchError) -> BenchError {
        match (&mut self.own, &error) {
            (Some(server), BenchError::Died { .. }) => server.explain(error),
            _ => error,
        }
    }

    /// Stops a server of our own; leaves someone's.
    ///
    /// # Errors
    /// [`BenchError::Died`] where it did not end well.
    pub(crate) fn stop(self) -> Result<()> {
        self.own.map_or(Ok(()), Server::stop)
    }
}

/// Says what is being done, on standard error.
pub(crate) fn progress(text: &str) {
    eprintln!("{text}");
}
