//! Accounts: making them, switching them on and off, passwords, one-time codes.

use async_trait::async_trait;

use super::{By, Commit, Granted};
use crate::model::ids::{SessionId, UserId};
use crate::model::name::Folded;
use crate::model::user::{Generation, User};
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
