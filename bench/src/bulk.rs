//! Many users and sessions, made by the rpcs that anybody has: CreateUser and Login on a server of our own whose password checks
//! cost next to nothing. No session is any different for it, and a Login afterwards, on a server with the usual cost, upgrades the
//! hash of its user.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::calls::{Listed, Prepared, paths};
use crate::drive::{Request, Workload};
use crate::error::{BenchError, Result};
use crate::fill;
use crate::options::Options;
use crate::secret::{Secret, random_hex};
use crate::stage::{Stage, progress};

/// The least that a password check can cost.
pub(crate) const CHEAP: [(&str, &str); 2] = [("COUNTERSIGN_HASH_MEMORY", "8"), ("COUNTERSIGN_HASH_PASSES", "1")];
/// Calls on their way at once. So many may wait for a password check, whoever asks.
const AT_ONCE: usize = 256;
/// The least users that many sessions are spread over.
const SPREAD: u32 = 10_000;

/// The users of a directory, and a way to open more sessions of them.
pub(crate) struct Bulk {
    users: Vec<String>,
    /// The password of every user.
    password: Secret,
    /// Whose session is opened next.
    next: usize,
}

/// Makes the directory that `--data-dir` names, fills it, and says on standard output how to sign in.
///
/// # Errors
/// [`BenchError::Exists`]; those of a start and of the rpcs.
pub(crate) fn fill_only(options: &Options, admin_password: Option<Secret>, stop: &AtomicBool) -> Result<()> {
    let Some(directory) = options.data_dir.as_deref() else {
        return Err(BenchError::Usage("--fill-only needs --data-dir".to_owned()));
    };
    if directory.exists() {
        return Err(BenchError::Exists(directory.to_owned()));
    }
    let users = options.users.unwrap_or(SPREAD);
    let sessions = options.sessions.unwrap_or(users.saturating_mul(10));
    let given = admin_password.is_some();
    let admin_password = admin_password.unwrap_or_else(Secret::fresh);
    let stage = Stage::new(options, None, stop)?;
    let filled = filled(&stage, directory, users, sessions, &admin_password).inspect_err(|_| {
        // Half a directory is of no use to anyone; the error says more than a failure to remove it.
        let _ = std::fs::remove_dir_all(directory);
    })?;
    println!("{}: {sessions} sessions of {users} users, {}", directory.display(), filled.names());
    println!("their password: {}", filled.password.expose());
    if !given {
        println!("the password of admin: {}", admin_password.expose());
    }
    Ok(())
}

fn filled(stage: &Stage<'_>, directory: &Path, users: u32, sessions: u32, admin_password: &Secret) -> Result<Bulk> {
    // The issuer is kept for good: what `serve` without settings would have.
    let issuer = ("COUNTERSIGN_PUBLIC_URL", "http://127.0.0.1:50051");
    let server = stage.serve(directory, None, admin_password, &[&CHEAP[..], &[issuer]].concat())?;
    let bulk = Bulk::users(server.address, admin_password, users, stage.stop).and_then(|mut bulk| {
        bulk.sessions(server.address, sessions, stage.stop)?;
        Ok(bulk)
    });
    server.stop()?;
    bulk
}

impl Bulk {
    /// Makes users, all with one password.
    ///
    /// # Errors
    /// [`BenchError::Refused`], [`BenchError::Stopped`].
    pub(crate) fn users(address: std::net::SocketAddr, admin_password: &Secret, count: u32, stop: &AtomicBool) -> Result<Self> {
        progress(&format!("making {count} users"));
        let (password, run) = (Secret::fresh(), random_hex::<3>());
        let users: Vec<String> = (0..count).map(|number| format!("bench-{run}-{number}")).collect();
        let admin = fill::sign_in(address, "admin", admin_password)?;
        let create = |name: &String| Prepared::signed(&admin, &fill::new_user(name, &password));
        let mut creating = Listed::once(paths::CREATE_USER, users.iter().map(create).collect());
        fill::all(address, stop, AT_ONCE, &mut creating)?;
        Ok(Self { users, password, next: 0 })
    }

    /// Opens `count` sessions, of one user after the other, and answers with their refresh tokens.
    ///
    /// # Errors
    /// [`BenchError::Refused`], [`BenchError::Stopped`].
    pub(crate) fn sessions(&mut self, address: std::net::SocketAddr, count: u32, stop: &AtomicBool) -> Result<Vec<String>> {
        progress(&format!("opening {count} sessions"));
        let tokens = Vec::with_capacity(count as usize);
        let mut logins = Logins { bulk: self, left: count, tokens };
        fill::all(address, stop, AT_ONCE, &mut logins)?;
        let tokens = logins.tokens;
        if stop.load(Ordering::Relaxed) { Err(BenchError::Stopped) } else { Ok(tokens) }
    }

    fn names(&self) -> String {
        let (first, last) = (self.users.first(), self.users.last());
        first.zip(last).map_or_else(String::new, |(first, last)| format!("{first} to {last}"))
    }
}

/// A Login of one user after the other; as many as are left, and no request is made before it is sent.
struct Logins<'a> {
    bulk: &'a mut Bulk,
    left: u32,
    tokens: Vec<String>,
}

impl Workload for Logins<'_> {
    fn path(&self) -> &'static str {
        paths::LOGIN
    }

    fn next(&mut self, request: &mut Request) -> bool {
        let Bulk { users, password, next } = &mut *self.bulk;
        let Some(user) = users.get(*next % users.len().max(1)).filter(|_| self.left > 0) else { return false };
        self.left -= 1;
        *next += 1;
        request.message.extend_from_slice(&fill::login_request(user, password).message);
        true
    }

    fn answered(&mut self, code: u32, message: &[u8]) {
        if code == 0 {
            self.tokens.extend(fill::tokens_of(message).map(|tokens| tokens.refresh_token));
        }
    }
}
