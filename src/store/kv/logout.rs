//! LogoutUser: the fence.

use super::accounts::{end_all, user_by_login};
use super::audit::audit;
use super::commit::{next_revision, revoke};
use super::key;
use super::record::{LinkEntry, put, scan};
use super::roll::{self, Roll};
use super::rows::{guest_generations, user};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::name::Folded;
use crate::model::revocation::Revoked;
use crate::model::user::{Generations, Subject};
use crate::store::Result;
use crate::store::verbs::{By, LoggedOut};

pub(super) fn logout_user(tx: &mut Tx<'_>, by: &By, name: &Folded) -> Result<LoggedOut> {
    let account = user_by_login(tx, name)?;
    if account.as_ref().is_some_and(|account| account.roles.privileged()) && !by_superuser(tx, by)? {
        return Ok(LoggedOut::NotAllowed);
    }
    let mut sessions = 0;
    if let Some(mut account) = account {
        sessions += live_sessions(tx, by.now, &Subject::User(account.id), account.generations)?;
        end_all(tx, by, &mut account)?;
        put(tx, key::user(account.id), &account)?;
    }

    let guest = Subject::Guest(name.clone());
    let mut own = guest_generations(tx, name)?;
    sessions += live_sessions(tx, by.now, &guest, own)?;
    let links = drop_links(tx, by.now, name, own)?;
    roll::clear(tx, &guest)?;
    own.end_all(next_revision(tx, by.now));
    put(tx, key::guest(name), &own)?;
    let revision = revoke(tx, by.now, Revoked::Below(guest, own.token_floor))?;

    audit(tx, by, Action::LogoutUser(name.clone(), sessions, links))?;
    Ok(LoggedOut::Done { sessions, links, revision })
}

fn by_superuser(tx: &Tx<'_>, by: &By) -> Result<bool> {
    match by.caller.as_ref().map(|caller| &caller.subject) {
        Some(Subject::User(id)) => Ok(user(tx, *id)?.is_some_and(|caller| caller.roles.superuser)),
        _ => Ok(false),
    }
}

fn live_sessions(tx: &Tx<'_>, now: Timestamp, subject: &Subject, own: Generations) -> Result<u32> {
    let entries = Roll::of(tx, subject)?.entries();
    let live = entries.iter().filter(|entry| entry.lives(own, now));
    Ok(u32::try_from(live.count()).unwrap_or(u32::MAX))
}

/// Takes a guest's links out of the count; answers how many could have been redeemed.
fn drop_links(tx: &mut Tx<'_>, now: Timestamp, guest: &Folded, own: Generations) -> Result<u32> {
    let mut live: u32 = 0;
    for (key, entry) in scan::<LinkEntry>(tx, &key::links_by_guest(guest))? {
        if now < entry.redeem_by && own.session_lives(entry.generation) {
            live = live.saturating_add(1);
        }
        tx.remove(key);
    }
    Ok(live)
}
