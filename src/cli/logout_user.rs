//! `countersign logout-user`.

use countersign_client::pb;
use countersign_client::pb::auth_service_client::AuthServiceClient;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::output::{Failure, print};

/// Ends every session and unredeemed link of the account and the guests of a name, at once and for good. Takes staff or a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign logout-user ada")]
pub(super) struct Args {
    /// The name of an account, of guests, or of both.
    username: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut client = AuthServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::LogoutUserRequest { username: args.username })?;
    let done = client.logout_user(request).await?.into_inner();
    let value = json!({
        "sessions_revoked": done.sessions_revoked,
        "links_revoked": done.links_revoked,
        "revision": done.revision,
    });
    let text = format!("ended {} sessions and {} links, revision {}", done.sessions_revoked, done.links_revoked, done.revision);
    print(args.connection.json, &value, &text);
    Ok(())
}
