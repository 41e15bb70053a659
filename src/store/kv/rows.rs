//! Reading what several verbs need: accounts, names, memberships, and what a token is made of.

use super::engine::View;
use super::key;
use super::record::{MemberIn, Named, load};
use crate::model::clock::Timestamp;
use crate::model::ids::{OrganizationId, UserId};
use crate::model::name::Folded;
use crate::model::organization::{ActiveOrganization, Organization};
use crate::model::session::{Session, SessionState};
use crate::model::user::{Generations, Roles, Subject, User};
use crate::store::verbs::Grant;
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
        Some(name) if *name == user.name.folded() => Ok(Some(ActiveOrganization::Personal)),
        Some(name) => member(view, user, organization_id(view, name)?),
    }
}

/// The same by id; `None` as the id is an organization that there is not.
pub(super) fn member(view: &dyn View, user: &User, id: Option<OrganizationId>) -> Result<Option<ActiveOrganization>> {
    match id {
        Some(id) if membership(view, user.id, id)?.is_some() => Ok(Some(ActiveOrganization::Member(id))),
        _ => Ok(None),
    }
}

/// The name of the organization where the account acts: its own where the membership is gone.
pub(super) fn organization_name(view: &dyn View, user: &User, active: ActiveOrganization) -> Result<String> {
    if let ActiveOrganization::Member(id) = active
        && membership(view, user.id, id)?.is_some()
        && let Some(organization) = organization(view, id)?
    {
        return Ok(organization.name.as_str().to_owned());
    }
    Ok(user.name.as_str().to_owned())
}

pub(super) fn guest_generations(view: &dyn View, name: &Folded) -> Result<Generations> {
    Ok(load(view, &key::guest(name))?.unwrap_or_default())
}

/// The generations of a subject that may hold sessions; `None` where it may not.
pub(super) fn generations(view: &dyn View, subject: &Subject) -> Result<Option<Generations>> {
    Ok(match subject {
        Subject::User(id) => user(view, *id)?.filter(|user| user.enabled).map(|user| user.generations),
        Subject::Guest(name) => Some(guest_generations(view, name)?),
    })
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It can be used.
    Live,
    /// It was ended, by itself or with everything of its subject.
    Ended,
    /// Its time is up.
    Over,
}

/// Whose a session is, as that one is now.
pub(super) enum Holder {
    /// An account; `None` where it is gone.
    User(Option<User>),
    /// A guest.
    Guest(Generations),
}

pub(super) fn holder(view: &dyn View, session: &Session) -> Result<Holder> {
    Ok(match &session.subject {
        Subject::User(id) => Holder::User(user(view, *id)?),
        Subject::Guest(name) => Holder::Guest(guest_generations(view, name)?),
    })
}

pub(super) fn life(view: &dyn View, session: &Session, now: Timestamp) -> Result<Life> {
    Ok(life_with(&holder(view, session)?, session, now))
}

/// [`life`], for a verb that needs the holder for more.
pub(super) fn life_with(holder: &Holder, session: &Session, now: Timestamp) -> Life {
    let own = match holder {
        Holder::User(user) => user.as_ref().filter(|user| user.enabled).map(|user| user.generations),
        Holder::Guest(own) => Some(*own),
    };
    let lives = session.state == SessionState::Live && own.is_some_and(|own| own.session_lives(session.generation));
    match lives {
        false => Life::Ended,
        true if now >= session.expire_time => Life::Over,
        true => Life::Live,
    }
}

/// What a token of the session is made of, as everything is now.
pub(super) fn grant(view: &dyn View, session: Session) -> Result<Box<Grant>> {
    let holder = holder(view, &session)?;
    grant_to(view, holder, session)
}

/// [`grant`], for a verb that has the holder already.
pub(super) fn grant_to(view: &dyn View, holder: Holder, session: Session) -> Result<Box<Grant>> {
    Ok(Box::new(match holder {
        Holder::User(None) => return Err(StoreError::Corrupt(format!("User: that of session {} is missing", session.id))),
        Holder::User(Some(user)) => Grant {
            generation: user.generations.current,
            username: user.name.as_str().to_owned(),
            roles: user.roles,
            organization: organization_name(view, &user, session.organization)?,
            user: Some(user),
            session,
        },
        Holder::Guest(own) => Grant {
            generation: own.current,
            username: session.username.clone(),
            roles: Roles::default(),
            organization: String::new(),
            user: None,
            session,
        },
    }))
}
