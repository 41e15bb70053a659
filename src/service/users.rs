//! Accounts as an operator handles them. Only a superuser changes them, staff may look; the commit checks the caller again, and
//! that a superuser is left.

use std::sync::Arc;

use super::access::Rpc;
use super::client::SignedIn;
use super::limits::{self, MAX_PASSWORD};
use super::paging::{Page, Pages, Query, after_name};
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
use crate::store::verbs::{
    AccountStore, Commit, OrganizationStore, SwitchUser, Switched, UpdateUser, UserCreated, UserDeleted, UserUpdated,
};

/// Makes accounts, answers them, and switches them on and off.
#[derive(Clone)]
pub struct Users {
    accounts: Arc<dyn AccountStore>,
    organizations: Arc<dyn OrganizationStore>,
    passwords: Passwords,
    random: Arc<dyn Random>,
    time: Time,
    rules: PasswordPolicy,
    pages: Pages,
}

/// What is to change of an account: the fields that `mask` names get these values.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    /// The names of the fields.
    pub mask: Vec<String>,
    /// The e-mail; empty: none.
    pub email: String,
    /// The roles.
    pub roles: Roles,
}

impl UserUpdate {
    fn command(&self, username: &str) -> Result<UpdateUser> {
        let name = limits::name("username", username)?.folded();
        if self.mask.is_empty() {
            return Err(limits::invalid("update_mask", "is empty"));
        }
        let mut update = UpdateUser { name, email: None, roles: None };
        for field in &self.mask {
            match field.as_str() {
                "email" => update.email = Some(limits::email("email", &self.email)?),
                "roles" => update.roles = Some(self.roles),
                _ => return Err(limits::invalid("update_mask", "names something that cannot be changed")),
            }
        }
        Ok(update)
    }
}

impl Users {
    /// One over `store`, with the rules of `policy`.
    #[must_use]
    pub fn new(
        store: &Arc<dyn Store>,
        passwords: Passwords,
        random: Arc<dyn Random>,
        time: Time,
        policy: &Policy,
        pages: Pages,
    ) -> Self {
        let (accounts, organizations) = (store.clone(), store.clone());
        Self { accounts, organizations, passwords, random, time, rules: PasswordPolicy::new(policy), pages }
    }

    /// A page of all accounts by name, at most `size`. What comes or goes meanwhile moves nothing else.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - the token is none of this list (INVALID_ARGUMENT).
    pub async fn list(&self, caller: &SignedIn, size: u32, page_token: &str) -> Result<Page<Account>> {
        let query = Query { caller: caller.may(Rpc::ListUsers)?, rpc: Rpc::ListUsers, filters: &[] };
        let after = self.pages.after(&query, page_token, after_name)?;
        let found = self.accounts.users(after.as_ref(), size.saturating_add(1)).await?;
        let page = self.pages.page(&query, found, size, |last| last.name().folded().as_str().as_bytes().to_vec());
        let mut items = Vec::with_capacity(page.items.len());
        for user in page.items {
            items.push(Account::read(&*self.organizations, user).await?);
        }
        Ok(Page { items, next: page.next })
    }

    /// Changes an account's e-mail, its roles, or both. A lost role is gone from its tokens at once. Answers the account and the
    /// revision that holds a lost role, 0 where none was lost. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `username` is no name, a field is not of its form, or nothing is to change (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] (NOT_FOUND), [`Error::NameTaken`] (ALREADY_EXISTS).
    /// - [`Error::NameReserved`], [`Error::LastSuperuser`] (FAILED_PRECONDITION).
    pub async fn update(&self, caller: &SignedIn, username: &str, update: &UserUpdate) -> Result<(Account, i64)> {
        caller.may(Rpc::UpdateUser)?;
        let update = update.command(username)?;
        let updated = self.accounts.update_user(update, caller.by(Rpc::UpdateUser, self.time.now()?)).await?;
        match updated.outcome {
            UserUpdated::Done { user, narrowed } => {
                let account = Account::read(&*self.organizations, *user).await?;
                Ok((account, if narrowed { updated.revision } else { 0 }))
            }
            UserUpdated::Unknown => Err(Error::NotFound(Thing::User)),
            UserUpdated::EmailTaken => Err(Error::NameTaken("email")),
            UserUpdated::EmailReserved => Err(Error::NameReserved),
            UserUpdated::LastSuperuser => Err(Error::LastSuperuser),
        }
    }

    /// Deletes an account for good, with its keys, identities, memberships and sessions. Its name and its e-mail stay reserved.
    /// Answers the revision that holds it. Durable once this returns.
    ///
    /// # Errors
    /// As [`disable`](Self::disable).
    pub async fn delete(&self, caller: &SignedIn, username: &str) -> Result<i64> {
        caller.may(Rpc::DeleteUser)?;
        let name = limits::name("username", username)?.folded();
        let deleted = self.accounts.delete_user(name, caller.by(Rpc::DeleteUser, self.time.now()?)).await?;
        match deleted.outcome {
            UserDeleted::Done => Ok(deleted.revision),
            UserDeleted::Unknown => Err(Error::NotFound(Thing::User)),
            UserDeleted::LastSuperuser => Err(Error::LastSuperuser),
        }
    }

    /// Releases the name or e-mail of something that was deleted: anybody can have it from then on. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `name` is empty or longer than 254 bytes (INVALID_ARGUMENT).
    /// - [`Error::NameNotReserved`] (FAILED_PRECONDITION).
    pub async fn release_name(&self, caller: &SignedIn, name: &str) -> Result<()> {
        caller.may(Rpc::ReleaseName)?;
        let name = limits::login("name", name)?;
        let released = self.accounts.release_name(name, caller.by(Rpc::ReleaseName, self.time.now()?)).await?.outcome;
        if released { Ok(()) } else { Err(Error::NameNotReserved) }
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
