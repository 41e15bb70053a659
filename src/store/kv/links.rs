//! Single-use links and the guests they sign in.

use super::audit::audit;
use super::commit::{revision_of, revoke};
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::record::{LinkEntry, load, put};
use super::rows::{grant, guest_generations};
use super::session_row::session;
use super::sessions::{Opening, again, end_those_of, insert};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::ids::LinkId;
use crate::model::link::{LINK_LIFETIME, Link, LinkState, REDEEM_RETRY};
use crate::model::organization::ActiveOrganization;
use crate::model::revocation::Revoked;
use crate::model::session::Credential;
use crate::model::user::Subject;
use crate::store::verbs::{By, Ended, Issued, RedeemLink, Redeemed};
use crate::store::{Result, StoreError};

pub(super) fn issue_link(tx: &mut Tx<'_>, by: &By, link: &Link) -> Result<Issued> {
    let guest = link.guest_key();
    if !guest_generations(tx, &guest)?.session_lives(link.generation) {
        return Ok(Issued::Stale);
    }
    if load::<Link>(tx, &key::link(link.id))?.is_some() {
        return Err(StoreError::Corrupt(format!("Link: {} exists already", link.id)));
    }
    put(tx, key::link(link.id), link)?;
    let entry = LinkEntry { redeem_by: link.redeem_by, generation: link.generation };
    put(tx, key::link_by_guest(&guest, link.id), &entry)?;
    // The record outlives what the link may open, so that it can be revoked as long.
    expires(tx, link.create_time.plus(LINK_LIFETIME).max(link.redeem_by), Expiring::Link(link.id));
    audit(tx, by, Action::LinkIssued(link.id))?;
    Ok(Issued::Issued)
}

pub(super) fn peek_link(view: &dyn View, id: LinkId, now: Timestamp) -> Result<Option<Link>> {
    let Some(link) = load::<Link>(view, &key::link(id))? else { return Ok(None) };
    let redeemable = link.state == LinkState::Issued
        && now < link.redeem_by
        && guest_generations(view, &link.guest_key())?.session_lives(link.generation);
    Ok(redeemable.then_some(link))
}

pub(super) fn redeem_link(tx: &mut Tx<'_>, by: &By, redeem: RedeemLink) -> Result<Redeemed> {
    let Some(link) = load::<Link>(tx, &key::link(redeem.link))? else { return Ok(Redeemed::Dead) };
    let lives = guest_generations(tx, &link.guest_key())?.session_lives(link.generation);
    if link.token != redeem.token || !lives {
        return Ok(Redeemed::Dead);
    }
    match link.state {
        LinkState::Revoked { .. } => Ok(Redeemed::Dead),
        LinkState::Redeemed { session, request, at } => {
            let same = request.is_some() && request == redeem.request && by.now.since(at) <= REDEEM_RETRY;
            let grant = if same { again(tx, by, session, &redeem.session)? } else { None };
            Ok(grant.map_or(Redeemed::Dead, Redeemed::Retried))
        }
        LinkState::Issued => match session(tx, redeem.session.id)? {
            // Of a link that opens many: this request opened its session before.
            Some(before) if by.now.since(before.auth_time) <= REDEEM_RETRY => {
                Ok(again(tx, by, before.id, &redeem.session)?.map_or(Redeemed::Dead, Redeemed::Retried))
            }
            Some(_) => Ok(Redeemed::Dead),
            None => redeem_issued(tx, by, link, redeem),
        },
    }
}

fn redeem_issued(tx: &mut Tx<'_>, by: &By, mut link: Link, redeem: RedeemLink) -> Result<Redeemed> {
    let latest_end = link.create_time.plus(LINK_LIFETIME);
    if by.now >= link.redeem_by || by.now >= latest_end {
        return Ok(Redeemed::Dead);
    }
    let opening = Opening {
        subject: Subject::Guest(link.guest_key()),
        username: format!("guest:{}", link.guest),
        generation: link.generation,
        organization: ActiveOrganization::Personal,
        dataset_id: Some(link.dataset_id.clone()),
        credential: Some(Credential::Link(link.id)),
        auth_time: by.now,
        latest_end: Some(latest_end),
    };
    audit(tx, by, Action::LinkRedeemed(link.id, redeem.session.id))?;
    let session = insert(tx, by, redeem.session, opening)?;
    if link.one_time {
        link.state = LinkState::Redeemed { session: session.id, request: redeem.request, at: by.now };
        put(tx, key::link(link.id), &link)?;
        tx.remove(key::link_by_guest(&link.guest_key(), link.id));
    }
    Ok(Redeemed::Opened(grant(tx, session)?))
}

pub(super) fn revoke_link(tx: &mut Tx<'_>, by: &By, id: LinkId) -> Result<Ended> {
    let Some(mut link) = load::<Link>(tx, &key::link(id))? else { return Ok(Ended::Unknown) };
    let credential = Credential::Link(id);
    if matches!(link.state, LinkState::Revoked { .. }) {
        return Ok(Ended::Before(revision_of(tx, &key::credential_tombstone(credential))?));
    }
    let guest = link.guest_key();
    link.state = LinkState::Revoked { at: by.now };
    put(tx, key::link(id), &link)?;
    tx.remove(key::link_by_guest(&guest, id));
    audit(tx, by, Action::LinkRevoked(id))?;
    end_those_of(tx, by.now, &Subject::Guest(guest), credential)?;
    Ok(Ended::Ended(revoke(tx, by.now, Revoked::Credential(credential))?))
}
