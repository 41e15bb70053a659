//! Accounts: making them, switching them on and off, passwords, one-time codes.

use super::audit::audit;
use super::commit::{next_revision, revoke};
use super::engine::View;
use super::key::{self, Kind};
use super::record::{Named, Superuser, put, scan};
use super::roll;
use super::rows::{Life, known_user, life, named, user, user_by_name};
use super::session_row::{put_session, session};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::UserId;
use crate::model::name::Folded;
use crate::model::revocation::Revoked;
use crate::model::session::Session;
use crate::model::user::{Subject, Totp, User};
use crate::store::verbs::{By, ChangePassword, Changed, Created, Switched, TotpChanged};
use crate::store::{Result, StoreError};

pub(super) fn user_by_login(view: &dyn View, login: &Folded) -> Result<Option<User>> {
    match named(view, login)? {
        Some(Named::User(id) | Named::Email(id)) => Ok(Some(known_user(view, id)?)),
        _ => Ok(None),
    }
}

pub(super) fn create_user(tx: &mut Tx<'_>, by: &By, new: &User) -> Result<Created> {
    if user(tx, new.id)?.is_some() {
        return Err(StoreError::Corrupt(format!("User: {} exists already", new.id)));
    }
    if let Some(refused) = occupied(tx, &new.name.folded())? {
        return Ok(refused);
    }
    if let Some(email) = &new.email
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
    put(tx, key::user(user.id), user)?;
    put(tx, key::name(&user.name.folded()), &Named::User(user.id))?;
    if let Some(email) = &user.email {
        put(tx, key::name(&email.folded()), &Named::Email(user.id))?;
    }
    if user.roles.superuser {
        put(tx, key::superuser(user.id), &Superuser(user.id))?;
    }
    audit(tx, by, Action::UserCreated(user.id))
}

pub(super) fn switch_user(tx: &mut Tx<'_>, by: &By, name: &Folded, enabled: bool) -> Result<Switched> {
    let Some(mut user) = user_by_name(tx, name)? else { return Ok(Switched::Unknown) };
    if user.enabled == enabled {
        return Ok(Switched::Done(Box::new(user)));
    }
    if !enabled && user.roles.superuser && !another_superuser(tx, user.id)? {
        return Ok(Switched::LastSuperuser);
    }
    user.enabled = enabled;
    if enabled {
        audit(tx, by, Action::UserEnabled(user.id))?;
    } else {
        audit(tx, by, Action::UserDisabled(user.id))?;
        end_all(tx, by, &mut user)?;
    }
    put(tx, key::user(user.id), &user)?;
    Ok(Switched::Done(Box::new(user)))
}

/// True where an enabled superuser other than `id` is there.
fn another_superuser(view: &dyn View, id: UserId) -> Result<bool> {
    for (_, Superuser(other)) in scan(view, &key::all(Kind::Superuser))? {
        if other != id && known_user(view, other)?.enabled {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends everything that an account opened; its row is the caller's to put. Answers the revision.
pub(super) fn end_all(tx: &mut Tx<'_>, by: &By, user: &mut User) -> Result<i64> {
    let subject = Subject::User(user.id);
    roll::clear(tx, &subject)?;
    user.generations.end_all(next_revision(tx, by.now));
    revoke(tx, by.now, Revoked::Below(subject, user.generations.token_floor))
}

/// Ends the tokens of an account that lost a role or a membership.
pub(super) fn end_tokens(tx: &mut Tx<'_>, by: &By, mut user: User) -> Result<i64> {
    user.generations.end_tokens(next_revision(tx, by.now));
    put(tx, key::user(user.id), &user)?;
    revoke(tx, by.now, Revoked::Below(Subject::User(user.id), user.generations.token_floor))
}

pub(super) fn change_password(tx: &mut Tx<'_>, by: &By, change: ChangePassword) -> Result<Changed> {
    let Some(mut user) = user(tx, change.user)? else { return Ok(Changed::Stale) };
    let unchanged = user.enabled
        && user.generations.current == change.generation
        && user.password.as_ref().is_some_and(|password| *password == change.checked);
    if !unchanged {
        return Ok(Changed::Stale);
    }
    let kept = kept_session(tx, by, &user, &change)?;
    user.password = Some(change.replacement);
    audit(tx, by, Action::PasswordChanged(user.id))?;
    let revision = end_all(tx, by, &mut user)?;
    if let Some(mut session) = kept {
        session.generation = user.generations.current;
        roll::enrol(tx, &session)?;
        put_session(tx, session)?;
    }
    put(tx, key::user(user.id), &user)?;
    Ok(Changed::Changed(revision))
}

/// The caller's own session, where it is one with a row and lives.
fn kept_session(view: &dyn View, by: &By, user: &User, change: &ChangePassword) -> Result<Option<Session>> {
    match session(view, change.keep)? {
        Some(session) if session.subject == Subject::User(user.id) && life(view, &session, by.now)? == Life::Live => {
            Ok(Some(session))
        }
        _ => Ok(None),
    }
}

pub(super) fn enroll_totp(tx: &mut Tx<'_>, by: &By, id: UserId, sealed: Vec<u8>) -> Result<TotpChanged> {
    let Some(mut user) = user(tx, id)? else { return Ok(TotpChanged::Unknown) };
    if user.totp.is_on() {
        return Ok(TotpChanged::AlreadyOn);
    }
    user.totp = Totp::Pending { sealed };
    put(tx, key::user(id), &user)?;
    audit(tx, by, Action::TotpEnrolled(id))?;
    Ok(TotpChanged::Changed)
}

pub(super) fn confirm_totp(
    tx: &mut Tx<'_>,
    by: &By,
    id: UserId,
    checked: &[u8],
    step: u64,
    recovery: Vec<[u8; 32]>,
) -> Result<TotpChanged> {
    let Some(mut user) = user(tx, id)? else { return Ok(TotpChanged::Unknown) };
    user.totp = match user.totp {
        Totp::On { .. } => return Ok(TotpChanged::AlreadyOn),
        Totp::Pending { sealed } if sealed == checked => Totp::On { sealed, last_step: step, recovery },
        Totp::Pending { .. } | Totp::Off => return Ok(TotpChanged::NotPending),
    };
    put(tx, key::user(id), &user)?;
    audit(tx, by, Action::TotpConfirmed(id))?;
    Ok(TotpChanged::Changed)
}
