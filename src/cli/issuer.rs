//! `countersign issuer`: on the data directory itself, while no server has it open.

use std::collections::BTreeMap;

use serde_json::json;

use super::output::{Failure, note, print};
use crate::app::{Seams, set_issuer};
use crate::config::{self, DataDirectory, ProcessEnvironment, table};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Set(Set),
}

/// Changes the issuer of tokens, on the data directory of a server that is stopped.
///
/// Every access and refresh token ends, and every sign-on under way: everybody signs in again, and services that verify tokens by
/// themselves must be told the new issuer. Personal keys, passwords and single-use links stay good.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign issuer set https://auth.example.org --data-dir /var/lib/countersign")]
pub(super) struct Set {
    /// The new issuer, as scheme://host or scheme://host:port.
    #[arg(value_name = "URL", value_parser = config::origin)]
    url: String,
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

pub(super) async fn set(args: Set) -> Result<(), Failure> {
    let given = [(table::DATA_DIR, args.data_dir), (table::KEK_FILE, args.kek_file), (table::CONFIG, args.config)];
    let flags: BTreeMap<String, String> =
        given.into_iter().filter_map(|(setting, text)| Some((setting.name.to_owned(), text?))).collect();
    let directory = DataDirectory::read(&flags, &ProcessEnvironment).map_err(|bad| Failure::Failed(bad.to_string()))?;
    directory.warnings.iter().for_each(|warning| note(warning));
    let url = args.url;
    let before = set_issuer(directory, Seams::system(), url.clone()).await.map_err(|error| Failure::Failed(error.to_string()))?;
    let text = if before == url {
        format!("the issuer is {url} already; nothing was changed")
    } else {
        format!("the issuer was {before} and is {url} from now on; every access and refresh token of before has ended")
    };
    print(args.json, &json!({ "issuer": url, "previous_issuer": before }), &text);
    Ok(())
}
