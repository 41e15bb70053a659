//! `countersign token`.

use countersign_client::pb;
use countersign_client::pb::token_service_client::TokenServiceClient;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::input;
use super::output::{Failure, print, time};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Verify(Verify),
}

/// Says whether an access token is active. Exit code 0 where it is, 5 where it is not.
///
/// The token comes from COUNTERSIGN_VERIFY_TOKEN, a prompt, or the first line of standard input; COUNTERSIGN_TOKEN is the caller's
/// own, as everywhere.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  echo \"$PRESENTED\" | countersign token verify --json")]
pub(super) struct Verify {
    /// The dataset that the bearer wants; a guest's token is active only with the guest's own.
    #[arg(long, value_name = "ID", default_value = "")]
    dataset: String,
    /// The revision that the answer must have seen, as logout-user prints it.
    #[arg(long, value_name = "REVISION", default_value_t = 0)]
    min_revision: i64,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn verify(args: Verify) -> Result<(), Failure> {
    let mut client = TokenServiceClient::new(args.connection.open().await?);
    let token = input::secret("COUNTERSIGN_VERIFY_TOKEN", "Token: ")?;
    let message = pb::VerifyTokenRequest {
        token: token.expose().trim().to_owned(),
        min_revision: args.min_revision,
        dataset_id: args.dataset,
    };
    let verdict = client.verify_token(signed_in(message)?).await?.into_inner();
    if !verdict.active {
        let value = json!({ "active": false, "revision": verdict.revision });
        print(args.connection.json, &value, "inactive");
        return Err(Failure::Inactive);
    }
    let expires = verdict.expire_time.as_ref().map(ToString::to_string).unwrap_or_default();
    let value = json!({
        "active": true,
        "subject": verdict.subject,
        "username": verdict.username,
        "org_name": verdict.org_name,
        "roles": verdict.roles,
        "dataset_id": verdict.dataset_id,
        "session_id": verdict.session_id,
        "expire_time": time(verdict.expire_time.as_ref()),
        "revision": verdict.revision,
    });
    print(args.connection.json, &value, &format!("active: {} until {expires}", verdict.username));
    Ok(())
}
