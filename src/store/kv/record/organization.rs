//! Organizations and memberships.

use super::Record;
use super::field::{Coded as _, Read, coded, exactly, name, time};
use super::messages;
use crate::model::ids::{OrganizationId, UserId};
use crate::model::organization::{Organization, OrganizationRole};
use crate::store::kv::key::Kind;

impl Record for Organization {
    const KIND: Kind = Kind::Organization;
    type Message = messages::Organization;

    fn message(&self) -> Self::Message {
        messages::Organization {
            id: self.id.as_bytes().to_vec(),
            name: self.name.as_str().to_owned(),
            create_time: Some(self.create_time.micros()),
            require_factor: self.require_factor,
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self {
            id: OrganizationId::from_bytes(exactly(&message.id, "id")?),
            name: name(&message.name, "name")?,
            create_time: time(message.create_time, "create_time")?,
            require_factor: message.require_factor,
        })
    }
}

/// A member, in the index of an organization's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct Belongs(pub(in crate::store::kv) UserId);

impl Record for Belongs {
    const KIND: Kind = Kind::MemberByOrganization;
    type Message = messages::Member;

    fn message(&self) -> Self::Message {
        messages::Member { user: self.0.as_bytes().to_vec() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self(UserId::from_bytes(exactly(&message.user, "user")?)))
    }
}

/// A membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct MemberIn {
    pub(in crate::store::kv) organization: OrganizationId,
    pub(in crate::store::kv) role: OrganizationRole,
}

coded! {
    OrganizationRole, messages::Role {
        Self::Member => messages::Role::Member,
        Self::Admin => messages::Role::Admin,
    }
}

impl Record for MemberIn {
    const KIND: Kind = Kind::MemberByUser;
    type Message = messages::Membership;

    fn message(&self) -> Self::Message {
        messages::Membership { organization: self.organization.as_bytes().to_vec(), role: self.role.code() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self {
            organization: OrganizationId::from_bytes(exactly(&message.organization, "organization")?),
            role: OrganizationRole::coded(message.role, "role")?,
        })
    }
}
