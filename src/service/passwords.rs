//! Checking an account's password: throttled, in the hash pool, and costing the same whether or not there is such an account.

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::throttle::{Attempt, Throttle};
use super::{Error, Result};
use crate::crypto::password::pool::{HashPool, Lane, PoolError, Ticket, Verdict};
use crate::model::name::Folded;
use crate::model::secret::Secret;
use crate::model::user::User;

/// How long a password check may wait and take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How often a password is checked whose account changes between the check and the commit that goes by it.
pub const MOST_CHECKS: u32 = 2;

/// Checks and hashes passwords.
#[derive(Clone)]
pub struct Passwords {
    pool: Arc<HashPool>,
    throttle: Arc<Throttle>,
}

/// A password that was found right; what was found wrong is [`Error::InvalidCredentials`] and counted already.
pub struct Right {
    /// The attempt, whose outcome the rest of the login decides.
    pub attempt: Attempt,
    /// The account.
    pub user: User,
    /// The hash that was checked.
    pub checked: String,
    /// A stronger hash of the same password, where the stored one is weaker than what is made today.
    pub upgraded: Option<String>,
}

/// What became of a password that was found right, in the commit that goes by it.
pub enum Committed<T> {
    /// Done.
    Done(T),
    /// The account changed after it was read, and nothing was done: what was right may be wrong now. The attempt keeps its place, so
    /// that the check can begin anew.
    Overtaken(Attempt),
}

impl Passwords {
    /// Checks in `pool`, counts in `throttle`.
    #[must_use]
    pub fn new(pool: Arc<HashPool>, throttle: Arc<Throttle>) -> Self {
        Self { pool, throttle }
    }

    /// Takes a place for an attempt at the presented name.
    ///
    /// # Errors
    /// [`Error::Throttled`].
    pub async fn attempt(&self, client: &Client, presented: &Folded) -> Result<Attempt> {
        self.throttle.attempt(presented, client.source).await
    }

    /// Checks `password` for `user`, read before this is called, or for nobody.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] (counted as a failure), [`Error::Overloaded`] (not counted).
    ///
    /// # Security
    /// An unknown account, one that is disabled and one without a password cost the hash of one that exists.
    pub async fn check(
        &self,
        client: &Client,
        presented: &Folded,
        attempt: Attempt,
        user: Option<User>,
        password: &Secret,
    ) -> Result<Right> {
        let stored = user.as_ref().and_then(|user| user.password().map(str::to_owned));
        let ticket = ticket(client, presented, attempt.known());
        let verdict = self.pool.verify(ticket.clone(), password.clone(), stored.clone()).await.map_err(refusal)?;
        let (Verdict::Right { needs_rehash }, Some(user), Some(checked)) = (verdict, user, stored) else {
            attempt.failed();
            return Err(Error::InvalidCredentials);
        };
        if !user.enabled() {
            attempt.failed();
            return Err(Error::InvalidCredentials);
        }
        // Where the pool is too busy for the upgrade, the next login tries again.
        let upgraded = if needs_rehash { self.pool.hash(ticket, password.clone()).await.ok() } else { None };
        Ok(Right { attempt, user, checked, upgraded })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`Error::Overloaded`].
    pub async fn hash(&self, client: &Client, name: &Folded, password: &Secret) -> Result<String> {
        self.pool.hash(ticket(client, name, true), password.clone()).await.map_err(refusal)
    }
}

fn ticket(client: &Client, name: &Folded, known: bool) -> Ticket {
    let lane = if known { Lane::Known } else { Lane::Stranger };
    Ticket { name: name.clone(), source: client.source, lane, deadline: DEADLINE }
}

fn refusal(error: PoolError) -> Error {
    match error {
        PoolError::Overloaded { retry_after } => Error::Overloaded(retry_after),
        PoolError::DeadlinePassed | PoolError::Stopped => Error::Overloaded(Duration::from_secs(1)),
        PoolError::StoredHash(error) => Error::Internal(error.to_string()),
    }
}
