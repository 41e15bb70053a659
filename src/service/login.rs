//! Login: name or e-mail, password and one-time code for a session.

use std::sync::Arc;

use super::client::Client;
use super::limits::{self, MAX_CODE, MAX_PASSWORD};
use super::passwords::{Committed, MOST_CHECKS, Passwords, Right};
use super::refusals::Refusals;
use super::second_factor::SecondFactors;
use super::throttle::Attempt;
use super::time::Time;
use super::tokens::{Account, SignIn, Tokens};
use super::{Error, Reason, Result};
use crate::model::name::Folded;
use crate::model::secret::Secret;
use crate::model::session::{Method, Mode};
use crate::model::user::{SecondFactor, User};
use crate::store::Store;
use crate::store::verbs::{AccountStore, OpenSession, Opened, OrganizationStore, SessionStore};

/// What Login takes.
#[derive(Clone, Debug)]
pub struct LoginRequest {
    /// A name or an e-mail address; at most 254 bytes.
    pub username: String,
    /// At most 1,024 bytes, taken exactly as given.
    pub password: Secret,
    /// A one-time or recovery code; at most 64 bytes. Ignored where the account has none.
    pub otp: Secret,
    /// The organization to act in; empty: the personal one.
    pub organization: String,
    /// Where the refresh token is to travel; JSON where not said.
    pub mode: Option<Mode>,
}

/// Logs in by password.
pub struct Login {
    accounts: Arc<dyn AccountStore>,
    organizations: Arc<dyn OrganizationStore>,
    sessions: Arc<dyn SessionStore>,
    passwords: Passwords,
    second_factors: SecondFactors,
    refusals: Arc<Refusals>,
    tokens: Tokens,
    time: Time,
}

impl Login {
    /// Logs in to accounts of `store`.
    #[must_use]
    pub fn new(
        store: &Arc<dyn Store>,
        passwords: Passwords,
        second_factors: SecondFactors,
        refusals: Arc<Refusals>,
        tokens: Tokens,
        time: Time,
    ) -> Self {
        Self {
            accounts: store.clone(),
            organizations: store.clone(),
            sessions: store.clone(),
            passwords,
            second_factors,
            refusals,
            tokens,
            time,
        }
    }

    /// Opens a session, or refuses. Atomic and durable when it returns; a code is spent only together with what it opened.
    ///
    /// What a LogoutUser, or another change of the account, overtakes between check and commit is checked once more from the start:
    /// the account is read again, and its password hashed again, after that change.
    ///
    /// # Errors
    /// - [`Error::Invalid`]: a field past its limit; costs no hash.
    /// - [`Error::InvalidCredentials`]: unknown, disabled or wrong password: one answer.
    /// - [`Error::Conflict`]: right both times, and overtaken both times.
    /// - [`Error::OtpRequired`]: the password is right, the code missing or wrong.
    /// - [`Error::OrgNotAllowed`], [`Error::Throttled`], [`Error::Overloaded`], [`Error::ClockUntrusted`].
    pub async fn login(&self, client: &Client, request: LoginRequest) -> Result<SignIn> {
        let presented = limits::login("username", &request.username)?;
        limits::required_secret("password", &request.password, MAX_PASSWORD)?;
        limits::secret("otp", &request.otp, MAX_CODE)?;
        let organization = limits::organization("org_name", &request.organization)?;

        // Nothing could come of it: neither a session nor the record of a refusal.
        self.time.now()?;
        let mut attempt = self.passwords.attempt(client, &presented).await?;
        for _ in 0..MOST_CHECKS {
            let right = self.check(client, &presented, attempt, &request.password).await?;
            match self.open(client, right, &request, organization.clone()).await? {
                Committed::Done(sign_in) => return Ok(sign_in),
                Committed::Overtaken(place) => attempt = place,
            }
        }
        Err(Error::Conflict)
    }

    async fn check(&self, client: &Client, presented: &Folded, attempt: Attempt, password: &Secret) -> Result<Right> {
        // Read before the password is checked: whatever ends the account's sessions from here on ends this one.
        let found = self.accounts.user_by_login(presented).await?;
        let account = found.as_ref().map(User::id);
        let checked = self.passwords.check(client, presented, attempt, found, password).await;
        if let (Some(id), Err(Error::InvalidCredentials)) = (account, &checked) {
            self.refusals.note(client, id, Reason::InvalidCredentials);
        }
        checked
    }

    async fn open(
        &self,
        client: &Client,
        right: Right,
        request: &LoginRequest,
        organization: Option<Folded>,
    ) -> Result<Committed<SignIn>> {
        let Right { attempt, user, checked, upgraded } = right;
        let factor = if user.totp().is_on() {
            if request.otp.is_empty() {
                return Err(Error::OtpRequired);
            }
            let Some(factor) = self.second_factors.check(user.id(), user.totp(), &request.otp, self.time.now()?)? else {
                attempt.failed();
                self.refusals.note(client, user.id(), Reason::OtpRequired);
                return Err(Error::OtpRequired);
            };
            Some(factor)
        } else {
            None
        };
        let methods = methods(factor.as_ref());
        let (session, refresh) = self.tokens.new_session(client.face, request.mode.unwrap_or(Mode::Json), methods);
        let open = OpenSession {
            session,
            user: user.id(),
            generation: user.generations().current(),
            password: checked,
            factor,
            upgraded,
            organization,
        };
        let opened = self.sessions.open_session(open, client.by(self.time.now()?)).await?;
        match opened.outcome {
            Opened::Opened(granted) => {
                attempt.succeeded();
                let tokens = self.tokens.issue(&granted.grant, Some(refresh), opened.decided_at)?;
                Ok(Committed::Done(SignIn { tokens, user: self.account(granted.user).await? }))
            }
            Opened::Stale => Ok(Committed::Overtaken(attempt)),
            Opened::FactorRefused => {
                // Spent a moment ago by another: as wrong as any other code.
                attempt.failed();
                self.refusals.note(client, user.id(), Reason::OtpRequired);
                Err(Error::OtpRequired)
            }
            Opened::OrganizationNotAllowed => {
                self.refusals.note(client, user.id(), Reason::OrgNotAllowed);
                Err(Error::OrgNotAllowed)
            }
        }
    }

    async fn account(&self, user: Option<User>) -> Result<Option<Account>> {
        match user {
            Some(user) => Account::read(&*self.organizations, user).await.map(Some),
            None => Ok(None),
        }
    }
}

fn methods(factor: Option<&SecondFactor>) -> Vec<Method> {
    let second = factor.map(|factor| match factor {
        SecondFactor::TotpStep(_) => Method::OneTimeCode,
        SecondFactor::Recovery(_) => Method::RecoveryCode,
    });
    std::iter::once(Method::Password).chain(second).collect()
}

#[cfg(test)]
mod tests;
