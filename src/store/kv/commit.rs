//! What every change has in common: the time it decides by, the caller it is fenced with, the revisions it takes.

use super::engine::View;
use super::expiry::{Expiring, expires};
use super::key;
use super::record::{Tombstone, load, put};
use super::rows::{guest_generations, membership, user};
use super::tx::Tx;
use crate::model::clock::Timestamp;
use crate::model::ids::OrganizationId;
use crate::model::organization::OrganizationRole;
use crate::model::revocation::{LONGEST_TOKEN, Revocation, Revoked, TOKEN_LEEWAY};
use crate::model::user::{Roles, Subject};
use crate::store::verbs::{By, Caller, Commit, Needs};
use crate::store::{Lane, Result, StoreError};

/// What a verb came to, and the revision that holds it; none: that of its own commit.
pub(super) struct Held<T> {
    outcome: T,
    revision: Option<i64>,
}

impl<T> Held<T> {
    /// Held by the commit that it was decided in.
    pub(super) const fn here(outcome: T) -> Self {
        Self { outcome, revision: None }
    }

    /// Held by an earlier revision already.
    pub(super) const fn at(revision: i64, outcome: T) -> Self {
        Self { outcome, revision: Some(revision) }
    }
}

/// Runs `verb` with the time that decides. What it changed is kept where it succeeded, and that time with it.
///
/// The `By` that it hands on is the one to go by; the one in the verb's own arguments has the service's time.
pub(super) fn decide<T>(tx: &mut Tx<'_>, by: &By, verb: impl FnOnce(&mut Tx<'_>, &By) -> Result<Held<T>>) -> Result<Commit<T>> {
    let by = By { now: by.now.max(tx.head.last_commit), ..by.clone() };
    let Held { outcome, revision } = verb(tx, &by)?;
    if tx.changed() {
        tx.head.last_commit = by.now;
        tx.keep();
    }
    Ok(Commit { outcome, revision: revision.unwrap_or(tx.head.revision), decided_at: by.now })
}

/// [`decide`], for a verb that a signed-in caller may stand behind: nothing happens where that one was signed out or demoted.
pub(super) fn decide_fenced<T>(
    tx: &mut Tx<'_>,
    by: &By,
    verb: impl FnOnce(&mut Tx<'_>, &By) -> Result<Held<T>>,
) -> Result<Commit<T>> {
    decide(tx, by, |tx, by| {
        if let Some(caller) = &by.caller {
            fence(tx, caller)?;
        }
        verb(tx, by)
    })
}

/// Refuses a caller whose token is dead or whose role is gone.
///
/// # Errors
/// [`StoreError::CallerRevoked`], [`StoreError::CallerDemoted`].
pub(super) fn fence(view: &dyn View, caller: &Caller) -> Result<()> {
    let roles = match &caller.subject {
        Subject::User(id) => match user(view, *id)? {
            Some(user) if user.enabled() && user.generations().token_lives(caller.generation) => {
                let tombstone = key::organization_tombstone(*id, &caller.organization);
                if load::<Tombstone>(view, &tombstone)?.is_some_and(|at| caller.generation < at.below) {
                    return Err(StoreError::CallerRevoked);
                }
                user.roles()
            }
            _ => return Err(StoreError::CallerRevoked),
        },
        Subject::Guest(name) => match guest_generations(view, name)? {
            generations if generations.token_lives(caller.generation) => Roles::default(),
            _ => return Err(StoreError::CallerRevoked),
        },
    };
    // Whatever ends by itself leaves a tombstone in its commit, for longer than its tokens live.
    let credential = caller.credential.map(key::credential_tombstone);
    for tombstone in [Some(key::session_tombstone(caller.session)), credential].into_iter().flatten() {
        if view.read(&tombstone)?.is_some() {
            return Err(StoreError::CallerRevoked);
        }
    }
    let allowed = match caller.needs {
        Needs::Nothing => true,
        Needs::Privileged => roles.privileged(),
        Needs::Superuser => roles.superuser,
        Needs::AdminOf(organization) => roles.superuser || administers(view, &caller.subject, organization)?,
    };
    if allowed { Ok(()) } else { Err(StoreError::CallerDemoted) }
}

fn administers(view: &dyn View, subject: &Subject, organization: OrganizationId) -> Result<bool> {
    let Subject::User(id) = subject else { return Ok(false) };
    Ok(membership(view, *id, organization)?.is_some_and(|member| member.role == OrganizationRole::Admin))
}

/// The revision that the next revocation of this commit takes.
pub(super) fn next_revision(tx: &Tx<'_>, now: Timestamp) -> i64 {
    tx.lane().revision_from(i64::try_from(now.micros()).unwrap_or(i64::MAX).max(tx.head.revision.saturating_add(1)))
}

/// Revokes, from this commit on; answers the revision that holds it.
pub(super) fn revoke(tx: &mut Tx<'_>, now: Timestamp, what: Revoked) -> Result<i64> {
    let revision = next_revision(tx, now);
    tx.head.revision = revision;
    match &what {
        Revoked::Session(id) => put(tx, key::session_tombstone(*id), &Tombstone::at(revision))?,
        Revoked::Credential(credential) => put(tx, key::credential_tombstone(*credential), &Tombstone::at(revision))?,
        Revoked::BelowIn(Subject::User(id), organization, generation) => {
            put(tx, key::organization_tombstone(*id, organization), &Tombstone { revision, below: *generation })?;
        }
        // The floor of an account lies in its own record, and a guest belongs to no organization.
        Revoked::Below(..) | Revoked::BelowIn(Subject::Guest(_), ..) => {}
    }
    let revocation = Revocation { revision, what, until: now.plus(LONGEST_TOKEN).plus(TOKEN_LEEWAY) };
    put(tx, key::revocation(tx.lane().lanes(), revision), &revocation)?;
    expires(tx, revocation.until, Expiring::Revocation(revision));
    tx.revocations.push(revocation);
    Ok(revision)
}

/// The revision at which something was revoked by itself; where its tombstone is gone, one that holds it.
pub(super) fn revision_of(tx: &Tx<'_>, tombstone: &[u8]) -> Result<i64> {
    Ok(load::<Tombstone>(tx, tombstone)?.map_or_else(|| revision_before(tx), |at| at.revision))
}

/// A revision that holds whatever was revoked in an earlier commit: the last one where there is one lane, and with several none
/// (0), since nobody knows in which of them it was.
pub(super) fn revision_before(tx: &Tx<'_>) -> i64 {
    match tx.lane() {
        Lane::Only => tx.head.revision,
        Lane::Numbered(_) => 0,
    }
}
