//! What a signed-in person does with the own account: look at it, change the password, turn one-time codes on. Changing takes a
//! session that was opened by password or single sign-on, and the commit checks it again.

use std::sync::Arc;

use super::access::Rpc;
use super::client::SignedIn;
use super::limits::{self, MAX_CODE, MAX_PASSWORD};
use super::password_policy::{Owner, PasswordPolicy};
use super::passwords::{Committed, MOST_CHECKS, Passwords, Right};
use super::policy::Policy;
use super::second_factor::SecondFactors;
use super::throttle::Attempt;
use super::time::Time;
use super::tokens::{Account, TokenSet, Tokens};
use super::{Error, Result};
use crate::crypto::totp;
use crate::model::ids::UserId;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::user::{Totp, User};
use crate::store::Store;
use crate::store::verbs::{
    AccountStore, ChangePassword, ConfirmTotp, EnrollTotp, OrganizationStore, PasswordReplaced, TotpConfirmed, TotpEnrolled,
};

/// A secret for one-time codes that waits for its first code.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The secret: 32 characters of base32. Kept sealed, and shown this once.
    pub secret: Secret,
    /// The same as an `otpauth://totp/` URL.
    pub otpauth_url: Secret,
}

/// A password that was changed.
#[derive(Clone, Debug)]
pub struct PasswordChanged {
    /// The revision that holds it.
    pub revision: i64,
    /// A new access token of the caller's own session, without refresh token: the last one it has stays good. `None` where the session
    /// is over.
    pub tokens: Option<TokenSet>,
}

/// The caller's own account.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    organizations: Arc<dyn OrganizationStore>,
    passwords: Passwords,
    second_factors: SecondFactors,
    tokens: Tokens,
    random: Arc<dyn Random>,
    time: Time,
    rules: PasswordPolicy,
    /// What an authenticator shows beside the account's name.
    label: String,
}

impl Accounts {
    /// One over `store`, with the rules of `policy`.
    #[must_use]
    pub fn new(
        store: &Arc<dyn Store>,
        passwords: Passwords,
        second_factors: SecondFactors,
        tokens: Tokens,
        random: Arc<dyn Random>,
        time: Time,
        policy: &Policy,
    ) -> Self {
        let host = url::Url::parse(&policy.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        let label = host.unwrap_or_else(|| "countersign".to_owned());
        let organizations = store.clone();
        let rules = PasswordPolicy::new(policy);
        Self { store: store.clone(), organizations, passwords, second_factors, tokens, random, time, rules, label }
    }

    /// The caller's account.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`] (PERMISSION_DENIED).
    pub async fn account(&self, caller: &SignedIn) -> Result<Account> {
        let user = self.user(caller.may(Rpc::GetAccount)?).await?;
        Account::read(&*self.organizations, user).await
    }

    /// Replaces the caller's password and ends every other session; answers the revision that holds it, and a new access token of
    /// the caller's own session, which goes on while its access tokens of before are dead. Durable once this returns: nothing that the old password
    /// opened, or was about to open, works any more.
    ///
    /// Where another change of the account commits between the check of `current` and that commit, all is checked once more from the
    /// start.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::CredentialTooWeak`] - the caller is no person who logged in (PERMISSION_DENIED).
    /// - [`Error::Invalid`], [`Error::WeakPassword`] - before any hash is computed (INVALID_ARGUMENT).
    /// - [`Error::InvalidCredentials`] - `current` is wrong, or the account has no password. Counts as a failed login
    ///   (UNAUTHENTICATED).
    /// - [`Error::Throttled`], [`Error::Overloaded`] (RESOURCE_EXHAUSTED).
    /// - [`Error::Conflict`] - the account changed during both checks (ABORTED).
    pub async fn change_password(&self, caller: &SignedIn, current: &Secret, new: &Secret) -> Result<PasswordChanged> {
        let id = caller.may(Rpc::ChangePassword)?;
        limits::required_secret("current_password", current, MAX_PASSWORD)?;
        limits::required_secret("new_password", new, MAX_PASSWORD)?;
        let mut place = None;
        for _ in 0..MOST_CHECKS {
            // Hash and generation are read before the password is checked; the commit refuses where either has changed.
            let user = self.user(id).await?;
            self.rules.accept("new_password", new, &owner(&user))?;
            let attempt = match place.take() {
                Some(attempt) => attempt,
                None => self.passwords.attempt(&caller.client, &user.name().folded()).await?,
            };
            match self.replace_password(caller, user, attempt, current, new).await? {
                Committed::Done(changed) => return Ok(changed),
                Committed::Overtaken(attempt) => place = Some(attempt),
            }
        }
        Err(Error::Conflict)
    }

    async fn replace_password(
        &self,
        caller: &SignedIn,
        user: User,
        attempt: Attempt,
        current: &Secret,
        new: &Secret,
    ) -> Result<Committed<PasswordChanged>> {
        let name = user.name().folded();
        let right = self.passwords.check(&caller.client, &name, attempt, Some(user), current).await?;
        let Right { attempt, user, checked, .. } = right;
        let replacement = self.passwords.hash(&caller.client, &name, new).await?;
        let (id, generation) = (user.id(), user.generations().current());
        let change = ChangePassword { user: id, generation, checked, replacement, keep: caller.session };
        let changed = self.store.change_password(change, caller.by(Rpc::ChangePassword, self.time.now()?)).await?;
        match changed.outcome {
            PasswordReplaced::Replaced(own) => {
                attempt.succeeded();
                let own = own.map(|granted| self.tokens.issue(&granted.grant, None, changed.decided_at)).transpose()?;
                Ok(Committed::Done(PasswordChanged { revision: changed.revision, tokens: own }))
            }
            PasswordReplaced::Stale => Ok(Committed::Overtaken(attempt)),
        }
    }

    /// Makes a secret for one-time codes, in place of one that waited before. The login changes only with
    /// [`confirm_totp`](Self::confirm_totp). Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::CredentialTooWeak`] - the caller is no person who logged in (PERMISSION_DENIED).
    /// - [`Error::TotpAlreadyEnabled`] - codes guard the login (FAILED_PRECONDITION).
    pub async fn enroll_totp(&self, caller: &SignedIn) -> Result<Enrolment> {
        let user = self.user(caller.may(Rpc::EnrollTotp)?).await?;
        let secret = totp::generate_secret(&*self.random);
        let sealed = self.second_factors.seal(user.id(), &secret, &*self.random);
        let by = caller.by(Rpc::EnrollTotp, self.time.now()?);
        match self.store.enroll_totp(EnrollTotp { user: user.id(), sealed }, by).await?.outcome {
            TotpEnrolled::Enrolled => Ok(Enrolment {
                secret: totp::secret_text(&secret),
                otpauth_url: totp::otpauth_url(&secret, &self.label, user.name().as_str()),
            }),
            TotpEnrolled::AlreadyOn => Err(Error::TotpAlreadyEnabled),
            TotpEnrolled::Unknown => Err(Error::TokenInvalid),
        }
    }

    /// Makes the waiting secret guard the login and answers ten recovery codes, which are shown this once. The step of `otp` is
    /// spent with it: the same code logs nobody in. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::CredentialTooWeak`] - the caller is no person who logged in (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `otp` is empty or longer than 64 bytes (INVALID_ARGUMENT).
    /// - [`Error::TotpAlreadyEnabled`], [`Error::TotpNotPending`] (FAILED_PRECONDITION).
    /// - [`Error::OtpRequired`] - the code is wrong. Counts as a failed login (UNAUTHENTICATED).
    /// - [`Error::Throttled`] (RESOURCE_EXHAUSTED).
    pub async fn confirm_totp(&self, caller: &SignedIn, otp: &Secret) -> Result<Vec<Secret>> {
        let id = caller.may(Rpc::ConfirmTotp)?;
        limits::required_secret("otp", otp, MAX_CODE)?;
        let user = self.user(id).await?;
        let sealed = match user.totp() {
            Totp::Pending { sealed } => sealed,
            Totp::Off => return Err(Error::TotpNotPending),
            Totp::On { .. } => return Err(Error::TotpAlreadyEnabled),
        };
        let attempt = self.passwords.attempt(&caller.client, &user.name().folded()).await?;
        let now = self.time.now()?;
        let Some(step) = totp::matching_step(&self.second_factors.open(id, sealed)?, otp.expose(), now) else {
            attempt.failed();
            return Err(Error::OtpRequired);
        };
        // A code of one's own new secret proves nothing about the password: no failure is forgiven for it.
        drop(attempt);
        let (codes, recovery) = self.second_factors.recovery_codes(&*self.random);
        let confirm = ConfirmTotp { user: id, sealed: sealed.clone(), step, recovery };
        match self.store.confirm_totp(confirm, caller.by(Rpc::ConfirmTotp, now)).await?.outcome {
            TotpConfirmed::Confirmed => Ok(codes),
            TotpConfirmed::AlreadyOn => Err(Error::TotpAlreadyEnabled),
            TotpConfirmed::NotPending => Err(Error::TotpNotPending),
            TotpConfirmed::Unknown => Err(Error::TokenInvalid),
        }
    }

    async fn user(&self, id: UserId) -> Result<User> {
        self.store.user(id).await?.ok_or(Error::TokenInvalid)
    }
}

fn owner(user: &User) -> Owner<'_> {
    Owner { name: user.name(), email: user.email(), codes: user.totp().is_on() }
}

#[cfg(test)]
mod tests;
