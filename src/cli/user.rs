//! `countersign user`.

use countersign_client::pb;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use prost_types::FieldMask;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::input;
use super::output::{self, Failure, incomplete, print, table};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
    List(List),
    Show(Show),
    Update(Update),
    Disable(Disable),
    Enable(Enable),
    Delete(Delete),
    ReleaseName(ReleaseName),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args).await,
        Command::List(args) => list(args).await,
        Command::Show(args) => show(args).await,
        Command::Update(args) => update(args).await,
        Command::Disable(args) => disable(args).await,
        Command::Enable(args) => enable(args).await,
        Command::Delete(args) => delete(args).await,
        Command::ReleaseName(args) => release_name(args).await,
    }
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

/// Lists the users by name. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user list")]
pub(super) struct List {
    #[command(flatten)]
    connection: Connection,
}

/// Shows a user. Takes staff or a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user show ada")]
pub(super) struct Show {
    /// Username or e-mail address.
    username: String,
    #[command(flatten)]
    connection: Connection,
}

/// Changes a user's e-mail address or roles. A role that is taken away is gone at once. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user update ada --role staff")]
pub(super) struct Update {
    /// The user.
    username: String,
    /// New e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// There is no e-mail address any more.
    #[arg(long, conflicts_with = "email")]
    no_email: bool,
    /// Role, in place of those of now; may be given twice.
    #[arg(long = "role", value_name = "ROLE", value_parser = ["staff", "superuser"])]
    roles: Vec<String>,
    /// There is no role any more.
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Stops a user: sessions end, keys work no more. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user disable ada")]
pub(super) struct Disable {
    /// The user.
    username: String,
    #[command(flatten)]
    connection: Connection,
}

/// Lets a user who was stopped log in again. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user enable ada")]
pub(super) struct Enable {
    /// The user.
    username: String,
    #[command(flatten)]
    connection: Connection,
}

/// Deletes a user for good, with keys, sessions and memberships. The name stays reserved. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user delete ada --yes")]
pub(super) struct Delete {
    /// The user.
    username: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Lets the name or e-mail address of a deleted user or organization be given again. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign user release-name ada")]
pub(super) struct ReleaseName {
    /// The name or e-mail address.
    name: String,
    #[command(flatten)]
    connection: Connection,
}

async fn list(args: List) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = pb::ListUsersRequest { page_size: 1000, page_token };
        let page = client.list_users(signed_in(message)?).await?.into_inner();
        all.extend(page.users);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let shown: Vec<_> = all.iter().map(output::user).collect();
    let text = table(&HEADINGS, all.into_iter().map(row));
    print(args.connection.json, &json!({ "users": shown }), &text);
    Ok(())
}

const HEADINGS: [&str; 5] = ["USERNAME", "EMAIL", "ROLES", "ORGANIZATIONS", "STATE"];

fn row(user: pb::User) -> Vec<String> {
    let state = match (user.disabled, user.totp_enabled) {
        (true, _) => "disabled",
        (false, true) => "one-time codes",
        (false, false) => "",
    };
    vec![user.username, user.email, user.roles.join(","), user.organizations.join(","), state.to_owned()]
}

async fn show(args: Show) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::GetUserRequest { username: args.username })?;
    let user = client.get_user(request).await?.into_inner().user.ok_or_else(incomplete)?;
    print(args.connection.json, &json!({ "user": output::user(&user) }), &table(&HEADINGS, [row(user)]));
    Ok(())
}

async fn update(args: Update) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let email = ("email", args.email.is_some() || args.no_email);
    let roles = ("roles", !args.roles.is_empty() || args.no_roles);
    let paths = [email, roles].into_iter().filter(|(_, changes)| *changes).map(|(path, _)| path.to_owned()).collect();
    let message = pb::UpdateUserRequest {
        username: args.username,
        email: args.email.unwrap_or_default(),
        roles: args.roles,
        update_mask: Some(FieldMask { paths }),
    };
    let answer = client.update_user(signed_in(message)?).await?.into_inner();
    let user = answer.user.ok_or_else(incomplete)?;
    let value = json!({ "user": output::user(&user), "revision": answer.revision });
    print(args.connection.json, &value, &format!("changed {}", user.username));
    Ok(())
}

async fn disable(args: Disable) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::DisableUserRequest { username: args.username.clone() })?;
    let revision = client.disable_user(request).await?.into_inner().revision;
    let value = json!({ "disabled": args.username, "revision": revision });
    print(args.connection.json, &value, &format!("disabled {}", args.username));
    Ok(())
}

async fn enable(args: Enable) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::EnableUserRequest { username: args.username })?;
    let user = client.enable_user(request).await?.into_inner().user.ok_or_else(incomplete)?;
    print(args.connection.json, &json!({ "user": output::user(&user) }), &format!("enabled {}", user.username));
    Ok(())
}

async fn delete(args: Delete) -> Result<(), Failure> {
    input::confirm(args.yes, &format!("Delete the user {} for good?", args.username))?;
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::DeleteUserRequest { username: args.username.clone() })?;
    let revision = client.delete_user(request).await?.into_inner().revision;
    let value = json!({ "deleted": args.username, "revision": revision });
    print(args.connection.json, &value, &format!("deleted {}", args.username));
    Ok(())
}

async fn release_name(args: ReleaseName) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    client.release_name(signed_in(pb::ReleaseNameRequest { name: args.name.clone() })?).await?;
    print(args.connection.json, &json!({ "released": args.name }), &format!("released {}", args.name));
    Ok(())
}

async fn create(args: Create) -> Result<(), Failure> {
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
