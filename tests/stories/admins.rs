//! An organization's admin manages the own one, and nothing else; nobody else learns that there is one.

use std::collections::BTreeSet;

use countersign::grpc::pb;
use tonic::Status;

use crate::arena::refusal::{reason, refused, told};
use crate::arena::wire::Wire;
use crate::harness::{Calls, InProcess, PASSWORD};
use crate::operators::{masked, members, organizations, users};

async fn make_admin(calls: &Calls, org_name: &str, username: &str) -> Result<(), Status> {
    let role = pb::OrganizationRole::Admin.into();
    let message = pb::AddMemberRequest { org_name: org_name.to_owned(), username: username.to_owned(), role };
    calls.administration().add_member(calls.request(message)).await.map(drop)
}

async fn rule(calls: &Calls, org_name: &str, paths: &[&str]) -> Result<pb::Organization, Status> {
    let message =
        pb::UpdateOrganizationRequest { org_name: org_name.to_owned(), require_factor: true, update_mask: Some(masked(paths)) };
    Ok(calls.administration().update_organization(calls.request(message)).await?.into_inner().organization.unwrap())
}

async fn provider(calls: &Calls, new: pb::CreateIdentityProviderRequest) -> Result<pb::IdentityProvider, Status> {
    Ok(calls.administration().create_identity_provider(calls.request(new)).await?.into_inner().identity_provider.unwrap())
}

fn corp(org_name: &str, issuer: &str) -> pb::CreateIdentityProviderRequest {
    pb::CreateIdentityProviderRequest {
        name: "corp".to_owned(),
        org_name: org_name.to_owned(),
        issuer: issuer.to_owned(),
        client_id: "us".to_owned(),
        ..Default::default()
    }
}

/// Whoever is neither superuser nor admin of the organization hears one thing, whatever there is.
#[tokio::test]
async fn an_organization_is_no_ones_to_find() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let (pat, eve) = (admin.person("pat", &[]).await, admin.person("eve", &["staff"]).await);
    for name in ["acme", "other"] {
        admin.create_organization(name).await.unwrap();
    }
    admin.add_member("acme", "pat").await.unwrap();
    make_admin(&admin, "other", "pat").await.unwrap();
    provider(&admin, corp("acme", "https://login.example.org")).await.unwrap();
    let mut answers = BTreeSet::new();
    for caller in [&pat, &eve] {
        for org in ["acme", "no-such-organization", "admin", "pat", "eve", "not a name", &"n".repeat(10_000), "\u{430}cme"] {
            let mut heard = vec![
                caller.add_member(org, "eve").await.unwrap_err(),
                caller.remove_member(org, "pat").await.unwrap_err(),
                rule(caller, org, &["require_factor"]).await.unwrap_err(),
                members(caller, org, 0, "").await.unwrap_err(),
                provider(caller, corp(org, "https://login.example.org")).await.unwrap_err(),
            ];
            let list = pb::ListIdentityProvidersRequest { org_name: org.to_owned(), ..Default::default() };
            heard.push(caller.administration().list_identity_providers(caller.request(list)).await.unwrap_err());
            let delete = pb::DeleteIdentityProviderRequest { name: "corp".to_owned(), org_name: org.to_owned() };
            heard.push(caller.administration().delete_identity_provider(caller.request(delete)).await.unwrap_err());
            let update = pb::UpdateIdentityProviderRequest {
                name: "corp".to_owned(),
                org_name: org.to_owned(),
                client_id: "them".to_owned(),
                update_mask: Some(masked(&["client_id"])),
                ..Default::default()
            };
            heard.push(caller.administration().update_identity_provider(caller.request(update)).await.unwrap_err());
            for status in heard {
                assert_eq!(told(&status).1, "PERMISSION_DENIED", "{org}: {status:?}");
                answers.insert((status.message().to_owned(), status.details().to_vec()));
            }
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_admin_manages_its_own_organization_and_nothing_else() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let (pat, _) = (admin.person("pat", &[]).await, admin.person("eve", &[]).await);
    admin.create_organization("Acme").await.unwrap();
    make_admin(&admin, "acme", "pat").await.unwrap();

    // Joining, being listed, leaving.
    pat.add_member("ACME", "eve").await.unwrap();
    assert_eq!(reason(pat.add_member("acme", "nobody").await), "USER_NOT_FOUND", "it learns which names exist");
    assert_eq!(reason(pat.add_member("acme", "not a name").await), "VALIDATION_FAILED");
    let listed = members(&pat, "acme", 0, "").await.unwrap().members;
    let listed: BTreeSet<_> = listed.iter().map(|one| (one.username.as_str(), one.role())).collect();
    let expected = [("pat", pb::OrganizationRole::Admin), ("eve", pb::OrganizationRole::Member)];
    assert_eq!(listed, expected.into());
    let first = members(&pat, "acme", 1, "").await.unwrap();
    assert_eq!(members(&pat, "ACME", 1, &first.next_page_token).await.unwrap().members.len(), 1);
    admin.create_organization("other").await.unwrap();
    make_admin(&admin, "other", "pat").await.unwrap();
    assert!(refused(&members(&pat, "other", 1, &first.next_page_token).await, "VALIDATION_FAILED"), "another query");
    pat.remove_member("acme", "eve").await.unwrap();
    assert_eq!(reason(pat.remove_member("acme", "eve").await), "MEMBERSHIP_NOT_FOUND");

    // Its rule.
    assert!(rule(&pat, "acme", &["require_factor"]).await.unwrap().require_factor);
    for paths in [&[][..], &["name"], &["require_factor", "name"]] {
        assert!(refused(&rule(&pat, "acme", paths).await, "VALIDATION_FAILED"), "{paths:?}");
    }

    // Nothing else: not the organization, and no rpc of the site.
    let delete_it = pb::DeleteOrganizationRequest { name: "acme".to_owned() };
    assert_eq!(reason(pat.administration().delete_organization(pat.request(delete_it)).await), "PERMISSION_DENIED");
    assert_eq!(reason(organizations(&pat, 0, "").await), "PERMISSION_DENIED");
    assert_eq!(reason(users(&pat, 0, "").await), "PERMISSION_DENIED");
    assert_eq!(reason(pat.create_organization("mine").await), "PERMISSION_DENIED");
    assert_eq!(reason(provider(&pat, corp("", "https://login.example.org")).await), "PERMISSION_DENIED", "the whole site");
    let by_key = pat.with(&pat.exchange(&pat.key().await).await.unwrap().access_token);
    assert_eq!(reason(by_key.add_member("acme", "eve").await), "PERMISSION_DENIED", "a key without scopes has no role");

    // Tokens say what the bearer is there, and a role that is taken is gone at the next call.
    let tokens = pat.log_in_with("pat", PASSWORD, "", "acme").await.unwrap();
    let verdict = admin.verdict(&tokens, "").await;
    assert_eq!((verdict.org_name.as_str(), verdict.org_role.as_str()), ("Acme", "admin"));
    assert_eq!(admin.verdict(&pat.tokens, "").await.org_role, "", "in the own one nothing is to be said");
    admin.add_member("acme", "pat").await.unwrap();
    assert_eq!(reason(pat.add_member("acme", "eve").await), "PERMISSION_DENIED");
    assert!(!admin.active(&tokens.access_token).await);
    let next = pat.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(admin.verdict(&next, "").await.org_role, "member");
    server.stop().await;
}

/// E11: a provider that an organization's admin registers is believed less.
#[tokio::test]
async fn a_provider_of_an_admin_is_at_a_public_address_and_makes_nobody() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    admin.create_organization("acme").await.unwrap();
    make_admin(&admin, "acme", "pat").await.unwrap();
    for inside in [
        "http://127.0.0.1:8080",
        "https://127.0.0.1",
        "https://localhost",
        "https://a.localhost",
        "https://localhost./",
        "https://10.0.0.1",
        "https://192.168.1.1/realm",
        "https://172.16.0.1",
        "https://169.254.169.254",
        "https://100.64.0.1",
        "https://[::1]",
        "https://[fe80::1]",
        "https://[fd00::1]",
        "https://[::ffff:10.0.0.1]",
        "https://0xa000001",
        "https://2130706433",
        "http://login.example.org",
    ] {
        assert_eq!(reason(provider(&pat, corp("acme", inside)).await), "VALIDATION_FAILED", "{inside}");
    }
    let asking = pb::CreateIdentityProviderRequest { sign_up: Some(true), ..corp("acme", "https://login.example.org") };
    assert_eq!(reason(provider(&pat, asking).await), "PERMISSION_DENIED");
    let domains = vec!["example.org".to_owned()];
    let asking =
        pb::CreateIdentityProviderRequest { email_domains: domains.clone(), ..corp("acme", "https://login.example.org") };
    assert_eq!(reason(provider(&pat, asking).await), "PERMISSION_DENIED");

    let made = provider(&pat, corp("acme", "https://login.example.org")).await.unwrap();
    assert!(!made.sign_up && made.email_domains.is_empty());
    let update = async |calls: &Calls, path: &str| {
        let message = pb::UpdateIdentityProviderRequest {
            name: "corp".to_owned(),
            org_name: "acme".to_owned(),
            client_id: "another".to_owned(),
            sign_up: true,
            email_domains: domains.clone(),
            update_mask: Some(masked(&[path])),
            ..Default::default()
        };
        calls.administration().update_identity_provider(calls.request(message)).await
    };
    assert!(update(&pat, "client_id").await.is_ok());
    for path in ["sign_up", "email_domains"] {
        assert_eq!(reason(update(&pat, path).await), "PERMISSION_DENIED", "{path}");
        assert!(update(&admin, path).await.is_ok(), "a superuser may allow {path}");
    }
    let list = async |calls: &Calls, org_name: &str| {
        let message = pb::ListIdentityProvidersRequest { org_name: org_name.to_owned(), ..Default::default() };
        calls
            .administration()
            .list_identity_providers(calls.request(message))
            .await
            .map(|answer| answer.into_inner().identity_providers)
    };
    provider(&admin, corp("", "https://site.example.org")).await.unwrap();
    let own = list(&pat, "acme").await.unwrap();
    assert_eq!(own.iter().map(|one| (one.org_name.as_str(), one.sign_up)).collect::<Vec<_>>(), [("acme", true)]);
    assert_eq!(reason(list(&pat, "").await), "PERMISSION_DENIED");
    assert_eq!((list(&admin, "").await.unwrap().len(), list(&admin, "nothing").await.unwrap().len()), (2, 0));
    let message = pb::DeleteIdentityProviderRequest { name: "corp".to_owned(), org_name: "acme".to_owned() };
    assert!(pat.administration().delete_identity_provider(pat.request(message)).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn an_organization_goes_with_its_tokens_and_providers() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    let pat = admin.person("pat", &[]).await;
    admin.create_organization("acme").await.unwrap();
    admin.add_member("acme", "pat").await.unwrap();
    provider(&admin, corp("acme", "https://login.example.org")).await.unwrap();
    let tokens = pat.log_in_with("pat", PASSWORD, "", "acme").await.unwrap();
    let message = pb::DeleteOrganizationRequest { name: "ACME".to_owned() };
    let gone = admin.administration().delete_organization(admin.request(message)).await.unwrap().into_inner();
    assert!(gone.revision > 0);
    assert!(!admin.active(&tokens.access_token).await && admin.active(&pat.tokens.access_token).await);
    assert_eq!(reason(pat.refresh(&tokens.refresh_token).await), "ORG_NOT_ALLOWED");
    assert_eq!(reason(pat.log_in_with("pat", PASSWORD, "", "acme").await), "ORG_NOT_ALLOWED");
    let start = pb::SsoStartRequest { org_name: "acme".to_owned(), idp_name: String::new() };
    assert_eq!(reason(pat.auth().sso_start(start).await), "SSO_NOT_CONFIGURED");
    assert_eq!(reason(admin.create_organization("Acme").await), "NAME_RESERVED");
    assert_eq!(admin.try_user("pat").await.unwrap().organizations, ["pat"]);
}
