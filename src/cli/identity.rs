//! `countersign identity`.

use countersign_client::pb;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::output::{Failure, print, table};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    List(List),
    Link(Link),
    Unlink(Unlink),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(args).await,
        Command::Link(args) => link(args).await,
        Command::Unlink(args) => unlink(args).await,
    }
}

/// Lists the identities that a user signs on with. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign identity list ada")]
pub(super) struct List {
    /// The user.
    username: String,
    #[command(flatten)]
    connection: Connection,
}

/// Lets a user sign on with an identity at a registered provider. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign identity link ada --issuer https://login.example.org --subject 248289761001")]
pub(super) struct Link {
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    connection: Connection,
}

/// Takes an identity from a user; sessions go on. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign identity unlink ada --issuer https://login.example.org --subject 248289761001")]
pub(super) struct Unlink {
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args, Debug)]
struct Identity {
    /// The user.
    username: String,
    /// Issuer URL, exactly as it was registered.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The user's `sub` there.
    #[arg(long, value_name = "TEXT")]
    subject: String,
}

async fn list(args: List) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = pb::ListIdentitiesRequest { page_size: 1000, page_token, username: args.username.clone() };
        let page = client.list_identities(signed_in(message)?).await?.into_inner();
        all.extend(page.identities);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let shown: Vec<_> = all.iter().map(|one| json!({ "issuer": one.issuer, "subject": one.subject })).collect();
    let rows = all.into_iter().map(|one| vec![one.issuer, one.subject]);
    print(args.connection.json, &json!({ "identities": shown }), &table(&["ISSUER", "SUBJECT"], rows));
    Ok(())
}

async fn link(args: Link) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let Identity { username, issuer, subject } = args.identity;
    let value = json!({ "username": username, "issuer": issuer, "subject": subject });
    let text = format!("{username} signs on as {subject} at {issuer}");
    client.link_identity(signed_in(pb::LinkIdentityRequest { username, issuer, subject })?).await?;
    print(args.connection.json, &value, &text);
    Ok(())
}

async fn unlink(args: Unlink) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let Identity { username, issuer, subject } = args.identity;
    let value = json!({ "username": username, "issuer": issuer, "subject": subject });
    let text = format!("{username} no longer signs on as {subject} at {issuer}");
    client.unlink_identity(signed_in(pb::UnlinkIdentityRequest { username, issuer, subject })?).await?;
    print(args.connection.json, &value, &text);
    Ok(())
}
