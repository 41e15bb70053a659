//! `countersign recover`: on the data directory itself, while no server has it open.

use std::collections::BTreeMap;

use serde_json::json;

use super::output::{Failure, note, print};
use crate::app::{Seams, length, recover_clock};
use crate::config::{DataDirectory, ProcessEnvironment, table};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Clock(Clock),
}

/// Mends a data directory that was used while the machine's clock was ahead, once the clock is right.
///
/// The server refuses everything while its clock is behind its last commit. Wait where the clock is wrong now. Where it is right, stop the
/// server and run this: it sets the time of the last commit back to the present. Every session, access token, refresh token, single-use
/// link and sign-on under way ends, because nobody can tell how long they were meant to live, and there is a new signing key: everybody
/// signs in again, and services that verify tokens by themselves fetch the keys again. Passwords, one-time codes, personal keys and all
/// accounts stay. A personal key that was made meanwhile lives as long from now on as it was given.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign recover clock --data-dir /var/lib/countersign")]
pub(super) struct Clock {
    /// Where the state is kept [`COUNTERSIGN_DATA_DIR`].
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<String>,
    /// File with the key-encryption key, where there is one [`COUNTERSIGN_KEK_FILE`].
    #[arg(long, value_name = "FILE")]
    kek_file: Option<String>,
    /// TOML file with these settings [`COUNTERSIGN_CONFIG`].
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn clock(args: Clock) -> Result<(), Failure> {
    let given = [(table::DATA_DIR, args.data_dir), (table::KEK_FILE, args.kek_file), (table::CONFIG, args.config)];
    let flags: BTreeMap<String, String> =
        given.into_iter().filter_map(|(setting, text)| Some((setting.name.to_owned(), text?))).collect();
    let directory = DataDirectory::read(&flags, &ProcessEnvironment).map_err(|bad| Failure::Failed(bad.to_string()))?;
    directory.warnings.iter().for_each(|warning| note(warning));
    let recovered = recover_clock(directory, Seams::system()).await.map_err(|error| Failure::Failed(error.to_string()))?;
    let Some(recovered) = recovered else {
        let text = "the last commit is not ahead of the machine's clock; nothing was changed";
        print(args.json, &json!({ "set_back_seconds": 0, "sessions_ended": 0, "links_ended": 0 }), text);
        return Ok(());
    };
    let value = json!({
        "set_back_seconds": recovered.ahead.as_secs(),
        "sessions_ended": recovered.sessions,
        "links_ended": recovered.links,
    });
    let text = format!(
        "the last commit was {} ahead of the machine's clock and is now; {} sessions, {} links and every token have ended, and there is a \
         new signing key",
        length(recovered.ahead),
        recovered.sessions,
        recovered.links
    );
    print(args.json, &value, &text);
    Ok(())
}
