//! Sessions: opening, rotating, renewing, ending one.

use super::audit::audit;
use super::commit::{fence, revision_of, revoke};
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::record::put;
use super::roll::{Roll, enrol, strike};
use super::rows::{Life, active, generations, grant, grant_to, holder, life, life_with, user};
use super::session_row::{put_session, session};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::organization::ActiveOrganization;
use crate::model::revocation::Revoked;
use crate::model::session::{Credential, EndReason, LAST_MOMENTS, Mode, Presented, Renewal, Session, SessionState};
use crate::model::user::{Generation, SecondFactor, Subject, Totp};
use crate::store::verbs::{By, Ended, Grant, NewSession, OpenSession, Opened, Renewed, RotateSession, Rotated};
use crate::store::{Result, StoreError};

pub(super) fn open_session(tx: &mut Tx<'_>, by: &By, open: OpenSession) -> Result<Opened> {
    let Some(mut user) = user(tx, open.user)? else { return Ok(Opened::Stale) };
    let unchanged = user.enabled
        && user.generations.session_lives(open.generation)
        && user.password.as_ref().is_some_and(|password| *password == open.password);
    if !unchanged {
        return Ok(Opened::Stale);
    }
    if !spend(&mut user.totp, open.factor.as_ref()) {
        return Ok(Opened::FactorRefused);
    }
    let Some(organization) = active(tx, &user, open.organization.as_ref())? else {
        return Ok(Opened::OrganizationNotAllowed);
    };
    if let Some(upgraded) = open.upgraded {
        user.password = Some(upgraded);
    }
    put(tx, key::user(user.id), &user)?;
    let opening = Opening {
        subject: Subject::User(user.id),
        username: String::new(),
        generation: open.generation,
        organization,
        dataset_id: None,
        credential: None,
        auth_time: by.now,
        latest_end: None,
    };
    audit(tx, by, Action::Login(user.id, open.session.id))?;
    let session = insert(tx, by, open.session, opening)?;
    Ok(Opened::Opened(grant(tx, session)?))
}

/// Takes the factor out of what is still accepted; false where one is needed and this is none.
fn spend(totp: &mut Totp, factor: Option<&SecondFactor>) -> bool {
    let Totp::On { last_step, recovery, .. } = totp else { return true };
    match factor {
        Some(SecondFactor::TotpStep(step)) if *step > *last_step => {
            *last_step = *step;
            true
        }
        Some(SecondFactor::Recovery(code)) => {
            let left = recovery.len();
            recovery.retain(|kept| kept != code);
            recovery.len() < left
        }
        _ => false,
    }
}

/// What the commit found about a session to be opened.
pub(super) struct Opening {
    pub(super) subject: Subject,
    pub(super) username: String,
    pub(super) generation: Generation,
    pub(super) organization: ActiveOrganization,
    pub(super) dataset_id: Option<String>,
    pub(super) credential: Option<Credential>,
    pub(super) auth_time: Timestamp,
    /// The session ends then at the latest.
    pub(super) latest_end: Option<Timestamp>,
}

/// Puts a session in, after the oldest of its subject's made room.
pub(super) fn insert(tx: &mut Tx<'_>, by: &By, new: NewSession, opening: Opening) -> Result<Session> {
    if session(tx, new.id)?.is_some() {
        return Err(StoreError::Corrupt(format!("Session: {} exists already", new.id)));
    }
    make_room(tx, by, &opening.subject, new.most)?;
    let end = by.now.plus(new.lifetime);
    let session = Session {
        id: new.id,
        subject: opening.subject,
        username: opening.username,
        generation: opening.generation,
        organization: opening.organization,
        dataset_id: opening.dataset_id,
        credential: opening.credential,
        face: new.face,
        mode: new.mode,
        methods: new.methods,
        renewal: Renewal::Unset,
        auth_time: opening.auth_time,
        expire_time: opening.latest_end.map_or(end, |latest| end.min(latest)),
        n: 0,
        tip: new.tip,
        rotate_time: by.now,
        source: by.origin.source,
        state: SessionState::Live,
    };
    put_session(tx, session.clone())?;
    expires(tx, session.expire_time, Expiring::Session(session.id));
    enrol(tx, &session)?;
    Ok(session)
}

/// Ends the oldest sessions of a subject until there is room for one more among `most`; strikes dead ones off its roll.
fn make_room(tx: &mut Tx<'_>, by: &By, subject: &Subject, most: u32) -> Result<()> {
    let own = generations(tx, subject)?.unwrap_or_default();
    let mut roll = Roll::of(tx, subject)?;
    roll.retain(|entry| entry.lives(own, by.now));
    let live = roll.entries();
    roll.write(tx)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
    let crowd = (live.len() + 1).saturating_sub(most);
    for id in live.into_iter().take(crowd).map(|entry| entry.id) {
        if let Some(oldest) = session(tx, id)? {
            end(tx, by.now, oldest, EndReason::Crowded)?;
            audit(tx, by, Action::SessionCrowdedOut(id))?;
        }
    }
    Ok(())
}

/// Ends a session by itself: its row, its place in the count, and every token of it. Answers the revision.
pub(super) fn end(tx: &mut Tx<'_>, now: Timestamp, mut session: Session, reason: EndReason) -> Result<i64> {
    session.state = SessionState::Ended { at: now, reason };
    strike(tx, &session)?;
    let id = session.id;
    put_session(tx, session)?;
    revoke(tx, now, Revoked::Session(id))
}

pub(super) fn rotate_session(tx: &mut Tx<'_>, by: &By, rotate: &RotateSession) -> Result<Rotated> {
    let Some(mut session) = session(tx, rotate.session)? else { return Ok(Rotated::Unknown) };
    let holder = holder(tx, &session)?;
    match life_with(&holder, &session, by.now) {
        Life::Live => {}
        Life::Ended => return Ok(Rotated::Ended),
        Life::Over => return Ok(Rotated::Expired),
    }
    // A stolen token ends the session before anything else could turn its thief away.
    let presented = session.presented(rotate.n, &rotate.presented, &rotate.successor, by.now);
    match presented {
        Presented::Reused(reason) => {
            audit(tx, by, Action::RefreshReused(session.id, reused_as(reason).to_owned()))?;
            end(tx, by.now, session, reason)?;
            return Ok(Rotated::Reused(reason));
        }
        Presented::Foreign => return Ok(Rotated::Unknown),
        Presented::Tip | Presented::Retry => {}
    }
    if in_last_moments(&session, by.now) {
        return Ok(Rotated::Expired);
    }
    if session.renewal == Renewal::AccessToken {
        return Ok(Rotated::Mismatch);
    }
    if presented == Presented::Retry {
        audit(tx, by, Action::Refreshed(session.id, true))?;
        return Ok(Rotated::Retried(grant_to(tx, holder, session)?));
    }
    // The row itself says how often, when and from where; an event of its own is for what an auditor would look for.
    if session.source != by.origin.source {
        audit(tx, by, Action::Refreshed(session.id, false))?;
    }
    session.renewal = Renewal::RefreshToken;
    session.mode = rotate.mode.unwrap_or(session.mode);
    session.n += 1;
    session.tip = rotate.successor;
    session.rotate_time = by.now;
    session.source = by.origin.source;
    put_session(tx, session.clone())?;
    Ok(Rotated::Rotated(grant_to(tx, holder, session)?))
}

fn reused_as(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Late => "late",
        EndReason::Ahead => "ahead",
        _ => "reuse",
    }
}

fn in_last_moments(session: &Session, now: Timestamp) -> bool {
    now.plus(LAST_MOMENTS) >= session.expire_time
}

pub(super) fn renew_session(tx: &mut Tx<'_>, by: &By, id: SessionId) -> Result<Renewed> {
    let Some(mut session) = session(tx, id)? else { return Ok(Renewed::Unknown) };
    let holder = holder(tx, &session)?;
    match life_with(&holder, &session, by.now) {
        Life::Live => {}
        Life::Ended => return Ok(Renewed::Ended),
        Life::Over => return Ok(Renewed::Expired),
    }
    if in_last_moments(&session, by.now) {
        return Ok(Renewed::Expired);
    }
    if session.renewal == Renewal::RefreshToken || session.mode == Mode::Cookie {
        return Ok(Renewed::Mismatch);
    }
    if session.renewal == Renewal::Unset {
        session.renewal = Renewal::AccessToken;
        put_session(tx, session.clone())?;
        audit(tx, by, Action::RenewedByAccessToken(id))?;
    }
    Ok(Renewed::Renewed(grant_to(tx, holder, session)?))
}

/// Not fenced as a whole: who ends the session of the very token may come twice, and is told that it was over.
pub(super) fn end_session(tx: &mut Tx<'_>, by: &By, id: SessionId) -> Result<Ended> {
    let own = by.caller.as_ref().is_some_and(|caller| caller.session == id);
    if let (Some(caller), false) = (&by.caller, own) {
        fence(tx, caller)?;
    }
    let Some(session) = session(tx, id)? else { return end_rowless(tx, by, id, own) };
    if by.caller.as_ref().is_some_and(|caller| caller.subject != session.subject) {
        return Ok(Ended::Unknown);
    }
    match life(tx, &session, by.now)? {
        Life::Live => {
            audit(tx, by, Action::SessionEnded(id))?;
            Ok(Ended::Ended(end(tx, by.now, session, EndReason::Logout)?))
        }
        Life::Ended => Ok(Ended::Before(ended_at(tx, &session)?)),
        Life::Over => Ok(Ended::Before(tx.head.revision)),
    }
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

/// The revision that holds the end of a dead session: its tombstone's, or that of the floor above it.
fn ended_at(tx: &Tx<'_>, session: &Session) -> Result<i64> {
    if session.state != SessionState::Live {
        return revision_of(tx, &key::session_tombstone(session.id));
    }
    Ok(match &session.subject {
        Subject::User(id) => user(tx, *id)?.map(|user| user.generations.session_floor_revision),
        Subject::Guest(_) => generations(tx, &session.subject)?.map(|own| own.session_floor_revision),
    }
    .unwrap_or(tx.head.revision))
}

/// Ends the live sessions of a subject that came from a credential.
pub(super) fn end_those_of(tx: &mut Tx<'_>, now: Timestamp, subject: &Subject, credential: Credential) -> Result<()> {
    for entry in Roll::of(tx, subject)?.entries() {
        if let Some(session) = session(tx, entry.id)?.filter(|session| session.credential == Some(credential)) {
            end(tx, now, session, EndReason::Logout)?;
        }
    }
    Ok(())
}

/// The grant of a session that may be answered again: alive, its refresh token unused, and just the one that `new` would be.
pub(super) fn again(tx: &mut Tx<'_>, by: &By, id: SessionId, new: &NewSession) -> Result<Option<Box<Grant>>> {
    let Some(session) = session(tx, id)? else { return Ok(None) };
    let same = session.id == new.id && session.tip == new.tip && session.unused();
    if !same || life(tx, &session, by.now)? != Life::Live {
        return Ok(None);
    }
    audit(tx, by, Action::SessionRetried(id))?;
    Ok(Some(grant(tx, session)?))
}
