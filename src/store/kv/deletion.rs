//! Deleting: what goes with an account or an organization goes in the same commit, and the name stays reserved.

use super::accounts::another_superuser;
use super::audit::audit;
use super::commit::next_revision;
use super::decided::apply;
use super::key;
use super::organizations::narrow;
use super::record::{Belongs, IdentityEntry, KeyEntry, MemberIn, Named, ProviderEntry, put, scan};
use super::roll::{self, Roll};
use super::rows::{known_user, organization_id, user_by_name};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::ids::UserId;
use crate::model::name::Folded;
use crate::model::user::{Subject, UserEnded};
use crate::store::Result;
use crate::store::verbs::{By, UserDeleted};

pub(super) fn delete_user(tx: &mut Tx<'_>, by: &By, name: &Folded) -> Result<UserDeleted> {
    let Some(user) = user_by_name(tx, name)? else { return Ok(UserDeleted::Unknown) };
    let (id, email) = (user.id(), user.email().cloned());
    let decision = user.delete(another_superuser(tx, id)?, next_revision(tx, by.now));
    if apply(tx, by, decision)? == UserEnded::LastSuperuser {
        return Ok(UserDeleted::LastSuperuser);
    }
    take_belongings(tx, id)?;
    tx.remove(key::superuser(id));
    tx.remove(key::user(id));
    put(tx, key::name(name), &Named::Reserved)?;
    if let Some(email) = email {
        put(tx, key::name(&email.folded()), &Named::Reserved)?;
    }
    Ok(UserDeleted::Done)
}

/// Removes the sessions, keys, identities and memberships of an account.
fn take_belongings(tx: &mut Tx<'_>, id: UserId) -> Result<()> {
    let subject = Subject::User(id);
    for session in Roll::of(tx, &subject)?.entries() {
        tx.remove(key::session(session.id));
    }
    roll::clear(tx, &subject)?;
    for (entry, KeyEntry(id)) in scan(tx, &key::personal_keys_by_user(id))? {
        tx.remove(key::personal_key(id));
        tx.remove(entry);
    }
    for (entry, IdentityEntry { issuer, subject }) in scan(tx, &key::identities_by_user(id))? {
        tx.remove(key::identity(&issuer, &subject));
        tx.remove(entry);
    }
    for (entry, MemberIn { organization, .. }) in scan(tx, &key::members_by_user(id))? {
        tx.remove(key::member_by_organization(organization, id));
        tx.remove(entry);
    }
    Ok(())
}

pub(super) fn delete_organization(tx: &mut Tx<'_>, by: &By, name: &Folded) -> Result<bool> {
    let Some(id) = organization_id(tx, name)? else { return Ok(false) };
    audit(tx, by, Action::OrganizationDeleted(id, name.clone()))?;
    for (entry, Belongs(user)) in scan(tx, &key::members_by_organization(id))? {
        narrow(tx, by, known_user(tx, user)?, id)?;
        tx.remove(key::member_by_user(user, id));
        tx.remove(entry);
    }
    for (entry, ProviderEntry(provider)) in scan(tx, &key::providers_by_scope(Some(id)))? {
        tx.remove(key::provider(provider));
        tx.remove(entry);
    }
    tx.remove(key::organization(id));
    put(tx, key::name(name), &Named::Reserved)?;
    Ok(true)
}
