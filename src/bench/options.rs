//! What the command line of `countersign bench` can say. Everything has a bound.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What to measure, and how.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(args_conflicts_with_subcommands = false)]
pub struct Options {
    /// The scenario; without one every rpc is driven.
    #[command(subcommand)]
    pub scenario: Option<Scenario>,

    /// Measure the server at this address instead of one of our own; cleartext, needs `COUNTERSIGN_ADMIN_PASSWORD`.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub server: Option<SocketAddr>,

    /// Let --server name an address that is not loopback.
    #[arg(long, global = true)]
    pub allow_remote: bool,

    /// Users to make. By default 64, and for --fill-only 10,000.
    #[arg(long, global = true, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub users: Option<u32>,

    /// Sessions to open. By default 512, and for --fill-only 10 for each user.
    #[arg(long, global = true, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub sessions: Option<u32>,

    /// How long each figure is measured. By default 5, and 30 under a flood.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Option<Duration>,

    /// Calls in flight.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub in_flight: u16,

    /// Connections.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub connections: u16,

    /// Calls a second for the latencies at a fixed rate. By default half of what was reached without one.
    #[arg(long, global = true, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,

    /// Keep the server on core 0 and the driver on core 1.
    #[arg(long, global = true)]
    pub pin: bool,

    /// Measure only these, by their names in the table or the beginning of one; may be repeated.
    #[arg(long, global = true, value_name = "NAME")]
    pub only: Vec<String>,

    /// Drive Health and VerifyToken over 1, 8 and 64 connections as well.
    #[arg(long, global = true)]
    pub sweep: bool,

    /// Write what was measured to this file, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the figures into this Markdown file, between the lines `<!-- figures -->` and `<!-- /figures -->`.
    #[arg(long, global = true, value_name = "FILE")]
    pub into: Option<PathBuf>,

    /// Write a chart of the ratios to this file, as SVG.
    #[arg(long, global = true, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Where scratch directories are made and removed; a disk, or durable writes cost nothing.
    #[arg(long, global = true, value_name = "DIR")]
    pub scratch: Option<PathBuf>,

    /// An environment variable for our own server, which has no others; may be repeated.
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = setting)]
    pub setting: Vec<(String, String)>,

    /// Fill a new data directory for `serve` and leave it there.
    #[arg(long, requires = "data_dir")]
    pub fill_only: bool,

    /// The directory that --fill-only makes.
    #[arg(long, value_name = "DIR", requires = "fill_only")]
    pub data_dir: Option<PathBuf>,
}

/// What can be measured besides every rpc by itself.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Scenario {
    /// Everything but soak, each as it is compared: what fills the table in docs/performance.md.
    #[command(after_help = "Example:\n  countersign bench all --pin --into docs/performance.md")]
    All(Growth),
    /// Others' calls while 64 and 256 clients log in without pause, and without them.
    #[command(after_help = "Example:\n  countersign bench flood --seconds 30")]
    Flood,
    /// First start, restart, idle memory, memory with 256 logins in flight.
    #[command(after_help = "Example:\n  countersign bench start")]
    Start,
    /// From LogoutUser's answer to VerifyToken's refusal on another connection.
    #[command(after_help = "Example:\n  countersign bench revocation")]
    Revocation,
    /// Latency, disk, memory and start time as sessions and rotations grow.
    #[command(after_help = "Example:\n  countersign bench growth --most-sessions 100000 --rotations 1000000")]
    Growth(Growth),
    /// A mixed load for a long time: what changes in memory, disk and latency.
    #[command(after_help = "Example:\n  countersign bench soak --minutes 60")]
    Soak {
        /// How long.
        #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        minutes: u32,
    },
}

/// How far to grow.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Growth {
    /// The most sessions; each step is ten times the one before it, from 1,000 on.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    pub most_sessions: u32,
    /// The most rotations.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub rotations: u64,
}

impl Options {
    /// How long a figure is measured, where the command line does not say, `otherwise`.
    pub(super) fn length(&self, otherwise: Duration) -> Duration {
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
