//! Organizations: whom a token is for.

use countersign::grpc::pb::TokenSet;
use tonic::Status;

use crate::arena::refusal::{refused, told};
use crate::harness::{InProcess, PASSWORD};

async fn log_in_to(server: &InProcess, org_name: &str) -> Result<TokenSet, Status> {
    server.calls().await.log_in_with("pat", PASSWORD, "", org_name).await
}

#[tokio::test]
async fn a_member_works_in_the_organization_and_nobody_else_does() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    let made = admin.create_organization("Acme").await.unwrap();
    assert!((made.name.as_str(), made.personal) == ("Acme", false) && made.create_time.is_some());

    // Unknown, not one's own, another's personal one: one answer, to the byte.
    let mut answers = Vec::new();
    for org_name in ["acme", "no-such-organization", "admin"] {
        let refusal = log_in_to(&server, org_name).await.unwrap_err();
        assert_eq!(told(&refusal).1, "ORG_NOT_ALLOWED", "{org_name}");
        answers.push((refusal.code(), refusal.message().to_owned(), refusal.details().to_vec()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);

    admin.add_member("ACME", "PAT").await.unwrap();
    admin.add_member("acme", "pat").await.unwrap();
    assert!(admin.verdict(&pat.tokens, "").await.active, "joining ends nothing");
    let tokens = log_in_to(&server, "aCmE").await.unwrap();
    assert_eq!(tokens.active_organization, "Acme");
    assert_eq!(admin.verdict(&tokens, "").await.org_name, "Acme");
    assert_eq!(log_in_to(&server, "").await.unwrap().active_organization, "pat");
    assert_eq!(admin.try_user("pat").await.unwrap().organizations, ["pat", "Acme"]);
    server.stop().await;
}

/// C11: what a member loses is gone from the tokens at once, and the next ones are narrower.
#[tokio::test]
async fn a_lost_membership_is_gone_at_once() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    admin.create_organization("acme").await.unwrap();
    admin.add_member("acme", "pat").await.unwrap();
    let key = pat.make_key("a script").await.unwrap();
    let exchange = || pat.exchange_for(&key, "acme");
    let (tokens, by_key) = (log_in_to(&server, "acme").await.unwrap(), exchange().await.unwrap());
    assert!(admin.remove_member("acme", "pat").await.unwrap() > 0);
    for dead in [&tokens, &by_key] {
        assert!(!admin.verdict(dead, "").await.active);
    }
    assert!(refused(&log_in_to(&server, "acme").await, "ORG_NOT_ALLOWED"));
    assert!(refused(&exchange().await, "ORG_NOT_ALLOWED"));
    match server.calls().await.refresh(&tokens.refresh_token).await {
        Ok(next) => assert_eq!(admin.verdict(&next, "").await.org_name, "pat"),
        Err(refusal) => assert_eq!(told(&refusal).1, "ORG_NOT_ALLOWED"),
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_missing_is_named_to_a_superuser() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let staff = admin.person("sam", &["staff"]).await;
    admin.create_organization("acme").await.unwrap();
    for taken in ["acme", "ACME", "admin", "Sam"] {
        assert!(refused(&admin.create_organization(taken).await, "NAME_TAKEN"), "{taken}");
    }
    assert!(refused(&admin.add_member("unknown", "sam").await, "ORGANIZATION_NOT_FOUND"));
    assert!(refused(&admin.add_member("acme", "nobody").await, "USER_NOT_FOUND"));
    assert!(refused(&admin.add_member("sam", "admin").await, "PERSONAL_ORGANIZATION"));
    assert!(refused(&admin.remove_member("acme", "sam").await, "MEMBERSHIP_NOT_FOUND"));
    assert!(refused(&admin.remove_member("sam", "sam").await, "PERSONAL_ORGANIZATION"));
    for bad in ["", "a b", "a@b", "\u{e9}", &"n".repeat(64)] {
        assert!(refused(&admin.create_organization(bad).await, "VALIDATION_FAILED"), "{bad:?}");
        assert!(refused(&admin.add_member(bad, "sam").await, "VALIDATION_FAILED"), "{bad:?}");
        assert!(refused(&admin.remove_member("acme", bad).await, "VALIDATION_FAILED"), "{bad:?}");
    }
    assert!(refused(&staff.create_organization("other").await, "PERMISSION_DENIED"));
    assert!(refused(&staff.add_member("acme", "sam").await, "PERMISSION_DENIED"));
    assert!(refused(&staff.remove_member("acme", "sam").await, "PERMISSION_DENIED"));
    server.stop().await;
}
