//! Identity providers and sign-on attempts.

use async_trait::async_trait;

use super::accounts::insert as insert_user;
use super::audit::audit;
use super::decided::apply;
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::identities;
use super::key::{self, Kind};
use super::record::{Named, ProviderEntry, full, load, put, scan_from};
use super::rows::{NO_ORGANIZATION, granted, member, named, organization, organization_id, user};
use super::session_row::session;
use super::sessions::insert;
use super::store::KvStore;
use super::sweep::MARGIN;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::{AttemptId, OrganizationId, ProviderId, UserId};
use crate::model::name::{Email, Folded, Name};
use crate::model::organization::{ActiveOrganization, OrganizationRole};
use crate::model::provider::IdentityProvider;
use crate::model::session::Opening;
use crate::model::sso::{Attempt, AttemptCollected, AttemptIdentified, Collection, ProvenSubject, Step};
use crate::model::user::{EmailFollowed, Holder, Roles, Subject, User};
use crate::store::verbs::{
    BeginExchange, By, CollectAttempt, Collected, Commit, CreateProvider, Identified, Identify, IdentityLinked, IdentityUnlinked,
    LinkIdentity, LinkedIdentity, ProviderCreated, RefuseAttempt, SignOnStore, UpdateProvider,
};
use crate::store::{Result, StoreError};

#[async_trait]
impl SignOnStore for KvStore {
    async fn provider(&self, id: ProviderId) -> Result<Option<IdentityProvider>> {
        self.read(|view| provider(view, id)).await
    }

    async fn providers(
        &self,
        organization: Option<OrganizationId>,
        after: Option<&Folded>,
        most: u32,
    ) -> Result<Vec<IdentityProvider>> {
        self.read(|view| providers(view, organization, after, most)).await
    }

    async fn providers_named(&self, organization: &Folded) -> Result<Vec<IdentityProvider>> {
        self.read(|view| providers_named(view, organization)).await
    }

    async fn identities(&self, user: UserId, after: Option<&LinkedIdentity>, most: u32) -> Result<Vec<LinkedIdentity>> {
        self.read(|view| identities::identities(view, user, after, most)).await
    }

    async fn all_providers(
        &self,
        after: Option<&(Option<OrganizationId>, Folded)>,
        most: u32,
    ) -> Result<Vec<(IdentityProvider, Option<Name>)>> {
        self.read(|view| all_providers(view, after, most)).await
    }

    async fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>> {
        self.read(|view| attempt(view, id)).await
    }

    async fn create_provider(&self, command: CreateProvider, by: By) -> Result<Commit<ProviderCreated>> {
        self.change(by, move |tx, by| create_provider(tx, by, &command)).await
    }

    async fn update_provider(&self, command: UpdateProvider, by: By) -> Result<Commit<Option<IdentityProvider>>> {
        self.change(by, move |tx, by| update_provider(tx, by, &command)).await
    }

    async fn delete_provider(&self, provider: ProviderId, by: By) -> Result<Commit<bool>> {
        self.change(by, move |tx, by| delete_provider(tx, by, provider)).await
    }

    async fn link_identity(&self, command: LinkIdentity, by: By) -> Result<Commit<IdentityLinked>> {
        self.change(by, move |tx, by| identities::link_identity(tx, by, &command)).await
    }

    async fn unlink_identity(&self, command: LinkIdentity, by: By) -> Result<Commit<IdentityUnlinked>> {
        self.change(by, move |tx, by| identities::unlink_identity(tx, by, &command)).await
    }

    async fn begin_exchange(&self, command: BeginExchange, by: By) -> Result<Commit<Step>> {
        self.change(by, move |tx, by| begin_exchange(tx, by, command)).await
    }

    async fn identify(&self, command: Identify, by: By) -> Result<Commit<Identified>> {
        self.change(by, move |tx, by| identify(tx, by, &command)).await
    }

    async fn confirm_attempt(&self, attempt: AttemptId, by: By) -> Result<Commit<Step>> {
        self.change(by, move |tx, by| confirm_attempt(tx, by, attempt)).await
    }

    async fn refuse_attempt(&self, command: RefuseAttempt, by: By) -> Result<Commit<Step>> {
        self.change(by, move |tx, by| refuse_attempt(tx, by, command)).await
    }

    async fn collect_attempt(&self, command: CollectAttempt, by: By) -> Result<Commit<Collected>> {
        self.change(by, move |tx, by| collect_attempt(tx, by, &command)).await
    }
}

fn create_provider(tx: &mut Tx<'_>, by: &By, command: &CreateProvider) -> Result<ProviderCreated> {
    let CreateProvider { provider: new, most } = command;
    if let Some(id) = new.organization
        && organization(tx, id)?.is_none()
    {
        return Ok(ProviderCreated::NoSuchOrganization);
    }
    let entry = key::provider_by_scope(new.organization, &new.name.folded());
    if load::<ProviderEntry>(tx, &entry)?.is_some() {
        return Ok(ProviderCreated::NameTaken);
    }
    if provider(tx, new.id)?.is_some() {
        return Err(StoreError::Corrupt(format!("Provider: {} exists already", new.id)));
    }
    if full(tx, &key::providers_by_scope(new.organization), *most)? {
        return Ok(ProviderCreated::LimitReached);
    }
    put(tx, entry, &ProviderEntry(new.id))?;
    put(tx, key::provider(new.id), new)?;
    audit(tx, by, Action::ProviderCreated(new.id))?;
    Ok(ProviderCreated::Created)
}

fn providers(
    view: &dyn View,
    organization: Option<OrganizationId>,
    after: Option<&Folded>,
    most: u32,
) -> Result<Vec<IdentityProvider>> {
    let all = key::providers_by_scope(organization);
    let from = after.map_or_else(|| all.clone(), |name| key::following(key::provider_by_scope(organization, name)));
    let mut found = Vec::new();
    for (_, ProviderEntry(id)) in scan_from(view, &all, &from, usize::try_from(most).unwrap_or(usize::MAX))? {
        found.extend(provider(view, id)?);
    }
    Ok(found)
}

/// As many reads whether there is such an organization or not.
pub(super) fn providers_named(view: &dyn View, name: &Folded) -> Result<Vec<IdentityProvider>> {
    let id = organization_id(view, name)?.unwrap_or(NO_ORGANIZATION);
    providers(view, Some(id), None, u32::MAX)
}

fn all_providers(
    view: &dyn View,
    after: Option<&(Option<OrganizationId>, Folded)>,
    most: u32,
) -> Result<Vec<(IdentityProvider, Option<Name>)>> {
    let all = key::all(Kind::ProviderByScope);
    let following = |(organization, name): &(_, _)| key::following(key::provider_by_scope(*organization, name));
    let from = after.map_or_else(|| all.clone(), following);
    let mut found = Vec::new();
    for (_, ProviderEntry(id)) in scan_from(view, &all, &from, usize::try_from(most).unwrap_or(usize::MAX))? {
        let Some(provider) = provider(view, id)? else { continue };
        let organization = match provider.organization {
            Some(id) => organization(view, id)?.map(|organization| organization.name),
            None => None,
        };
        found.push((provider, organization));
    }
    Ok(found)
}

fn update_provider(tx: &mut Tx<'_>, by: &By, command: &UpdateProvider) -> Result<Option<IdentityProvider>> {
    let UpdateProvider { provider: id, change } = command;
    let Some(found) = provider(tx, *id)? else { return Ok(None) };
    let changed = found.changed(change.clone());
    put(tx, key::provider(*id), &changed)?;
    audit(tx, by, Action::ProviderUpdated(*id))?;
    Ok(Some(changed))
}

fn delete_provider(tx: &mut Tx<'_>, by: &By, id: ProviderId) -> Result<bool> {
    let Some(found) = provider(tx, id)? else { return Ok(false) };
    tx.remove(key::provider_by_scope(found.organization, &found.name.folded()));
    tx.remove(key::provider(id));
    audit(tx, by, Action::ProviderDeleted(id))?;
    Ok(true)
}

fn provider(view: &dyn View, id: ProviderId) -> Result<Option<IdentityProvider>> {
    load(view, &key::provider(id))
}

fn attempt(view: &dyn View, id: AttemptId) -> Result<Option<Attempt>> {
    load(view, &key::attempt(id))
}

fn begin_exchange(tx: &mut Tx<'_>, by: &By, command: BeginExchange) -> Result<Step> {
    let BeginExchange { attempt: id, expire_time, browser } = command;
    let decision = Attempt::begin(attempt(tx, id)?, id, expire_time, browser, tx.head.revision, by.now);
    remember(tx, decision.value.as_ref().filter(|_| decision.changed));
    apply(tx, by, decision)
}

/// Has the record of a new attempt removed as soon as its time is up: strangers can make them, and no token comes from one.
fn remember(tx: &mut Tx<'_>, new: Option<&Attempt>) {
    if let Some(attempt) = new {
        expires(tx, attempt.keep_until().minus(MARGIN), Expiring::Attempt(attempt.id()));
    }
}

fn identify(tx: &mut Tx<'_>, by: &By, identify: &Identify) -> Result<Identified> {
    let Some(attempt) = attempt(tx, identify.attempt)? else { return Ok(Identified::OutOfTurn) };
    let provider = provider(tx, identify.provider)?;
    let (issuer, subject) = &identify.identity;
    let account = identities::account_of(tx, issuer, subject)?;
    let member = match &account {
        Some(user) => member(tx, user, identify.organization)?.is_some(),
        None => false,
    };
    let proven = ProvenSubject {
        provider: provider.as_ref(),
        account: account.as_ref(),
        new_user: identify.new_user,
        organization: identify.organization,
        member,
    };
    let decision = attempt.identify(&proven, by.now);
    let email = provider.as_ref().and_then(|provider| identify.wanted_email.as_ref().filter(|email| provider.vouches_for(email)));
    if decision.outcome == AttemptIdentified::SignUp {
        sign_up(tx, by, identify, email, provider.as_ref().and_then(|provider| provider.organization))?;
    }
    Ok(match apply(tx, by, decision)? {
        AttemptIdentified::Known => {
            if let Some(user) = account {
                identities::list(tx, user.id(), issuer, subject)?;
                if let Some(email) = email {
                    follow(tx, by, user, email)?;
                }
            }
            Identified::Done
        }
        AttemptIdentified::SignUp => Identified::Done,
        AttemptIdentified::Refused => Identified::Refused,
        AttemptIdentified::OutOfTurn => Identified::OutOfTurn,
    })
}

/// Gives an account the e-mail that its provider verified.
fn follow(tx: &mut Tx<'_>, by: &By, user: User, email: &Email) -> Result<()> {
    let (id, free) = (user.id(), named(tx, &email.folded())?.is_none());
    if let EmailFollowed::Followed { before } = apply(tx, by, user.follow_email(email, free))? {
        if let Some(before) = before {
            tx.remove(key::name(&before.folded()));
        }
        put(tx, key::name(&email.folded()), &Named::Email(id))?;
    }
    Ok(())
}

/// Makes the account of a new identity.
fn sign_up(
    tx: &mut Tx<'_>,
    by: &By,
    identify: &Identify,
    email: Option<&Email>,
    organization: Option<OrganizationId>,
) -> Result<()> {
    let id = identify.new_user;
    let free = match email {
        Some(email) => named(tx, &email.folded())?.is_none(),
        None => true,
    };
    let name = free_name(tx, &identify.wanted_name, id)?;
    insert_user(tx, by, &User::new(id, name, email.filter(|_| free).cloned(), None, Roles::default(), by.now))?;
    if !free {
        audit(tx, by, Action::EmailNotFree(id))?;
    }
    let (issuer, subject) = &identify.identity;
    identities::give(tx, id, issuer, subject)?;
    match organization {
        Some(organization) => super::organizations::join(tx, by, organization, id, OrganizationRole::Member),
        None => Ok(()),
    }
}

/// The first name for a new account that is free.
fn free_name(tx: &Tx<'_>, wanted: &str, id: UserId) -> Result<Name> {
    for name in Name::candidates(wanted, id) {
        if named(tx, &name.folded())?.is_none() {
            return Ok(name);
        }
    }
    Err(StoreError::Corrupt(format!("Name: one that ends in {id} is taken")))
}

fn confirm_attempt(tx: &mut Tx<'_>, by: &By, id: AttemptId) -> Result<Step> {
    let Some(attempt) = attempt(tx, id)? else { return Ok(Step::OutOfTurn) };
    apply(tx, by, attempt.confirm(by.now))
}

fn refuse_attempt(tx: &mut Tx<'_>, by: &By, command: RefuseAttempt) -> Result<Step> {
    let RefuseAttempt { attempt: id, expire_time } = command;
    let found = attempt(tx, id)?;
    let fresh = found.is_none();
    let decision = Attempt::refuse(found, id, expire_time, by.now);
    remember(tx, decision.value.as_ref().filter(|_| fresh && decision.changed));
    apply(tx, by, decision)
}

fn collect_attempt(tx: &mut Tx<'_>, by: &By, collect: &CollectAttempt) -> Result<Collected> {
    let Some(attempt) = attempt(tx, collect.attempt)? else { return Ok(Collected::Pending) };
    let before = session(tx, collect.session.id)?;
    let subject = attempt.user().map(Subject::User).or_else(|| before.as_ref().map(|before| before.subject().clone()));
    let account = match subject {
        Some(Subject::User(id)) => user(tx, id)?,
        Some(Subject::Guest(_)) | None => None,
    };
    let organization = match (&account, collect.organization) {
        (Some(user), Some(asked)) => member(tx, user, Some(asked))?,
        (_, None) => Some(ActiveOrganization::Personal),
        (None, Some(_)) => None,
    };
    let collection = Collection { new: &collect.session, account: account.as_ref(), organization };
    let decision = attempt.collect(&collection, before, Opening::at(by.now, by.origin.source));
    let holder = account.map_or(Holder::Gone, Holder::Account);
    Ok(match apply(tx, by, decision)? {
        AttemptCollected::Opened(session) => Collected::Opened(insert(tx, by, session, holder, collect.session.most)?),
        AttemptCollected::Retried(session) => Collected::Retried(granted(tx, holder, &session)?),
        AttemptCollected::Pending => Collected::Pending,
        AttemptCollected::Refused => Collected::Refused,
        AttemptCollected::Gone => Collected::Gone,
        AttemptCollected::Expired => Collected::Expired,
    })
}
