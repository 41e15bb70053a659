//! Single-use links and the guests they sign in.

use async_trait::async_trait;

use super::commit::{Held, revision_of};
use super::decided::apply;
use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::record::{LinkEntry, load, put};
use super::rows::{granted, guest, guest_generations};
use super::session_row::session;
use super::sessions::{end_those_of, insert};
use super::store::KvStore;
use super::tx::Tx;
use crate::model::clock::Timestamp;
use crate::model::ids::LinkId;
use crate::model::link::{Issued, Link, LinkRedeemed, LinkRevoked, Redemption};
use crate::model::name::Folded;
use crate::model::session::{Credential, Opening};
use crate::model::user::{Generation, Holder, Subject};
use crate::store::verbs::{By, Commit, Ended, LinkStore, RedeemLink, Redeemed};
use crate::store::{Result, StoreError};

#[async_trait]
impl LinkStore for KvStore {
    async fn guest_generation(&self, name: &Folded) -> Result<Generation> {
        self.read(|view| Ok(guest_generations(view, name)?.current())).await
    }

    async fn peek_link(&self, id: LinkId, now: Timestamp) -> Result<Option<Link>> {
        self.read(|view| peek_link(view, id, now)).await
    }

    async fn issue_link(&self, link: Link, by: By) -> Result<Commit<Issued>> {
        self.change(by, move |tx, by| issue_link(tx, by, &link)).await
    }

    async fn redeem_link(&self, command: RedeemLink, by: By) -> Result<Commit<Redeemed>> {
        self.change(by, move |tx, by| redeem_link(tx, by, &command)).await
    }

    async fn revoke_link(&self, id: LinkId, by: By) -> Result<Commit<Ended>> {
        self.change_held(by, move |tx, by| revoke_link(tx, by, id)).await
    }
}

fn issue_link(tx: &mut Tx<'_>, by: &By, link: &Link) -> Result<Issued> {
    let guest = guest(tx, &link.guest_key())?;
    let decision = link.clone().issue(guest.standing());
    if decision.outcome == Issued::Issued {
        if load::<Link>(tx, &key::link(link.id()))?.is_some() {
            return Err(StoreError::Corrupt(format!("Link: {} exists already", link.id())));
        }
        let entry = LinkEntry { redeem_by: link.redeem_by(), generation: link.generation() };
        put(tx, key::link_by_guest(guest.name(), link.id()), &entry)?;
        expires(tx, link.keep_until(), Expiring::Link(link.id()));
    }
    apply(tx, by, decision)
}

fn peek_link(view: &dyn View, id: LinkId, now: Timestamp) -> Result<Option<Link>> {
    let Some(link) = load::<Link>(view, &key::link(id))? else { return Ok(None) };
    let standing = guest(view, &link.guest_key())?.standing();
    Ok(link.redeemable(standing, now).then_some(link))
}

fn redeem_link(tx: &mut Tx<'_>, by: &By, redeem: &RedeemLink) -> Result<Redeemed> {
    let Some(link) = load::<Link>(tx, &key::link(redeem.link))? else { return Ok(Redeemed::Dead) };
    let guest = guest(tx, &link.guest_key())?;
    let before = session(tx, redeem.session.id)?;
    let redemption = Redemption { token: &redeem.token, request: redeem.request.as_ref(), new: &redeem.session };
    let decision = link.redeem(&redemption, before, guest.standing(), Opening::at(by.now, by.origin.source));
    if decision.changed {
        tx.remove(key::link_by_guest(guest.name(), redeem.link));
    }
    Ok(match apply(tx, by, decision)? {
        LinkRedeemed::Opened(session) => Redeemed::Opened(insert(tx, by, session, Holder::Guest(guest), redeem.session.most)?),
        LinkRedeemed::Retried(session) => Redeemed::Retried(granted(tx, Holder::Guest(guest), &session)?),
        LinkRedeemed::Dead => Redeemed::Dead,
    })
}

fn revoke_link(tx: &mut Tx<'_>, by: &By, id: LinkId) -> Result<Held<Ended>> {
    let Some(link) = load::<Link>(tx, &key::link(id))? else { return Ok(Held::here(Ended::Unknown)) };
    let credential = Credential::Link(id);
    let guest = link.guest_key();
    let decision = link.revoke(by.now);
    if decision.outcome == LinkRevoked::Before {
        return Ok(Held::at(revision_of(tx, &key::credential_tombstone(credential))?, Ended::Before));
    }
    tx.remove(key::link_by_guest(&guest, id));
    end_those_of(tx, by, &Subject::Guest(guest), credential)?;
    apply(tx, by, decision)?;
    Ok(Held::here(Ended::Ended))
}
