//! The reasons of what operators do to users, organizations and identities.

use std::sync::Arc;

use countersign::grpc::pb;
use prost::Message as _;
use prost_types::FieldMask;
use tonic::Status;

use super::stage::{Row, Stage, row};
use crate::arena::PASSWORD;

const ISSUER: &str = "https://login.example.org";

fn mask(path: &str) -> FieldMask {
    FieldMask { paths: vec![path.to_owned()] }
}

/// UpdateUser of an e-mail address.
async fn address(stage: &Stage, username: &str, email: &str) -> Status {
    let (username, email) = (username.to_owned(), email.to_owned());
    let message = pb::UpdateUserRequest { username, email, update_mask: Some(mask("email")), ..Default::default() };
    stage.admin.administration().update_user(stage.admin.request(message)).await.unwrap_err()
}

async fn delete(stage: &Stage, username: &str) -> Result<(), Status> {
    let message = pb::DeleteUserRequest { username: username.to_owned() };
    stage.admin.administration().delete_user(stage.admin.request(message)).await.map(drop)
}

/// The name of a user who was deleted; the address that the user had is the same at `example.org`.
async fn reserved(stage: &Stage) -> String {
    let (name, _) = stage.person().await;
    delete(stage, &name).await.unwrap();
    name
}

async fn link(stage: &Stage, username: &str, subject: &str) -> Result<(), Status> {
    let (username, issuer, subject) = (username.to_owned(), ISSUER.to_owned(), subject.to_owned());
    let message = pb::LinkIdentityRequest { username, issuer, subject };
    stage.admin.administration().link_identity(stage.admin.request(message)).await.map(drop)
}

async fn unlink(stage: &Stage, username: &str, subject: &str) -> Status {
    let (username, issuer, subject) = (username.to_owned(), ISSUER.to_owned(), subject.to_owned());
    let message = pb::UnlinkIdentityRequest { username, issuer, subject };
    stage.admin.administration().unlink_identity(stage.admin.request(message)).await.unwrap_err()
}

async fn rule(stage: &Stage, org_name: &str) -> Status {
    let message = pb::UpdateOrganizationRequest {
        org_name: org_name.to_owned(),
        require_factor: true,
        update_mask: Some(mask("require_factor")),
    };
    stage.admin.administration().update_organization(stage.admin.request(message)).await.unwrap_err()
}

async fn delete_organization(stage: &Stage, name: &str) -> Status {
    let message = pb::DeleteOrganizationRequest { name: name.to_owned() };
    stage.admin.administration().delete_organization(stage.admin.request(message)).await.unwrap_err()
}

async fn members(stage: &Stage, org_name: &str) -> Status {
    let message = pb::ListMembersRequest { org_name: org_name.to_owned(), ..Default::default() };
    stage.admin.administration().list_members(stage.admin.request(message)).await.unwrap_err()
}

/// A message of these rpcs that is refused for nothing that stands in it.
pub(super) fn right(rpc: &str) -> Option<Vec<u8>> {
    let text = str::to_owned;
    Some(match rpc {
        "AdminService/ListUsers" | "AdminService/ListOrganizations" => Vec::new(),
        "AdminService/UpdateUser" => {
            pb::UpdateUserRequest { username: text("ada"), update_mask: Some(mask("email")), ..Default::default() }
                .encode_to_vec()
        }
        "AdminService/DeleteUser" => pb::DeleteUserRequest { username: text("ada") }.encode_to_vec(),
        "AdminService/ReleaseName" => pb::ReleaseNameRequest { name: text("ada") }.encode_to_vec(),
        "AdminService/UpdateOrganization" => {
            let update_mask = Some(mask("require_factor"));
            pb::UpdateOrganizationRequest { org_name: text("acme"), require_factor: true, update_mask }.encode_to_vec()
        }
        "AdminService/DeleteOrganization" => pb::DeleteOrganizationRequest { name: text("acme") }.encode_to_vec(),
        "AdminService/ListMembers" => pb::ListMembersRequest { org_name: text("acme"), ..Default::default() }.encode_to_vec(),
        "AdminService/ListIdentities" => {
            pb::ListIdentitiesRequest { username: text("ada"), ..Default::default() }.encode_to_vec()
        }
        "AdminService/LinkIdentity" | "AdminService/UnlinkIdentity" => {
            let (username, issuer, subject) = (text("ada"), text(ISSUER), text("7"));
            pb::LinkIdentityRequest { username, issuer, subject }.encode_to_vec()
        }
        _ => return None,
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_users();
    rows.extend(of_organizations());
    rows.extend(of_identities());
    rows
}

fn of_users() -> Vec<Row> {
    vec![
        row("AdminService/CreateUser", "NAME_RESERVED", async |stage: Arc<Stage>| {
            let name = reserved(&stage).await;
            stage.admin.try_create_user(&name, &[]).await.unwrap_err()
        }),
        row("AdminService/CreateOrganization", "NAME_RESERVED", async |stage: Arc<Stage>| {
            let name = reserved(&stage).await;
            stage.admin.create_organization(&name).await.unwrap_err()
        }),
        row("AdminService/UpdateUser", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            address(&stage, &stage.name(), "new@example.org").await
        }),
        row("AdminService/UpdateUser", "NAME_TAKEN", async |stage: Arc<Stage>| {
            let ((one, _), (other, _)) = (stage.person().await, stage.person().await);
            address(&stage, &one, &format!("{other}@example.org")).await
        }),
        row("AdminService/UpdateUser", "NAME_RESERVED", async |stage: Arc<Stage>| {
            let ((name, _), gone) = (stage.person().await, reserved(&stage).await);
            address(&stage, &name, &format!("{gone}@example.org")).await
        }),
        row("AdminService/UpdateUser", "LAST_SUPERUSER", async |stage: Arc<Stage>| {
            let message =
                pb::UpdateUserRequest { username: "admin".to_owned(), update_mask: Some(mask("roles")), ..Default::default() };
            stage.admin.administration().update_user(stage.admin.request(message)).await.unwrap_err()
        }),
        row("AdminService/DeleteUser", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            delete(&stage, &stage.name()).await.unwrap_err()
        }),
        row("AdminService/DeleteUser", "LAST_SUPERUSER", async |stage: Arc<Stage>| delete(&stage, "admin").await.unwrap_err()),
        row("AdminService/ReleaseName", "NAME_NOT_RESERVED", async |stage: Arc<Stage>| {
            let message = pb::ReleaseNameRequest { name: "admin".to_owned() };
            stage.admin.administration().release_name(stage.admin.request(message)).await.unwrap_err()
        }),
    ]
}

fn of_organizations() -> Vec<Row> {
    vec![
        row("AdminService/UpdateOrganization", "ORGANIZATION_NOT_FOUND", async |stage: Arc<Stage>| {
            rule(&stage, &stage.name()).await
        }),
        row("AdminService/UpdateOrganization", "PERSONAL_ORGANIZATION", async |stage: Arc<Stage>| rule(&stage, "admin").await),
        row("AdminService/DeleteOrganization", "ORGANIZATION_NOT_FOUND", async |stage: Arc<Stage>| {
            delete_organization(&stage, &stage.name()).await
        }),
        row("AdminService/DeleteOrganization", "PERSONAL_ORGANIZATION", async |stage: Arc<Stage>| {
            delete_organization(&stage, "admin").await
        }),
        row("AdminService/ListMembers", "ORGANIZATION_NOT_FOUND", async |stage: Arc<Stage>| members(&stage, &stage.name()).await),
        row("AdminService/ListMembers", "PERSONAL_ORGANIZATION", async |stage: Arc<Stage>| members(&stage, "admin").await),
    ]
}

fn of_identities() -> Vec<Row> {
    vec![
        row("AdminService/ListIdentities", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            let message = pb::ListIdentitiesRequest { username: stage.name(), ..Default::default() };
            stage.admin.administration().list_identities(stage.admin.request(message)).await.unwrap_err()
        }),
        row("AdminService/LinkIdentity", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            link(&stage, &stage.name(), "7").await.unwrap_err()
        }),
        row("AdminService/LinkIdentity", "PROVIDER_NOT_FOUND", async |_| {
            let stage = Stage::new(&[]).await;
            link(&stage, "admin", "7").await.unwrap_err()
        }),
        row("AdminService/LinkIdentity", "IDENTITY_TAKEN", async |stage: Arc<Stage>| {
            let ((one, _), (other, _), org) = (stage.person().await, stage.person().await, stage.organization().await);
            stage.provider("corp", &org, ISSUER).await.unwrap();
            link(&stage, &one, PASSWORD).await.unwrap();
            link(&stage, &other, PASSWORD).await.unwrap_err()
        }),
        row("AdminService/UnlinkIdentity", "USER_NOT_FOUND", async |stage: Arc<Stage>| unlink(&stage, &stage.name(), "7").await),
        row("AdminService/UnlinkIdentity", "IDENTITY_NOT_FOUND", async |stage: Arc<Stage>| {
            unlink(&stage, "admin", "nobody's").await
        }),
    ]
}
