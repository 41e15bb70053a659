//! Who a session belongs to, and how that one stands.

use std::fmt;

use super::{Generation, Generations, Guest, User};
use crate::model::ids::UserId;
use crate::model::name::Folded;

/// Who a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An account.
    User(UserId),
    /// A guest, by folded name: a namespace of its own, `guest:admin` never is the account `admin`.
    Guest(Folded),
}

impl fmt::Display for Subject {
    /// The `sub` claim: a user's UUID, or `guest:` and the folded name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Guest(name) => write!(f, "guest:{}", name.as_str()),
        }
    }
}

impl Subject {
    /// Reads a `sub` claim back; `None` where it is neither form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("guest:") {
            Some(name) => Some(Self::Guest(Folded::presented(name))),
            None => text.parse().ok().map(Self::User),
        }
    }
}

/// How a subject stands: what may live of what it opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    enabled: bool,
    generations: Generations,
}

impl Standing {
    /// That of an account that is no more.
    #[must_use]
    pub fn gone() -> Self {
        Self { enabled: false, generations: Generations::default() }
    }

    /// That of a subject of these generations, which may hold sessions where it is enabled.
    #[must_use]
    pub const fn new(enabled: bool, generations: Generations) -> Self {
        Self { enabled, generations }
    }

    /// True where a session or link that carries `read` may live.
    #[must_use]
    pub fn session_lives(self, read: Generation) -> bool {
        self.enabled && self.generations.session_lives(read)
    }

    /// The revision at which its sessions ended last, 0 where they never did.
    #[must_use]
    pub const fn session_floor_revision(self) -> i64 {
        self.generations.session_floor_revision()
    }
}

/// Whose a session is, as that one is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An account.
    Account(User),
    /// A guest.
    Guest(Guest),
    /// An account that is no more.
    Gone,
}

impl Holder {
    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self {
            Self::Account(user) => user.standing(),
            Self::Guest(guest) => guest.standing(),
            Self::Gone => Standing::gone(),
        }
    }

    /// The account; `None` for a guest, and where it is no more.
    #[must_use]
    pub fn into_user(self) -> Option<User> {
        match self {
            Self::Account(user) => Some(user),
            Self::Guest(_) | Self::Gone => None,
        }
    }
}
