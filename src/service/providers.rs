//! Registrations at OpenID providers. Owns what a registration may look like; signing on through one is `sso`.

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use super::client::SignedIn;
use super::limits::{self, invalid};
use super::policy::Policy;
use super::time::Time;
use super::{Error, Result, Thing};
use crate::crypto::seal::Sealer;
use crate::model::ids::{OrganizationId, ProviderId};
use crate::model::provider::IdentityProvider;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::store::Store;
use crate::store::verbs::{CreateProvider, NamedOrganization, Needs, OrganizationStore, ProviderCreated, SignOnStore};

/// The longest issuer, in bytes.
pub const MAX_ISSUER: usize = 512;
/// The longest client id, in bytes.
pub const MAX_CLIENT_ID: usize = 256;
/// The longest client secret, in bytes.
pub const MAX_CLIENT_SECRET: usize = 1024;
/// The most scopes beside `openid`.
pub const MAX_SCOPES: usize = 16;
/// The longest scope, in bytes.
pub const MAX_SCOPE: usize = 64;

/// A registration to be made.
#[derive(Clone, Debug, Default)]
pub struct NewProvider {
    /// Its name, unique within its organization (or the site).
    pub name: String,
    /// The organization that it is for; empty: the whole site.
    pub org_name: String,
    /// The issuer, exactly as its discovery document says it.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// Our client secret there; empty: a public client.
    pub client_secret: Secret,
    /// What to ask for beside `openid`.
    pub scopes: Vec<String>,
    /// Whether an unknown subject gets an account; none: yes.
    pub sign_up: Option<bool>,
}

/// Registers identity providers.
#[derive(Clone)]
pub struct Providers {
    store: Arc<dyn SignOnStore>,
    organizations: Arc<dyn OrganizationStore>,
    sealer: Arc<Sealer>,
    random: Arc<dyn Random>,
    time: Time,
    most: u32,
}

/// What the client secret of a provider is sealed for: it opens for this registration and for nothing else.
#[must_use]
pub fn client_secret_purpose(provider: ProviderId) -> String {
    format!("client-secret {provider}")
}

impl Providers {
    /// One over `store`, with the limits of `policy`.
    #[must_use]
    pub fn new(store: &Arc<dyn Store>, sealer: Arc<Sealer>, random: Arc<dyn Random>, time: Time, policy: &Policy) -> Self {
        let organizations = store.clone();
        Self { store: store.clone(), organizations, sealer, random, time, most: policy.most_providers }
    }

    /// Registers a provider for an organization or the whole site. The client secret is sealed and never answered. Nothing is
    /// fetched from the provider. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is past its limit; the issuer is no `https` URL (`http` on loopback) or has a user, a query or
    ///   a fragment; a scope has a character that scopes do not have (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - the organization (NOT_FOUND, ORGANIZATION_NOT_FOUND).
    /// - [`Error::NameTaken`] (ALREADY_EXISTS), [`Error::LimitReached`] (RESOURCE_EXHAUSTED).
    pub async fn create(&self, caller: &SignedIn, new: NewProvider) -> Result<IdentityProvider> {
        caller.superuser()?;
        let name = limits::name("name", &new.name)?;
        let org_name = limits::organization("org_name", &new.org_name)?;
        issuer(&new.issuer)?;
        limits::required("client_id", &new.client_id, MAX_CLIENT_ID)?;
        limits::secret("client_secret", &new.client_secret, MAX_CLIENT_SECRET)?;
        let scopes = scopes(new.scopes)?;
        let organization = match org_name {
            None => None,
            Some(org_name) => Some(self.organization(&org_name).await?),
        };
        let (id, now) = (ProviderId::random(&*self.random), self.time.now()?);
        let sealed = (!new.client_secret.is_empty())
            .then(|| self.sealer.seal(&client_secret_purpose(id), new.client_secret.expose().as_bytes(), &*self.random));
        let provider = IdentityProvider {
            id,
            name,
            organization,
            issuer: new.issuer,
            client_id: new.client_id,
            sealed_client_secret: sealed,
            scopes,
            sign_up: new.sign_up.unwrap_or(true),
            create_time: now,
        };
        let create = CreateProvider { provider: provider.clone(), most: self.most };
        match self.store.create_provider(create, caller.by(Needs::Superuser, now)).await?.outcome {
            ProviderCreated::Created => Ok(provider),
            ProviderCreated::NameTaken => Err(Error::NameTaken("name")),
            ProviderCreated::NoSuchOrganization => Err(Error::NotFound(Thing::Organization)),
            ProviderCreated::LimitReached => Err(Error::LimitReached("identity providers")),
        }
    }

    async fn organization(&self, name: &crate::model::name::Folded) -> Result<OrganizationId> {
        match self.organizations.organization_by_name(name).await? {
            Some(NamedOrganization::Shared(organization)) => Ok(organization.id),
            _ => Err(Error::NotFound(Thing::Organization)),
        }
    }
}

/// An issuer as OpenID Connect Discovery 1.0 (section 3) has it: `https`, no query, no fragment; here also `http` on loopback.
fn issuer(text: &str) -> Result<()> {
    limits::required("issuer", text, MAX_ISSUER)?;
    let url = Url::parse(text).map_err(|_| invalid("issuer", "is not a URL"))?;
    let transport = match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => loopback(&host),
        _ => false,
    };
    if !transport {
        return Err(invalid("issuer", "must be an https URL, or an http one on loopback"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("issuer", "must not have a query or a fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("issuer", "must not have a user or a password"));
    }
    Ok(())
}

fn loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

/// The scopes beside `openid`, each once, in the characters of RFC 6749 (section 3.3).
fn scopes(given: Vec<String>) -> Result<Vec<String>> {
    if given.len() > MAX_SCOPES {
        return Err(invalid("scopes", format!("are more than {MAX_SCOPES}")));
    }
    let mut scopes: Vec<String> = Vec::with_capacity(given.len());
    for scope in given {
        limits::required("scopes", &scope, MAX_SCOPE)?;
        if !scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(invalid("scopes", "must be visible ASCII without quotes and backslashes, one scope an entry"));
        }
        if scope != "openid" && !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests;
