//! What the command line can say. Everything has a bound.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Measures a countersign server: one of its own, unless --server names one.
#[derive(Debug, clap::Parser)]
#[command(
    name = "countersign-bench",
    version,
    after_help = "Without a scenario every rpc is driven, beside what could be reached on this machine.

Exit codes: 0 done, 1 the measurement ended before its end, 2 wrong command line, 3 the server could not be reached.

Example:
  countersign-bench --pin --json figures.json --svg figures.svg"
)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What to measure, and how.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(args_conflicts_with_subcommands = false)]
pub(crate) struct Options {
    /// The scenario; without one every rpc is driven.
    #[command(subcommand)]
    pub(crate) scenario: Option<Scenario>,

    /// Measure the server at this address instead of one of our own; cleartext, needs `COUNTERSIGN_ADMIN_PASSWORD`.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) server: Option<SocketAddr>,

    /// The program to measure; by default the `countersign` beside this one.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "server")]
    pub(crate) server_binary: Option<PathBuf>,

    /// Let --server name an address that is not loopback.
    #[arg(long, global = true)]
    pub(crate) allow_remote: bool,

    /// Users to make. By default 64, and for --fill-only 10,000.
    #[arg(long, global = true, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) users: Option<u32>,

    /// Sessions to open. By default 512, and for --fill-only 10 for each user.
    #[arg(long, global = true, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) sessions: Option<u32>,

    /// How long each figure is measured. By default 5, and 30 under a flood.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,

    /// Calls in flight.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) in_flight: u16,

    /// Connections.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) connections: u16,

    /// Calls a second for the latencies at a fixed rate. By default half of what was reached without one.
    #[arg(long, global = true, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,

    /// Keep the server on core 0 and the driver on core 1.
    #[arg(long, global = true)]
    pub(crate) pin: bool,

    /// Measure only these, by their names in the table or the beginning of one; may be repeated.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// Drive Health and VerifyToken over 1, 8 and 64 connections as well.
    #[arg(long, global = true)]
    pub(crate) sweep: bool,

    /// Write what was measured to this file, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write the figures into this Markdown file, between the lines `<!-- figures -->` and `<!-- /figures -->`.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) into: Option<PathBuf>,

    /// Write a chart of the ratios to this file, as SVG.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Where scratch directories are made and removed; a disk, or durable writes cost nothing.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,

    /// An environment variable for our own server, which has no others; may be repeated.
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) setting: Vec<(String, String)>,

    /// Fill a new data directory for `serve` and leave it there.
    #[arg(long, requires = "data_dir")]
    pub(crate) fill_only: bool,

    /// The directory that --fill-only makes.
    #[arg(long, value_name = "DIR", requires = "fill_only")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// What can be measured besides every rpc by itself.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// Everything but soak, each as it is compared: what fills the table in docs/performance.md.
    #[command(after_help = "Example:\n  countersign-bench all --pin --into docs/performance.md")]
    All(Growth),
    /// Others' calls while 64 and 256 clients log in without pause, and without them.
    #[command(after_help = "Example:\n  countersign-bench flood --seconds 30")]
    Flood,
    /// First start, restart, idle memory, memory with 256 logins in flight.
    #[command(after_help = "Example:\n  countersign-bench start")]
    Start,
    /// From LogoutUser's answer to VerifyToken's refusal on another connection.
    #[command(after_help = "Example:\n  countersign-bench revocation")]
    Revocation,
    /// Latency, disk, memory and start time as sessions and rotations grow.
    #[command(after_help = "Example:\n  countersign-bench growth --most-sessions 100000 --rotations 1000000")]
    Growth(Growth),
    /// A mixed load for a long time: what changes in memory, disk and latency.
    #[command(after_help = "Example:\n  countersign-bench soak --minutes 60")]
    Soak {
        /// How long.
        #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        minutes: u32,
    },
    /// Two servers beside each other, by turns: a Markdown table of both, each figure over several runs.
    #[command(
        after_help = "Example:\n  countersign-bench compare --pin --runs 5 --before old/countersign --after target/dist/countersign"
    )]
    Compare(Compare),
    /// Instructions of the functions of benches/, held to benches/counts.txt. Run in the repository, with valgrind and gungraun-runner.
    #[command(after_help = "Example:\n  countersign-bench counts")]
    Counts {
        /// Write the file anew instead.
        #[arg(long, conflicts_with = "base")]
        update: bool,
        /// Compare with this commit, whatever machine the file is of.
        #[arg(long, value_name = "COMMIT")]
        base: Option<String>,
    },
    /// The processor's features as this process sees them.
    #[command(hide = true)]
    Features,
    /// The bare server that the others hold ours against.
    #[command(hide = true)]
    Ceiling(Ceiling),
}

/// What the bare server takes: the same flags as `countersign serve`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Ceiling {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// The directory that is written to.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// Which servers to compare, and how often.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Compare {
    /// The program of before; an older one will do that has the same rpcs.
    #[arg(long, value_name = "FILE")]
    pub(crate) before: PathBuf,
    /// The program of after.
    #[arg(long, value_name = "FILE")]
    pub(crate) after: PathBuf,
    /// How often each figure is measured on each of them.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// How often each of them grows a directory; its starts are repeated in every run.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10))]
    pub(crate) growths: u32,
    /// Sessions of a grown directory.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub(crate) grown_sessions: u32,
    /// Rotations of its sessions.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) rotations: u64,
}

/// How far to grow.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Growth {
    /// The most sessions; each step is ten times the one before it, from 1,000 on.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    pub(crate) most_sessions: u32,
    /// The most rotations.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub(crate) rotations: u64,
}

impl Options {
    /// How long a figure is measured, where the command line does not say, `otherwise`.
    pub(crate) fn length(&self, otherwise: Duration) -> Duration {
        self.seconds.unwrap_or(otherwise)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.05..=3600.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err("from 0.05 to 3600".to_owned()) }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("NAME=VALUE is wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_scenario_has_an_example_that_parses() {
        let command = CommandLine::command();
        let shown = command.get_subcommands().filter(|scenario| !scenario.is_hide_set());
        let helps: Vec<String> = std::iter::once(&command)
            .chain(shown)
            .map(|command| command.get_after_help().map(ToString::to_string).unwrap_or_default())
            .collect();
        assert_eq!(helps.len(), 9, "{helps:#?}");
        for help in helps {
            let example = help.lines().find(|line| line.starts_with("  countersign-bench")).unwrap_or_else(|| panic!("{help}"));
            assert!(CommandLine::try_parse_from(example.split_whitespace()).is_ok(), "{example}");
        }
    }
}
