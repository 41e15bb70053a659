//! `countersign org`.

use countersign_client::pb;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use serde_json::json;

use super::client::{Connection, signed_in};
use super::output::{Failure, incomplete, print, time};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
    AddMember(AddMember),
}

/// Makes an organization without members. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign org create acme")]
pub(super) struct Create {
    /// Name: letters, digits, dots, underscores and hyphens.
    name: String,
    #[command(flatten)]
    connection: Connection,
}

/// Makes a user a member of an organization, or gives a member another role there. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign org add-member acme ada --role admin")]
pub(super) struct AddMember {
    /// The organization.
    organization: String,
    /// The user.
    username: String,
    /// What the user is there.
    #[arg(long, value_parser = ["member", "admin"], default_value = "member")]
    role: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn create(args: Create) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::CreateOrganizationRequest { name: args.name })?;
    let made = client.create_organization(request).await?.into_inner().organization.ok_or_else(incomplete)?;
    let value = json!({ "organization": {
        "organization_id": made.organization_id,
        "name": made.name,
        "personal": made.personal,
        "create_time": time(made.create_time.as_ref()),
    } });
    print(args.connection.json, &value, &format!("made the organization {}", made.name));
    Ok(())
}

pub(super) async fn add_member(args: AddMember) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let role = if args.role == "admin" { pb::OrganizationRole::Admin } else { pb::OrganizationRole::Member };
    let message =
        pb::AddMemberRequest { org_name: args.organization.clone(), username: args.username.clone(), role: role.into() };
    client.add_member(signed_in(message)?).await?;
    let value = json!({ "org_name": args.organization, "username": args.username, "role": args.role });
    print(args.connection.json, &value, &format!("{} is {} of {}", args.username, args.role, args.organization));
    Ok(())
}
