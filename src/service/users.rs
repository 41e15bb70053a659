//! Accounts as an operator handles them. Only a superuser changes them, staff may look; the commit checks the caller again, and
//! that a superuser is left.

use std::sync::Arc;

use super::access::Rpc;
use super::client::SignedIn;
use super::limits::{self, MAX_PASSWORD};
use super::password_policy::{Owner, PasswordPolicy};
use super::passwords::Passwords;
use super::policy::Policy;
use super::time::Time;
use super::tokens::Account;
use super::{Error, Result, Thing};
use crate::model::ids::UserId;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::user::{Roles, User};
use crate::store::Store;
use crate::store::verbs::{AccountStore, Commit, OrganizationStore, SwitchUser, Switched, UserCreated};

/// Makes accounts, answers them, and switches them on and off.
#[derive(Clone)]
pub struct Users {
    accounts: Arc<dyn AccountStore>,
    organizations: Arc<dyn OrganizationStore>,
    passwords: Passwords,
    random: Arc<dyn Random>,
    time: Time,
    rules: PasswordPolicy,
}

impl Users {
    /// One over `store`, with the rules of `policy`.
    #[must_use]
    pub fn new(store: &Arc<dyn Store>, passwords: Passwords, random: Arc<dyn Random>, time: Time, policy: &Policy) -> Self {
        let (accounts, organizations) = (store.clone(), store.clone());
        Self { accounts, organizations, passwords, random, time, rules: PasswordPolicy::new(policy) }
    }

    /// Makes an account, and its personal organization of the same name. `email` empty: none. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`], [`Error::WeakPassword`] - before any hash is computed (INVALID_ARGUMENT).
    /// - [`Error::NameTaken`] (ALREADY_EXISTS), [`Error::NameReserved`] (FAILED_PRECONDITION).
    /// - [`Error::Overloaded`] - too many password hashes are waiting (RESOURCE_EXHAUSTED).
    pub async fn create(
        &self,
        caller: &SignedIn,
        username: &str,
        email: &str,
        password: &Secret,
        roles: Roles,
    ) -> Result<Account> {
        caller.may(Rpc::CreateUser)?;
        let name = limits::name("username", username)?;
        let email = limits::email("email", email)?;
        limits::required_secret("password", password, MAX_PASSWORD)?;
        self.rules.accept("password", password, &Owner { name: &name, email: email.as_ref(), codes: false })?;
        let hash = self.passwords.hash(&caller.client, &name.folded(), password).await?;
        let now = self.time.now()?;
        let user = User::new(UserId::random(&*self.random), name, email, Some(hash), roles, now);
        match self.accounts.create_user(user.clone(), caller.by(Rpc::CreateUser, now)).await?.outcome {
            UserCreated::Created => Ok(Account { user, organizations: Vec::new() }),
            UserCreated::NameTaken => Err(Error::NameTaken("username")),
            UserCreated::NameReserved => Err(Error::NameReserved),
            UserCreated::EmailTaken => Err(Error::NameTaken("email")),
        }
    }

    /// The account of that name or e-mail address, in any case.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is neither staff nor superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `username` is empty or longer than 254 bytes (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] (NOT_FOUND, USER_NOT_FOUND).
    pub async fn get(&self, caller: &SignedIn, username: &str) -> Result<Account> {
        caller.may(Rpc::GetUser)?;
        let login = limits::login("username", username)?;
        let user = self.accounts.user_by_login(&login).await?.ok_or(Error::NotFound(Thing::User))?;
        Account::read(&*self.organizations, user).await
    }

    /// Stops an account: its sessions and tokens end, its keys work no more. Repeating it is OK. Answers the revision that holds
    /// it. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `username` is no name (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] (NOT_FOUND), [`Error::LastSuperuser`] (FAILED_PRECONDITION).
    pub async fn disable(&self, caller: &SignedIn, username: &str) -> Result<i64> {
        Ok(self.switch(caller, username, false).await?.revision)
    }

    /// Lets an account work again. What [`disable`](Self::disable) ended stays ended. Repeating it is OK. Durable once this
    /// returns.
    ///
    /// # Errors
    /// As [`disable`](Self::disable), but for the last superuser.
    pub async fn enable(&self, caller: &SignedIn, username: &str) -> Result<Account> {
        let user = self.switch(caller, username, true).await?.outcome;
        Account::read(&*self.organizations, user).await
    }

    async fn switch(&self, caller: &SignedIn, username: &str, enabled: bool) -> Result<Commit<User>> {
        let rpc = if enabled { Rpc::EnableUser } else { Rpc::DisableUser };
        caller.may(rpc)?;
        let switch = SwitchUser { name: limits::name("username", username)?.folded(), enabled };
        let switched = self.accounts.switch_user(switch, caller.by(rpc, self.time.now()?)).await?;
        let Commit { outcome, revision, decided_at } = switched;
        match outcome {
            Switched::Done(user) => Ok(Commit { outcome: *user, revision, decided_at }),
            Switched::Unknown => Err(Error::NotFound(Thing::User)),
            Switched::LastSuperuser => Err(Error::LastSuperuser),
        }
    }
}

#[cfg(test)]
mod tests;
