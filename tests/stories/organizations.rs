//! Organizations: whom a token is for.

use countersign::grpc::pb::{
    AddMemberRequest, CreateOrganizationRequest, GetUserRequest, Organization, OrganizationRole, PkeyJwtRequest,
    RemoveMemberRequest, TokenSet,
};
use tonic::Status;

use crate::caller::{Caller, refused};
use crate::harness::{InProcess, PASSWORD, reason};

async fn create(server: &InProcess, caller: &Caller<'_>, name: &str) -> Result<Organization, Status> {
    let request = CreateOrganizationRequest { name: name.into() };
    Ok(server.admin().await.create_organization(caller.says(request)).await?.into_inner().organization.unwrap())
}

async fn add(server: &InProcess, caller: &Caller<'_>, org_name: &str, username: &str) -> Result<(), Status> {
    let role = OrganizationRole::Unspecified.into();
    let request = AddMemberRequest { org_name: org_name.into(), username: username.into(), role };
    server.admin().await.add_member(caller.says(request)).await.map(drop)
}

async fn remove(server: &InProcess, caller: &Caller<'_>, org_name: &str, username: &str) -> Result<i64, Status> {
    let request = RemoveMemberRequest { org_name: org_name.into(), username: username.into() };
    Ok(server.admin().await.remove_member(caller.says(request)).await?.into_inner().revision)
}

async fn log_in_to(server: &InProcess, org_name: &str) -> Result<TokenSet, Status> {
    server.log_in("pat", PASSWORD, "", org_name).await
}

#[tokio::test]
async fn a_member_works_in_the_organization_and_nobody_else_does() {
    let server = InProcess::start().await;
    let admin = Caller::admin(&server).await;
    let pat = admin.person("pat", &[]).await;
    let made = create(&server, &admin, "Acme").await.unwrap();
    assert!((made.name.as_str(), made.personal) == ("Acme", false) && made.create_time.is_some());

    // Unknown, not one's own, another's personal one: one answer, to the byte.
    let mut answers = Vec::new();
    for org_name in ["acme", "no-such-organization", "admin"] {
        let refusal = log_in_to(&server, org_name).await.unwrap_err();
        assert_eq!(reason(&refusal), "ORG_NOT_ALLOWED", "{org_name}");
        answers.push((refusal.code(), refusal.message().to_owned(), refusal.details().to_vec()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);

    add(&server, &admin, "ACME", "PAT").await.unwrap();
    add(&server, &admin, "acme", "pat").await.unwrap();
    assert!(admin.verify(&pat.tokens, "").await.active, "joining ends nothing");
    let tokens = log_in_to(&server, "aCmE").await.unwrap();
    assert_eq!(tokens.active_organization, "Acme");
    assert_eq!(admin.verify(&tokens, "").await.org_name, "Acme");
    assert_eq!(log_in_to(&server, "").await.unwrap().active_organization, "pat");
    let user = server.admin().await.get_user(admin.says(GetUserRequest { username: "pat".into() })).await.unwrap();
    assert_eq!(user.into_inner().user.unwrap().organizations, ["pat", "Acme"]);
    server.stop().await;
}

/// C11: what a member loses is gone from the tokens at once, and the next ones are narrower.
#[tokio::test]
async fn a_lost_membership_is_gone_at_once() {
    let server = InProcess::start().await;
    let admin = Caller::admin(&server).await;
    let pat = admin.person("pat", &[]).await;
    create(&server, &admin, "acme").await.unwrap();
    add(&server, &admin, "acme", "pat").await.unwrap();
    let key = pat.make_key("a script").await.unwrap();
    let exchange = async || {
        let (key_id, key_secret) = (key.key_id.clone(), key.key_secret.clone());
        let request = PkeyJwtRequest { key_id, key_secret, org_name: "acme".into() };
        server.auth().await.pkey_jwt(request).await.map(|answer| answer.into_inner().tokens.unwrap())
    };
    let (tokens, by_key) = (log_in_to(&server, "acme").await.unwrap(), exchange().await.unwrap());
    assert!(remove(&server, &admin, "acme", "pat").await.unwrap() > 0);
    for dead in [&tokens, &by_key] {
        assert!(!admin.verify(dead, "").await.active);
    }
    assert!(refused(&log_in_to(&server, "acme").await, "ORG_NOT_ALLOWED"));
    assert!(refused(&exchange().await, "ORG_NOT_ALLOWED"));
    match server.refresh(&tokens).await {
        Ok(next) => assert_eq!(admin.verify(&next, "").await.org_name, "pat"),
        Err(refusal) => assert_eq!(reason(&refusal), "ORG_NOT_ALLOWED"),
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_missing_is_named_to_a_superuser() {
    let server = InProcess::start().await;
    let admin = Caller::admin(&server).await;
    let staff = admin.person("sam", &["staff"]).await;
    create(&server, &admin, "acme").await.unwrap();
    for taken in ["acme", "ACME", "admin", "Sam"] {
        assert!(refused(&create(&server, &admin, taken).await, "NAME_TAKEN"), "{taken}");
    }
    assert!(refused(&add(&server, &admin, "unknown", "sam").await, "ORGANIZATION_NOT_FOUND"));
    assert!(refused(&add(&server, &admin, "acme", "nobody").await, "USER_NOT_FOUND"));
    assert!(refused(&add(&server, &admin, "sam", "admin").await, "PERSONAL_ORGANIZATION"));
    assert!(refused(&remove(&server, &admin, "acme", "sam").await, "MEMBERSHIP_NOT_FOUND"));
    assert!(refused(&remove(&server, &admin, "sam", "sam").await, "PERSONAL_ORGANIZATION"));
    for bad in ["", "a b", "a@b", "\u{e9}", &"n".repeat(64)] {
        assert!(refused(&create(&server, &admin, bad).await, "VALIDATION_FAILED"), "{bad:?}");
        assert!(refused(&add(&server, &admin, bad, "sam").await, "VALIDATION_FAILED"), "{bad:?}");
        assert!(refused(&remove(&server, &admin, "acme", bad).await, "VALIDATION_FAILED"), "{bad:?}");
    }
    assert!(refused(&create(&server, &staff, "other").await, "PERMISSION_DENIED"));
    assert!(refused(&add(&server, &staff, "acme", "sam").await, "PERMISSION_DENIED"));
    assert!(refused(&remove(&server, &staff, "acme", "sam").await, "PERMISSION_DENIED"));
    server.stop().await;
}
