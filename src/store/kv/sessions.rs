//! Sessions: opening, rotating, renewing, ending one.

use async_trait::async_trait;

use super::audit::audit;
use super::commit::{Held, fence, revision_of, revoke};
use super::decided::apply;
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::logout::logout_user;
use super::roll::{Roll, enrol};
use super::rows::{active, belongs, granted, holder, user};
use super::session_row::{put_session, session};
use super::store::KvStore;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::SessionId;
use crate::model::name::Folded;
use crate::model::revocation::Revoked;
use crate::model::session::{Credential, Opening, Session, SessionEnded, SessionRenewed, SessionRotated};
use crate::model::user::{Holder, PasswordLogin, Standing, Subject, UserOpened};
use crate::store::verbs::{
    By, Commit, Ended, Granted, LoggedOut, OpenSession, Opened, RenewSession, Renewed, RotateSession, Rotated, SessionStore,
};
use crate::store::{Result, StoreError};

#[async_trait]
impl SessionStore for KvStore {
    async fn session(&self, id: SessionId) -> Result<Option<Session>> {
        self.read(|view| session(view, id)).await
    }

    async fn open_session(&self, command: OpenSession, by: By) -> Result<Commit<Opened>> {
        self.change(by, move |tx, by| open_session(tx, by, &command)).await
    }

    async fn rotate_session(&self, command: RotateSession, by: By) -> Result<Commit<Rotated>> {
        self.change(by, move |tx, by| rotate_session(tx, by, &command)).await
    }

    async fn renew_session(&self, command: RenewSession, by: By) -> Result<Commit<Renewed>> {
        self.change(by, move |tx, by| renew_session(tx, by, command)).await
    }

    async fn end_session(&self, session: SessionId, by: By) -> Result<Commit<Ended>> {
        self.change_unfenced(by, move |tx, by| end_session(tx, by, session)).await
    }

    async fn logout_user(&self, name: Folded, by: By) -> Result<Commit<LoggedOut>> {
        self.change(by, move |tx, by| logout_user(tx, by, &name)).await
    }
}

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
    Ok(match apply(tx, by, decision)? {
        UserOpened::Opened(session) => Opened::Opened(insert(tx, by, session, holder, open.session.most)?),
        UserOpened::Stale => Opened::Stale,
        UserOpened::FactorRefused => Opened::FactorRefused,
        UserOpened::OrganizationNotAllowed => Opened::OrganizationNotAllowed,
    })
}

/// Puts a session of `holder` in, after the least recently refreshed of its own made room for one more among `most`; answers what its first token is
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

/// Ends the least recently refreshed sessions of a subject until there is room for one more among `most`; strikes dead ones off its
/// roll.
fn make_room(tx: &mut Tx<'_>, by: &By, subject: &Subject, standing: Standing, most: u32) -> Result<()> {
    let mut roll = Roll::of(tx, subject)?;
    roll.retain(|entry| entry.lives(standing, by.now));
    let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
    let crowd = (roll.entries().count() + 1).saturating_sub(most);
    let leaving = roll.least_recently_refreshed(tx, crowd)?;
    roll.write(tx)?;
    for session in leaving {
        apply(tx, by, session.crowd_out(by.now))?;
    }
    Ok(())
}

fn rotate_session(tx: &mut Tx<'_>, by: &By, rotate: &RotateSession) -> Result<Rotated> {
    let Some(session) = session(tx, rotate.session)? else { return Ok(Rotated::Unknown) };
    let holder = holder(tx, session.subject())?;
    let belongs = belongs(tx, &holder, &session)?;
    let decision = session.rotate(&rotate.token, holder.standing(), belongs, by.now, by.origin.source);
    let rotated = match decision.outcome {
        SessionRotated::Rotated => Rotated::Rotated(granted(tx, holder, &decision.value)?),
        SessionRotated::Retried => Rotated::Retried(granted(tx, holder, &decision.value)?),
        SessionRotated::Reused(reason) => Rotated::Reused(reason),
        SessionRotated::Expired => Rotated::Expired,
        SessionRotated::Ended => Rotated::Ended,
        SessionRotated::Foreign => Rotated::Unknown,
        SessionRotated::Mismatch => Rotated::Mismatch,
        SessionRotated::OrganizationNotAllowed => Rotated::OrganizationNotAllowed,
    };
    apply(tx, by, decision)?;
    Ok(rotated)
}

/// The access token may be one that was revoked because its holder lost a role. One that was ended by itself renews nothing.
fn renew_session(tx: &mut Tx<'_>, by: &By, renew: RenewSession) -> Result<Renewed> {
    let Some(session) = session(tx, renew.session)? else {
        let ended = tx.read(&key::session_tombstone(renew.session))?.is_some();
        return Ok(if ended { Renewed::Ended } else { Renewed::Unknown });
    };
    let holder = holder(tx, session.subject())?;
    let belongs = belongs(tx, &holder, &session)?;
    let decision = session.renew(renew.generation, holder.standing(), belongs, by.now);
    let renewed = match decision.outcome {
        SessionRenewed::Renewed => Renewed::Renewed(granted(tx, holder, &decision.value)?),
        SessionRenewed::Expired => Renewed::Expired,
        SessionRenewed::Ended => Renewed::Ended,
        SessionRenewed::Mismatch => Renewed::Mismatch,
        SessionRenewed::Stale => Renewed::Stale,
        SessionRenewed::OrganizationNotAllowed => Renewed::OrganizationNotAllowed,
    };
    apply(tx, by, decision)?;
    Ok(renewed)
}

/// Not fenced as a whole: who ends the session of the very token may come twice, and is told that it was over.
fn end_session(tx: &mut Tx<'_>, by: &By, id: SessionId) -> Result<Held<Ended>> {
    let own = by.caller.as_ref().is_some_and(|caller| caller.session == id);
    if let (Some(caller), false) = (&by.caller, own) {
        fence(tx, caller)?;
    }
    let Some(session) = session(tx, id)? else { return end_rowless(tx, by, id, own) };
    if by.caller.as_ref().is_some_and(|caller| caller.subject != *session.subject()) {
        return Ok(Held::here(Ended::Unknown));
    }
    let holder = holder(tx, session.subject())?;
    Ok(match apply(tx, by, session.end(holder.standing(), by.now))? {
        SessionEnded::Ended => Held::here(Ended::Ended),
        SessionEnded::Before => Held::at(revision_of(tx, &key::session_tombstone(id))?, Ended::Before),
        SessionEnded::Below if holder == Holder::Gone => Held::here(Ended::Before),
        SessionEnded::Below => Held::at(holder.standing().session_floor_revision(), Ended::Before),
        SessionEnded::Over => Held::here(Ended::Before),
    })
}

/// A session that only its tokens know: what a personal key was exchanged for.
fn end_rowless(tx: &mut Tx<'_>, by: &By, id: SessionId, own: bool) -> Result<Held<Ended>> {
    if !own {
        return Ok(Held::here(Ended::Unknown));
    }
    let tombstone = key::session_tombstone(id);
    if tx.read(&tombstone)?.is_some() {
        return Ok(Held::at(revision_of(tx, &tombstone)?, Ended::Before));
    }
    audit(tx, by, Action::SessionEnded(id))?;
    revoke(tx, by.now, Revoked::Session(id))?;
    Ok(Held::here(Ended::Ended))
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
