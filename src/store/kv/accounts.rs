//! Accounts: making them, switching them on and off, passwords, one-time codes.

use super::audit::audit;
use super::commit::next_revision;
use super::decided::apply;
use super::engine::View;
use super::key::{self, Kind};
use super::record::{Named, Superuser, put, scan};
use super::roll;
use super::rows::{known_user, named, user, user_by_name};
use super::session_row::{put_session, session};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::decision::Decision;
use crate::model::ids::UserId;
use crate::model::name::Folded;
use crate::model::user::{PasswordChange, PasswordChanged, Subject, TotpChanged, User, UserSwitched};
use crate::store::verbs::{By, ChangePassword, Changed, Created, Switched};
use crate::store::{Result, StoreError};

pub(super) fn user_by_login(view: &dyn View, login: &Folded) -> Result<Option<User>> {
    match named(view, login)? {
        Some(Named::User(id) | Named::Email(id)) => Ok(Some(known_user(view, id)?)),
        _ => Ok(None),
    }
}

pub(super) fn create_user(tx: &mut Tx<'_>, by: &By, new: &User) -> Result<Created> {
    if user(tx, new.id())?.is_some() {
        return Err(StoreError::Corrupt(format!("User: {} exists already", new.id())));
    }
    if let Some(refused) = occupied(tx, &new.name().folded())? {
        return Ok(refused);
    }
    if let Some(email) = new.email()
        && named(tx, &email.folded())?.is_some()
    {
        return Ok(Created::Taken { email: true });
    }
    insert(tx, by, new)?;
    Ok(Created::Created)
}

/// Why a name cannot be given; `None` where it can.
pub(super) fn occupied(view: &dyn View, name: &Folded) -> Result<Option<Created>> {
    Ok(named(view, name)?.map(|named| match named {
        Named::Reserved => Created::Reserved,
        _ => Created::Taken { email: false },
    }))
}

/// Puts an account in whose name and e-mail are free.
pub(super) fn insert(tx: &mut Tx<'_>, by: &By, user: &User) -> Result<()> {
    put(tx, key::user(user.id()), user)?;
    put(tx, key::name(&user.name().folded()), &Named::User(user.id()))?;
    if let Some(email) = user.email() {
        put(tx, key::name(&email.folded()), &Named::Email(user.id()))?;
    }
    if user.roles().superuser {
        put(tx, key::superuser(user.id()), &Superuser(user.id()))?;
    }
    audit(tx, by, Action::UserCreated(user.id()))
}

pub(super) fn switch_user(tx: &mut Tx<'_>, by: &By, name: &Folded, enabled: bool) -> Result<Switched> {
    let Some(user) = user_by_name(tx, name)? else { return Ok(Switched::Unknown) };
    let another = another_superuser(tx, user.id())?;
    let decision = user.switch(enabled, another, next_revision(tx, by.now));
    match decision.outcome {
        UserSwitched::Done => Ok(Switched::Done(Box::new(end_or_keep(tx, by, decision)?))),
        UserSwitched::LastSuperuser => Ok(Switched::LastSuperuser),
    }
}

/// True where an enabled superuser other than `id` is there.
fn another_superuser(view: &dyn View, id: UserId) -> Result<bool> {
    for (_, Superuser(other)) in scan(view, &key::all(Kind::Superuser))? {
        if other != id && known_user(view, other)?.enabled() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes what was decided about an account, and takes its sessions off the roll where they ended. Answers the account.
fn end_or_keep<O>(tx: &mut Tx<'_>, by: &By, decision: Decision<User, O>) -> Result<User> {
    let user = decision.value.clone();
    if !user.enabled() {
        roll::clear(tx, &Subject::User(user.id()))?;
    }
    apply(tx, by, decision)?;
    Ok(user)
}

pub(super) fn change_password(tx: &mut Tx<'_>, by: &By, change: &ChangePassword) -> Result<Changed> {
    let Some(user) = user(tx, change.user)? else { return Ok(Changed::Stale) };
    let subject = Subject::User(user.id());
    let own = session(tx, change.keep)?;
    let ChangePassword { generation, checked, replacement, .. } = change;
    let replaced = PasswordChange { generation: *generation, checked, replacement };
    let decision = user.change_password(&replaced, own, by.now, next_revision(tx, by.now));
    let (PasswordChanged::Changed(moved), revision) = apply(tx, by, decision)? else { return Ok(Changed::Stale) };
    roll::clear(tx, &subject)?;
    if let Some(own) = moved {
        roll::enrol(tx, &own)?;
        put_session(tx, own)?;
    }
    Ok(Changed::Changed(revision))
}

pub(super) fn enroll_totp(tx: &mut Tx<'_>, by: &By, id: UserId, sealed: &[u8]) -> Result<TotpChanged> {
    let Some(user) = user(tx, id)? else { return Ok(TotpChanged::Unknown) };
    Ok(apply(tx, by, user.enroll_totp(sealed))?.0)
}

pub(super) fn confirm_totp(
    tx: &mut Tx<'_>,
    by: &By,
    id: UserId,
    checked: &[u8],
    step: u64,
    recovery: &[[u8; 32]],
) -> Result<TotpChanged> {
    let Some(user) = user(tx, id)? else { return Ok(TotpChanged::Unknown) };
    Ok(apply(tx, by, user.confirm_totp(checked, step, recovery))?.0)
}
