//! What an operator does to an account: gives it other roles, another e-mail, or deletes it.

use super::{Roles, User, UserParts};
use crate::model::audit::Action;
use crate::model::decision::Decision;
use crate::model::name::Email;

/// What became of other roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolesGiven {
    /// It has them now, also where it had them before.
    Done,
    /// It is the last enabled superuser, and was to be none.
    LastSuperuser,
}

/// What became of another e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailGiven {
    /// It is the account's already.
    Same,
    /// It is the account's now.
    Given {
        /// The one before.
        before: Option<Email>,
    },
}

/// What became of deleting an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserEnded {
    /// It is no more.
    Done,
    /// It is the last enabled superuser.
    LastSuperuser,
}

impl Roles {
    /// True where who had these roles and now has the others may do less: tokens that say so have to end.
    #[must_use]
    pub const fn lose_to(self, others: Self) -> bool {
        (self.staff && !others.staff) || (self.superuser && !others.superuser)
    }
}

impl User {
    /// Gives it these roles. Where it loses one, its tokens end at `revision` and its sessions renew to what is left. Refused where
    /// no superuser who is enabled would be left: there is not `another_superuser`.
    pub fn give_roles(self, roles: Roles, another_superuser: bool, revision: i64) -> Decision<Self, RolesGiven> {
        let before = self.0.roles;
        if before == roles {
            return Decision::unchanged(self, RolesGiven::Done);
        }
        if self.is_last(another_superuser) && !roles.superuser {
            return Decision::unchanged(self, RolesGiven::LastSuperuser);
        }
        let changed = Action::RolesChanged(self.0.id, roles.names().collect::<Vec<_>>().join(","));
        let given = Self(UserParts { roles, ..self.0 });
        let decision = if before.lose_to(roles) {
            let Decision { value, revoked, .. } = given.narrow(revision);
            Decision { revoked, ..Decision::changed(value, RolesGiven::Done) }
        } else {
            Decision::changed(given, RolesGiven::Done)
        };
        decision.auditing(changed)
    }

    /// Gives it this e-mail, which is free or its own, or none.
    pub fn give_email(self, email: Option<&Email>) -> Decision<Self, EmailGiven> {
        if self.0.email.as_ref() == email {
            return Decision::unchanged(self, EmailGiven::Same);
        }
        let (id, before) = (self.0.id, self.0.email.clone());
        let given = Self(UserParts { email: email.cloned(), ..self.0 });
        Decision::changed(given, EmailGiven::Given { before }).auditing(Action::EmailChanged(id))
    }

    /// Deletes it: whatever it opened and whatever was signed for it is over at `revision`. Refused where no superuser who is enabled
    /// would be left.
    pub fn delete(self, another_superuser: bool, revision: i64) -> Decision<Option<Self>, UserEnded> {
        if self.is_last(another_superuser) {
            return Decision::unchanged(Some(self), UserEnded::LastSuperuser);
        }
        let deleted = Action::UserDeleted(self.0.id, self.0.name.folded());
        let Decision { revoked, .. } = self.end_all((), revision);
        Decision { revoked, ..Decision::changed(None, UserEnded::Done) }.auditing(deleted)
    }

    const fn is_last(&self, another_superuser: bool) -> bool {
        self.0.roles.superuser && self.0.enabled && !another_superuser
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::Timestamp;
    use crate::model::ids::UserId;
    use crate::model::name::Name;
    use crate::model::revocation::Revoked;
    use crate::model::user::{Generation, Subject};

    const ID: UserId = UserId::from_bytes([1; 16]);

    fn ann(roles: Roles) -> User {
        User::new(ID, Name::parse("Ann").unwrap(), None, None, roles, Timestamp::from_secs(1))
    }

    fn roles(staff: bool, superuser: bool) -> Roles {
        Roles { staff, superuser }
    }

    #[test]
    fn a_lost_role_ends_tokens_and_a_gained_one_does_not() {
        let all = [roles(false, false), roles(true, false), roles(false, true), roles(true, true)];
        for (before, after) in all.into_iter().flat_map(|before| all.map(|after| (before, after))) {
            let decision = ann(before).give_roles(after, true, 9);
            assert_eq!((decision.outcome, decision.value.roles()), (RolesGiven::Done, after));
            assert_eq!((decision.changed, decision.audited.is_some()), (before != after, before != after));
            let below = Revoked::Below(Subject::User(ID), Generation(9));
            assert_eq!(decision.revoked, before.lose_to(after).then_some(below), "{before:?} {after:?}");
            assert!(decision.value.standing().session_lives(Generation(0)), "sessions go on");
        }
    }

    #[test]
    fn the_last_superuser_stays() {
        let (last, plain) = (ann(roles(true, true)), roles(true, false));
        assert_eq!(last.clone().give_roles(plain, false, 9), Decision::unchanged(last.clone(), RolesGiven::LastSuperuser));
        assert_eq!(last.clone().delete(false, 9), Decision::unchanged(Some(last.clone()), UserEnded::LastSuperuser));
        assert_eq!(last.clone().give_roles(roles(false, true), false, 9).outcome, RolesGiven::Done, "it stays one");
        let off = last.switch(false, true, 5).value;
        assert_eq!(off.clone().give_roles(plain, false, 9).outcome, RolesGiven::Done, "one that is disabled is not the last");
        assert_eq!(off.delete(false, 9).outcome, UserEnded::Done);
    }

    #[test]
    fn a_deleted_account_ends_whatever_it_opened() {
        let Decision { value, outcome, revoked, audited, .. } = ann(Roles::default()).delete(false, 9);
        assert_eq!((value, outcome), (None, UserEnded::Done));
        assert_eq!(revoked, Some(Revoked::Below(Subject::User(ID), Generation(9))));
        assert_eq!(audited, Some(Action::UserDeleted(ID, Name::parse("ann").unwrap().folded())));
    }

    #[test]
    fn an_email_comes_changes_and_goes() {
        let email = |text: &str| Email::parse(text).unwrap();
        let first = ann(Roles::default()).give_email(Some(&email("a@b")));
        assert_eq!((first.changed, first.outcome), (true, EmailGiven::Given { before: None }));
        assert_eq!(first.value.clone().give_email(Some(&email("a@b"))).outcome, EmailGiven::Same);
        let second = first.value.give_email(Some(&email("A@b")));
        assert_eq!(second.outcome, EmailGiven::Given { before: Some(email("a@b")) });
        let none = second.value.give_email(None);
        assert_eq!((none.value.email(), none.revoked), (None, None));
    }
}
