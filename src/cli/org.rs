//! `countersign org`.

use countersign_client::pb;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use prost_types::FieldMask;
use serde_json::{Value, json};

use super::client::{Connection, signed_in};
use super::input;
use super::output::{Failure, incomplete, print, table, time};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
    List(List),
    Update(Update),
    Delete(Delete),
    Members(Members),
    AddMember(AddMember),
    RemoveMember(RemoveMember),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args).await,
        Command::List(args) => list(args).await,
        Command::Update(args) => update(args).await,
        Command::Delete(args) => delete(args).await,
        Command::Members(args) => members(args).await,
        Command::AddMember(args) => add_member(args).await,
        Command::RemoveMember(args) => remove_member(args).await,
    }
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

/// Makes a user a member of an organization, or gives a member another role there. Takes a superuser or the organization's admin.
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

/// Lists the organizations by name, those of single users among them. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign org list")]
pub(super) struct List {
    #[command(flatten)]
    connection: Connection,
}

/// Changes what an organization asks of its members. Takes a superuser or the organization's admin.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign org update acme --require-factor true")]
pub(super) struct Update {
    /// The organization.
    organization: String,
    /// Whether members need a second factor to work in it.
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    require_factor: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Deletes an organization for good, with its memberships and identity providers. The name stays reserved. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign org delete acme --yes")]
pub(super) struct Delete {
    /// The organization.
    organization: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Lists the members of an organization. Takes a superuser or the organization's admin.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign org members acme")]
pub(super) struct Members {
    /// The organization.
    organization: String,
    #[command(flatten)]
    connection: Connection,
}

/// Ends a membership and the tokens for that organization. Takes a superuser or the organization's admin.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign org remove-member acme ada")]
pub(super) struct RemoveMember {
    /// The organization.
    organization: String,
    /// The user.
    username: String,
    #[command(flatten)]
    connection: Connection,
}

async fn create(args: Create) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::CreateOrganizationRequest { name: args.name })?;
    let made = client.create_organization(request).await?.into_inner().organization.ok_or_else(incomplete)?;
    let value = json!({ "organization": shown(&made) });
    print(args.connection.json, &value, &format!("made the organization {}", made.name));
    Ok(())
}

async fn add_member(args: AddMember) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let role = if args.role == "admin" { pb::OrganizationRole::Admin } else { pb::OrganizationRole::Member };
    let message =
        pb::AddMemberRequest { org_name: args.organization.clone(), username: args.username.clone(), role: role.into() };
    client.add_member(signed_in(message)?).await?;
    let value = json!({ "org_name": args.organization, "username": args.username, "role": args.role });
    print(args.connection.json, &value, &format!("{} is {} of {}", args.username, args.role, args.organization));
    Ok(())
}

async fn list(args: List) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = pb::ListOrganizationsRequest { page_size: 1000, page_token };
        let page = client.list_organizations(signed_in(message)?).await?.into_inner();
        all.extend(page.organizations);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let values: Vec<_> = all.iter().map(shown).collect();
    let rows = all.into_iter().map(|one| {
        let kind = if one.personal { "personal" } else { "shared" };
        let rule = if one.require_factor { "second factor" } else { "" };
        vec![one.name, kind.to_owned(), rule.to_owned()]
    });
    print(args.connection.json, &json!({ "organizations": values }), &table(&["NAME", "KIND", "REQUIRES"], rows));
    Ok(())
}

async fn update(args: Update) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let message = pb::UpdateOrganizationRequest {
        org_name: args.organization,
        require_factor: args.require_factor,
        update_mask: Some(FieldMask { paths: vec!["require_factor".to_owned()] }),
    };
    let now = client.update_organization(signed_in(message)?).await?.into_inner().organization.ok_or_else(incomplete)?;
    print(args.connection.json, &json!({ "organization": shown(&now) }), &format!("changed {}", now.name));
    Ok(())
}

async fn delete(args: Delete) -> Result<(), Failure> {
    input::confirm(args.yes, &format!("Delete the organization {} for good?", args.organization))?;
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let request = signed_in(pb::DeleteOrganizationRequest { name: args.organization.clone() })?;
    let revision = client.delete_organization(request).await?.into_inner().revision;
    let value = json!({ "deleted": args.organization, "revision": revision });
    print(args.connection.json, &value, &format!("deleted {}", args.organization));
    Ok(())
}

async fn members(args: Members) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = pb::ListMembersRequest { page_size: 1000, page_token, org_name: args.organization.clone() };
        let page = client.list_members(signed_in(message)?).await?.into_inner();
        all.extend(page.members);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    all.sort_by(|one, other| one.username.cmp(&other.username));
    let role = |member: &pb::Member| if member.role() == pb::OrganizationRole::Admin { "admin" } else { "member" };
    let value = |member: &pb::Member| {
        json!({
            "username": member.username,
            "role": role(member),
            "disabled": member.disabled,
            "totp_enabled": member.totp_enabled,
        })
    };
    let values: Vec<_> = all.iter().map(value).collect();
    let rows = all.iter().map(|one| {
        let codes = if one.totp_enabled { "yes" } else { "no" };
        let state = if one.disabled { "disabled" } else { "" };
        vec![one.username.clone(), role(one).to_owned(), codes.to_owned(), state.to_owned()]
    });
    let text = table(&["USERNAME", "ROLE", "ONE-TIME CODES", "STATE"], rows);
    print(args.connection.json, &json!({ "members": values }), &text);
    Ok(())
}

async fn remove_member(args: RemoveMember) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let message = pb::RemoveMemberRequest { org_name: args.organization.clone(), username: args.username.clone() };
    let revision = client.remove_member(signed_in(message)?).await?.into_inner().revision;
    let value = json!({ "org_name": args.organization, "username": args.username, "revision": revision });
    print(args.connection.json, &value, &format!("{} is no member of {}", args.username, args.organization));
    Ok(())
}

fn shown(organization: &pb::Organization) -> Value {
    json!({
        "organization_id": organization.organization_id,
        "name": organization.name,
        "personal": organization.personal,
        "require_factor": organization.require_factor,
        "create_time": time(organization.create_time.as_ref()),
    })
}
