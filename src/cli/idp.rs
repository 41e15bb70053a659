//! `countersign idp`.

use countersign_client::pb;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::input;
use super::output::{Failure, incomplete, print, time};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
}

/// Registers an OpenID Connect provider and prints the redirect URI to register there. Takes a superuser.
///
/// The client secret comes from COUNTERSIGN_CLIENT_SECRET, a prompt, or the first line of standard input.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign idp create corp --issuer https://login.example.org --client-id our-client --org acme")]
pub(super) struct Create {
    /// Name of the registration.
    name: String,
    /// Issuer URL, exactly as the provider writes it.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Our client id there.
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// There is no client secret.
    #[arg(long)]
    public_client: bool,
    /// Organization that it is for; the whole site by default.
    #[arg(long, value_name = "NAME", default_value = "")]
    org: String,
    /// Scope to ask for beside openid; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Somebody unknown who signs on there gets no account.
    #[arg(long)]
    no_sign_up: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn create(args: Create) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let secret = if args.public_client {
        String::new()
    } else {
        input::secret("COUNTERSIGN_CLIENT_SECRET", "Client secret: ")?.expose().to_owned()
    };
    let message = pb::CreateIdentityProviderRequest {
        name: args.name,
        org_name: args.org,
        issuer: args.issuer,
        client_id: args.client_id,
        client_secret: secret,
        scopes: args.scopes,
        sign_up: Some(!args.no_sign_up),
    };
    let answer = client.create_identity_provider(signed_in(message)?).await?.into_inner();
    let made = answer.identity_provider.ok_or_else(incomplete)?;
    let value = json!({ "identity_provider": {
        "provider_id": made.provider_id,
        "name": made.name,
        "org_name": made.org_name,
        "issuer": made.issuer,
        "client_id": made.client_id,
        "scopes": made.scopes,
        "sign_up": made.sign_up,
        "create_time": time(made.create_time.as_ref()),
        "redirect_uri": made.redirect_uri,
    } });
    print(args.connection.json, &value, &format!("redirect_uri {}", made.redirect_uri));
    Ok(())
}
