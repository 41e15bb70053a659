//! Accounts: making them, switching them on and off, passwords, one-time codes.

use async_trait::async_trait;

use super::{By, Commit, Granted};
use crate::model::ids::{SessionId, UserId};
use crate::model::name::{Email, Folded};
use crate::model::user::{Generation, Roles, User};
pub use crate::model::user::{TotpConfirmed, TotpEnrolled};
use crate::store::Result;

/// Accounts. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// The account of that id.
    ///
    /// Case: `accounts::finds_accounts_by_name_and_email`.
    async fn user(&self, id: UserId) -> Result<Option<User>>;

    /// The account with that name or e-mail.
    ///
    /// Case: `accounts::finds_accounts_by_name_and_email`.
    async fn user_by_login(&self, login: &Folded) -> Result<Option<User>>;

    /// At most `most` accounts, by name, of those behind the name `after` (none: from the first on). A cursor whose account is gone
    /// keeps its place.
    ///
    /// Case: `operators::are_listed_by_name`.
    async fn users(&self, after: Option<&Folded>, most: u32) -> Result<Vec<User>>;

    /// Makes an account with its name (and personal organization) and e-mail. Its generations are fresh.
    ///
    /// Cases: `accounts::keeps_one_namespace`, `races::one_name_for_one_account`.
    async fn create_user(&self, user: User, by: By) -> Result<Commit<UserCreated>>;

    /// Enables or disables an account. Disabling raises its generation and both floors in the same commit, and is refused for
    /// the last enabled superuser. Enabling raises nothing.
    ///
    /// Cases: `accounts::disabling_ends_everything_and_enabling_revives_nothing`, `accounts::keeps_the_last_superuser`,
    /// `races::one_superuser_is_left`.
    async fn switch_user(&self, command: SwitchUser, by: By) -> Result<Commit<Switched>>;

    /// Gives an account another e-mail, other roles, or both. What it had as its e-mail is free from then on. A role that it loses
    /// ends its tokens in the same commit; its sessions renew to what is left. Refused for the last enabled superuser.
    ///
    /// Cases: `operators::an_operator_changes_email_and_roles`, `operators::the_last_superuser_keeps_role_and_account`,
    /// `operators::one_superuser_is_left_by_any_way`.
    async fn update_user(&self, command: UpdateUser, by: By) -> Result<Commit<UserUpdated>>;

    /// Deletes an account: with it go its keys, identities, memberships and sessions, and all its tokens end. Its name and its
    /// e-mail stay reserved. Refused for the last enabled superuser. Rows of sessions that were ended before go when they expire.
    ///
    /// Cases: `operators::deleting_leaves_nothing_but_a_reserved_name`, `operators::the_last_superuser_keeps_role_and_account`,
    /// `operators::one_superuser_is_left_by_any_way`, `operators::nothing_survives_a_deletion`.
    async fn delete_user(&self, name: Folded, by: By) -> Result<Commit<UserDeleted>>;

    /// Releases a reserved name or e-mail; false where it is none.
    ///
    /// Case: `operators::deleting_leaves_nothing_but_a_reserved_name`.
    async fn release_name(&self, name: Folded, by: By) -> Result<Commit<bool>>;

    /// Replaces the password if neither it nor the generation changed since they were read; raises the generation and moves
    /// the caller's own session (and nothing else) along to the new one. Tokens signed before are dead, the session's too.
    ///
    /// Cases: `accounts::a_password_change_moves_its_own_session_along`, `accounts::a_password_change_needs_what_was_read`.
    async fn change_password(&self, command: ChangePassword, by: By) -> Result<Commit<PasswordReplaced>>;

    /// Keeps a sealed secret that waits for its first code, in place of one that waited before: `AlreadyOn` where codes
    /// guard the login.
    ///
    /// Case: `accounts::one_time_codes_guard_once_confirmed`.
    async fn enroll_totp(&self, command: EnrollTotp, by: By) -> Result<Commit<TotpEnrolled>>;

    /// Makes the waiting secret guard the login, if it is still `sealed`, with `step` as the last accepted step.
    ///
    /// Case: `accounts::one_time_codes_guard_once_confirmed`.
    async fn confirm_totp(&self, command: ConfirmTotp, by: By) -> Result<Commit<TotpConfirmed>>;
}

/// What became of a new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserCreated {
    /// It is there.
    Created,
    /// An account or an organization has the name.
    NameTaken,
    /// The name was another's and is reserved.
    NameReserved,
    /// An account has the e-mail.
    EmailTaken,
}

/// What is to change of an account; `None` stays as it is.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// Its name.
    pub name: Folded,
    /// Its e-mail, or none.
    pub email: Option<Option<Email>>,
    /// Its roles.
    pub roles: Option<Roles>,
}

/// What became of [`UpdateUser`]: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserUpdated {
    /// It is so now, also where it was before.
    Done {
        /// The account as it is now.
        user: Box<User>,
        /// Whether it lost a role, and its tokens with it.
        narrowed: bool,
    },
    /// No such account.
    Unknown,
    /// The e-mail is another's.
    EmailTaken,
    /// The e-mail was another's and is reserved.
    EmailReserved,
    /// It is the last enabled superuser.
    LastSuperuser,
}

/// What became of deleting an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserDeleted {
    /// It is no more.
    Done,
    /// No such account.
    Unknown,
    /// It is the last enabled superuser.
    LastSuperuser,
}

/// An account to be switched on or off.
#[derive(Clone, Debug)]
pub struct SwitchUser {
    /// Its name.
    pub name: Folded,
    /// Whether it is to work.
    pub enabled: bool,
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
}

/// What became of [`ChangePassword`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordReplaced {
    /// The new password counts. The caller's own session goes on with a token made of this; `None` where it is over.
    Replaced(Option<Box<Granted>>),
    /// The account changed after it was read.
    Stale,
}

/// A secret for one-time codes that is to wait for its first code.
#[derive(Clone, Debug)]
pub struct EnrollTotp {
    /// Whose.
    pub user: UserId,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
}

/// A waiting secret that is to guard the login.
#[derive(Clone, Debug)]
pub struct ConfirmTotp {
    /// Whose.
    pub user: UserId,
    /// The secret, sealed, that the code was checked with.
    pub sealed: Vec<u8>,
    /// The step of that code.
    pub step: u64,
    /// Keyed hashes of the recovery codes.
    pub recovery: Vec<[u8; 32]>,
}
