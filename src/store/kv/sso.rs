//! Identity providers and sign-on attempts.

use super::accounts::insert as insert_user;
use super::audit::audit;
use super::decided::apply;
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::record::{Identity, ProviderEntry, full, load, put, scan};
use super::rows::{granted, known_user, member, named, organization, user};
use super::session_row::session;
use super::sessions::insert;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, OrganizationId, ProviderId, UserId};
use crate::model::name::Name;
use crate::model::organization::{ActiveOrganization, OrganizationRole};
use crate::model::provider::IdentityProvider;
use crate::model::session::Opening;
use crate::model::sso::{Attempt, AttemptCollected, AttemptIdentified, Collection, ProvenSubject, Step};
use crate::model::user::{Holder, Roles, Subject, User};
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

pub(super) fn provider(view: &dyn View, id: ProviderId) -> Result<Option<IdentityProvider>> {
    load(view, &key::provider(id))
}

pub(super) fn attempt(view: &dyn View, id: AttemptId) -> Result<Option<Attempt>> {
    load(view, &key::attempt(id))
}

pub(super) fn begin_exchange(tx: &mut Tx<'_>, by: &By, id: AttemptId, expire_time: Timestamp, browser: [u8; 32]) -> Result<Step> {
    let decision = Attempt::begin(attempt(tx, id)?, id, expire_time, browser, tx.head.revision, by.now);
    if decision.changed {
        expires(tx, expire_time, Expiring::Attempt(id));
    }
    Ok(apply(tx, by, decision)?.0)
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
    if decision.outcome == AttemptIdentified::SignUp {
        sign_up(tx, by, identify, provider.and_then(|provider| provider.organization))?;
    }
    Ok(match apply(tx, by, decision)?.0 {
        AttemptIdentified::Known | AttemptIdentified::SignUp => Step::Done,
        AttemptIdentified::Refused => Step::Refused,
        AttemptIdentified::OutOfTurn => Step::OutOfTurn,
    })
}

/// Makes the account of a new identity.
fn sign_up(tx: &mut Tx<'_>, by: &By, identify: &Identify, organization: Option<OrganizationId>) -> Result<()> {
    let id = identify.new_user;
    let email = match &identify.wanted_email {
        Some(email) if named(tx, &email.folded())?.is_none() => Some(email.clone()),
        _ => None,
    };
    let name = free_name(tx, &identify.wanted_name, id)?;
    insert_user(tx, by, &User::new(id, name, email, None, Roles::default(), by.now))?;
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
    if fresh && decision.changed {
        expires(tx, expire_time, Expiring::Attempt(id));
    }
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
