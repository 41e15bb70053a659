//! `countersign user`.

use countersign_client::pb;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::input;
use super::output::{self, Failure, incomplete, print};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
}

/// Makes a user. Takes a superuser.
///
/// The password comes from COUNTERSIGN_PASSWORD, a prompt, or the first line of standard input.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user create ada --email ada@example.org --role staff")]
pub(super) struct Create {
    /// Username: letters, digits, dots, underscores and hyphens.
    username: String,
    /// E-mail address to log in with as well.
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    email: String,
    /// Role; may be given twice.
    #[arg(long = "role", value_name = "ROLE", value_parser = ["staff", "superuser"])]
    roles: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn create(args: Create) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let password = input::new_secret("COUNTERSIGN_PASSWORD", "Password of the new user: ")?;
    let message = pb::CreateUserRequest {
        username: args.username,
        email: args.email,
        password: password.expose().to_owned(),
        roles: args.roles,
    };
    let user = client.create_user(signed_in(message)?).await?.into_inner().user.ok_or_else(incomplete)?;
    print(args.connection.json, &json!({ "user": output::user(&user) }), &format!("made the user {}", user.username));
    Ok(())
}
