//! Organizations and memberships. A user's personal organization has the user's name and no record of its own.

use super::audit::Action;
use super::clock::Timestamp;
use super::decision::Decision;
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
    /// Whether its members need a second factor to act in it.
    pub require_factor: bool,
}

impl Organization {
    /// Sets whether its members need a second factor.
    pub fn ruled(self, require_factor: bool) -> Decision<Self, ()> {
        if self.require_factor == require_factor {
            return Decision::unchanged(self, ());
        }
        let updated = Action::OrganizationUpdated(self.id, require_factor);
        Decision::changed(Self { require_factor, ..self }, ()).auditing(updated)
    }
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
    /// The name in tokens: `member`, `admin`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Reads it back; `None` where it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Member, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }

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
