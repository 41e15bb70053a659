//! Organizations and memberships. A user's personal organization has the user's name and no record of its own.

use super::clock::Timestamp;
use super::ids::OrganizationId;
use super::name::Name;

/// An organization that users are members of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name as it was given.
    pub name: Name,
    /// When it was made.
    pub create_time: Timestamp,
}

/// What a member is in an organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrganizationRole {
    /// Belongs to it.
    #[default]
    Member,
    /// Administers it.
    Admin,
}

impl OrganizationRole {
    /// True where who had this role there and now has the other may do less: tokens that say so have to end.
    #[must_use]
    pub fn loses_to(self, other: Self) -> bool {
        self == Self::Admin && other != Self::Admin
    }
}

/// The organization a session acts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActiveOrganization {
    /// The user's own, or a guest's nothing.
    Personal,
    /// One that the user is a member of.
    Member(OrganizationId),
}
