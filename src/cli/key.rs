//! `countersign key`.

use std::time::Duration;

use countersign_client::pb;
use countersign_client::pb::account_service_client::AccountServiceClient;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use prost_types::Timestamp;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::input;
use super::output::{Failure, print, time};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
}

/// Makes a personal key and prints its id and its secret, which are not shown again.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign key create \"nightly backup\" --ttl 90d")]
pub(super) struct Create {
    /// What the key is for.
    name: String,
    /// How long it lives, as 90d; until it is revoked by default.
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    ttl: Option<Duration>,
    /// Whose key it is, a machine's for example; takes a superuser. Your own by default.
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn create(args: Create) -> Result<(), Failure> {
    let channel = args.connection.open().await?;
    let ttl = args.ttl.map(input::proto_duration);
    let (id, secret, expires): (String, String, Option<Timestamp>) = match args.user {
        None => {
            let message = pb::AccountServiceCreatePersonalKeyRequest { display_name: args.name, ttl, ..Default::default() };
            let made = AccountServiceClient::new(channel).create_personal_key(signed_in(message)?).await?.into_inner();
            (made.key_id, made.key_secret, made.expire_time)
        }
        Some(username) => {
            let message =
                pb::AdminServiceCreatePersonalKeyRequest { username, display_name: args.name, ttl, ..Default::default() };
            let made = AdminServiceClient::new(channel).create_personal_key(signed_in(message)?).await?.into_inner();
            (made.key_id, made.key_secret, made.expire_time)
        }
    };
    let value = json!({ "key_id": id, "key_secret": secret, "expire_time": time(expires.as_ref()) });
    print(args.connection.json, &value, &format!("key_id {id}\nkey_secret {secret}"));
    Ok(())
}
