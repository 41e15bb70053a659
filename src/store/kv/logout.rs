//! LogoutUser: the fence.

use super::accounts::user_by_login;
use super::commit::next_revision;
use super::decided::apply;
use super::key;
use super::record::{LinkEntry, scan};
use super::roll::{self, Roll};
use super::rows::{guest, user};
use super::tx::Tx;
use crate::model::clock::Timestamp;
use crate::model::name::Folded;
use crate::model::user::{Standing, Subject, UserLoggedOut};
use crate::store::Result;
use crate::store::verbs::{By, LoggedOut};

pub(super) fn logout_user(tx: &mut Tx<'_>, by: &By, name: &Folded) -> Result<LoggedOut> {
    let mut sessions = 0;
    if let Some(account) = user_by_login(tx, name)? {
        let (subject, standing) = (Subject::User(account.id()), account.standing());
        let decision = account.log_out(by_superuser(tx, by)?, next_revision(tx, by.now));
        if apply(tx, by, decision)? == UserLoggedOut::NotAllowed {
            return Ok(LoggedOut::NotAllowed);
        }
        sessions += take_sessions(tx, by.now, &subject, standing)?;
    }
    let guest = guest(tx, name)?;
    let (subject, standing) = (Subject::Guest(name.clone()), guest.standing());
    sessions += take_sessions(tx, by.now, &subject, standing)?;
    let links = take_links(tx, by.now, name, standing)?;
    apply(tx, by, guest.log_out(sessions, links, next_revision(tx, by.now)))?;
    Ok(LoggedOut::Done { sessions, links })
}

fn by_superuser(tx: &Tx<'_>, by: &By) -> Result<bool> {
    match by.caller.as_ref().map(|caller| &caller.subject) {
        Some(Subject::User(id)) => Ok(user(tx, *id)?.is_some_and(|caller| caller.roles().superuser)),
        _ => Ok(false),
    }
}

/// Takes a subject's sessions off its roll; answers how many were live while it stood so.
fn take_sessions(tx: &mut Tx<'_>, now: Timestamp, subject: &Subject, standing: Standing) -> Result<u32> {
    let roll = Roll::of(tx, subject)?;
    let live = roll.entries().filter(|entry| entry.lives(standing, now)).count();
    roll::clear(tx, subject)?;
    Ok(u32::try_from(live).unwrap_or(u32::MAX))
}

/// Takes a guest's links out of the count; answers how many could have been redeemed.
fn take_links(tx: &mut Tx<'_>, now: Timestamp, guest: &Folded, standing: Standing) -> Result<u32> {
    let mut live: u32 = 0;
    for (key, entry) in scan::<LinkEntry>(tx, &key::links_by_guest(guest))? {
        if now < entry.redeem_by && standing.session_lives(entry.generation) {
            live = live.saturating_add(1);
        }
        tx.remove(key);
    }
    Ok(live)
}
