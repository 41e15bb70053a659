//! The reasons of `TokenService`, `AccountService` and `AdminService`.

use std::sync::Arc;

use countersign::grpc::pb;
use tonic::Status;

use super::stage::{Row, Stage, row};
use crate::arena::{OTHER_PASSWORD, PASSWORD, WRONG};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_tokens_and_passwords();
    rows.extend(of_codes_and_keys());
    rows.extend(of_users());
    rows.extend(of_organizations());
    rows.extend(of_providers_and_keys());
    rows
}

fn of_tokens_and_passwords() -> Vec<Row> {
    vec![
        row("TokenService/VerifyToken", "REVISION_NOT_REACHED", async |stage: Arc<Stage>| {
            let message = pb::VerifyTokenRequest { token: "a.b.c".to_owned(), min_revision: i64::MAX, ..Default::default() };
            stage.admin.tokens().verify_token(stage.admin.request(message)).await.unwrap_err()
        }),
        row("AccountService/ChangePassword", "INVALID_CREDENTIALS", async |stage: Arc<Stage>| {
            stage.person().await.1.change_password(WRONG, OTHER_PASSWORD).await.unwrap_err()
        }),
        row("AccountService/ChangePassword", "PASSWORD_TOO_WEAK", async |stage: Arc<Stage>| {
            stage.person().await.1.change_password(PASSWORD, "too short").await.unwrap_err()
        }),
        row("AccountService/ChangePassword", "THROTTLED", async |stage: Arc<Stage>| {
            let (_, own) = stage.person().await;
            for _ in 0..10 {
                own.change_password(WRONG, OTHER_PASSWORD).await.unwrap_err();
            }
            own.change_password(PASSWORD, OTHER_PASSWORD).await.unwrap_err()
        }),
    ]
}

fn of_codes_and_keys() -> Vec<Row> {
    vec![
        row("AccountService/EnrollTotp", "TOTP_ALREADY_ENABLED", async |stage: Arc<Stage>| {
            stage.person_with_codes().await.1.enroll().await.unwrap_err()
        }),
        row("AccountService/ConfirmTotp", "TOTP_ALREADY_ENABLED", async |stage: Arc<Stage>| {
            stage.person_with_codes().await.1.confirm("123456").await.unwrap_err()
        }),
        row("AccountService/ConfirmTotp", "TOTP_NOT_PENDING", async |stage: Arc<Stage>| {
            stage.person().await.1.confirm("123456").await.unwrap_err()
        }),
        row("AccountService/ConfirmTotp", "OTP_REQUIRED", async |stage: Arc<Stage>| {
            let (_, own) = stage.person().await;
            own.enroll().await.unwrap();
            own.confirm("no code").await.unwrap_err()
        }),
        row("AccountService/ConfirmTotp", "THROTTLED", async |stage: Arc<Stage>| {
            let (_, own) = stage.person().await;
            own.enroll().await.unwrap();
            for _ in 0..10 {
                own.confirm("no code").await.unwrap_err();
            }
            own.confirm("no code").await.unwrap_err()
        }),
        row("AccountService/CreatePersonalKey", "LIMIT_REACHED", async |_| {
            let stage = Stage::new(&[("COUNTERSIGN_MAX_KEYS", "1")]).await;
            stage.admin.key().await;
            stage.admin.make_key("one more").await.err().unwrap()
        }),
        row("AccountService/RevokePersonalKey", "KEY_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.revoke_key("csk_nothing").await.unwrap_err()
        }),
    ]
}

fn of_users() -> Vec<Row> {
    vec![
        row("AdminService/CreateUser", "NAME_TAKEN", async |stage: Arc<Stage>| {
            stage.admin.try_create_user("ADMIN", &[]).await.unwrap_err()
        }),
        row("AdminService/CreateUser", "PASSWORD_TOO_WEAK", async |stage: Arc<Stage>| {
            let (username, password) = (stage.name(), "too short".to_owned());
            let message = pb::CreateUserRequest { username, password, ..Default::default() };
            stage.admin.administration().create_user(stage.admin.request(message)).await.unwrap_err()
        }),
        row("AdminService/GetUser", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.try_user(&stage.name()).await.unwrap_err()
        }),
        row("AdminService/DisableUser", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.disable(&stage.name()).await.unwrap_err()
        }),
        row("AdminService/DisableUser", "LAST_SUPERUSER", async |stage: Arc<Stage>| {
            stage.admin.disable("admin").await.unwrap_err()
        }),
        row("AdminService/EnableUser", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.enable(&stage.name()).await.unwrap_err()
        }),
    ]
}

fn of_organizations() -> Vec<Row> {
    vec![
        row("AdminService/CreateOrganization", "NAME_TAKEN", async |stage: Arc<Stage>| {
            stage.admin.create_organization("Admin").await.unwrap_err()
        }),
        row("AdminService/AddMember", "ORGANIZATION_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.add_member(&stage.name(), "admin").await.unwrap_err()
        }),
        row("AdminService/AddMember", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.add_member(&stage.organization().await, &stage.name()).await.unwrap_err()
        }),
        row("AdminService/AddMember", "PERSONAL_ORGANIZATION", async |stage: Arc<Stage>| {
            let (name, _) = stage.person().await;
            stage.admin.add_member("admin", &name).await.unwrap_err()
        }),
        row("AdminService/AddMember", "LIMIT_REACHED", async |_| {
            let stage = Stage::new(&[("COUNTERSIGN_MAX_MEMBERS", "1")]).await;
            let ((name, _), crew) = (stage.person().await, stage.organization().await);
            stage.admin.add_member(&crew, &name).await.unwrap();
            stage.admin.add_member(&crew, "admin").await.unwrap_err()
        }),
        row("AdminService/RemoveMember", "ORGANIZATION_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.remove_member(&stage.name(), "admin").await.unwrap_err()
        }),
        row("AdminService/RemoveMember", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.remove_member(&stage.organization().await, &stage.name()).await.unwrap_err()
        }),
        row("AdminService/RemoveMember", "MEMBERSHIP_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.admin.remove_member(&stage.organization().await, "admin").await.unwrap_err()
        }),
        row("AdminService/RemoveMember", "PERSONAL_ORGANIZATION", async |stage: Arc<Stage>| {
            stage.admin.remove_member("admin", "admin").await.unwrap_err()
        }),
    ]
}

const ISSUER: &str = "https://login.example.org";

async fn key_for(stage: &Stage, username: &str) -> Result<(), Status> {
    let (username, display_name) = (username.to_owned(), "a machine".to_owned());
    let message = pb::AdminServiceCreatePersonalKeyRequest { username, display_name, ..Default::default() };
    stage.admin.administration().create_personal_key(stage.admin.request(message)).await.map(drop)
}

fn of_providers_and_keys() -> Vec<Row> {
    vec![
        row("AdminService/CreateIdentityProvider", "ORGANIZATION_NOT_FOUND", async |stage: Arc<Stage>| {
            stage.provider("corp", &stage.name(), ISSUER).await.unwrap_err()
        }),
        row("AdminService/CreateIdentityProvider", "NAME_TAKEN", async |stage: Arc<Stage>| {
            let org_name = stage.organization().await;
            stage.provider("corp", &org_name, ISSUER).await.unwrap();
            stage.provider("Corp", &org_name, ISSUER).await.unwrap_err()
        }),
        row("AdminService/CreateIdentityProvider", "LIMIT_REACHED", async |_| {
            let stage = Stage::new(&[("COUNTERSIGN_MAX_PROVIDERS", "1")]).await;
            stage.provider("one", "", ISSUER).await.unwrap();
            stage.provider("two", "", ISSUER).await.unwrap_err()
        }),
        row("AdminService/UpdateIdentityProvider", "PROVIDER_NOT_FOUND", async |stage: Arc<Stage>| {
            let update_mask = Some(prost_types::FieldMask { paths: vec!["sign_up".to_owned()] });
            let message = pb::UpdateIdentityProviderRequest { name: stage.name(), update_mask, ..Default::default() };
            stage.admin.administration().update_identity_provider(stage.admin.request(message)).await.unwrap_err()
        }),
        row("AdminService/DeleteIdentityProvider", "PROVIDER_NOT_FOUND", async |stage: Arc<Stage>| {
            let message = pb::DeleteIdentityProviderRequest { name: stage.name(), org_name: String::new() };
            stage.admin.administration().delete_identity_provider(stage.admin.request(message)).await.unwrap_err()
        }),
        row("AdminService/CreatePersonalKey", "USER_NOT_FOUND", async |stage: Arc<Stage>| {
            key_for(&stage, &stage.name()).await.unwrap_err()
        }),
        row("AdminService/CreatePersonalKey", "LIMIT_REACHED", async |_| {
            let stage = Stage::new(&[("COUNTERSIGN_MAX_KEYS", "1")]).await;
            let (name, _) = stage.person().await;
            key_for(&stage, &name).await.unwrap();
            key_for(&stage, &name).await.unwrap_err()
        }),
    ]
}
