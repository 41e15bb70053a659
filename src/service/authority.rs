//! Who may administer an organization: a superuser, and its admin.
//!
//! Whoever is neither gets one answer, whether the organization exists or not. It also comes after the same work: only the caller's
//! own memberships are read, never the organization that is named.

use super::access::Rpc;
use super::client::SignedIn;
use super::{Error, Result};
use crate::model::clock::Timestamp;
use crate::model::name::Folded;
use crate::model::organization::OrganizationRole;
use crate::store::verbs::{By, Needs, OrganizationStore};

/// By what right a caller administers an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    rpc: Rpc,
    needs: Needs,
}

impl Authority {
    /// The right of `caller` to make this call about the organization of that name; empty: about the whole site.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`], [`Error::CredentialTooWeak`], [`Error::PermissionDenied`] (PERMISSION_DENIED).
    ///
    /// # Security
    /// A personal key is no admin of an organization: without a role in its scopes it has none.
    pub(super) async fn over(store: &dyn OrganizationStore, caller: &SignedIn, rpc: Rpc, org_name: &str) -> Result<Self> {
        match caller.may(rpc) {
            Ok(_) => return Ok(Self { rpc, needs: Needs::Superuser }),
            Err(Error::PermissionDenied(_)) => {}
            Err(other) => return Err(other),
        }
        let user = caller.user()?;
        let denied = Error::PermissionDenied("superuser, or admin of the organization");
        if caller.credential.is_some() {
            return Err(denied);
        }
        let (name, own) = (Folded::presented(org_name), store.memberships(user).await?);
        let named =
            own.into_iter().find(|(organization, role)| *role == OrganizationRole::Admin && organization.name.folded() == name);
        named.map(|(organization, _)| Self { rpc, needs: Needs::AdminOf(organization.id) }).ok_or(denied)
    }

    /// Whether it is a superuser's.
    pub(super) fn is_superuser(self) -> bool {
        self.needs == Needs::Superuser
    }

    /// A change by this caller. The commit checks again that it has the right.
    pub(super) fn by(self, caller: &SignedIn, now: Timestamp) -> By {
        let mut by = caller.by(self.rpc, now);
        if let Some(caller) = &mut by.caller {
            caller.needs = self.needs;
        }
        by
    }
}
