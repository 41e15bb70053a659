//! Where commands get secrets and durations from.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use super::output::Failure;
use crate::config::{ProcessEnvironment, Strings as _, outside};
use crate::model::secret::Secret;

/// The text of an environment variable without its final line end; `None` where it is unset or empty.
pub(super) fn environment(name: &str) -> Result<Option<Secret>, Failure> {
    match ProcessEnvironment.string(name) {
        Ok(text) => {
            let text = text.map(Secret::from).map(|text| Secret::new(outside::bare(text.expose())));
            Ok(text.filter(|text| !text.is_empty()))
        }
        Err(problem) => Err(Failure::CommandLine(format!("{name} {problem}"))),
    }
}

/// A secret: from the variable, else from a prompt where standard input is a terminal, else from its next line.
pub(super) fn secret(variable: &str, prompt: &str) -> Result<Secret, Failure> {
    match environment(variable)? {
        Some(secret) => Ok(secret),
        None => ask(prompt),
    }
}

/// A new secret: as [`secret`], and at a terminal it is typed twice.
pub(super) fn new_secret(variable: &str, prompt: &str) -> Result<Secret, Failure> {
    if let Some(secret) = environment(variable)? {
        return Ok(secret);
    }
    let first = ask(prompt)?;
    if std::io::stdin().is_terminal() && ask("The same again: ")?.expose() != first.expose() {
        return Err(Failure::CommandLine("the two differ".to_owned()));
    }
    Ok(first)
}

/// True where somebody can be asked, or standard input may have another line.
pub(super) fn ask(prompt: &str) -> Result<Secret, Failure> {
    let unreadable = |error: std::io::Error| Failure::CommandLine(format!("cannot read from standard input: {error}"));
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map(Secret::from).map_err(unreadable);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
    let line = Secret::from(line);
    Ok(Secret::new(outside::bare(line.expose())))
}

/// Asks before what cannot be undone, where that was not `agreed` to on the command line.
pub(super) fn confirm(agreed: bool, question: &str) -> Result<(), Failure> {
    if agreed {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::CommandLine("this cannot be undone: say --yes".to_owned()));
    }
    super::output::note(&format!("{question} [y/N]"));
    let mut line = String::new();
    let unreadable = |error: std::io::Error| Failure::CommandLine(format!("cannot read from standard input: {error}"));
    std::io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
    if matches!(line.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::Failed("nothing was done".to_owned())) }
}

/// A duration on the command line: a number and `s`, `m`, `h` or `d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || "a number and s, m, h or d, such as 15m or 30d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wanted)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wanted()),
    };
    let number: u64 = number.parse().map_err(|_| wanted())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wanted)
}

/// The same as the contract has it.
pub(super) fn proto_duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration { seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), nanos: 0 }
}
