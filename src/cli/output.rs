//! What commands print, and how they end.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use countersign_client::{ConnectError, error, pb};
use prost_types::Timestamp;
use serde_json::{Value, json};
use tonic::{Code, Status};

/// How long the end waits for somebody to read its sentence.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a command ends otherwise than well.
#[derive(Debug)]
pub(super) enum Failure {
    /// The call, or the start of a server, failed. 1
    Failed(String),
    /// What was given cannot be meant. 2
    CommandLine(String),
    /// The server could not be reached. 3
    Unreachable(String),
    /// Not signed in, or not allowed. 4
    Denied(String),
    /// The token is not active. 5
    Inactive,
}

impl Failure {
    /// Says why on standard error, a sentence a line, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        let (code, text) = match self {
            Self::Failed(text) => (1, text),
            Self::CommandLine(text) => (2, text),
            Self::Unreachable(text) => (3, text),
            Self::Denied(text) => (4, text),
            Self::Inactive => return ExitCode::from(5),
        };
        let lines: Vec<String> = text.lines().map(|line| format!("countersign: {line}\n")).collect();
        let lines = lines.concat();
        if let Some(written) = aside(move || drop(std::io::stderr().write_all(lines.as_bytes()))) {
            let _ = written.recv_timeout(LAST_WORDS_TIMEOUT);
        }
        ExitCode::from(code)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let reason = error::reason_name(&status).map(|name| format!(" ({name})")).unwrap_or_default();
        let text = format!("{}{reason}", status.message());
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => Self::Denied(text),
            // Ours carry a reason; one without never came from a server.
            Code::Unavailable if reason.is_empty() => Self::Unreachable(text),
            code if text.is_empty() => Self::Failed(code.description().to_owned()),
            _ => Self::Failed(text),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Url { .. } | ConnectError::Trust { .. } => Self::CommandLine(format!("--server {error}")),
            ConnectError::Unreachable { .. } => Self::Unreachable(format!("{error}; is it running, and is --server right?")),
        }
    }
}

/// Writes something on a thread of its own, because a pipe that nobody reads holds its writer for ever. Answers what tells the
/// end; nothing where there is no thread to be had, and then it is written already.
pub(super) fn aside(write: impl FnOnce() + Send + 'static) -> Option<Receiver<()>> {
    // It can be called from here, and from there.
    let write = Arc::new(Mutex::new(Some(write)));
    let (done, written) = sync_channel(1);
    let there = Arc::clone(&write);
    let once = |write: &Mutex<Option<_>>| write.lock().ok().and_then(|mut write| write.take());
    let started = thread::Builder::new().name("output".to_owned()).spawn(move || {
        if let Some(write) = once(&there) {
            write();
        }
        let _ = done.try_send(());
    });
    if started.is_err() {
        if let Some(write) = once(&write) {
            write();
        }
        return None;
    }
    Some(written)
}

/// Prints `value` as one line of JSON where that was asked for, otherwise `text`.
pub(super) fn print(json: bool, value: &Value, text: &str) {
    let mut out = std::io::stdout();
    let _ = if json { writeln!(out, "{value}") } else { writeln!(out, "{text}") };
}

/// Rows under their headings, in columns. Control characters are shown escaped.
pub(super) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let shown = |text: String| -> String {
        text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
    };
    let headings = headings.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> =
        std::iter::once(headings).chain(rows).map(|row: Vec<String>| row.into_iter().map(shown).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A note for the person, which is no part of the output.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A moment in RFC 3339, or nothing.
pub(super) fn time(at: Option<&Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::String(at.to_string()))
}

/// A user as JSON.
pub(super) fn user(user: &pb::User) -> Value {
    json!({
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        "roles": user.roles,
        "organizations": user.organizations,
        "disabled": user.disabled,
        "totp_enabled": user.totp_enabled,
        "create_time": time(user.create_time.as_ref()),
    })
}

/// An answer that lacks what it must have: of another kind of server.
pub(super) fn incomplete() -> Failure {
    Failure::Failed("the server's answer is incomplete; is it a countersign of this version?".to_owned())
}
