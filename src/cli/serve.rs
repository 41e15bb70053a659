//! `countersign serve`: settings, log, signals; the rest is [`crate::app`]'s.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

use clap::{Arg, ArgAction, ArgMatches};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::output::Failure;
use crate::app::{self, Seams};
use crate::config::table::{self, Setting};
use crate::config::{ProcessEnvironment, Settings};
use crate::edge::request_id::Fields;

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
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let settings = Settings::read(&flags.0, &ProcessEnvironment).map_err(|error| failed(&error))?;
    log(&settings.log);
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
    let told = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
        told.cancel();
    });
    let ready = |address| {
        let mut out = std::io::stdout();
        // Who closed our standard output does not want the line.
        let _ = writeln!(out, "countersign {} listening on {address}", env!("CARGO_PKG_VERSION")).and_then(|()| out.flush());
    };
    app::run(settings, Seams::system(), shutdown, ready).await.map_err(|error| failed(&error))
}

fn log(filter: &str) {
    // The filter was checked with the settings; a subscriber that is there already, in a test, may stay.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .fmt_fields(Fields::default())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
