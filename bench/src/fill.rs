//! Fills a server through its own rpcs: users, keys, sessions, and what a run needs to call as them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_client::pb;
use prost::Message;

use crate::caller::{Answered, Caller};
use crate::calls::{Listed, Prepared, paths};
use crate::drive::{Shape, Workload, code_name, drive};
use crate::error::{BenchError, Result};
use crate::secret::{Secret, random_hex};

/// Logins that wait at once while a server is filled: few enough that a slow machine with one core answers all in time.
const LOGINS: usize = 16;

/// What a filled server is called with.
#[derive(Default)]
pub(crate) struct Filled {
    /// The superuser's access token.
    pub(crate) admin: String,
    /// The users' names; each has the password below and a personal key.
    pub(crate) users: Vec<String>,
    /// Their password.
    pub(crate) password: Secret,
    /// The access tokens of the sessions.
    pub(crate) access: Vec<String>,
    /// The refresh tokens of the sessions, each the tip of its chain.
    pub(crate) refresh: Vec<String>,
    /// Ids and secrets of personal keys.
    pub(crate) keys: Vec<(String, String)>,
    /// Access tokens that no rpc has seen yet.
    pub(crate) unseen: Vec<String>,
    /// Tokens of single-use links that are not redeemed.
    pub(crate) links: Vec<String>,
}

/// Checks that what listens there is a countersign server. Sends no secret.
///
/// # Errors
/// [`BenchError::Unreachable`], [`BenchError::NotOurs`].
pub(crate) fn greet(address: SocketAddr) -> Result<()> {
    // The answer that tells: a service of ours refuses an empty token, anything else does not know the rpc.
    let empty = Prepared::open(&pb::PeekSingleUseRequest::default());
    match Caller::open(address, paths::PEEK)?.call(&empty) {
        Ok(Answered { code: 3 | 5 | 16, .. }) => Ok(()),
        Ok(Answered { code, detail, .. }) => {
            Err(BenchError::NotOurs { address, detail: format!("it answers {} {detail} to PeekSingleUse", code_name(code)) })
        }
        Err(BenchError::Died { detail, .. }) => Err(BenchError::NotOurs { address, detail }),
        Err(error) => Err(error),
    }
}

/// Makes users with keys, opens sessions, and answers with what they are called by.
///
/// # Errors
/// [`BenchError::Refused`] where an rpc refuses; those of [`drive`].
pub(crate) fn fill(address: SocketAddr, admin: (&str, &Secret), users: u32, sessions: u32, stop: &AtomicBool) -> Result<Filled> {
    let admin = sign_in(address, admin.0, admin.1)?;

    // A run beside an earlier one on the same server makes its own users.
    let run = random_hex::<4>();
    let password = Secret::fresh();
    let names: Vec<String> = (0..users).map(|number| format!("bench-{run}-{number}")).collect();
    let create = |name: &String| Prepared::signed(&admin, &new_user(name, &password));
    all(address, stop, LOGINS, &mut Listed::once(paths::CREATE_USER, names.iter().map(create).collect()))?;

    let mut tokens = Vec::new();
    let logins = login_requests(&names, &password).into_iter().cycle().take(sessions as usize).collect();
    let keep = |message: &[u8]| tokens.extend(tokens_of(message));
    all(address, stop, LOGINS, &mut Listed::once(paths::LOGIN, logins).keeping(keep))?;
    let mut filled = Filled {
        admin,
        users: names,
        password,
        access: tokens.iter().map(|tokens| tokens.access_token.clone()).collect(),
        refresh: tokens.into_iter().map(|tokens| tokens.refresh_token).collect(),
        ..Filled::default()
    };

    let create = |token: &String| {
        let message = pb::AccountServiceCreatePersonalKeyRequest { display_name: "bench".to_owned(), ..Default::default() };
        Prepared::signed(token, &message)
    };
    let creates = filled.access.iter().take(users as usize).map(create).collect();
    let mut keys = Vec::new();
    let keep = |message: &[u8]| {
        let key = pb::AccountServiceCreatePersonalKeyResponse::decode(message);
        keys.extend(key.map(|key| (key.key_id, key.key_secret)));
    };
    all(address, stop, LOGINS, &mut Listed::once(paths::CREATE_KEY, creates).keeping(keep))?;
    filled.keys = keys;
    Ok(filled)
}

/// Logs in and answers with the access token.
///
/// # Errors
/// [`BenchError::Refused`]; those of a connection.
pub(crate) fn sign_in(address: SocketAddr, username: &str, password: &Secret) -> Result<String> {
    let answer: pb::LoginResponse = Caller::open(address, paths::LOGIN)?.ask(&login_request(username, password))?;
    Ok(answer.tokens.unwrap_or_default().access_token)
}

/// A login of each user.
pub(crate) fn login_requests(users: &[String], password: &Secret) -> Vec<Prepared> {
    users.iter().map(|username| login_request(username, password)).collect()
}

/// A user of this name.
pub(crate) fn new_user(name: &str, password: &Secret) -> pb::CreateUserRequest {
    pb::CreateUserRequest {
        username: name.to_owned(),
        email: format!("{name}@bench.invalid"),
        password: password.expose().to_owned(),
        ..pb::CreateUserRequest::default()
    }
}

/// A login of this user.
pub(crate) fn login_request(username: &str, password: &Secret) -> Prepared {
    Prepared::open(&pb::LoginRequest {
        username: username.to_owned(),
        password: password.expose().to_owned(),
        ..pb::LoginRequest::default()
    })
}

/// The tokens of a Login's answer, or of a PkeyJwt's, which is the same.
pub(crate) fn tokens_of(message: &[u8]) -> Option<pb::TokenSet> {
    pb::LoginResponse::decode(message).ok()?.tokens
}

/// Drives a workload to its end, so many calls at once; every answer must be OK.
///
/// # Errors
/// [`BenchError::Refused`], [`BenchError::Stopped`]; those of [`drive`].
pub(crate) fn all(address: SocketAddr, stop: &AtomicBool, in_flight: usize, workload: &mut dyn Workload) -> Result<()> {
    let shape = Shape {
        address,
        pid: None,
        connections: 4,
        in_flight,
        rate: None,
        warm_up: Duration::ZERO,
        length: Duration::from_hours(1),
    };
    let measured = drive(&shape, workload, stop, &mut None)?;
    if stop.load(Ordering::Relaxed) {
        return Err(BenchError::Stopped);
    }
    match measured.refused.into_iter().next() {
        Some((detail, count)) => {
            Err(BenchError::Refused { call: workload.path().to_owned(), detail: format!("{detail} ({count} times)") })
        }
        None => Ok(()),
    }
}
