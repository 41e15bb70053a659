//! Ending sessions: the caller's own, or everything of a name. Owns who may ask; what ends, and the fence against what is under
//! way, is the store's commit.

use std::sync::Arc;

use super::access::Rpc;
use super::client::SignedIn;
use super::time::Time;
use super::{Error, Result, limits};
use crate::store::verbs::{Ended, LoggedOut, SessionStore};

/// What LogoutUser ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutUserDone {
    /// Sessions that were live at the commit, the account's and the guests'.
    pub sessions: u32,
    /// Links that could have been redeemed at the commit.
    pub links: u32,
    /// The revision that holds it.
    pub revision: i64,
}

/// Ends sessions.
#[derive(Clone)]
pub struct Logout {
    sessions: Arc<dyn SessionStore>,
    time: Time,
}

impl Logout {
    /// Ends `sessions`.
    #[must_use]
    pub fn new(sessions: Arc<dyn SessionStore>, time: Time) -> Self {
        Self { sessions, time }
    }

    /// Ends every session, link and token of the account of that name or e-mail address, and of the guests of that name.
    ///
    /// `username` is a name or an e-mail address in any case; `guest:` is not part of it. An unknown one is no error: zeros and
    /// a revision. Atomic, and durable once this returns: nothing whose credential check began before can work afterwards.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is neither staff nor superuser, or the account is and
    ///   the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `username` is neither a name nor an e-mail address (INVALID_ARGUMENT): such a one could name nobody,
    ///   and zeros would look like success.
    /// - [`Error::TokenInvalid`] - the caller was signed out before the commit (UNAUTHENTICATED).
    pub async fn logout_user(&self, caller: &SignedIn, username: &str) -> Result<LogoutUserDone> {
        caller.may(Rpc::LogoutUser)?;
        let name = limits::guest("username", username)?;
        let ended = self.sessions.logout_user(name, caller.by(Rpc::LogoutUser, self.time.now()?)).await?;
        match ended.outcome {
            LoggedOut::Done { sessions, links } => Ok(LogoutUserDone { sessions, links, revision: ended.revision }),
            LoggedOut::NotAllowed => Err(Error::PermissionDenied("superuser")),
        }
    }

    /// Ends the caller's own session, a guest's too, and answers the revision that holds it. The token of a personal key, which
    /// has no session row, is ended as well; the key is not. Durable once this returns.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`] - the caller was signed out before the commit (UNAUTHENTICATED).
    pub async fn logout(&self, caller: &SignedIn) -> Result<i64> {
        let ended = self.sessions.end_session(caller.session, caller.by(Rpc::Logout, self.time.now()?)).await?;
        match ended.outcome {
            Ended::Ended | Ended::Before => Ok(ended.revision),
            Ended::Unknown => Err(Error::TokenInvalid),
        }
    }
}

#[cfg(test)]
mod tests;
