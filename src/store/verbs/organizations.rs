//! Organizations and memberships.

use async_trait::async_trait;

use super::{By, Commit};
use crate::model::ids::{OrganizationId, UserId};
use crate::model::name::{Folded, Name};
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::user::User;
use crate::store::Result;

/// Organizations and memberships. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait OrganizationStore: Send + Sync + 'static {
    /// What a name stands for as an organization.
    ///
    /// Case: `organizations::knows_shared_and_personal_ones`.
    async fn organization_by_name(&self, name: &Folded) -> Result<Option<NamedOrganization>>;

    /// At most `most` organizations, the personal ones among them, by name, of those behind the name `after` (none: from the first
    /// on). A cursor whose organization is gone keeps its place.
    ///
    /// Case: `admins::organizations_are_listed_by_name`.
    async fn organizations(&self, after: Option<&Folded>, most: u32) -> Result<Vec<ListedOrganization>>;

    /// At most `most` members of an organization, in the order of their ids, of those behind the account `after` (none: from the
    /// first on). A cursor that is no member any more keeps its place.
    ///
    /// Case: `admins::lists_its_members`.
    async fn members(&self, organization: OrganizationId, after: Option<UserId>, most: u32) -> Result<Vec<Member>>;

    /// The memberships of an account, by organization name.
    ///
    /// Case: `organizations::membership_comes_and_goes`.
    async fn memberships(&self, user: UserId) -> Result<Vec<MemberOf>>;

    /// Makes an organization.
    ///
    /// Case: `accounts::keeps_one_namespace`.
    async fn create_organization(&self, command: CreateOrganization, by: By) -> Result<Commit<OrganizationCreated>>;

    /// Sets what an organization asks of its members; answers it as it is now, `None` where there is none of that name.
    ///
    /// Case: `organizations::a_rule_is_set_and_kept`.
    async fn update_organization(&self, command: UpdateOrganization, by: By) -> Result<Commit<Option<Organization>>>;

    /// Deletes an organization with its memberships and providers, and ends the tokens for it. Its name stays reserved. False where
    /// there is none of that name.
    ///
    /// Case: `admins::deleting_an_organization_ends_its_tokens_and_reserves_its_name`.
    async fn delete_organization(&self, name: Folded, by: By) -> Result<Commit<bool>>;

    /// Makes an account a member, or changes what it is there: `LimitReached` where it is none and there are `most`. Taking ADMIN away
    /// ends the account's tokens for that organization.
    ///
    /// Cases: `organizations::membership_comes_and_goes`, `organizations::a_lost_admin_role_ends_the_tokens_of_that_organization`.
    async fn add_member(&self, command: AddMember, by: By) -> Result<Commit<MemberAdded>>;

    /// Ends a membership and the account's tokens for that organization, and no others. A session that acts there is refused from
    /// then on, and does not move to another organization by itself.
    ///
    /// Case: `organizations::a_lost_membership_ends_the_tokens_of_that_organization`.
    async fn remove_member(&self, command: RemoveMember, by: By) -> Result<Commit<MemberRemoved>>;
}

/// A new organization; its maker becomes no member.
#[derive(Clone, Debug)]
pub struct CreateOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: Name,
}

/// What became of [`CreateOrganization`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrganizationCreated {
    /// It is there.
    Created(Box<Organization>),
    /// An account or an organization has the name.
    NameTaken,
    /// The name was another's and is reserved.
    NameReserved,
}

/// What an organization is to ask of its members.
#[derive(Clone, Debug)]
pub struct UpdateOrganization {
    /// The organization's name.
    pub organization: Folded,
    /// Whether they need a second factor to act in it.
    pub require_factor: bool,
}

/// An account to be made a member, or to be given another role.
#[derive(Clone, Debug)]
pub struct AddMember {
    /// The organization's name.
    pub organization: Folded,
    /// The account's name.
    pub user: Folded,
    /// What it is to be there.
    pub role: OrganizationRole,
    /// How many members the organization may have.
    pub most: u32,
}

/// What became of [`AddMember`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberAdded {
    /// Done, also where it was so before.
    Done,
    /// No such organization.
    NoSuchOrganization,
    /// No such account.
    NoSuchUser,
    /// The organization has as many members as may be.
    LimitReached,
}

/// A membership to be ended.
#[derive(Clone, Debug)]
pub struct RemoveMember {
    /// The organization's name.
    pub organization: Folded,
    /// The account's name.
    pub user: Folded,
}

/// What became of [`RemoveMember`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberRemoved {
    /// Done.
    Done,
    /// No such organization.
    NoSuchOrganization,
    /// No such account.
    NoSuchUser,
    /// The account is no member.
    NotAMember,
}

/// What a name stands for as an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedOrganization {
    /// A user's personal one.
    Personal(UserId),
    /// One with members.
    Shared(Organization),
}

/// An organization in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedOrganization {
    /// That of a user, which has its name.
    Personal(Box<User>),
    /// One with members.
    Shared(Organization),
}

/// A member of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub user: User,
    /// What it is there.
    pub role: OrganizationRole,
}

/// A membership with the organization it is in.
pub type MemberOf = (Organization, OrganizationRole);
