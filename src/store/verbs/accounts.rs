//! Accounts, organizations and keys.

use std::net::IpAddr;

use super::By;
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, OrganizationId, SessionId, UserId};
use crate::model::name::Name;
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::personal_key::PersonalKey;
use crate::model::user::{Generation, User};

/// What became of making something with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there.
    Created,
    /// The name (or the e-mail, where the flag is set) is taken.
    Taken {
        /// True where it is the e-mail.
        email: bool,
    },
    /// The name was another's and is reserved.
    Reserved,
    /// The organization it should belong to is unknown.
    NoSuchOrganization,
    /// There are as many as may be.
    LimitReached,
}

/// What became of switching an account on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switched {
    /// It is so now, also where it was before.
    Done(Box<User>),
    /// No such account.
    Unknown,
    /// It is the last enabled superuser.
    LastSuperuser,
}

/// A password change whose current password was found right.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The account.
    pub user: UserId,
    /// Its generation, read before the current password was checked.
    pub generation: Generation,
    /// The hash that was checked.
    pub checked: String,
    /// The new password's hash.
    pub replacement: String,
    /// The caller's own session, which moves along; every other one ends.
    pub keep: SessionId,
    /// Who, where, when.
    pub by: By,
}

/// What became of a change of one's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Done, at this revision.
    Changed(i64),
    /// The account changed after it was read.
    Stale,
}

/// What became of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Done, also where it was so before.
    Done,
    /// No such organization.
    NoSuchOrganization,
    /// No such account.
    NoSuchUser,
    /// The account is no member.
    NotAMember,
    /// The organization has as many members as may be.
    LimitReached,
}

/// What a name stands for as an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedOrganization {
    /// A user's personal one.
    Personal(UserId),
    /// One with members.
    Shared(Organization),
}

/// A personal key with its owner, read at one moment.
#[derive(Clone, Debug)]
pub struct KeyOwner {
    /// The key.
    pub key: PersonalKey,
    /// Its owner.
    pub user: User,
    /// The organization asked for: `Ok` with its name, `Err` where it is unknown or not the owner's.
    pub organization: Result<String, ()>,
}

/// Where and when a key was used, for the audit log and its last-used time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: KeyId,
    /// From where.
    pub source: Option<IpAddr>,
    /// How often.
    pub count: u32,
    /// When.
    pub now: Timestamp,
}

/// A membership with the organization it is in.
pub type MemberOf = (Organization, OrganizationRole);

/// A new account.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// The account; its generations are fresh.
    pub user: User,
    /// Who, where, when.
    pub by: By,
}

/// A new organization; its maker becomes no member.
#[derive(Clone, Debug)]
pub struct CreateOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: Name,
    /// Who, where, when.
    pub by: By,
}
