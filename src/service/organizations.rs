//! Organizations and who belongs to them. A superuser changes them; an admin of one manages its members and its rule. The commit
//! checks that the caller still is what it has to be.

use std::sync::Arc;

use super::access::Rpc;
use super::authority::Authority;
use super::client::SignedIn;
use super::paging::{Page, Pages, Query, after_name};
use super::policy::Policy;
use super::time::Time;
use super::{Error, Result, Thing, limits};
use crate::model::ids::{OrganizationId, UserId};
use crate::model::name::Folded;
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::random::Random;
use crate::store::verbs::{
    AddMember, CreateOrganization, MemberAdded, MemberRemoved, NamedOrganization, OrganizationCreated, OrganizationStore,
    RemoveMember, UpdateOrganization,
};
pub use crate::store::verbs::{ListedOrganization, Member};

/// Makes organizations and memberships.
#[derive(Clone)]
pub struct Organizations {
    store: Arc<dyn OrganizationStore>,
    random: Arc<dyn Random>,
    time: Time,
    most_members: u32,
    pages: Pages,
}

impl Organizations {
    /// One over `store`, with the limits of `policy`.
    #[must_use]
    pub fn new(store: Arc<dyn OrganizationStore>, random: Arc<dyn Random>, time: Time, policy: &Policy, pages: Pages) -> Self {
        Self { store, random, time, most_members: policy.most_members, pages }
    }

    /// A page of all organizations by name, the personal ones among them, at most `size`.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - the token is none of this list (INVALID_ARGUMENT).
    pub async fn list(&self, caller: &SignedIn, size: u32, page_token: &str) -> Result<Page<ListedOrganization>> {
        let query = Query { caller: caller.may(Rpc::ListOrganizations)?, rpc: Rpc::ListOrganizations, filters: &[] };
        let after = self.pages.after(&query, page_token, after_name)?;
        let found = self.store.organizations(after.as_ref(), size.saturating_add(1)).await?;
        let cursor = |last: &ListedOrganization| match last {
            ListedOrganization::Personal(user) => user.name().folded(),
            ListedOrganization::Shared(organization) => organization.name.folded(),
        };
        Ok(self.pages.page(&query, found, size, |last| cursor(last).as_str().as_bytes().to_vec()))
    }

    /// Sets what an organization asks of its members: the fields that `mask` names. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is neither superuser nor admin there
    ///   (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `org_name` is no name, or nothing is to change (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] (NOT_FOUND), [`Error::PersonalOrganization`] (FAILED_PRECONDITION).
    pub async fn update(&self, caller: &SignedIn, org_name: &str, require_factor: bool, mask: &[String]) -> Result<Organization> {
        let authority = Authority::over(&*self.store, caller, Rpc::UpdateOrganization, org_name).await?;
        let organization = self.shared(org_name).await?;
        if mask.is_empty() {
            return Err(limits::invalid("update_mask", "is empty"));
        }
        if mask.iter().any(|field| field != "require_factor") {
            return Err(limits::invalid("update_mask", "names something that cannot be changed"));
        }
        let update = UpdateOrganization { organization, require_factor };
        let updated = self.store.update_organization(update, authority.by(caller, self.time.now()?)).await?.outcome;
        updated.ok_or(Error::NotFound(Thing::Organization))
    }

    /// Deletes an organization for good, with its memberships and providers, and the tokens for it. Its name stays reserved. Answers
    /// the revision that holds it. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `name` is no name (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] (NOT_FOUND), [`Error::PersonalOrganization`] (FAILED_PRECONDITION).
    pub async fn delete(&self, caller: &SignedIn, name: &str) -> Result<i64> {
        caller.may(Rpc::DeleteOrganization)?;
        let organization = self.not_personal(limits::name("name", name)?.folded()).await?;
        let by = caller.by(Rpc::DeleteOrganization, self.time.now()?);
        let deleted = self.store.delete_organization(organization, by).await?;
        if deleted.outcome { Ok(deleted.revision) } else { Err(Error::NotFound(Thing::Organization)) }
    }

    /// A page of the members of an organization, at most `size`, in the order of their ids.
    ///
    /// # Errors
    /// As [`update`](Self::update); [`Error::Invalid`] also where the token is none of this list (INVALID_ARGUMENT).
    pub async fn members(&self, caller: &SignedIn, org_name: &str, size: u32, page_token: &str) -> Result<Page<Member>> {
        Authority::over(&*self.store, caller, Rpc::ListMembers, org_name).await?;
        let name = limits::name("org_name", org_name)?.folded();
        let query = Query { caller: caller.user()?, rpc: Rpc::ListMembers, filters: &[name.as_str()] };
        let after_id = |cursor: &[u8]| cursor.try_into().ok().map(UserId::from_bytes);
        let after = self.pages.after(&query, page_token, after_id)?;
        let id = match self.store.organization_by_name(&name).await? {
            Some(NamedOrganization::Shared(organization)) => organization.id,
            Some(NamedOrganization::Personal(_)) => return Err(Error::PersonalOrganization),
            None => return Err(Error::NotFound(Thing::Organization)),
        };
        let found = self.store.members(id, after, size.saturating_add(1)).await?;
        Ok(self.pages.page(&query, found, size, |last| last.user.id().as_bytes().to_vec()))
    }

    /// Makes an organization without members. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `name` is no name (INVALID_ARGUMENT).
    /// - [`Error::NameTaken`] (ALREADY_EXISTS), [`Error::NameReserved`] (FAILED_PRECONDITION).
    pub async fn create(&self, caller: &SignedIn, name: &str) -> Result<Organization> {
        caller.may(Rpc::CreateOrganization)?;
        let name = limits::name("name", name)?;
        let create = CreateOrganization { id: OrganizationId::random(&*self.random), name };
        match self.store.create_organization(create, caller.by(Rpc::CreateOrganization, self.time.now()?)).await?.outcome {
            OrganizationCreated::Created(made) => Ok(*made),
            OrganizationCreated::NameTaken => Err(Error::NameTaken("name")),
            OrganizationCreated::NameReserved => Err(Error::NameReserved),
        }
    }

    /// Makes `username` a member of `org_name`, or gives a member another role there. Repeating it is OK. Taking ADMIN away ends
    /// the tokens that say so. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is neither superuser nor admin there
    ///   (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a name is no name (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - the organization or the user (NOT_FOUND).
    /// - [`Error::PersonalOrganization`] - `org_name` is a user's own (FAILED_PRECONDITION).
    /// - [`Error::LimitReached`] - the organization has as many members as may be (RESOURCE_EXHAUSTED).
    pub async fn add_member(&self, caller: &SignedIn, org_name: &str, username: &str, role: OrganizationRole) -> Result<()> {
        let authority = Authority::over(&*self.store, caller, Rpc::AddMember, org_name).await?;
        let (organization, user) = self.named(org_name, username).await?;
        let by = authority.by(caller, self.time.now()?);
        let add = AddMember { organization, user, role, most: self.most_members };
        match self.store.add_member(add, by).await?.outcome {
            MemberAdded::Done => Ok(()),
            MemberAdded::NoSuchOrganization => Err(Error::NotFound(Thing::Organization)),
            MemberAdded::NoSuchUser => Err(Error::NotFound(Thing::User)),
            MemberAdded::LimitReached => Err(Error::LimitReached("members")),
        }
    }

    /// Ends the membership of `username` in `org_name`, and the tokens that were signed with it; answers a revision that holds
    /// this. Durable once this returns.
    ///
    /// # Errors
    /// As [`add_member`](Self::add_member), and [`Error::NotFound`] with [`Thing::Membership`] (NOT_FOUND, MEMBERSHIP_NOT_FOUND).
    pub async fn remove_member(&self, caller: &SignedIn, org_name: &str, username: &str) -> Result<i64> {
        let authority = Authority::over(&*self.store, caller, Rpc::RemoveMember, org_name).await?;
        let (organization, user) = self.named(org_name, username).await?;
        let by = authority.by(caller, self.time.now()?);
        let removed = self.store.remove_member(RemoveMember { organization, user }, by).await?;
        match removed.outcome {
            MemberRemoved::Done => Ok(removed.revision),
            MemberRemoved::NoSuchOrganization => Err(Error::NotFound(Thing::Organization)),
            MemberRemoved::NoSuchUser => Err(Error::NotFound(Thing::User)),
            MemberRemoved::NotAMember => Err(Error::NotFound(Thing::Membership)),
        }
    }

    /// The folded names of an organization and a user.
    async fn named(&self, org_name: &str, username: &str) -> Result<(Folded, Folded)> {
        let organization = limits::name("org_name", org_name)?.folded();
        let user = limits::name("username", username)?.folded();
        Ok((self.not_personal(organization).await?, user))
    }

    /// The folded name of an organization with members.
    async fn shared(&self, org_name: &str) -> Result<Folded> {
        self.not_personal(limits::name("org_name", org_name)?.folded()).await
    }

    /// The name, where it is not that of a personal organization, which never becomes another's while its user exists; that there is
    /// an organization of the name is the commit's to say.
    async fn not_personal(&self, organization: Folded) -> Result<Folded> {
        match self.store.organization_by_name(&organization).await? {
            Some(NamedOrganization::Personal(_)) => Err(Error::PersonalOrganization),
            _ => Ok(organization),
        }
    }
}

#[cfg(test)]
mod tests;
