//! The identities of accounts at providers: found by issuer and subject, and by account.

use super::audit::audit;
use super::engine::View;
use super::key::{self, Kind};
use super::record::{Identity, IdentityEntry, load, put, scan, scan_from};
use super::rows::{user, user_by_name};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::UserId;
use crate::model::provider::IdentityProvider;
use crate::model::user::User;
use crate::store::Result;
use crate::store::verbs::{By, IdentityLinked, IdentityUnlinked, LinkIdentity, LinkedIdentity};

/// The account of an identity. One that is gone is none: its identity is anybody's again.
pub(super) fn account_of(view: &dyn View, issuer: &str, subject: &str) -> Result<Option<User>> {
    match load(view, &key::identity(issuer, subject))? {
        Some(Identity(id)) => user(view, id),
        None => Ok(None),
    }
}

/// Gives an account an identity, in both indexes.
pub(super) fn give(tx: &mut Tx<'_>, id: UserId, issuer: &str, subject: &str) -> Result<()> {
    put(tx, key::identity(issuer, subject), &Identity(id))?;
    let entry = IdentityEntry { issuer: issuer.to_owned(), subject: subject.to_owned() };
    put(tx, key::identity_by_user(id, issuer, subject), &entry)
}

/// Lists an identity among its account's where it is not yet: those of before there was this list come in when they are used.
pub(super) fn list(tx: &mut Tx<'_>, id: UserId, issuer: &str, subject: &str) -> Result<()> {
    match tx.read(&key::identity_by_user(id, issuer, subject))? {
        Some(_) => Ok(()),
        None => give(tx, id, issuer, subject),
    }
}

pub(super) fn identities(
    view: &dyn View,
    user: UserId,
    after: Option<&LinkedIdentity>,
    most: u32,
) -> Result<Vec<LinkedIdentity>> {
    let all = key::identities_by_user(user);
    let from = after.map_or_else(
        || all.clone(),
        |LinkedIdentity { issuer, subject }| key::following(key::identity_by_user(user, issuer, subject)),
    );
    let found = scan_from::<IdentityEntry>(view, &all, &from, usize::try_from(most).unwrap_or(usize::MAX))?;
    Ok(found.into_iter().map(|(_, IdentityEntry { issuer, subject })| LinkedIdentity { issuer, subject }).collect())
}

pub(super) fn link_identity(tx: &mut Tx<'_>, by: &By, command: &LinkIdentity) -> Result<IdentityLinked> {
    let LinkIdentity { user, identity: LinkedIdentity { issuer, subject } } = command;
    let Some(user) = user_by_name(tx, user)? else { return Ok(IdentityLinked::NoSuchUser) };
    let providers = scan::<IdentityProvider>(tx, &key::all(Kind::Provider))?;
    if !providers.iter().any(|(_, provider)| provider.issuer == *issuer) {
        return Ok(IdentityLinked::NoSuchProvider);
    }
    match account_of(tx, issuer, subject)? {
        Some(other) if other.id() != user.id() => return Ok(IdentityLinked::Taken),
        Some(_) => list(tx, user.id(), issuer, subject)?,
        None => {
            give(tx, user.id(), issuer, subject)?;
            audit(tx, by, Action::IdentityLinked(user.id(), format!("{issuer} {subject}")))?;
        }
    }
    Ok(IdentityLinked::Done)
}

pub(super) fn unlink_identity(tx: &mut Tx<'_>, by: &By, command: &LinkIdentity) -> Result<IdentityUnlinked> {
    let LinkIdentity { user, identity: LinkedIdentity { issuer, subject } } = command;
    let Some(user) = user_by_name(tx, user)? else { return Ok(IdentityUnlinked::NoSuchUser) };
    if account_of(tx, issuer, subject)?.is_none_or(|account| account.id() != user.id()) {
        return Ok(IdentityUnlinked::NotLinked);
    }
    tx.remove(key::identity(issuer, subject));
    tx.remove(key::identity_by_user(user.id(), issuer, subject));
    audit(tx, by, Action::IdentityUnlinked(user.id(), format!("{issuer} {subject}")))?;
    Ok(IdentityUnlinked::Done)
}
