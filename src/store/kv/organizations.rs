//! Organizations and memberships.

use super::accounts::occupied;
use super::audit::audit;
use super::commit::next_revision;
use super::decided::apply;
use super::engine::View;
use super::key;
use super::record::{Belongs, MemberIn, Named, full, put, scan};
use super::rows::{membership, named, organization, organization_id, user_by_name};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::{OrganizationId, UserId};
use crate::model::name::Folded;
use crate::model::organization::{Organization, OrganizationRole};
use crate::store::verbs::{By, CreateOrganization, Created, MemberOf, Membership, NamedOrganization};
use crate::store::{Result, StoreError};

pub(super) fn create_organization(tx: &mut Tx<'_>, by: &By, create: &CreateOrganization) -> Result<Created> {
    if organization(tx, create.id)?.is_some() {
        return Err(StoreError::Corrupt(format!("Organization: {} exists already", create.id)));
    }
    if let Some(refused) = occupied(tx, &create.name.folded())? {
        return Ok(refused);
    }
    put(tx, key::name(&create.name.folded()), &Named::Organization(create.id))?;
    audit(tx, by, Action::OrganizationCreated(create.id))?;
    put(tx, key::organization(create.id), &Organization { id: create.id, name: create.name.clone(), create_time: by.now })?;
    Ok(Created::Created)
}

pub(super) fn organization_by_name(view: &dyn View, name: &Folded) -> Result<Option<NamedOrganization>> {
    Ok(match named(view, name)? {
        Some(Named::User(id)) => Some(NamedOrganization::Personal(id)),
        Some(Named::Organization(id)) => organization(view, id)?.map(NamedOrganization::Shared),
        _ => None,
    })
}

pub(super) fn memberships(view: &dyn View, user: UserId) -> Result<Vec<MemberOf>> {
    let mut found = Vec::new();
    for (_, member) in scan::<MemberIn>(view, &key::members_by_user(user))? {
        if let Some(organization) = organization(view, member.organization)? {
            found.push((organization, member.role));
        }
    }
    found.sort_by_key(|(organization, _)| organization.name.folded());
    Ok(found)
}

pub(super) fn add_member(
    tx: &mut Tx<'_>,
    by: &By,
    organization: &Folded,
    user: &Folded,
    role: OrganizationRole,
    most: u32,
) -> Result<Membership> {
    let Some(id) = organization_id(tx, organization)? else { return Ok(Membership::NoSuchOrganization) };
    let Some(user) = user_by_name(tx, user)? else { return Ok(Membership::NoSuchUser) };
    let before = membership(tx, user.id(), id)?.map(|member| member.role);
    if before == Some(role) {
        return Ok(Membership::Done);
    }
    if before.is_none() && full(tx, &key::members_by_organization(id), most)? {
        return Ok(Membership::LimitReached);
    }
    join(tx, by, id, user.id(), role)?;
    if before.is_some_and(|before| before.loses_to(role)) {
        apply(tx, by, user.narrow(next_revision(tx, by.now)))?;
    }
    Ok(Membership::Done)
}

/// Makes an account a member.
pub(super) fn join(tx: &mut Tx<'_>, by: &By, organization: OrganizationId, user: UserId, role: OrganizationRole) -> Result<()> {
    put(tx, key::member_by_user(user, organization), &MemberIn { organization, role })?;
    put(tx, key::member_by_organization(organization, user), &Belongs(user))?;
    audit(tx, by, Action::MemberAdded(organization, user))
}

pub(super) fn remove_member(tx: &mut Tx<'_>, by: &By, organization: &Folded, user: &Folded) -> Result<Membership> {
    let Some(id) = organization_id(tx, organization)? else { return Ok(Membership::NoSuchOrganization) };
    let Some(user) = user_by_name(tx, user)? else { return Ok(Membership::NoSuchUser) };
    if membership(tx, user.id(), id)?.is_none() {
        return Ok(Membership::NotAMember);
    }
    tx.remove(key::member_by_user(user.id(), id));
    tx.remove(key::member_by_organization(id, user.id()));
    audit(tx, by, Action::MemberRemoved(id, user.id()))?;
    apply(tx, by, user.narrow(next_revision(tx, by.now)))?;
    Ok(Membership::Done)
}
