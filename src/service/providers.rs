//! Registrations at OpenID providers. Owns what a registration may look like; signing on through one is `sso`.
//!
//! An organization's admin registers providers for it too, with less trust: at a public address, without sign-up and without login
//! e-mails. A superuser may allow the last two.

mod form;

use std::sync::Arc;

use self::form::{audiences, domains, issuer, public_issuer, scopes};
use super::access::Rpc;
use super::authority::Authority;
use super::client::SignedIn;
use super::limits::{self, invalid};
use super::paging::{Page, Pages, Query, after_name};
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
type After = (Option<OrganizationId>, Folded);

/// Registers identity providers.
#[derive(Clone)]
pub struct Providers {
    store: Arc<dyn SignOnStore>,
    organizations: Arc<dyn OrganizationStore>,
    sealer: Arc<Sealer>,
    random: Arc<dyn Random>,
    time: Time,
    most: u32,
    pages: Pages,
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
    pub fn new(
        store: &Arc<dyn Store>,
        sealer: Arc<Sealer>,
        random: Arc<dyn Random>,
        time: Time,
        policy: &Policy,
        pages: Pages,
    ) -> Self {
        let organizations = store.clone();
        Self { store: store.clone(), organizations, sealer, random, time, most: policy.most_providers, pages }
    }

    /// Registers a provider for an organization or the whole site. The client secret is sealed and never answered. Nothing is
    /// fetched from the provider. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is neither superuser nor admin there, or an admin who
    ///   asks for sign-up or login e-mails (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is past its limit; the issuer is no `https` URL (`http` on loopback) or has a user, a query or
    ///   a fragment, or is at no public address and an admin's; a scope has a character that scopes do not have (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - the organization (NOT_FOUND, ORGANIZATION_NOT_FOUND).
    /// - [`Error::NameTaken`] (ALREADY_EXISTS), [`Error::LimitReached`] (RESOURCE_EXHAUSTED).
    pub async fn create(&self, caller: &SignedIn, new: NewProvider) -> Result<IdentityProvider> {
        let authority = Authority::over(&*self.organizations, caller, Rpc::CreateIdentityProvider, &new.org_name).await?;
        let name = limits::name("name", &new.name)?;
        let org_name = limits::organization("org_name", &new.org_name)?;
        issuer(&new.issuer)?;
        limits::required("client_id", &new.client_id, MAX_CLIENT_ID)?;
        limits::secret("client_secret", &new.client_secret, MAX_CLIENT_SECRET)?;
        let scopes = scopes(new.scopes)?;
        let (email_domains, trusted_audiences) = (domains(new.email_domains)?, audiences(new.trusted_audiences)?);
        let confined = !authority.is_superuser();
        if confined {
            public_issuer(&new.issuer)?;
            trusted_with(new.sign_up == Some(true), &email_domains)?;
        }
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
            sign_up: new.sign_up.unwrap_or(!confined),
            create_time: now,
            email_domains,
            trusted_audiences,
            confined,
        };
        let create = CreateProvider { provider: provider.clone(), most: self.most };
        match self.store.create_provider(create, authority.by(caller, now)).await?.outcome {
            ProviderCreated::Created => Ok(provider),
            ProviderCreated::NameTaken => Err(Error::NameTaken("name")),
            ProviderCreated::NoSuchOrganization => Err(Error::NotFound(Thing::Organization)),
            ProviderCreated::LimitReached => Err(Error::LimitReached("identity providers")),
        }
    }

    /// Changes a registration in place: what every sign-on uses from its next step on. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - as for [`Providers::create`] (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is past its limit or of a wrong form, or nothing is to change (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - no such organization, or no such provider there: one answer (NOT_FOUND, PROVIDER_NOT_FOUND).
    pub async fn update(&self, caller: &SignedIn, org_name: &str, name: &str, update: ProviderUpdate) -> Result<Listed> {
        let authority = Authority::over(&*self.organizations, caller, Rpc::UpdateIdentityProvider, org_name).await?;
        let (org_name, name) = named(org_name, name)?;
        let mut change = update.change()?;
        if !authority.is_superuser() {
            trusted_with(change.sign_up == Some(true), change.email_domains.as_deref().unwrap_or_default())?;
        }
        let found = self.find(org_name.as_ref(), &name).await?;
        if update.has("client_secret") {
            change.sealed_client_secret = Some(self.sealed(found.id, &update.client_secret));
        }
        let update = UpdateProvider { provider: found.id, change };
        let changed = self.store.update_provider(update, authority.by(caller, self.time.now()?)).await?.outcome;
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
        let authority = Authority::over(&*self.organizations, caller, Rpc::DeleteIdentityProvider, org_name).await?;
        let (org_name, name) = named(org_name, name)?;
        let found = self.find(org_name.as_ref(), &name).await?;
        let deleted = self.store.delete_provider(found.id, authority.by(caller, self.time.now()?)).await?.outcome;
        if deleted { Ok(()) } else { Err(Error::NotFound(Thing::Provider)) }
    }

    /// A page of the registrations, at most `size`: those of the organization `org_name`, or all (empty). Those of one organization
    /// stand together, by name.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is neither superuser nor admin there
    ///   (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is past its limit, or the token is none of this list (INVALID_ARGUMENT).
    pub async fn list(&self, caller: &SignedIn, org_name: &str, size: u32, page_token: &str) -> Result<Page<Listed>> {
        Authority::over(&*self.organizations, caller, Rpc::ListIdentityProviders, org_name).await?;
        let of = limits::organization("org_name", org_name)?;
        let filter = of.as_ref().map_or("", Folded::as_str);
        let query = Query { caller: caller.user()?, rpc: Rpc::ListIdentityProviders, filters: &[filter] };
        let after = self.pages.after(&query, page_token, read_cursor)?;
        let most = size.saturating_add(1);
        let found = match &of {
            None => self.store.all_providers(after.as_ref(), most).await?,
            Some(name) => self.those_of(name, after, most).await?,
        };
        let page = self.pages.page(&query, found, size, |(last, _)| write_cursor(last));
        Ok(page.map(|(provider, name)| (provider, name.map_or_else(String::new, |name| name.as_str().to_owned()))))
    }

    /// The registrations of an organization; none where there is no such organization.
    async fn those_of(&self, name: &Folded, after: Option<After>, most: u32) -> Result<Vec<(IdentityProvider, Option<Name>)>> {
        let Some(NamedOrganization::Shared(of)) = self.organizations.organization_by_name(name).await? else {
            return Ok(Vec::new());
        };
        let after = after.map(|(_, name)| name);
        let found = self.store.providers(Some(of.id), after.as_ref(), most).await?;
        Ok(found.into_iter().map(|provider| (provider, Some(of.name.clone()))).collect())
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

/// What only a superuser may allow of an organization's provider.
fn trusted_with(sign_up: bool, email_domains: &[String]) -> Result<()> {
    if sign_up || !email_domains.is_empty() {
        return Err(Error::PermissionDenied("superuser, to allow sign_up and email_domains"));
    }
    Ok(())
}

/// A length, the id of an organization of that many bytes or nothing, and a name.
fn write_cursor(last: &IdentityProvider) -> Vec<u8> {
    let organization = last.organization.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    let length = u8::try_from(organization.len()).unwrap_or_default();
    [&[length][..], &organization, last.name.folded().as_str().as_bytes()].concat()
}

fn read_cursor(cursor: &[u8]) -> Option<After> {
    let (length, rest) = cursor.split_first()?;
    let (organization, name) = rest.split_at_checked(usize::from(*length))?;
    let organization = match organization {
        [] => None,
        id => Some(OrganizationId::from_bytes(id.try_into().ok()?)),
    };
    Some((organization, after_name(name)?))
}

fn named(org_name: &str, name: &str) -> Result<(Option<Folded>, Folded)> {
    let org_name = limits::organization("org_name", org_name)?;
    limits::required("name", name, MAX_NAME)?;
    Ok((org_name, Folded::presented(name)))
}

#[cfg(test)]
mod tests;
