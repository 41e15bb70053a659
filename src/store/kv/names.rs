//! The one namespace, read in its order: accounts and organizations by name. And names that were reserved, released.

use super::audit::audit;
use super::engine::View;
use super::key::{self, Kind};
use super::record::{Named, scan_from};
use super::rows::{known_user, named, organization};
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::name::Folded;
use crate::model::user::User;
use crate::store::verbs::{By, ListedOrganization};
use crate::store::{Result, StoreError};

/// So many names are read at once at the least: e-mails and reserved names lie between the others.
const AT_ONCE: usize = 64;

pub(super) fn users(view: &dyn View, after: Option<&Folded>, most: u32) -> Result<Vec<User>> {
    listed(view, after, most, |named| match named {
        Named::User(id) => known_user(view, id).map(Some),
        Named::Email(_) | Named::Organization(_) | Named::Reserved => Ok(None),
    })
}

pub(super) fn organizations(view: &dyn View, after: Option<&Folded>, most: u32) -> Result<Vec<ListedOrganization>> {
    listed(view, after, most, |named| match named {
        Named::User(id) => Ok(Some(ListedOrganization::Personal(Box::new(known_user(view, id)?)))),
        Named::Organization(id) => {
            let missing = || StoreError::Corrupt(format!("Organization: {id} is missing"));
            Ok(Some(ListedOrganization::Shared(organization(view, id)?.ok_or_else(missing)?)))
        }
        Named::Email(_) | Named::Reserved => Ok(None),
    })
}

/// At most `most` of what `wanted` makes of the names behind `after`, in the order of the names.
fn listed<T>(view: &dyn View, after: Option<&Folded>, most: u32, wanted: impl Fn(Named) -> Result<Option<T>>) -> Result<Vec<T>> {
    let (all, most) = (key::all(Kind::Name), usize::try_from(most).unwrap_or(usize::MAX));
    let mut from = after.map_or_else(|| all.clone(), |name| key::following(key::name(name)));
    let mut found = Vec::new();
    while found.len() < most {
        let at_once = most.max(AT_ONCE);
        let names = scan_from::<Named>(view, &all, &from, at_once)?;
        let read_all = names.len() < at_once;
        for (at, named) in names {
            if found.len() >= most {
                break;
            }
            found.extend(wanted(named)?);
            from = key::following(at);
        }
        if read_all {
            break;
        }
    }
    Ok(found)
}

pub(super) fn release(tx: &mut Tx<'_>, by: &By, name: &Folded) -> Result<bool> {
    if named(tx, name)? != Some(Named::Reserved) {
        return Ok(false);
    }
    tx.remove(key::name(name));
    audit(tx, by, Action::NameReleased(name.clone()))?;
    Ok(true)
}
