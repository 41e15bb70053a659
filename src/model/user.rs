//! Accounts and guests, and the generations that end what they opened.
//!
//! # Generations
//!
//! Every account and every guest name has one counter. Each session, link and token carries the value that was read *before*
//! its credential was checked. Two floors follow the counter: what is opened (sessions, links) below the session floor is
//! dead, and what is signed (access tokens) below the token floor is dead. LogoutUser and its like raise the counter and both
//! floors; the loss of a role or membership raises the counter and the token floor only, so that the session lives on and
//! its next token is a narrower one. Nothing compares times.
//!
//! A counter rises at least to the revision of the commit that raises it. Readers see a commit before it is durable, and a token
//! may be signed with a generation that a crash then loses: counted in ones, the next commit would give the same one again, and
//! would spare that token.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::ids::UserId;
use super::name::{Email, Folded, Name};

/// A counter's value as it was read before a credential was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u64);

/// The counter of an account or a guest name, with its two floors. `token_floor >= session_floor`, and neither passes `current`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// What is opened or signed now carries this.
    pub current: Generation,
    /// Sessions and links that carry less are dead.
    pub session_floor: Generation,
    /// Access tokens that carry less are dead.
    pub token_floor: Generation,
    /// The revision at which `session_floor` rose last, 0 where it never did: fences a sign-on that began before it.
    pub session_floor_revision: i64,
}

impl Generations {
    /// Ends every session, link and token there is.
    pub fn end_all(&mut self, revision: i64) {
        self.rise(revision);
        self.session_floor = self.current;
        self.token_floor = self.current;
        self.session_floor_revision = revision;
    }

    /// Ends the tokens there are; their sessions live on and renew to what is allowed now.
    pub fn end_tokens(&mut self, revision: i64) {
        self.rise(revision);
        self.token_floor = self.current;
    }

    fn rise(&mut self, revision: i64) {
        self.current.0 = (self.current.0 + 1).max(u64::try_from(revision).unwrap_or_default());
    }

    /// True where a session or link that carries `read` may live.
    #[must_use]
    pub fn session_lives(&self, read: Generation) -> bool {
        read >= self.session_floor && read <= self.current
    }

    /// True where an access token that carries `read` may be taken for valid.
    #[must_use]
    pub fn token_lives(&self, read: Generation) -> bool {
        read >= self.token_floor && read <= self.current
    }
}

/// Who a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// The roles of an account. A plain user has neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// May use the single-use gateway and LogoutUser.
    pub staff: bool,
    /// May do that and change users, organizations and providers.
    pub superuser: bool,
}

impl Roles {
    /// The names in tokens: `staff`, `superuser`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let held = [(self.staff, "staff"), (self.superuser, "superuser")];
        held.into_iter().filter_map(|(held, name)| held.then_some(name))
    }

    /// True for staff and superusers.
    #[must_use]
    pub const fn privileged(self) -> bool {
        self.staff || self.superuser
    }
}

/// An account's one-time codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Totp {
    /// None enrolled.
    #[default]
    Off,
    /// Enrolled, not yet confirmed by a code: does not guard the login yet.
    Pending {
        /// The sealed secret.
        sealed: Vec<u8>,
    },
    /// Guards the login.
    On {
        /// The sealed secret.
        sealed: Vec<u8>,
        /// The last time step of which a code was accepted; only later ones are.
        last_step: u64,
        /// Keyed hashes of the recovery codes that are left.
        recovery: Vec<[u8; 32]>,
    },
}

impl Totp {
    /// True where a login needs a code.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }
}

/// An account, whole: one record, one state machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its id, the `sub` of its tokens.
    pub id: UserId,
    /// Its name as it was given; its personal organization has the same.
    pub name: Name,
    /// Its login e-mail.
    pub email: Option<Email>,
    /// The password's hash as a PHC string; `None` for one that signs on elsewhere only.
    pub password: Option<String>,
    /// Its roles.
    pub roles: Roles,
    /// False after DisableUser.
    pub enabled: bool,
    /// Its counter.
    pub generations: Generations,
    /// Its one-time codes.
    pub totp: Totp,
    /// When it was made.
    pub create_time: Timestamp,
}

/// A second factor that a login presented and the service found right; the store spends it with what it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// A code of this time step.
    TotpStep(u64),
    /// A recovery code, by its keyed hash.
    Recovery([u8; 32]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_that_a_crash_lost_is_not_given_again() {
        let before = Generations::default();
        let (mut lost, mut after) = (before, before);
        lost.end_all(1_000_000);
        after.end_all(1_000_001);
        assert!(!after.token_lives(lost.current) && !after.session_lives(lost.current));
        let mut narrowed = before;
        narrowed.end_tokens(1_000_001);
        assert!(!narrowed.token_lives(lost.current) && narrowed.session_lives(before.current));
    }
}
