//! Reading what several verbs need: accounts, names, memberships, and whose a session is.

use super::engine::View;
use super::key;
use super::record::{MemberIn, Named, load};
use crate::model::grant::Grant;
use crate::model::ids::{OrganizationId, UserId};
use crate::model::name::Folded;
use crate::model::organization::{ActiveOrganization, Organization, OrganizationRole};
use crate::model::session::Session;
use crate::model::user::{Generations, Guest, Holder, Subject, User};
use crate::store::verbs::Granted;
use crate::store::{Result, StoreError};

pub(super) fn user(view: &dyn View, id: UserId) -> Result<Option<User>> {
    load(view, &key::user(id))
}

pub(super) fn named(view: &dyn View, name: &Folded) -> Result<Option<Named>> {
    load(view, &key::name(name))
}

/// The account with that name; an e-mail is none.
pub(super) fn user_by_name(view: &dyn View, name: &Folded) -> Result<Option<User>> {
    match named(view, name)? {
        Some(Named::User(id)) => Ok(Some(known_user(view, id)?)),
        _ => Ok(None),
    }
}

/// The account that another record names: it must be there.
pub(super) fn known_user(view: &dyn View, id: UserId) -> Result<User> {
    user(view, id)?.ok_or_else(|| StoreError::Corrupt(format!("User: {id} is missing")))
}

pub(super) fn organization(view: &dyn View, id: OrganizationId) -> Result<Option<Organization>> {
    load(view, &key::organization(id))
}

/// The organization with that name; a personal one is none.
pub(super) fn organization_id(view: &dyn View, name: &Folded) -> Result<Option<OrganizationId>> {
    Ok(match named(view, name)? {
        Some(Named::Organization(id)) => Some(id),
        _ => None,
    })
}

pub(super) fn membership(view: &dyn View, user: UserId, organization: OrganizationId) -> Result<Option<MemberIn>> {
    load(view, &key::member_by_user(user, organization))
}

/// The organization that an account asked for, if it may act there: its own, or one it is a member of.
pub(super) fn active(view: &dyn View, user: &User, asked: Option<&Folded>) -> Result<Option<ActiveOrganization>> {
    match asked {
        None => Ok(Some(ActiveOrganization::Personal)),
        Some(name) if *name == user.name().folded() => Ok(Some(ActiveOrganization::Personal)),
        Some(name) => member(view, user, organization_id(view, name)?),
    }
}

/// No organization has this id: it is no random one.
pub(super) const NO_ORGANIZATION: OrganizationId = OrganizationId::from_bytes([0; 16]);

/// The same by id; `None` as the id is an organization that there is not.
pub(super) fn member(view: &dyn View, user: &User, id: Option<OrganizationId>) -> Result<Option<ActiveOrganization>> {
    // Where there is none, one that nobody is a member of is looked up, so that the answer comes no sooner.
    let id = id.unwrap_or(NO_ORGANIZATION);
    Ok(membership(view, user.id(), id)?.map(|_| ActiveOrganization::Member(id)))
}

/// The organization where the account acts, if it still belongs to it; `None` for its own.
pub(super) fn acting(
    view: &dyn View,
    user: &User,
    active: ActiveOrganization,
) -> Result<Option<(Organization, OrganizationRole)>> {
    let ActiveOrganization::Member(id) = active else { return Ok(None) };
    let Some(member) = membership(view, user.id(), id)? else { return Ok(None) };
    Ok(organization(view, id)?.map(|organization| (organization, member.role)))
}

/// True where the holder of a session may still act where it acts.
pub(super) fn belongs(view: &dyn View, holder: &Holder, session: &Session) -> Result<bool> {
    match (holder, session.organization()) {
        (Holder::Account(user), ActiveOrganization::Member(id)) => Ok(membership(view, user.id(), id)?.is_some()),
        _ => Ok(true),
    }
}

/// The guest of that name: every name has one.
pub(super) fn guest(view: &dyn View, name: &Folded) -> Result<Guest> {
    Ok(Guest::new(name.clone(), guest_generations(view, name)?))
}

pub(super) fn guest_generations(view: &dyn View, name: &Folded) -> Result<Generations> {
    Ok(load(view, &key::guest(name))?.unwrap_or_default())
}

/// Whose the sessions of a subject are, as that one is now.
pub(super) fn holder(view: &dyn View, subject: &Subject) -> Result<Holder> {
    Ok(match subject {
        Subject::User(id) => user(view, *id)?.map_or(Holder::Gone, Holder::Account),
        Subject::Guest(name) => Holder::Guest(guest(view, name)?),
    })
}

/// What a token of the session is made of, as everything is now.
pub(super) fn granted(view: &dyn View, holder: Holder, session: &Session) -> Result<Box<Granted>> {
    let acting = match &holder {
        Holder::Account(user) => acting(view, user, session.organization())?,
        Holder::Guest(_) | Holder::Gone => None,
    };
    let (acting, role) = acting.unzip();
    let grant = Grant::of_session(session, &holder, acting.as_ref()).map(|grant| grant.with_organization_role(role));
    let grant = grant.ok_or_else(|| StoreError::Corrupt(format!("User: that of session {} is missing", session.id())))?;
    Ok(Box::new(Granted { grant, user: holder.into_user() }))
}
