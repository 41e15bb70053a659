//! `countersign link`.

use std::time::Duration;

use countersign_client::pb;
use countersign_client::pb::auth_service_client::AuthServiceClient;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::input;
use super::output::{Failure, print, time};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
}

/// Makes a link that signs a guest in for one dataset, and prints it. Takes staff or a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign link create visitor dataset-42 --ttl 15m")]
pub(super) struct Create {
    /// The guest's name; the guest becomes guest:NAME.
    username: String,
    /// The one dataset that the guest may see.
    dataset: String,
    /// How long the link can be redeemed, as 15m; the server's limit by default.
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    ttl: Option<Duration>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn create(args: Create) -> Result<(), Failure> {
    let mut client = AuthServiceClient::new(args.connection.open().await?);
    let message = pb::GenerateSingleUseRequest {
        username: args.username,
        dataset_id: args.dataset,
        ttl: args.ttl.map(input::proto_duration),
    };
    let made = client.generate_single_use(signed_in(message)?).await?.into_inner();
    let value = json!({
        "single_use_url": made.single_use_url,
        "link_id": made.link_id,
        "expire_time": time(made.expire_time.as_ref()),
    });
    print(args.connection.json, &value, &made.single_use_url);
    Ok(())
}
