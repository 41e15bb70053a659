//! Accounts, the generations of guest names, and what finds an account.

use super::Record;
use super::field::{Read, Unreadable, email, exactly, missing, name, possible, time, unknown};
use super::messages::{self, NameOf, TotpState};
use crate::model::ids::{OrganizationId, UserId};
use crate::model::user::{Generation, Generations, GenerationsParts, Roles, Totp, User, UserParts};
use crate::store::kv::key::Kind;

impl Record for User {
    const KIND: Kind = Kind::User;
    type Message = messages::User;

    fn message(&self) -> Self::Message {
        let UserParts { id, name, email, password, roles, enabled, generations, totp, create_time } = self.clone().into_parts();
        let Roles { staff, superuser } = roles;
        messages::User {
            id: id.as_bytes().to_vec(),
            name: name.as_str().to_owned(),
            email: email.map(|email| email.as_str().to_owned()),
            password,
            staff,
            superuser,
            enabled,
            generations: (generations != Generations::default()).then(|| generations.message()),
            totp: write_totp(totp),
            create_time: Some(create_time.micros()),
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let parts = UserParts {
            id: UserId::from_bytes(exactly(&message.id, "id")?),
            name: name(&message.name, "name")?,
            email: message.email.map(|text| email(&text, "email")).transpose()?,
            password: message.password,
            roles: Roles { staff: message.staff, superuser: message.superuser },
            enabled: message.enabled,
            generations: message.generations.map(Generations::read).transpose()?.unwrap_or_default(),
            totp: message.totp.map(read_totp).transpose()?.unwrap_or_default(),
            create_time: time(message.create_time, "create_time")?,
        };
        possible(Self::try_from(parts))
    }
}

fn write_totp(totp: Totp) -> Option<messages::Totp> {
    match totp {
        Totp::Off => None,
        Totp::Pending { sealed } => {
            Some(messages::Totp { state: TotpState::Pending.into(), sealed, last_step: 0, recovery: Vec::new() })
        }
        Totp::On { sealed, last_step, recovery } => Some(messages::Totp {
            state: TotpState::On.into(),
            sealed,
            last_step,
            recovery: recovery.iter().map(|code| code.to_vec()).collect(),
        }),
    }
}

fn read_totp(message: messages::Totp) -> Read<Totp> {
    match TotpState::try_from(message.state) {
        Ok(TotpState::Pending) => Ok(Totp::Pending { sealed: message.sealed }),
        Ok(TotpState::On) => Ok(Totp::On {
            sealed: message.sealed,
            last_step: message.last_step,
            recovery: message.recovery.iter().map(|code| exactly(code, "totp.recovery")).collect::<Read<_>>()?,
        }),
        Ok(TotpState::Unspecified) => Err(missing("totp.state")),
        Err(_) => Err(unknown("totp.state", message.state)),
    }
}

/// Those of a guest name, where they are a record of their own.
impl Record for Generations {
    const KIND: Kind = Kind::Guest;
    type Message = messages::Generations;

    fn message(&self) -> Self::Message {
        let GenerationsParts { current, session_floor, token_floor, session_floor_revision } = self.into_parts();
        messages::Generations {
            current: current.0,
            session_floor: session_floor.0,
            token_floor: token_floor.0,
            session_floor_revision,
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let parts = GenerationsParts {
            current: Generation(message.current),
            session_floor: Generation(message.session_floor),
            token_floor: Generation(message.token_floor),
            session_floor_revision: message.session_floor_revision,
        };
        possible(Self::try_from(parts))
    }
}

/// What a name of the namespace stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) enum Named {
    /// An account (and its personal organization).
    User(UserId),
    /// The e-mail of an account.
    Email(UserId),
    /// An organization.
    Organization(OrganizationId),
    /// Nothing any more; nobody else may have it.
    Reserved,
}

impl Record for Named {
    const KIND: Kind = Kind::Name;
    type Message = messages::Name;

    fn message(&self) -> Self::Message {
        let (of, id) = match self {
            Self::User(id) => (NameOf::User, id.as_bytes().to_vec()),
            Self::Email(id) => (NameOf::Email, id.as_bytes().to_vec()),
            Self::Organization(id) => (NameOf::Organization, id.as_bytes().to_vec()),
            Self::Reserved => (NameOf::Reserved, Vec::new()),
        };
        messages::Name { of: of.into(), id }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let id = exactly(&message.id, "id");
        match NameOf::try_from(message.of) {
            Ok(NameOf::User) => Ok(Self::User(UserId::from_bytes(id?))),
            Ok(NameOf::Email) => Ok(Self::Email(UserId::from_bytes(id?))),
            Ok(NameOf::Organization) => Ok(Self::Organization(OrganizationId::from_bytes(id?))),
            Ok(NameOf::Reserved) if message.id.is_empty() => Ok(Self::Reserved),
            Ok(NameOf::Reserved) => Err(Unreadable("is reserved, and is something's".to_owned())),
            Ok(NameOf::Unspecified) => Err(missing("of")),
            Err(_) => Err(unknown("of", message.of)),
        }
    }
}

/// A superuser, in the index of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct Superuser(pub(in crate::store::kv) UserId);

impl Record for Superuser {
    const KIND: Kind = Kind::Superuser;
    type Message = messages::Superuser;

    fn message(&self) -> Self::Message {
        messages::Superuser { user: self.0.as_bytes().to_vec() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self(UserId::from_bytes(exactly(&message.user, "user")?)))
    }
}

/// An identity of an account, in the index of the account's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct IdentityEntry {
    pub(in crate::store::kv) issuer: String,
    pub(in crate::store::kv) subject: String,
}

impl Record for IdentityEntry {
    const KIND: Kind = Kind::IdentityByUser;
    type Message = messages::IdentityEntry;

    fn message(&self) -> Self::Message {
        messages::IdentityEntry { issuer: self.issuer.clone(), subject: self.subject.clone() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self { issuer: message.issuer, subject: message.subject })
    }
}

/// The account of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct Identity(pub(in crate::store::kv) UserId);

impl Record for Identity {
    const KIND: Kind = Kind::Identity;
    type Message = messages::Identity;

    fn message(&self) -> Self::Message {
        messages::Identity { user: self.0.as_bytes().to_vec() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self(UserId::from_bytes(exactly(&message.user, "user")?)))
    }
}
