//! What a right password does: opens a session, or replaces itself.

use super::{Generation, SecondFactor, Subject, User, UserParts};
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::decision::Decision;
use crate::model::organization::ActiveOrganization;
use crate::model::session::{NewSession, Opening, Owner, Session};

/// A password that was found right, before the account is looked at again.
#[derive(Clone, Copy, Debug)]
pub struct PasswordLogin<'a> {
    /// The generation that was read before the password was checked.
    pub generation: Generation,
    /// The hash that was checked.
    pub password: &'a str,
    /// The second factor that was found right.
    pub factor: Option<&'a SecondFactor>,
    /// A stronger hash of the same password.
    pub upgraded: Option<&'a str>,
    /// Where the session is to act; `None` where the account may not act in what was asked for.
    pub organization: Option<ActiveOrganization>,
}

/// What became of a login.
#[expect(clippy::large_enum_variant, reason = "taken apart where it is made; a box would be an allocation for nothing")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserOpened {
    /// The session to be put in.
    Opened(Session),
    /// The account was logged out, disabled, or its password changed, after it was read.
    Stale,
    /// It has one-time codes and none came along, or this one was spent before.
    FactorRefused,
    /// The organization is not the account's.
    OrganizationNotAllowed,
}

/// A new password whose current one was found right.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The generation that was read before the current password was checked.
    pub generation: Generation,
    /// The hash that was checked.
    pub checked: &'a str,
    /// The new password's hash.
    pub replacement: &'a str,
}

/// What became of a change of password.
#[expect(clippy::large_enum_variant, reason = "taken apart where it is made; a box would be an allocation for nothing")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChanged {
    /// Done; the caller's own session as it moved along, where there was one that lived.
    Changed(Option<Session>),
    /// The account changed after it was read.
    Stale,
}

impl User {
    /// Opens a session by password: checks generation, hash, second factor and organization, in this order, spends the factor and
    /// replaces the hash. A factor is spent only together with what it opened.
    pub fn open(self, login: &PasswordLogin<'_>, new: &NewSession, opening: Opening) -> Decision<Self, UserOpened> {
        if !self.standing().session_lives(login.generation) || self.password() != Some(login.password) {
            return Decision::unchanged(self, UserOpened::Stale);
        }
        let Some(totp) = self.0.totp.clone().spend(login.factor) else {
            return Decision::unchanged(self, UserOpened::FactorRefused);
        };
        let Some(organization) = login.organization else {
            return Decision::unchanged(self, UserOpened::OrganizationNotAllowed);
        };
        let id = self.0.id;
        let owner = Owner::Account { user: id, organization, key: None };
        let session = Session::open(new, owner, login.generation, opening);
        let password = login.upgraded.map(str::to_owned).or(self.0.password);
        let opened = Action::Login(id, session.id());
        Decision::changed(Self(UserParts { password, totp, ..self.0 }), UserOpened::Opened(session)).auditing(opened)
    }

    /// Replaces the password if neither it nor the generation changed since they were read; ends everything that the account
    /// opened, at `revision`, but `own`: the caller's session moves along where it is the account's and lives.
    pub fn change_password(
        self,
        change: &PasswordChange<'_>,
        own: Option<Session>,
        now: Timestamp,
        revision: i64,
    ) -> Decision<Self, PasswordChanged> {
        let unchanged =
            self.0.enabled && self.0.generations.current() == change.generation && self.password() == Some(change.checked);
        if !unchanged {
            return Decision::unchanged(self, PasswordChanged::Stale);
        }
        let subject = Subject::User(self.0.id);
        let own = own.filter(|own| *own.subject() == subject && own.lives(self.standing(), now));
        let ended = Self(UserParts { password: Some(change.replacement.to_owned()), ..self.0 }).end_all((), revision);
        let moved = own.map(|own| own.moved_to(ended.value.0.generations.current()));
        let changed = Action::PasswordChanged(ended.value.0.id);
        Decision {
            value: ended.value,
            changed: true,
            outcome: PasswordChanged::Changed(moved),
            revoked: ended.revoked,
            audited: Some(changed),
        }
    }
}
