//! `countersign serve`: reads the settings and hands them over with a log and signals; the rest is [`crate::app`]'s.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::log::Log;
use super::output::{self, Failure};
use super::signals;
use crate::app::{self, Seams};
use crate::config::table::{self, Setting};
use crate::config::{self, ProcessEnvironment, Settings};

/// The flags of `serve`, by the names of their settings: one for each in the table that may have one.
#[derive(Clone, Debug, Default)]
pub(super) struct Flags(BTreeMap<String, String>);

impl clap::Args for Flags {
    fn augment_args(command: clap::Command) -> clap::Command {
        flagged().fold(command, |command, setting| command.arg(flag(setting)))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |setting: &Setting| {
            let text = matches.try_get_one::<String>(setting.name).ok().flatten();
            text.map(|text| (setting.name.to_owned(), text.clone()))
        };
        Ok(Self(flagged().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

fn flagged() -> impl Iterator<Item = &'static Setting> {
    table::ALL.iter().filter(|setting| !setting.flag.is_empty())
}

fn flag(setting: &'static Setting) -> Arg {
    let default = if setting.default.is_empty() { String::new() } else { format!("; default {}", setting.default) };
    let arg = Arg::new(setting.name)
        .long(setting.flag)
        .value_name(setting.value)
        .action(ArgAction::Set)
        .help(format!("{} [{}{default}]", setting.help, setting.name));
    // A switch may stand by itself.
    if setting.value == "true|false" { arg.num_args(0..=1).require_equals(true).default_missing_value("true") } else { arg }
}

/// Serves until SIGTERM or SIGINT.
pub(super) async fn run(flags: &Flags) -> Result<(), Failure> {
    let signals = signals::follow().map_err(Failure::Failed)?;
    // On a thread of its own, because a file that a setting names may be a pipe that nobody fills.
    let given = flags.clone();
    let reading = tokio::task::spawn_blocking(move || Settings::read(&given.0, &ProcessEnvironment));
    let settings = tokio::select! {
        () = signals.stop.cancelled() => return Ok(()),
        read = reading => read.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?,
    };
    let log = Arc::new(Log::begin(&settings.log).map_err(|error| failed(&format!("cannot write a log: {error}")))?);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let following = AbortOnDropHandle::new(tokio::spawn(follow_level(Arc::clone(&log), flags.clone(), signals.reload.clone())));
    let so_far = Arc::clone(&log);
    let ready = move |address| {
        let line = format!("countersign {} listening on {address}\n", env!("CARGO_PKG_VERSION"));
        output::aside(move || {
            // What was said on the way here comes first.
            so_far.finish();
            let mut out = std::io::stdout();
            // Who closed our standard output does not want the line.
            let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        });
    };
    let ended = app::run(settings, Seams::system(), signals, ready).await;
    drop(following);
    log.finish();
    ended.map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Reads the log level again at each SIGHUP: a file may say something else by now.
async fn follow_level(log: Arc<Log>, flags: Flags, mut reload: watch::Receiver<()>) {
    while reload.changed().await.is_ok() {
        let flags = flags.clone();
        let read = tokio::task::spawn_blocking(move || config::log_filter(&flags.0, &ProcessEnvironment)).await;
        match read {
            Ok(Ok(filter)) => log.filter(&filter),
            Ok(Err(bad)) => bad.0.iter().for_each(|problem| tracing::error!("the log stays as it is: {problem}")),
            Err(error) => tracing::error!(%error, "the log stays as it is"),
        }
    }
}
