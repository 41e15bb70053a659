//! Writing what was decided: the value, what is revoked, what is audited. Every verb that changes one of the model's values loads
//! it, has the model decide, and hands the decision to [`apply`].

use super::audit::audit;
use super::commit::revoke;
use super::key;
use super::record::put;
use super::roll::strike;
use super::session_row::put_session;
use super::tx::Tx;
use crate::model::decision::Decision;
use crate::model::link::Link;
use crate::model::organization::Organization;
use crate::model::personal_key::PersonalKey;
use crate::model::session::{Session, SessionState};
use crate::model::sso::Attempt;
use crate::model::user::{Guest, User};
use crate::store::Result;
use crate::store::verbs::By;

/// A value that decisions are made about, and its place.
pub(super) trait Kept {
    /// Writes it where it is read from.
    fn keep(self, tx: &mut Tx<'_>) -> Result<()>;
}

/// Puts all that was decided into the commit, and answers the outcome.
pub(super) fn apply<V: Kept, O>(tx: &mut Tx<'_>, by: &By, decision: Decision<V, O>) -> Result<O> {
    let Decision { value, changed, outcome, revoked, audited } = decision;
    if changed {
        value.keep(tx)?;
    }
    if let Some(action) = audited {
        audit(tx, by, action)?;
    }
    if let Some(what) = revoked {
        revoke(tx, by.now, what)?;
    }
    Ok(outcome)
}

impl Kept for Session {
    /// One that ended leaves the roll of its subject. One that opens is put on it by who opens it.
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        if let SessionState::Ended { .. } = self.state() {
            strike(tx, &self)?;
        }
        put_session(tx, self)
    }
}

impl Kept for User {
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        put(tx, key::user(self.id()), &self)
    }
}

impl Kept for Guest {
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        put(tx, key::guest(self.name()), &self.generations())
    }
}

impl Kept for Organization {
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        put(tx, key::organization(self.id), &self)
    }
}

impl Kept for Link {
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        put(tx, key::link(self.id()), &self)
    }
}

impl Kept for Attempt {
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        put(tx, key::attempt(self.id()), &self)
    }
}

impl Kept for PersonalKey {
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        put(tx, key::personal_key(self.id()), &self)
    }
}

impl<V: Kept> Kept for Option<V> {
    fn keep(self, tx: &mut Tx<'_>) -> Result<()> {
        self.map_or(Ok(()), |value| value.keep(tx))
    }
}
