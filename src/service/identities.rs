//! The identities at providers that accounts are linked to, as an operator handles them. A sign-on finds its account by issuer and
//! subject, so whoever links one hands the account to whoever signs on with it.

use std::sync::Arc;

use super::access::Rpc;
use super::client::SignedIn;
use super::limits;
use super::paging::{Page, Pages, Query};
use super::providers::MAX_ISSUER;
use super::time::Time;
use super::{Error, Result, Thing};
use crate::model::name::Folded;
use crate::store::Store;
pub use crate::store::verbs::LinkedIdentity;
use crate::store::verbs::{AccountStore, IdentityLinked, IdentityUnlinked, LinkIdentity, SignOnStore};

/// The longest subject, in bytes (OpenID Connect Core 1.0, section 2).
pub const MAX_SUBJECT: usize = 255;

/// Links accounts to identities.
#[derive(Clone)]
pub struct Identities {
    accounts: Arc<dyn AccountStore>,
    store: Arc<dyn SignOnStore>,
    time: Time,
    pages: Pages,
}

impl Identities {
    /// One over `store`.
    #[must_use]
    pub fn new(store: &Arc<dyn Store>, time: Time, pages: Pages) -> Self {
        Self { accounts: store.clone(), store: store.clone(), time, pages }
    }

    /// A page of the identities that the account `username` is linked to, at most `size`, in an order of their own.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is no superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - `username` is no name, or the token is none of this list (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] (NOT_FOUND, USER_NOT_FOUND).
    pub async fn list(&self, caller: &SignedIn, username: &str, size: u32, page_token: &str) -> Result<Page<LinkedIdentity>> {
        let asker = caller.may(Rpc::ListIdentities)?;
        let name = limits::name("username", username)?.folded();
        let query = Query { caller: asker, rpc: Rpc::ListIdentities, filters: &[name.as_str()] };
        let after = self.pages.after(&query, page_token, read_cursor)?;
        let user = self.accounts.user_by_login(&name).await?.ok_or(Error::NotFound(Thing::User))?;
        let found = self.store.identities(user.id(), after.as_ref(), size.saturating_add(1)).await?;
        Ok(self.pages.page(&query, found, size, write_cursor))
    }

    /// Links the account `username` to the identity `subject` at `issuer`, which is that of a registered provider. Repeating it is OK.
    /// Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`], [`Error::CredentialTooWeak`] (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is empty or past its limit (INVALID_ARGUMENT).
    /// - [`Error::NotFound`] - the user or the provider (NOT_FOUND); [`Error::IdentityTaken`] (ALREADY_EXISTS).
    pub async fn link(&self, caller: &SignedIn, username: &str, issuer: &str, subject: &str) -> Result<()> {
        caller.may(Rpc::LinkIdentity)?;
        let link = command(username, issuer, subject)?;
        match self.store.link_identity(link, caller.by(Rpc::LinkIdentity, self.time.now()?)).await?.outcome {
            IdentityLinked::Done => Ok(()),
            IdentityLinked::NoSuchUser => Err(Error::NotFound(Thing::User)),
            IdentityLinked::NoSuchProvider => Err(Error::NotFound(Thing::Provider)),
            IdentityLinked::Taken => Err(Error::IdentityTaken),
        }
    }

    /// Unlinks the account `username` from the identity `subject` at `issuer`. Its sessions go on. Durable once this returns.
    ///
    /// # Errors
    /// As [`link`](Self::link), but for the credential; [`Error::NotFound`] with [`Thing::Identity`] where the account does not have
    /// the identity (NOT_FOUND, IDENTITY_NOT_FOUND).
    pub async fn unlink(&self, caller: &SignedIn, username: &str, issuer: &str, subject: &str) -> Result<()> {
        caller.may(Rpc::UnlinkIdentity)?;
        let unlink = command(username, issuer, subject)?;
        match self.store.unlink_identity(unlink, caller.by(Rpc::UnlinkIdentity, self.time.now()?)).await?.outcome {
            IdentityUnlinked::Done => Ok(()),
            IdentityUnlinked::NoSuchUser => Err(Error::NotFound(Thing::User)),
            IdentityUnlinked::NotLinked => Err(Error::NotFound(Thing::Identity)),
        }
    }
}

fn command(username: &str, issuer: &str, subject: &str) -> Result<LinkIdentity> {
    let user: Folded = limits::name("username", username)?.folded();
    let issuer = limits::required("issuer", issuer, MAX_ISSUER)?.to_owned();
    let subject = limits::required("subject", subject, MAX_SUBJECT)?.to_owned();
    Ok(LinkIdentity { user, identity: LinkedIdentity { issuer, subject } })
}

/// Issuer and subject with a zero byte between them, which neither has.
fn write_cursor(last: &LinkedIdentity) -> Vec<u8> {
    [last.issuer.as_bytes(), &[0], last.subject.as_bytes()].concat()
}

fn read_cursor(cursor: &[u8]) -> Option<LinkedIdentity> {
    let (issuer, subject) = std::str::from_utf8(cursor).ok()?.split_once('\0')?;
    Some(LinkedIdentity { issuer: issuer.to_owned(), subject: subject.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let last = LinkedIdentity { issuer: "https://idp".to_owned(), subject: "a b".to_owned() };
        assert_eq!(read_cursor(&write_cursor(&last)), Some(last));
        assert_eq!(read_cursor(b"nothing"), None);
    }
}
