//! Organizations and memberships.

use async_trait::async_trait;

use super::accounts::{Occupied, occupied};
use super::audit::audit;
use super::commit::next_revision;
use super::decided::apply;
use super::deletion::delete_organization;
use super::engine::View;
use super::key;
use super::names;
use super::record::{Belongs, MemberIn, Named, full, put, scan, scan_from};
use super::rows::{membership, named, organization, organization_id, user, user_by_name};
use super::store::KvStore;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::{OrganizationId, UserId};
use crate::model::name::Folded;
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::user::User;
use crate::store::verbs::{
    AddMember, By, Commit, CreateOrganization, ListedOrganization, Member, MemberAdded, MemberOf, MemberRemoved,
    NamedOrganization, OrganizationCreated, OrganizationStore, RemoveMember, UpdateOrganization,
};
use crate::store::{Result, StoreError};

#[async_trait]
impl OrganizationStore for KvStore {
    async fn organization_by_name(&self, name: &Folded) -> Result<Option<NamedOrganization>> {
        self.read(|view| organization_by_name(view, name)).await
    }

    async fn organizations(&self, after: Option<&Folded>, most: u32) -> Result<Vec<ListedOrganization>> {
        self.read(|view| names::organizations(view, after, most)).await
    }

    async fn members(&self, organization: OrganizationId, after: Option<UserId>, most: u32) -> Result<Vec<Member>> {
        self.read(|view| members(view, organization, after, most)).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<MemberOf>> {
        self.read(|view| memberships(view, user)).await
    }

    async fn create_organization(&self, command: CreateOrganization, by: By) -> Result<Commit<OrganizationCreated>> {
        self.change(by, move |tx, by| create_organization(tx, by, &command)).await
    }

    async fn update_organization(&self, command: UpdateOrganization, by: By) -> Result<Commit<Option<Organization>>> {
        self.change(by, move |tx, by| update_organization(tx, by, &command)).await
    }

    async fn delete_organization(&self, name: Folded, by: By) -> Result<Commit<bool>> {
        self.change(by, move |tx, by| delete_organization(tx, by, &name)).await
    }

    async fn add_member(&self, command: AddMember, by: By) -> Result<Commit<MemberAdded>> {
        self.change(by, move |tx, by| add_member(tx, by, &command)).await
    }

    async fn remove_member(&self, command: RemoveMember, by: By) -> Result<Commit<MemberRemoved>> {
        self.change(by, move |tx, by| remove_member(tx, by, &command)).await
    }
}

fn create_organization(tx: &mut Tx<'_>, by: &By, create: &CreateOrganization) -> Result<OrganizationCreated> {
    if organization(tx, create.id)?.is_some() {
        return Err(StoreError::Corrupt(format!("Organization: {} exists already", create.id)));
    }
    match occupied(tx, &create.name.folded())? {
        Some(Occupied::Taken) => return Ok(OrganizationCreated::NameTaken),
        Some(Occupied::Reserved) => return Ok(OrganizationCreated::NameReserved),
        None => {}
    }
    put(tx, key::name(&create.name.folded()), &Named::Organization(create.id))?;
    audit(tx, by, Action::OrganizationCreated(create.id))?;
    let organization = Organization { id: create.id, name: create.name.clone(), create_time: by.now, require_factor: false };
    put(tx, key::organization(create.id), &organization)?;
    Ok(OrganizationCreated::Created(Box::new(organization)))
}

pub(super) fn organization_by_name(view: &dyn View, name: &Folded) -> Result<Option<NamedOrganization>> {
    Ok(match named(view, name)? {
        Some(Named::User(id)) => Some(NamedOrganization::Personal(id)),
        Some(Named::Organization(id)) => organization(view, id)?.map(NamedOrganization::Shared),
        _ => None,
    })
}

fn update_organization(tx: &mut Tx<'_>, by: &By, command: &UpdateOrganization) -> Result<Option<Organization>> {
    let Some(id) = organization_id(tx, &command.organization)? else { return Ok(None) };
    let Some(found) = organization(tx, id)? else { return Ok(None) };
    let decision = found.ruled(command.require_factor);
    let ruled = decision.value.clone();
    apply(tx, by, decision)?;
    Ok(Some(ruled))
}

fn members(view: &dyn View, organization: OrganizationId, after: Option<UserId>, most: u32) -> Result<Vec<Member>> {
    let all = key::members_by_organization(organization);
    let from = after.map_or_else(|| all.clone(), |user| key::following(key::member_by_organization(organization, user)));
    let mut found = Vec::new();
    for (_, Belongs(id)) in scan_from(view, &all, &from, usize::try_from(most).unwrap_or(usize::MAX))? {
        // Over a store that changes between two reads a member may be gone here.
        if let (Some(user), Some(MemberIn { role, .. })) = (user(view, id)?, membership(view, id, organization)?) {
            found.push(Member { user, role });
        }
    }
    Ok(found)
}

fn memberships(view: &dyn View, user: UserId) -> Result<Vec<MemberOf>> {
    let mut found = Vec::new();
    for (_, member) in scan::<MemberIn>(view, &key::members_by_user(user))? {
        if let Some(organization) = organization(view, member.organization)? {
            found.push((organization, member.role));
        }
    }
    found.sort_by_key(|(organization, _)| organization.name.folded());
    Ok(found)
}

fn add_member(tx: &mut Tx<'_>, by: &By, command: &AddMember) -> Result<MemberAdded> {
    let AddMember { organization, user, role, most } = command;
    let Some(id) = organization_id(tx, organization)? else { return Ok(MemberAdded::NoSuchOrganization) };
    let Some(user) = user_by_name(tx, user)? else { return Ok(MemberAdded::NoSuchUser) };
    let before = membership(tx, user.id(), id)?.map(|member| member.role);
    if before == Some(*role) {
        return Ok(MemberAdded::Done);
    }
    if before.is_none() && full(tx, &key::members_by_organization(id), *most)? {
        return Ok(MemberAdded::LimitReached);
    }
    match before {
        None => join(tx, by, id, user.id(), *role)?,
        Some(_) => enter(tx, id, user.id(), *role)?,
    }
    if before.is_some() || *role == OrganizationRole::Admin {
        audit(tx, by, Action::MemberRoleChanged(id, user.id(), *role == OrganizationRole::Admin))?;
    }
    if before.is_some_and(|before| before.loses_to(*role)) {
        narrow(tx, by, user, id)?;
    }
    Ok(MemberAdded::Done)
}

/// Makes an account a member.
pub(super) fn join(tx: &mut Tx<'_>, by: &By, organization: OrganizationId, user: UserId, role: OrganizationRole) -> Result<()> {
    enter(tx, organization, user, role)?;
    audit(tx, by, Action::MemberAdded(organization, user))
}

fn enter(tx: &mut Tx<'_>, organization: OrganizationId, user: UserId, role: OrganizationRole) -> Result<()> {
    put(tx, key::member_by_user(user, organization), &MemberIn { organization, role })?;
    put(tx, key::member_by_organization(organization, user), &Belongs(user))
}

fn remove_member(tx: &mut Tx<'_>, by: &By, command: &RemoveMember) -> Result<MemberRemoved> {
    let RemoveMember { organization, user } = command;
    let Some(id) = organization_id(tx, organization)? else { return Ok(MemberRemoved::NoSuchOrganization) };
    let Some(user) = user_by_name(tx, user)? else { return Ok(MemberRemoved::NoSuchUser) };
    if membership(tx, user.id(), id)?.is_none() {
        return Ok(MemberRemoved::NotAMember);
    }
    tx.remove(key::member_by_user(user.id(), id));
    tx.remove(key::member_by_organization(id, user.id()));
    audit(tx, by, Action::MemberRemoved(id, user.id()))?;
    narrow(tx, by, user, id)?;
    Ok(MemberRemoved::Done)
}

/// Ends the account's tokens for an organization, and no others.
pub(super) fn narrow(tx: &mut Tx<'_>, by: &By, user: User, id: OrganizationId) -> Result<()> {
    let missing = || StoreError::Corrupt(format!("Organization: {id} is missing"));
    let name = organization(tx, id)?.ok_or_else(missing)?.name;
    apply(tx, by, user.narrow_in(name.as_str(), next_revision(tx, by.now)))
}
