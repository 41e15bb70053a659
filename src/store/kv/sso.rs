//! Identity providers and sign-on attempts.

use super::accounts::insert as insert_user;
use super::audit::audit;
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::record::{Identity, ProviderEntry, full, load, put, scan};
use super::rows::{grant, known_user, member, named, organization, user};
use super::sessions::{Opening, again, insert};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, OrganizationId, ProviderId, UserId};
use crate::model::name::{MAX_NAME, Name};
use crate::model::organization::{ActiveOrganization, OrganizationRole};
use crate::model::provider::IdentityProvider;
use crate::model::sso::{Attempt, AttemptState, COLLECT_RETRY};
use crate::model::user::{Generation, Generations, Roles, Subject, Totp, User};
use crate::store::verbs::{By, CollectAttempt, Collected, Created, Identify, Step};
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

pub(super) fn begin_exchange(tx: &mut Tx<'_>, by: &By, id: AttemptId, expire_time: Timestamp) -> Result<Step> {
    // An attempt whose record was swept is over all the more.
    if by.now >= expire_time || attempt(tx, id)?.is_some() {
        return Ok(Step::OutOfTurn);
    }
    let state = AttemptState::Exchanging { revision: tx.head.revision };
    write(tx, &Attempt { id, expire_time, state })?;
    expires(tx, expire_time, Expiring::Attempt(id));
    audit(tx, by, Action::SsoExchangeBegun(id))?;
    Ok(Step::Done)
}

pub(super) fn identify(tx: &mut Tx<'_>, by: &By, identify: &Identify) -> Result<Step> {
    let Some(mut attempt) = attempt(tx, identify.attempt)?.filter(|attempt| by.now < attempt.expire_time) else {
        return Ok(Step::OutOfTurn);
    };
    let AttemptState::Exchanging { revision } = attempt.state else { return Ok(Step::OutOfTurn) };
    let Some((user, new)) = identified(tx, by, identify, revision)? else {
        refuse(tx, by, attempt)?;
        return Ok(Step::Refused);
    };
    attempt.state = AttemptState::Identified { user: user.id, generation: user.generations.current, at: by.now };
    write(tx, &attempt)?;
    audit(tx, by, Action::SsoIdentified(attempt.id, user.id, new))?;
    Ok(Step::Done)
}

/// The account of an identity and whether it is new; `None` where it may not come in.
fn identified(tx: &mut Tx<'_>, by: &By, identify: &Identify, begun: i64) -> Result<Option<(User, bool)>> {
    let Some(provider) = provider(tx, identify.provider)? else { return Ok(None) };
    let (issuer, subject) = &identify.identity;
    let Some(Identity(id)) = load(tx, &key::identity(issuer, subject))? else {
        let belongs = identify.organization.is_none() || identify.organization == provider.organization;
        let may = provider.sign_up && belongs;
        return if may { Ok(Some((sign_up(tx, by, identify, provider.organization)?, true))) } else { Ok(None) };
    };
    let user = known_user(tx, id)?;
    let logged_out = user.generations.session_floor_revision > begun;
    let belongs = identify.organization.is_none() || member(tx, &user, identify.organization)?.is_some();
    Ok((user.enabled && !logged_out && belongs).then_some((user, false)))
}

/// Makes the account of a new identity.
fn sign_up(tx: &mut Tx<'_>, by: &By, identify: &Identify, organization: Option<OrganizationId>) -> Result<User> {
    let email = match &identify.wanted_email {
        Some(email) if named(tx, &email.folded())?.is_none() => Some(email.clone()),
        _ => None,
    };
    let user = User {
        id: identify.new_user,
        name: free_name(tx, &identify.wanted_name, identify.new_user)?,
        email,
        password: None,
        roles: Roles::default(),
        enabled: true,
        generations: Generations::default(),
        totp: Totp::Off,
        create_time: by.now,
    };
    insert_user(tx, by, &user)?;
    let (issuer, subject) = &identify.identity;
    put(tx, key::identity(issuer, subject), &Identity(user.id))?;
    if let Some(id) = organization {
        super::organizations::join(tx, by, id, user.id, OrganizationRole::Member)?;
    }
    Ok(user)
}

/// The wanted name made valid, with the first number that makes it free; past twenty with part of the account's id, so that a
/// popular name costs no more than that many reads.
fn free_name(tx: &Tx<'_>, wanted: &str, id: UserId) -> Result<Name> {
    let local = wanted.split_once('@').map_or(wanted, |(local, _)| local);
    let valid = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let base: String = local.chars().map(valid).skip_while(|c| !c.is_ascii_alphanumeric()).take(MAX_NAME).collect();
    let base = if base.is_empty() { "user" } else { &base };
    let id = id.to_string();
    let numbers = (2..=20).map(|n| format!("-{n}"));
    for suffix in std::iter::once(String::new()).chain(numbers).chain([format!("-{id}")]) {
        let head: String = base.chars().take(MAX_NAME.saturating_sub(suffix.len())).collect();
        if let Ok(name) = Name::parse(&format!("{head}{suffix}"))
            && named(tx, &name.folded())?.is_none()
        {
            return Ok(name);
        }
    }
    Err(StoreError::Corrupt(format!("Name: one that ends in {id} is taken")))
}

pub(super) fn confirm_attempt(tx: &mut Tx<'_>, by: &By, id: AttemptId) -> Result<Step> {
    let Some(mut attempt) = attempt(tx, id)?.filter(|attempt| by.now < attempt.expire_time) else {
        return Ok(Step::OutOfTurn);
    };
    let AttemptState::Identified { user, generation, at } = attempt.state else { return Ok(Step::OutOfTurn) };
    attempt.state = AttemptState::Confirmed { user, generation, at };
    write(tx, &attempt)?;
    audit(tx, by, Action::SsoConfirmed(id))?;
    Ok(Step::Done)
}

pub(super) fn refuse_attempt(tx: &mut Tx<'_>, by: &By, id: AttemptId, expire_time: Timestamp) -> Result<Step> {
    match attempt(tx, id)? {
        Some(attempt) => match attempt.state {
            AttemptState::Collected { .. } => Ok(Step::OutOfTurn),
            AttemptState::Refused => Ok(Step::Done),
            _ => {
                refuse(tx, by, attempt)?;
                Ok(Step::Done)
            }
        },
        None if by.now >= expire_time => Ok(Step::OutOfTurn),
        None => {
            refuse(tx, by, Attempt { id, expire_time, state: AttemptState::Refused })?;
            expires(tx, expire_time, Expiring::Attempt(id));
            Ok(Step::Done)
        }
    }
}

fn refuse(tx: &mut Tx<'_>, by: &By, mut attempt: Attempt) -> Result<()> {
    attempt.state = AttemptState::Refused;
    write(tx, &attempt)?;
    audit(tx, by, Action::SsoRefused(attempt.id))
}

pub(super) fn collect_attempt(tx: &mut Tx<'_>, by: &By, collect: CollectAttempt) -> Result<Collected> {
    let Some(attempt) = attempt(tx, collect.attempt)? else { return Ok(Collected::Pending) };
    let over = by.now >= attempt.expire_time;
    match attempt.state {
        AttemptState::Refused => Ok(Collected::Refused),
        AttemptState::Collected { session, at } => {
            let soon = by.now.since(at) <= COLLECT_RETRY;
            let grant = if soon { again(tx, by, session, &collect.session)? } else { None };
            Ok(grant.map_or(Collected::Gone, Collected::Retried))
        }
        _ if over => Ok(Collected::Expired),
        AttemptState::Exchanging { .. } | AttemptState::Identified { .. } => Ok(Collected::Pending),
        AttemptState::Confirmed { user, generation, at } => {
            if let Some(opening) = opening(tx, user, generation, at, collect.organization)? {
                collect_now(tx, by, attempt, collect, opening)
            } else {
                refuse(tx, by, attempt)?;
                Ok(Collected::Refused)
            }
        }
    }
}

/// The session of a confirmed account; `None` where something was taken away since it was identified.
fn opening(
    view: &dyn View,
    id: UserId,
    generation: Generation,
    auth_time: Timestamp,
    asked: Option<OrganizationId>,
) -> Result<Option<Opening>> {
    let Some(user) = user(view, id)?.filter(|user| user.enabled && user.generations.session_lives(generation)) else {
        return Ok(None);
    };
    let organization = match asked {
        None => Some(ActiveOrganization::Personal),
        Some(_) => member(view, &user, asked)?,
    };
    Ok(organization.map(|organization| Opening {
        subject: Subject::User(user.id),
        username: String::new(),
        generation,
        organization,
        dataset_id: None,
        credential: None,
        auth_time,
        latest_end: None,
    }))
}

fn collect_now(tx: &mut Tx<'_>, by: &By, mut attempt: Attempt, collect: CollectAttempt, opening: Opening) -> Result<Collected> {
    let Subject::User(user) = opening.subject else { return Ok(Collected::Refused) };
    attempt.state = AttemptState::Collected { session: collect.session.id, at: by.now };
    write(tx, &attempt)?;
    audit(tx, by, Action::SsoCollected(user, collect.session.id, attempt.id))?;
    let session = insert(tx, by, collect.session, opening)?;
    Ok(Collected::Opened(grant(tx, session)?))
}

fn write(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<()> {
    put(tx, key::attempt(attempt.id), attempt)
}
