//! `countersign idp`.

use countersign_client::pb;
use countersign_client::pb::admin_service_client::AdminServiceClient;
use prost_types::FieldMask;
use serde_json::{Value, json};

use super::client::{Connection, signed_in};
use super::input;
use super::output::{Failure, incomplete, print, time};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    Create(Create),
    Update(Update),
    List(List),
    Delete(Delete),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args).await,
        Command::Update(args) => update(args).await,
        Command::List(args) => list(args).await,
        Command::Delete(args) => delete(args).await,
    }
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
    /// Somebody unknown who signs on there gets no account. For an organization's admin that is always so.
    #[arg(long)]
    no_sign_up: bool,
    /// Domain in which its verified e-mail addresses become login addresses; may be repeated.
    #[arg(long = "email-domain", value_name = "DOMAIN")]
    email_domains: Vec<String>,
    /// Audience that its ID tokens may have beside us; may be repeated.
    #[arg(long = "trusted-audience", value_name = "TEXT")]
    trusted_audiences: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Changes a registration in place. Takes a superuser.
///
/// A new client secret comes from COUNTERSIGN_CLIENT_SECRET, a prompt, or the first line of standard input.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign idp update corp --org acme --new-client-secret --email-domain acme.example")]
pub(super) struct Update {
    /// Name of the registration.
    name: String,
    /// Organization that it is for; the whole site by default.
    #[arg(long, value_name = "NAME", default_value = "")]
    org: String,
    /// New client id there.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// There is a new client secret.
    #[arg(long)]
    new_client_secret: bool,
    /// There is no client secret any more.
    #[arg(long, conflicts_with = "new_client_secret")]
    public_client: bool,
    /// Scope to ask for beside openid, in place of those of now; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Whether somebody unknown who signs on there gets an account.
    #[arg(long, value_name = "true|false")]
    sign_up: Option<bool>,
    /// Domain in which its verified e-mail addresses become login addresses, in place of those of now; may be repeated.
    #[arg(long = "email-domain", value_name = "DOMAIN")]
    email_domains: Vec<String>,
    /// Audience that its ID tokens may have beside us, in place of those of now; may be repeated.
    #[arg(long = "trusted-audience", value_name = "TEXT")]
    trusted_audiences: Vec<String>,
    /// List that becomes empty; may be repeated.
    #[arg(long, value_name = "scopes|email_domains|trusted_audiences", value_parser = LISTS)]
    clear: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Lists the registrations. Takes a superuser, or the organization's admin for those of one organization.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign idp list --json")]
pub(super) struct List {
    /// Organization whose registrations are meant; all by default.
    #[arg(long, value_name = "NAME", default_value = "")]
    org: String,
    #[command(flatten)]
    connection: Connection,
}

/// Removes a registration. Sign-ons under way are refused, sessions go on. Takes a superuser.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  countersign idp delete corp --org acme")]
pub(super) struct Delete {
    /// Name of the registration.
    name: String,
    /// Organization that it is for; the whole site by default.
    #[arg(long, value_name = "NAME", default_value = "")]
    org: String,
    #[command(flatten)]
    connection: Connection,
}

/// The lists that an update can empty.
const LISTS: [&str; 3] = ["scopes", "email_domains", "trusted_audiences"];

async fn create(args: Create) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let secret = if args.public_client { String::new() } else { client_secret()? };
    let message = pb::CreateIdentityProviderRequest {
        name: args.name,
        org_name: args.org,
        issuer: args.issuer,
        client_id: args.client_id,
        client_secret: secret,
        scopes: args.scopes,
        sign_up: args.no_sign_up.then_some(false),
        email_domains: args.email_domains,
        trusted_audiences: args.trusted_audiences,
    };
    let answer = client.create_identity_provider(signed_in(message)?).await?.into_inner();
    let made = answer.identity_provider.ok_or_else(incomplete)?;
    print(args.connection.json, &json!({ "identity_provider": shown(&made) }), &format!("redirect_uri {}", made.redirect_uri));
    Ok(())
}

async fn update(args: Update) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let mut paths = args.clear;
    let changes = [
        ("client_id", args.client_id.is_some()),
        ("client_secret", args.new_client_secret || args.public_client),
        ("scopes", !args.scopes.is_empty()),
        ("sign_up", args.sign_up.is_some()),
        ("email_domains", !args.email_domains.is_empty()),
        ("trusted_audiences", !args.trusted_audiences.is_empty()),
    ];
    paths.extend(changes.into_iter().filter(|(_, changes)| *changes).map(|(path, _)| path.to_owned()));
    let message = pb::UpdateIdentityProviderRequest {
        name: args.name,
        org_name: args.org,
        client_id: args.client_id.unwrap_or_default(),
        client_secret: if args.new_client_secret { client_secret()? } else { String::new() },
        scopes: args.scopes,
        sign_up: args.sign_up.unwrap_or_default(),
        email_domains: args.email_domains,
        trusted_audiences: args.trusted_audiences,
        update_mask: Some(FieldMask { paths }),
    };
    let answer = client.update_identity_provider(signed_in(message)?).await?.into_inner();
    let now = answer.identity_provider.ok_or_else(incomplete)?;
    print(args.connection.json, &json!({ "identity_provider": shown(&now) }), &format!("changed {}", now.name));
    Ok(())
}

async fn list(args: List) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = pb::ListIdentityProvidersRequest { page_size: 1000, page_token, org_name: args.org.clone() };
        let page = client.list_identity_providers(signed_in(message)?).await?.into_inner();
        all.extend(page.identity_providers);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let lines: Vec<String> =
        all.iter().map(|one| format!("{}\t{}\t{}\t{}", one.org_name, one.name, one.issuer, one.client_id)).collect();
    let shown: Vec<_> = all.iter().map(shown).collect();
    print(args.connection.json, &json!({ "identity_providers": shown }), &lines.join("\n"));
    Ok(())
}

async fn delete(args: Delete) -> Result<(), Failure> {
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    let message = pb::DeleteIdentityProviderRequest { name: args.name.clone(), org_name: args.org };
    client.delete_identity_provider(signed_in(message)?).await?;
    print(args.connection.json, &json!({ "deleted": args.name }), &format!("deleted {}", args.name));
    Ok(())
}

fn client_secret() -> Result<String, Failure> {
    Ok(input::secret("COUNTERSIGN_CLIENT_SECRET", "Client secret: ")?.expose().to_owned())
}

fn shown(provider: &pb::IdentityProvider) -> Value {
    json!({
        "provider_id": provider.provider_id,
        "name": provider.name,
        "org_name": provider.org_name,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "scopes": provider.scopes,
        "sign_up": provider.sign_up,
        "email_domains": provider.email_domains,
        "trusted_audiences": provider.trusted_audiences,
        "create_time": time(provider.create_time.as_ref()),
        "redirect_uri": provider.redirect_uri,
    })
}
