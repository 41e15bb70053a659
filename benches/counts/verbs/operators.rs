//! The verbs by which operators handle accounts, organizations and identities.

use std::sync::Arc;

use countersign::model::name::Folded;
use countersign::store::verbs::{
    IdentityLinked, IdentityUnlinked, LinkIdentity, LinkedIdentity, UpdateOrganization, UpdateUser, UserDeleted, UserUpdated,
};

use super::Call;
use crate::sso::{provider, registered};
use crate::world::{World, account, folded};

/// The verb of that name; `None` where it is none of these.
pub(super) async fn operators(name: &str, world: &World, login: Folded) -> Option<Call> {
    let superuser = world.superuser().await;
    let site = folded("site");
    Some(match name {
        "users" => verb!(world.users(None, 100): _),
        "update_user" => {
            let update = UpdateUser { name: login, email: Some(None), roles: None };
            commit!(world.update_user(update, superuser): UserUpdated::Done { .. })
        }
        "delete_user" => commit!(world.delete_user(login, superuser): UserDeleted::Done),
        "release_name" => {
            world.made(account("gone", countersign::model::user::Roles::default())).await;
            world.store.delete_user(folded("gone"), superuser.clone()).await.unwrap();
            let gone = folded("gone");
            commit!(world.release_name(gone, superuser): true)
        }
        "organizations" => verb!(world.organizations(None, 100): _),
        "members" => {
            let team = world.organization("team", &[]).await;
            verb!(world.members(team, None, 100): _)
        }
        "update_organization" => {
            let update = UpdateOrganization { organization: site, require_factor: true };
            commit!(world.update_organization(update, superuser): Some(_))
        }
        "delete_organization" => commit!(world.delete_organization(site, superuser): true),
        "providers_named" => verb!(world.providers_named(&site): _),
        "identities" | "link_identity" | "unlink_identity" => {
            let issuer = registered(world, provider("idp", None)).await.issuer;
            let identity = LinkedIdentity { issuer, subject: "subject".to_owned() };
            let link = LinkIdentity { user: login.clone(), identity };
            if name == "link_identity" {
                return Some(commit!(world.link_identity(link, superuser): IdentityLinked::Done));
            }
            world.store.link_identity(link.clone(), superuser.clone()).await.unwrap();
            if name == "unlink_identity" {
                return Some(commit!(world.unlink_identity(link, superuser): IdentityUnlinked::Done));
            }
            let id = world.store.user_by_login(&login).await.unwrap().unwrap().id();
            verb!(world.identities(id, None, 100): _)
        }
        _ => return None,
    })
}
