//! Organizations and who belongs to them. Only a superuser changes them; the commit checks that the caller still is one.

use std::sync::Arc;

use super::access::Rpc;
use super::client::SignedIn;
use super::policy::Policy;
use super::time::Time;
use super::{Error, Result, Thing, limits};
use crate::model::ids::OrganizationId;
use crate::model::name::Folded;
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::random::Random;
use crate::store::verbs::{
    AddMember, CreateOrganization, MemberAdded, MemberRemoved, NamedOrganization, OrganizationCreated, OrganizationStore,
    RemoveMember,
};

/// Makes organizations and memberships.
#[derive(Clone)]
pub struct Organizations {
    store: Arc<dyn OrganizationStore>,
    random: Arc<dyn Random>,
    time: Time,
    most_members: u32,
}

impl Organizations {
    /// One over `store`, with the limits of `policy`.
    #[must_use]
    pub fn new(store: Arc<dyn OrganizationStore>, random: Arc<dyn Random>, time: Time, policy: &Policy) -> Self {
        Self { store, random, time, most_members: policy.most_members }
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
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a name is no name (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - the organization or the user (NOT_FOUND).
    /// - [`Error::PersonalOrganization`] - `org_name` is a user's own (FAILED_PRECONDITION).
    /// - [`Error::LimitReached`] - the organization has as many members as may be (RESOURCE_EXHAUSTED).
    pub async fn add_member(&self, caller: &SignedIn, org_name: &str, username: &str, role: OrganizationRole) -> Result<()> {
        let (organization, user) = self.named(caller, Rpc::AddMember, org_name, username).await?;
        let by = caller.by(Rpc::AddMember, self.time.now()?);
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
        let (organization, user) = self.named(caller, Rpc::RemoveMember, org_name, username).await?;
        let by = caller.by(Rpc::RemoveMember, self.time.now()?);
        let removed = self.store.remove_member(RemoveMember { organization, user }, by).await?;
        match removed.outcome {
            MemberRemoved::Done => Ok(removed.revision),
            MemberRemoved::NoSuchOrganization => Err(Error::NotFound(Thing::Organization)),
            MemberRemoved::NoSuchUser => Err(Error::NotFound(Thing::User)),
            MemberRemoved::NotAMember => Err(Error::NotFound(Thing::Membership)),
        }
    }

    /// The folded names, where the caller may ask. A personal organization, whose name never becomes another's while its user
    /// exists, is refused here; that the others exist is the commit's to say.
    async fn named(&self, caller: &SignedIn, rpc: Rpc, org_name: &str, username: &str) -> Result<(Folded, Folded)> {
        caller.may(rpc)?;
        let organization = limits::name("org_name", org_name)?.folded();
        let user = limits::name("username", username)?.folded();
        match self.store.organization_by_name(&organization).await? {
            Some(NamedOrganization::Personal(_)) => Err(Error::PersonalOrganization),
            _ => Ok((organization, user)),
        }
    }
}

#[cfg(test)]
mod tests;
