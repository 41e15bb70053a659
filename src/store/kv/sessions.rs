//! Sessions: opening, rotating, renewing, ending one.

use super::audit::audit;
use super::commit::{fence, revision_of, revoke};
use super::decided::apply;
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::roll::{Roll, enrol};
use super::rows::{active, granted, holder, user};
use super::session_row::{put_session, session};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::SessionId;
use crate::model::revocation::Revoked;
use crate::model::session::{Credential, Opening, Session, SessionEnded, SessionRenewed, SessionRotated};
use crate::model::user::{Holder, PasswordLogin, Standing, Subject, UserOpened};
use crate::store::verbs::{By, Ended, Granted, OpenSession, Opened, Renewed, RotateSession, Rotated};
use crate::store::{Result, StoreError};

pub(super) fn open_session(tx: &mut Tx<'_>, by: &By, open: &OpenSession) -> Result<Opened> {
    let Some(user) = user(tx, open.user)? else { return Ok(Opened::Stale) };
    let login = PasswordLogin {
        generation: open.generation,
        password: &open.password,
        factor: open.factor.as_ref(),
        upgraded: open.upgraded.as_deref(),
        organization: active(tx, &user, open.organization.as_ref())?,
    };
    let decision = user.open(&login, &open.session, Opening::at(by.now, by.origin.source));
    let holder = Holder::Account(decision.value.clone());
    Ok(match apply(tx, by, decision)?.0 {
        UserOpened::Opened(session) => Opened::Opened(insert(tx, by, session, holder, open.session.most)?),
        UserOpened::Stale => Opened::Stale,
        UserOpened::FactorRefused => Opened::FactorRefused,
        UserOpened::OrganizationNotAllowed => Opened::OrganizationNotAllowed,
    })
}

/// Puts a session of `holder` in, after the oldest of its own made room for one more among `most`; answers what its first token is
/// made of.
pub(super) fn insert(tx: &mut Tx<'_>, by: &By, new: Session, holder: Holder, most: u32) -> Result<Box<Granted>> {
    if session(tx, new.id())?.is_some() {
        return Err(StoreError::Corrupt(format!("Session: {} exists already", new.id())));
    }
    make_room(tx, by, new.subject(), holder.standing(), most)?;
    expires(tx, new.expire_time(), Expiring::Session(new.id()));
    enrol(tx, &new)?;
    let granted = granted(tx, holder, &new)?;
    put_session(tx, new)?;
    Ok(granted)
}

/// Ends the oldest sessions of a subject until there is room for one more among `most`; strikes dead ones off its roll.
fn make_room(tx: &mut Tx<'_>, by: &By, subject: &Subject, standing: Standing, most: u32) -> Result<()> {
    let mut roll = Roll::of(tx, subject)?;
    roll.retain(|entry| entry.lives(standing, by.now));
    let live = roll.entries();
    roll.write(tx)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
    let crowd = (live.len() + 1).saturating_sub(most);
    for id in live.into_iter().take(crowd).map(|entry| entry.id) {
        if let Some(oldest) = session(tx, id)? {
            apply(tx, by, oldest.crowd_out(by.now))?;
        }
    }
    Ok(())
}

pub(super) fn rotate_session(tx: &mut Tx<'_>, by: &By, rotate: &RotateSession) -> Result<Rotated> {
    let Some(session) = session(tx, rotate.session)? else { return Ok(Rotated::Unknown) };
    let holder = holder(tx, session.subject())?;
    let decision = session.rotate(&rotate.token, holder.standing(), by.now, by.origin.source);
    let rotated = match decision.outcome {
        SessionRotated::Rotated => Rotated::Rotated(granted(tx, holder, &decision.value)?),
        SessionRotated::Retried => Rotated::Retried(granted(tx, holder, &decision.value)?),
        SessionRotated::Reused(reason) => Rotated::Reused(reason),
        SessionRotated::Expired => Rotated::Expired,
        SessionRotated::Ended => Rotated::Ended,
        SessionRotated::Foreign => Rotated::Unknown,
        SessionRotated::Mismatch => Rotated::Mismatch,
    };
    apply(tx, by, decision)?;
    Ok(rotated)
}

pub(super) fn renew_session(tx: &mut Tx<'_>, by: &By, id: SessionId) -> Result<Renewed> {
    let Some(session) = session(tx, id)? else { return Ok(Renewed::Unknown) };
    let holder = holder(tx, session.subject())?;
    let decision = session.renew(holder.standing(), by.now);
    let renewed = match decision.outcome {
        SessionRenewed::Renewed => Renewed::Renewed(granted(tx, holder, &decision.value)?),
        SessionRenewed::Expired => Renewed::Expired,
        SessionRenewed::Ended => Renewed::Ended,
        SessionRenewed::Mismatch => Renewed::Mismatch,
    };
    apply(tx, by, decision)?;
    Ok(renewed)
}

/// Not fenced as a whole: who ends the session of the very token may come twice, and is told that it was over.
pub(super) fn end_session(tx: &mut Tx<'_>, by: &By, id: SessionId) -> Result<Ended> {
    let own = by.caller.as_ref().is_some_and(|caller| caller.session == id);
    if let (Some(caller), false) = (&by.caller, own) {
        fence(tx, caller)?;
    }
    let Some(session) = session(tx, id)? else { return end_rowless(tx, by, id, own) };
    if by.caller.as_ref().is_some_and(|caller| caller.subject != *session.subject()) {
        return Ok(Ended::Unknown);
    }
    let holder = holder(tx, session.subject())?;
    let (outcome, revision) = apply(tx, by, session.end(holder.standing(), by.now))?;
    Ok(match outcome {
        SessionEnded::Ended => Ended::Ended(revision),
        SessionEnded::Before => Ended::Before(revision_of(tx, &key::session_tombstone(id))?),
        SessionEnded::Below if holder == Holder::Gone => Ended::Before(revision),
        SessionEnded::Below => Ended::Before(holder.standing().session_floor_revision()),
        SessionEnded::Over => Ended::Before(revision),
    })
}

/// A session that only its tokens know: what a personal key was exchanged for.
fn end_rowless(tx: &mut Tx<'_>, by: &By, id: SessionId, own: bool) -> Result<Ended> {
    if !own {
        return Ok(Ended::Unknown);
    }
    let tombstone = key::session_tombstone(id);
    if tx.read(&tombstone)?.is_some() {
        return Ok(Ended::Before(revision_of(tx, &tombstone)?));
    }
    audit(tx, by, Action::SessionEnded(id))?;
    Ok(Ended::Ended(revoke(tx, by.now, Revoked::Session(id))?))
}

/// Ends the live sessions of a subject that came from a credential.
pub(super) fn end_those_of(tx: &mut Tx<'_>, by: &By, subject: &Subject, credential: Credential) -> Result<()> {
    for entry in Roll::of(tx, subject)?.entries() {
        if let Some(decision) = session(tx, entry.id)?.and_then(|session| session.end_with(credential, by.now)) {
            apply(tx, by, decision)?;
        }
    }
    Ok(())
}
