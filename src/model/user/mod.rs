//! Accounts and guests, and the generations that end what they opened.
//!
//! # Generations
//!
//! Every account and every guest name has one counter. Each session, link and token carries the value that was read *before*
//! its credential was checked. Two floors follow the counter: what is opened (sessions, links) below the session floor is
//! dead, and what is signed (access tokens) below the token floor is dead. LogoutUser and its like raise the counter and both
//! floors; the loss of a role raises the counter and the token floor only, so that the session lives on and its next token is a
//! narrower one. The loss of a membership, or of a role in it, raises the counter, and ends the lower tokens of that organization. Nothing compares times.
//!
//! A counter rises at least to the revision of the commit that raises it. Readers see a commit before it is durable, and a token
//! may be signed with a generation that a crash then loses: counted in ones, the next commit would give the same one again, and
//! would spare that token.

mod administration;
mod generations;
mod guest;
mod login;
mod subject;
#[cfg(test)]
mod tests;
mod totp;

pub use self::administration::{EmailGiven, RolesGiven, UserEnded};
pub use self::generations::{Generation, Generations, GenerationsParts};
pub use self::guest::Guest;
pub use self::login::{PasswordChange, PasswordChanged, PasswordLogin, UserOpened};
pub use self::subject::{Holder, Standing, Subject};
pub use self::totp::{STEP_SECONDS, SecondFactor, Totp};
use super::audit::Action;
use super::clock::Timestamp;
use super::decision::{Decision, Impossible};
use super::ids::UserId;
use super::name::{Email, Name};
use super::revocation::Revoked;

/// The roles of an account. A plain user has neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// What a [`User`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserParts {
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

/// An account, whole: one record, one state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User(UserParts);

/// What became of switching an account on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserSwitched {
    /// It is so now, also where it was before.
    Done,
    /// It is the last enabled superuser.
    LastSuperuser,
}

/// What became of a LogoutUser of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserLoggedOut {
    /// Everything that it opened is over.
    Done,
    /// It is staff or superuser, and who asks is no superuser.
    NotAllowed,
}

/// What became of enrolling one-time codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpEnrolled {
    /// The secret waits for its first code.
    Enrolled,
    /// Codes guard the login already.
    AlreadyOn,
    /// No such account.
    Unknown,
}

/// What became of confirming one-time codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpConfirmed {
    /// Codes guard the login from now on.
    Confirmed,
    /// They guard the login already.
    AlreadyOn,
    /// None is waiting to be confirmed, or another secret than the one the code was checked with.
    NotPending,
    /// No such account.
    Unknown,
}

/// What became of an e-mail that a provider verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailFollowed {
    /// It is the account's already.
    Same,
    /// It is the account's now, in place of the one before.
    Followed {
        /// The one before, which is free from now on.
        before: Option<Email>,
    },
    /// It is another's.
    NotFree,
}

impl User {
    /// A new account: enabled, with a fresh counter and no one-time codes. `password` is a PHC string.
    #[must_use]
    pub fn new(
        id: UserId,
        name: Name,
        email: Option<Email>,
        password: Option<String>,
        roles: Roles,
        create_time: Timestamp,
    ) -> Self {
        let (generations, totp) = (Generations::default(), Totp::Off);
        Self(UserParts { id, name, email, password, roles, enabled: true, generations, totp, create_time })
    }

    /// Its id, the `sub` of its tokens.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.0.id
    }

    /// Its name as it was given; its personal organization has the same.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.0.name
    }

    /// Its login e-mail.
    #[must_use]
    pub const fn email(&self) -> Option<&Email> {
        self.0.email.as_ref()
    }

    /// The password's hash as a PHC string; `None` for one that signs on elsewhere only.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.0.password.as_deref()
    }

    /// Its roles.
    #[must_use]
    pub const fn roles(&self) -> Roles {
        self.0.roles
    }

    /// False after DisableUser.
    #[must_use]
    pub const fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// Its counter.
    #[must_use]
    pub const fn generations(&self) -> Generations {
        self.0.generations
    }

    /// Its one-time codes.
    #[must_use]
    pub const fn totp(&self) -> &Totp {
        &self.0.totp
    }

    /// When it was made.
    #[must_use]
    pub const fn create_time(&self) -> Timestamp {
        self.0.create_time
    }

    /// How it stands.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        Standing::new(self.0.enabled, self.0.generations)
    }

    /// What it is made of.
    #[must_use]
    pub fn into_parts(self) -> UserParts {
        self.0
    }

    /// Enables or disables it; disabling ends everything that it opened, at `revision`, and is refused where it is a superuser and
    /// there is not `another_superuser` who is enabled. Enabling revives nothing.
    pub fn switch(self, enabled: bool, another_superuser: bool, revision: i64) -> Decision<Self, UserSwitched> {
        let id = self.0.id;
        if self.0.enabled == enabled {
            return Decision::unchanged(self, UserSwitched::Done);
        }
        if enabled {
            let on = Self(UserParts { enabled, ..self.0 });
            return Decision::changed(on, UserSwitched::Done).auditing(Action::UserEnabled(id));
        }
        if self.0.roles.superuser && !another_superuser {
            return Decision::unchanged(self, UserSwitched::LastSuperuser);
        }
        Self(UserParts { enabled, ..self.0 }).end_all(UserSwitched::Done, revision).auditing(Action::UserDisabled(id))
    }

    /// Ends everything that it opened, at `revision`. Only a superuser does that to staff and superusers.
    pub fn log_out(self, by_superuser: bool, revision: i64) -> Decision<Self, UserLoggedOut> {
        if self.0.roles.privileged() && !by_superuser {
            return Decision::unchanged(self, UserLoggedOut::NotAllowed);
        }
        self.end_all(UserLoggedOut::Done, revision)
    }

    /// Ends its tokens for the organization of that name, at `revision`, because it lost its membership or a role there. No other
    /// token ends, and no session.
    pub fn narrow_in(self, organization: &str, revision: i64) -> Decision<Self, ()> {
        let generations = self.0.generations.raise(revision);
        let below = Revoked::BelowIn(Subject::User(self.0.id), organization.to_owned(), generations.current());
        Decision::changed(Self(UserParts { generations, ..self.0 }), ()).revoking(below)
    }

    /// Ends its tokens, at `revision`, because it lost a role. Its sessions renew to what is allowed now.
    pub fn narrow(self, revision: i64) -> Decision<Self, ()> {
        self.with_generations((), |generations| generations.end_tokens(revision))
    }

    /// Takes the e-mail over that its provider verified, where that is free.
    pub fn follow_email(self, email: &Email, free: bool) -> Decision<Self, EmailFollowed> {
        let id = self.0.id;
        if self.0.email.as_ref().is_some_and(|own| own.folded() == email.folded()) {
            return Decision::unchanged(self, EmailFollowed::Same);
        }
        if !free {
            return Decision::unchanged(self, EmailFollowed::NotFree).auditing(Action::EmailNotFree(id));
        }
        let before = self.0.email.clone();
        let followed = Self(UserParts { email: Some(email.clone()), ..self.0 });
        Decision::changed(followed, EmailFollowed::Followed { before }).auditing(Action::EmailFollowed(id))
    }

    /// Keeps a sealed secret that waits for its first code, in place of one that waited before.
    pub fn enroll_totp(self, sealed: &[u8]) -> Decision<Self, TotpEnrolled> {
        if self.0.totp.is_on() {
            return Decision::unchanged(self, TotpEnrolled::AlreadyOn);
        }
        let enrolled = Action::TotpEnrolled(self.0.id);
        self.with_totp(TotpEnrolled::Enrolled, Totp::Pending { sealed: sealed.to_vec() }).auditing(enrolled)
    }

    /// Makes the waiting secret guard the login, if it still is the one that the code of `step` was `checked` with.
    pub fn confirm_totp(self, checked: &[u8], step: u64, recovery: &[[u8; 32]]) -> Decision<Self, TotpConfirmed> {
        match &self.0.totp {
            Totp::On { .. } => Decision::unchanged(self, TotpConfirmed::AlreadyOn),
            Totp::Pending { sealed } if sealed == checked => {
                let confirmed = Action::TotpConfirmed(self.0.id);
                let on = Totp::On { sealed: checked.to_vec(), last_step: step, recovery: recovery.to_vec() };
                self.with_totp(TotpConfirmed::Confirmed, on).auditing(confirmed)
            }
            Totp::Pending { .. } | Totp::Off => Decision::unchanged(self, TotpConfirmed::NotPending),
        }
    }

    /// As it is where the clock was ahead and `now` is right: of its one-time codes those from now on are accepted, not only those from
    /// after the last one that was.
    #[must_use]
    pub fn set_back(self, now: Timestamp) -> Self {
        let (totp, create_time) = (self.0.totp.set_back(now), self.0.create_time.min(now));
        Self(UserParts { totp, create_time, ..self.0 })
    }

    fn with_totp<O>(self, outcome: O, totp: Totp) -> Decision<Self, O> {
        Decision::changed(Self(UserParts { totp, ..self.0 }), outcome)
    }

    /// Everything that it opened is over.
    fn end_all<O>(self, outcome: O, revision: i64) -> Decision<Self, O> {
        self.with_generations(outcome, |generations| generations.end_all(revision))
    }

    fn with_generations<O>(self, outcome: O, raise: impl FnOnce(Generations) -> Generations) -> Decision<Self, O> {
        let generations = raise(self.0.generations);
        let below = Revoked::Below(Subject::User(self.0.id), generations.token_floor());
        Decision::changed(Self(UserParts { generations, ..self.0 }), outcome).revoking(below)
    }
}

impl TryFrom<UserParts> for User {
    type Error = Impossible;

    fn try_from(parts: UserParts) -> Result<Self, Impossible> {
        let rules = [
            (parts.enabled || parts.generations.session_floor() > Generation(0), "disabled, and its sessions were not ended"),
            (parts.totp.is_possible(), "one-time codes without a secret"),
        ];
        Impossible::unless("User", &rules).map(|()| Self(parts))
    }
}
