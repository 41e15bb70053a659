//! The command line: one file per command. `serve` runs a server, `issuer` and `recover` work on the data directory of one that is
//! stopped; every other command is a gRPC client of a running one.
//!
//! Secrets come from the environment, from standard input or from a prompt, never from an argument, which every user of the
//! machine can read.

mod client;
mod identity;
mod idp;
mod input;
mod issuer;
mod key;
mod link;
mod log;
mod login;
mod logout_user;
mod org;
mod output;
mod recover;
mod serve;
mod signals;
mod threads;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::output::Failure;
use crate::config::{self, ProcessEnvironment};

/// Exchanges credentials for short-lived signed tokens, and ends sessions at once.
#[derive(Parser)]
#[command(
    name = "countersign",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_help_heading = "Commands",
    after_help = "Without a command it serves; the options above are those of `serve`.

Client commands take the server from --server or COUNTERSIGN_SERVER and the access token from COUNTERSIGN_TOKEN.

Exit codes: 0 done, 1 the call or the start failed, 2 wrong command line, 3 the server could not be reached, 4 not signed in or \
                  not allowed, 5 `token verify` found the token inactive.

Example:
  countersign --data-dir /var/lib/countersign"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server (the default command).
    #[command(after_help = "Example:
  COUNTERSIGN_ADMIN_PASSWORD_FILE=/run/secrets/admin countersign serve --data-dir /var/lib/countersign")]
    Serve(serve::Flags),
    /// Logs in and prints an access token.
    Login(login::Args),
    /// Users.
    #[command(subcommand)]
    User(user::Command),
    /// Organizations.
    #[command(subcommand)]
    Org(org::Command),
    /// Personal keys.
    #[command(subcommand)]
    Key(key::Command),
    /// What users sign on with at identity providers.
    #[command(subcommand)]
    Identity(identity::Command),
    /// Identity providers.
    #[command(subcommand)]
    Idp(idp::Command),
    /// The issuer of tokens.
    #[command(subcommand)]
    Issuer(issuer::Command),
    /// Single-use links.
    #[command(subcommand)]
    Link(link::Command),
    /// Ends every session and link of a name, at once.
    LogoutUser(logout_user::Args),
    /// Access tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// The data directory of a server that is stopped.
    #[command(subcommand)]
    Recover(recover::Command),
}

impl Command {
    /// False for those that read the settings of a server, and warn of what they find there themselves.
    const fn calls_a_server(&self) -> bool {
        !matches!(self, Self::Serve(_) | Self::Issuer(_) | Self::Recover(_))
    }
}

/// Runs what the command line of this process asks for. A wrong one ends the process with exit code 2.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Fails only where a provider is installed already, which is just as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let serves = matches!(cli.command, None | Some(Command::Serve(_)));
    if let Err(missing) = if serves { threads::for_a_server() } else { threads::for_a_client() } {
        return Failure::Failed(missing).report();
    }
    if cli.command.as_ref().is_some_and(Command::calls_a_server)
        && let Some(warning) = config::unknown_variables(&ProcessEnvironment)
    {
        output::note(&warning);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Failed(format!("cannot start the runtime: {error}")).report(),
    };
    let done = runtime.block_on(async {
        match cli.command {
            None => serve::run(&cli.serve).await,
            Some(Command::Serve(flags)) => serve::run(&flags).await,
            Some(Command::Login(args)) => login::run(args).await,
            Some(Command::User(command)) => user::run(command).await,
            Some(Command::Org(command)) => org::run(command).await,
            Some(Command::Identity(command)) => identity::run(command).await,
            Some(Command::Key(key::Command::Create(args))) => key::create(args).await,
            Some(Command::Idp(command)) => idp::run(command).await,
            Some(Command::Issuer(issuer::Command::Set(args))) => issuer::set(args).await,
            Some(Command::Link(link::Command::Create(args))) => link::create(args).await,
            Some(Command::LogoutUser(args)) => logout_user::run(args).await,
            Some(Command::Recover(recover::Command::Clock(args))) => recover::clock(args).await,
            Some(Command::Token(token::Command::Verify(args))) => token::verify(args).await,
        }
    });
    // A prompt that nobody answers would otherwise keep the process.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests;
