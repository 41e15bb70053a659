//! Identity providers and sign-on attempts.

use super::accounts::insert as insert_user;
use super::audit::audit;
use super::decided::apply;
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key::{self, Kind};
use super::record::{Identity, Named, ProviderEntry, full, load, put, scan, scan_from};
use super::rows::{granted, known_user, member, named, organization, user};
use super::session_row::session;
use super::sessions::insert;
use super::sweep::MARGIN;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, OrganizationId, ProviderId, UserId};
use crate::model::name::{Email, Folded, Name};
use crate::model::organization::{ActiveOrganization, OrganizationRole};
use crate::model::provider::{IdentityProvider, ProviderChange};
use crate::model::session::Opening;
use crate::model::sso::{Attempt, AttemptCollected, AttemptIdentified, Collection, ProvenSubject, Step};
use crate::model::user::{EmailFollowed, Holder, Roles, Subject, User};
use crate::store::verbs::{By, CollectAttempt, Collected, Created, Identify};
use crate::store::{Result, StoreError};

pub(super) fn create_provider(tx: &mut Tx<'_>, by: &By, new: &IdentityProvider, most: u32) -> Result<Created> {
    if let Some(id) = new.organization
        && organization(tx, id)?.is_none()
    {
        return Ok(Created::NoSuchOrganization);
    }
    let entry = key::provider_by_scope(new.organization, &new.name.folded());
    if load::<ProviderEntry>(tx, &entry)?.is_some() {
        return Ok(Created::Taken { email: false });
    }
    if provider(tx, new.id)?.is_some() {
        return Err(StoreError::Corrupt(format!("Provider: {} exists already", new.id)));
    }
    if full(tx, &key::providers_by_scope(new.organization), most)? {
        return Ok(Created::LimitReached);
    }
    put(tx, entry, &ProviderEntry(new.id))?;
    put(tx, key::provider(new.id), new)?;
    audit(tx, by, Action::ProviderCreated(new.id))?;
    Ok(Created::Created)
}

pub(super) fn providers(view: &dyn View, organization: Option<OrganizationId>) -> Result<Vec<IdentityProvider>> {
    let mut found = Vec::new();
    for (_, ProviderEntry(id)) in scan(view, &key::providers_by_scope(organization))? {
        found.extend(provider(view, id)?);
    }
    Ok(found)
}

pub(super) fn all_providers(
    view: &dyn View,
    after: Option<&(Option<OrganizationId>, Folded)>,
    most: u32,
) -> Result<Vec<(IdentityProvider, Option<Name>)>> {
    let all = key::all(Kind::ProviderByScope);
    let from = match after {
        // The key that comes next.
        Some((organization, name)) => [key::provider_by_scope(*organization, name), vec![0]].concat(),
        None => all.clone(),
    };
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

pub(super) fn update_provider(
    tx: &mut Tx<'_>,
    by: &By,
    id: ProviderId,
    change: &ProviderChange,
) -> Result<Option<IdentityProvider>> {
    let Some(found) = provider(tx, id)? else { return Ok(None) };
    let changed = found.changed(change.clone());
    put(tx, key::provider(id), &changed)?;
    audit(tx, by, Action::ProviderUpdated(id))?;
    Ok(Some(changed))
}

pub(super) fn delete_provider(tx: &mut Tx<'_>, by: &By, id: ProviderId) -> Result<bool> {
    let Some(found) = provider(tx, id)? else { return Ok(false) };
    tx.remove(key::provider_by_scope(found.organization, &found.name.folded()));
    tx.remove(key::provider(id));
    audit(tx, by, Action::ProviderDeleted(id))?;
    Ok(true)
}

pub(super) fn provider(view: &dyn View, id: ProviderId) -> Result<Option<IdentityProvider>> {
    load(view, &key::provider(id))
}

pub(super) fn attempt(view: &dyn View, id: AttemptId) -> Result<Option<Attempt>> {
    load(view, &key::attempt(id))
}

pub(super) fn begin_exchange(tx: &mut Tx<'_>, by: &By, id: AttemptId, expire_time: Timestamp, browser: [u8; 32]) -> Result<Step> {
    let decision = Attempt::begin(attempt(tx, id)?, id, expire_time, browser, tx.head.revision, by.now);
    remember(tx, decision.value.as_ref().filter(|_| decision.changed));
    Ok(apply(tx, by, decision)?.0)
}

/// Has the record of a new attempt removed as soon as its time is up: strangers can make them, and no token comes from one.
fn remember(tx: &mut Tx<'_>, new: Option<&Attempt>) {
    if let Some(attempt) = new {
        expires(tx, attempt.keep_until().minus(MARGIN), Expiring::Attempt(attempt.id()));
    }
}

pub(super) fn identify(tx: &mut Tx<'_>, by: &By, identify: &Identify) -> Result<Step> {
    let Some(attempt) = attempt(tx, identify.attempt)? else { return Ok(Step::OutOfTurn) };
    let provider = provider(tx, identify.provider)?;
    let (issuer, subject) = &identify.identity;
    let account = match load(tx, &key::identity(issuer, subject))? {
        Some(Identity(id)) => Some(known_user(tx, id)?),
        None => None,
    };
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
    Ok(match apply(tx, by, decision)?.0 {
        AttemptIdentified::Known => {
            if let (Some(user), Some(email)) = (account, email) {
                follow(tx, by, user, email)?;
            }
            Step::Done
        }
        AttemptIdentified::SignUp => Step::Done,
        AttemptIdentified::Refused => Step::Refused,
        AttemptIdentified::OutOfTurn => Step::OutOfTurn,
    })
}

/// Gives an account the e-mail that its provider verified.
fn follow(tx: &mut Tx<'_>, by: &By, user: User, email: &Email) -> Result<()> {
    let (id, free) = (user.id(), named(tx, &email.folded())?.is_none());
    if let (EmailFollowed::Followed { before }, _) = apply(tx, by, user.follow_email(email, free))? {
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
    put(tx, key::identity(issuer, subject), &Identity(id))?;
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

pub(super) fn confirm_attempt(tx: &mut Tx<'_>, by: &By, id: AttemptId) -> Result<Step> {
    let Some(attempt) = attempt(tx, id)? else { return Ok(Step::OutOfTurn) };
    Ok(apply(tx, by, attempt.confirm(by.now))?.0)
}

pub(super) fn refuse_attempt(tx: &mut Tx<'_>, by: &By, id: AttemptId, expire_time: Timestamp) -> Result<Step> {
    let found = attempt(tx, id)?;
    let fresh = found.is_none();
    let decision = Attempt::refuse(found, id, expire_time, by.now);
    remember(tx, decision.value.as_ref().filter(|_| fresh && decision.changed));
    Ok(apply(tx, by, decision)?.0)
}

pub(super) fn collect_attempt(tx: &mut Tx<'_>, by: &By, collect: &CollectAttempt) -> Result<Collected> {
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
    Ok(match apply(tx, by, decision)?.0 {
        AttemptCollected::Opened(session) => Collected::Opened(insert(tx, by, session, holder, collect.session.most)?),
        AttemptCollected::Retried(session) => Collected::Retried(granted(tx, holder, &session)?),
        AttemptCollected::Pending => Collected::Pending,
        AttemptCollected::Refused => Collected::Refused,
        AttemptCollected::Gone => Collected::Gone,
        AttemptCollected::Expired => Collected::Expired,
    })
}
