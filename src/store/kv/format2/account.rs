//! Accounts.

use serde::Deserialize;

use super::{Id, Record2, impossible, name, no};
use crate::model::clock::Timestamp;
use crate::model::ids::{OrganizationId, UserId};
use crate::model::name::Email;
use crate::model::user::{self, Generation, Roles};
use crate::store::Result;
use crate::store::kv::record;

#[derive(Deserialize)]
pub(super) struct User {
    id: Id,
    name: String,
    email: Option<String>,
    password: Option<String>,
    /// Staff, superuser.
    roles: (bool, bool),
    enabled: bool,
    generations: Generations,
    totp: Totp,
    create_time: u64,
}

#[derive(Deserialize)]
enum Totp {
    Off,
    Pending { sealed: Vec<u8> },
    On { sealed: Vec<u8>, last_step: u64, recovery: Vec<[u8; 32]> },
}

impl Record2 for User {
    type Now = user::User;

    fn now(self) -> Result<Self::Now> {
        let (staff, superuser) = self.roles;
        let parts = user::UserParts {
            id: UserId::from_bytes(self.id),
            name: name(&self.name)?,
            email: self.email.map(|text| Email::parse(&text).map_err(|_| no("e-mail address"))).transpose()?,
            password: self.password,
            roles: Roles { staff, superuser },
            enabled: self.enabled,
            generations: self.generations.now()?,
            totp: match self.totp {
                Totp::Off => user::Totp::Off,
                Totp::Pending { sealed } => user::Totp::Pending { sealed },
                Totp::On { sealed, last_step, recovery } => user::Totp::On { sealed, last_step, recovery },
            },
            create_time: Timestamp::from_micros(self.create_time),
        };
        user::User::try_from(parts).map_err(impossible)
    }
}

#[derive(Deserialize)]
pub(super) struct Generations {
    current: u64,
    session_floor: u64,
    token_floor: u64,
    session_floor_revision: i64,
}

impl Record2 for Generations {
    type Now = user::Generations;

    fn now(self) -> Result<Self::Now> {
        let parts = user::GenerationsParts {
            current: Generation(self.current),
            session_floor: Generation(self.session_floor),
            token_floor: Generation(self.token_floor),
            session_floor_revision: self.session_floor_revision,
        };
        user::Generations::try_from(parts).map_err(impossible)
    }
}

#[derive(Deserialize)]
pub(super) enum Named {
    User(Id),
    Email(Id),
    Organization(Id),
    Reserved,
}

impl Record2 for Named {
    type Now = record::Named;

    fn now(self) -> Result<Self::Now> {
        Ok(match self {
            Self::User(id) => record::Named::User(UserId::from_bytes(id)),
            Self::Email(id) => record::Named::Email(UserId::from_bytes(id)),
            Self::Organization(id) => record::Named::Organization(OrganizationId::from_bytes(id)),
            Self::Reserved => record::Named::Reserved,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Superuser(Id);

impl Record2 for Superuser {
    type Now = record::Superuser;

    fn now(self) -> Result<Self::Now> {
        Ok(record::Superuser(UserId::from_bytes(self.0)))
    }
}

#[derive(Deserialize)]
pub(super) struct Identity(Id);

impl Record2 for Identity {
    type Now = record::Identity;

    fn now(self) -> Result<Self::Now> {
        Ok(record::Identity(UserId::from_bytes(self.0)))
    }
}
