//! Registrations at OpenID providers. Owns what a registration may look like; signing on through one is `sso`.

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use super::access::Rpc;
use super::client::SignedIn;
use super::limits::{self, invalid};
use super::policy::Policy;
use super::time::Time;
use super::{Error, Result, Thing};
use crate::crypto::seal::Sealer;
use crate::model::ids::{OrganizationId, ProviderId};
use crate::model::name::{Folded, MAX_NAME, Name};
use crate::model::provider::{IdentityProvider, ProviderChange};
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::store::Store;
use crate::store::verbs::{CreateProvider, NamedOrganization, OrganizationStore, ProviderCreated, SignOnStore, UpdateProvider};

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
/// The most domains of login e-mails.
pub const MAX_EMAIL_DOMAINS: usize = 32;
/// The longest domain, in bytes.
pub const MAX_DOMAIN: usize = 253;
/// The most audiences that are trusted beside us.
pub const MAX_TRUSTED_AUDIENCES: usize = 16;
/// The longest such audience, in bytes.
pub const MAX_AUDIENCE: usize = 256;

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
    /// The domains in which its verified e-mails become login e-mails.
    pub email_domains: Vec<String>,
    /// Audiences that its ID tokens may have beside us.
    pub trusted_audiences: Vec<String>,
}

/// What is to change of a registration: the fields that `mask` names get these values.
#[derive(Clone, Debug, Default)]
pub struct ProviderUpdate {
    /// The names of the fields.
    pub mask: Vec<String>,
    /// Our client id there.
    pub client_id: String,
    /// Our client secret there; empty: a public client.
    pub client_secret: Secret,
    /// What to ask for beside `openid`.
    pub scopes: Vec<String>,
    /// Whether an unknown subject gets an account.
    pub sign_up: bool,
    /// The domains in which its verified e-mails become login e-mails.
    pub email_domains: Vec<String>,
    /// Audiences that its ID tokens may have beside us.
    pub trusted_audiences: Vec<String>,
}

/// A registration, and the name of its organization; empty: the whole site.
pub type Listed = (IdentityProvider, String);

/// Where a page of providers begins: after the one with this name in this organization.
pub type After = (Option<OrganizationId>, Folded);

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

impl ProviderUpdate {
    fn has(&self, field: &str) -> bool {
        self.mask.iter().any(|named| named == field)
    }

    /// What changes, but for the client secret, which is only checked.
    fn change(&self) -> Result<ProviderChange> {
        if self.mask.is_empty() {
            return Err(invalid("update_mask", "is empty"));
        }
        let mut change = ProviderChange::default();
        for field in &self.mask {
            match field.as_str() {
                "client_id" => {
                    limits::required("client_id", &self.client_id, MAX_CLIENT_ID)?;
                    change.client_id = Some(self.client_id.clone());
                }
                "client_secret" => {
                    limits::secret("client_secret", &self.client_secret, MAX_CLIENT_SECRET)?;
                }
                "scopes" => change.scopes = Some(scopes(self.scopes.clone())?),
                "sign_up" => change.sign_up = Some(self.sign_up),
                "email_domains" => change.email_domains = Some(domains(self.email_domains.clone())?),
                "trusted_audiences" => change.trusted_audiences = Some(audiences(self.trusted_audiences.clone())?),
                _ => return Err(invalid("update_mask", "names something that cannot be changed")),
            }
        }
        Ok(change)
    }
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
        caller.may(Rpc::CreateIdentityProvider)?;
        let name = limits::name("name", &new.name)?;
        let org_name = limits::organization("org_name", &new.org_name)?;
        issuer(&new.issuer)?;
        limits::required("client_id", &new.client_id, MAX_CLIENT_ID)?;
        limits::secret("client_secret", &new.client_secret, MAX_CLIENT_SECRET)?;
        let scopes = scopes(new.scopes)?;
        let (email_domains, trusted_audiences) = (domains(new.email_domains)?, audiences(new.trusted_audiences)?);
        let organization = match org_name {
            None => None,
            Some(org_name) => Some(self.organization(&org_name).await?),
        };
        let (id, now) = (ProviderId::random(&*self.random), self.time.now()?);
        let provider = IdentityProvider {
            id,
            name,
            organization,
            issuer: new.issuer,
            client_id: new.client_id,
            sealed_client_secret: self.sealed(id, &new.client_secret),
            scopes,
            sign_up: new.sign_up.unwrap_or(true),
            create_time: now,
            email_domains,
            trusted_audiences,
        };
        let create = CreateProvider { provider: provider.clone(), most: self.most };
        match self.store.create_provider(create, caller.by(Rpc::CreateIdentityProvider, now)).await?.outcome {
            ProviderCreated::Created => Ok(provider),
            ProviderCreated::NameTaken => Err(Error::NameTaken("name")),
            ProviderCreated::NoSuchOrganization => Err(Error::NotFound(Thing::Organization)),
            ProviderCreated::LimitReached => Err(Error::LimitReached("identity providers")),
        }
    }

    /// Changes a registration in place: what every sign-on uses from its next step on. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is past its limit or of a wrong form, or nothing is to change (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - no such organization, or no such provider there: one answer (NOT_FOUND, PROVIDER_NOT_FOUND).
    pub async fn update(&self, caller: &SignedIn, org_name: &str, name: &str, update: ProviderUpdate) -> Result<Listed> {
        caller.may(Rpc::UpdateIdentityProvider)?;
        let (org_name, name) = named(org_name, name)?;
        let mut change = update.change()?;
        let found = self.find(org_name.as_ref(), &name).await?;
        if update.has("client_secret") {
            change.sealed_client_secret = Some(self.sealed(found.id, &update.client_secret));
        }
        let update = UpdateProvider { provider: found.id, change };
        let changed = self.store.update_provider(update, caller.by(Rpc::UpdateIdentityProvider, self.time.now()?)).await?.outcome;
        let changed = changed.ok_or(Error::NotFound(Thing::Provider))?;
        Ok((changed, self.organization_name(found.organization, org_name).await?))
    }

    /// Removes a registration. Sign-ons under way are refused, sessions go on, and accounts keep their identities. Durable once
    /// this returns.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`], [`Error::PermissionDenied`], [`Error::Invalid`], [`Error::NotFound`], as for
    /// [`Providers::update`].
    pub async fn delete(&self, caller: &SignedIn, org_name: &str, name: &str) -> Result<()> {
        caller.may(Rpc::DeleteIdentityProvider)?;
        let (org_name, name) = named(org_name, name)?;
        let found = self.find(org_name.as_ref(), &name).await?;
        let deleted =
            self.store.delete_provider(found.id, caller.by(Rpc::DeleteIdentityProvider, self.time.now()?)).await?.outcome;
        if deleted { Ok(()) } else { Err(Error::NotFound(Thing::Provider)) }
    }

    /// At most `most` registrations, from the one after `after` on.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    pub async fn list(&self, caller: &SignedIn, after: Option<After>, most: u32) -> Result<Vec<Listed>> {
        caller.may(Rpc::ListIdentityProviders)?;
        let found = self.store.all_providers(after.as_ref(), most).await?;
        let named = |name: Option<Name>| name.map_or_else(String::new, |name| name.as_str().to_owned());
        Ok(found.into_iter().map(|(provider, name)| (provider, named(name))).collect())
    }

    /// The provider of that name there.
    async fn find(&self, org_name: Option<&Folded>, name: &Folded) -> Result<IdentityProvider> {
        let missing = || Error::NotFound(Thing::Provider);
        let organization = match org_name {
            None => None,
            Some(org_name) => Some(self.organization(org_name).await.map_err(|error| match error {
                Error::NotFound(_) => missing(),
                other => other,
            })?),
        };
        let all = self.store.providers(organization, None, u32::MAX).await?;
        all.into_iter().find(|provider| provider.name.folded() == *name).ok_or_else(missing)
    }

    /// The name of an organization as it was given; it was found under `org_name` before.
    async fn organization_name(&self, id: Option<OrganizationId>, org_name: Option<Folded>) -> Result<String> {
        let (Some(id), Some(org_name)) = (id, org_name) else { return Ok(String::new()) };
        Ok(match self.organizations.organization_by_name(&org_name).await? {
            Some(NamedOrganization::Shared(found)) if found.id == id => found.name.as_str().to_owned(),
            _ => org_name.as_str().to_owned(),
        })
    }

    fn sealed(&self, id: ProviderId, secret: &Secret) -> Option<Vec<u8>> {
        let seal = || self.sealer.seal(&client_secret_purpose(id), secret.expose().as_bytes(), &*self.random);
        (!secret.is_empty()).then(seal)
    }

    async fn organization(&self, name: &Folded) -> Result<OrganizationId> {
        match self.organizations.organization_by_name(name).await? {
            Some(NamedOrganization::Shared(organization)) => Ok(organization.id),
            _ => Err(Error::NotFound(Thing::Organization)),
        }
    }
}

fn named(org_name: &str, name: &str) -> Result<(Option<Folded>, Folded)> {
    let org_name = limits::organization("org_name", org_name)?;
    limits::required("name", name, MAX_NAME)?;
    Ok((org_name, Folded::presented(name)))
}

/// Domains of e-mails in lower case, each once.
fn domains(given: Vec<String>) -> Result<Vec<String>> {
    let wrong = |why: &str| invalid("email_domains", why.to_owned());
    if given.len() > MAX_EMAIL_DOMAINS {
        return Err(invalid("email_domains", format!("are more than {MAX_EMAIL_DOMAINS}")));
    }
    let mut domains: Vec<String> = Vec::with_capacity(given.len());
    for domain in given {
        limits::required("email_domains", &domain, MAX_DOMAIN)?;
        let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        let characters = domain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        if !characters || !domain.split('.').all(label) {
            return Err(wrong("must be domains such as example.org, one an entry"));
        }
        let domain = domain.to_ascii_lowercase();
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    Ok(domains)
}

/// Audiences beside us, each once.
fn audiences(given: Vec<String>) -> Result<Vec<String>> {
    if given.len() > MAX_TRUSTED_AUDIENCES {
        return Err(invalid("trusted_audiences", format!("are more than {MAX_TRUSTED_AUDIENCES}")));
    }
    let mut audiences: Vec<String> = Vec::with_capacity(given.len());
    for audience in given {
        limits::required("trusted_audiences", &audience, MAX_AUDIENCE)?;
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    }
    Ok(audiences)
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
