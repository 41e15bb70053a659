//! An operator lists, changes and deletes users and organizations; an organization's admin manages the own one, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::grpc::pb;
use prost_types::FieldMask;
use tonic::Status;

use crate::arena::refusal::{reason, refused, told};
use crate::arena::wire::Wire;
use crate::harness::{Calls, InProcess, PASSWORD, Setup};

fn masked(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() })
}

async fn users(calls: &Calls, page_size: i32, page_token: &str) -> Result<pb::ListUsersResponse, Status> {
    let message = pb::ListUsersRequest { page_size, page_token: page_token.to_owned() };
    Ok(calls.administration().list_users(calls.request(message)).await?.into_inner())
}

async fn organizations(calls: &Calls, page_size: i32, page_token: &str) -> Result<pb::ListOrganizationsResponse, Status> {
    let message = pb::ListOrganizationsRequest { page_size, page_token: page_token.to_owned() };
    Ok(calls.administration().list_organizations(calls.request(message)).await?.into_inner())
}

async fn members(calls: &Calls, org_name: &str, size: i32, token: &str) -> Result<pb::ListMembersResponse, Status> {
    let message = pb::ListMembersRequest { org_name: org_name.to_owned(), page_size: size, page_token: token.to_owned() };
    Ok(calls.administration().list_members(calls.request(message)).await?.into_inner())
}

async fn set_roles(calls: &Calls, username: &str, roles: &[&str]) -> Result<pb::UpdateUserResponse, Status> {
    let message = pb::UpdateUserRequest {
        username: username.to_owned(),
        roles: roles.iter().map(ToString::to_string).collect(),
        update_mask: masked(&["roles"]),
        ..Default::default()
    };
    Ok(calls.administration().update_user(calls.request(message)).await?.into_inner())
}

async fn delete(calls: &Calls, username: &str) -> Result<i64, Status> {
    let message = pb::DeleteUserRequest { username: username.to_owned() };
    Ok(calls.administration().delete_user(calls.request(message)).await?.into_inner().revision)
}

async fn make_admin(calls: &Calls, org_name: &str, username: &str) -> Result<(), Status> {
    let role = pb::OrganizationRole::Admin.into();
    let message = pb::AddMemberRequest { org_name: org_name.to_owned(), username: username.to_owned(), role };
    calls.administration().add_member(calls.request(message)).await.map(drop)
}

async fn rule(calls: &Calls, org_name: &str, paths: &[&str]) -> Result<pb::Organization, Status> {
    let message =
        pb::UpdateOrganizationRequest { org_name: org_name.to_owned(), require_factor: true, update_mask: masked(paths) };
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

#[tokio::test]
async fn a_list_is_read_page_by_page_while_others_write() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    for name in ["bob", "Carl", "dora", "eve", "fay"] {
        admin.create_user(name, &[]).await;
    }
    let names = |page: &pb::ListUsersResponse| page.users.iter().map(|user| user.username.clone()).collect::<Vec<_>>();
    let first = users(&admin, 2, "").await.unwrap();
    assert_eq!(names(&first), ["admin", "bob"]);
    assert_eq!(first.users[1].email, "bob@example.org");
    assert_eq!(first.users[1].organizations, ["bob"]);
    // What was answered goes, what is to come goes, and somebody comes before the place.
    delete(&admin, "bob").await.unwrap();
    delete(&admin, "dora").await.unwrap();
    admin.create_user("aaron", &[]).await;
    let second = users(&admin, 2, &first.next_page_token).await.unwrap();
    assert_eq!(names(&second), ["Carl", "eve"]);
    let third = users(&admin, 2, &second.next_page_token).await.unwrap();
    assert_eq!((names(&third), third.next_page_token.as_str()), (vec!["fay".to_owned()], ""));

    // A token is its caller's, its list's, its query's and ours.
    let root = admin.person("root", &["superuser"]).await;
    let token = &first.next_page_token;
    let forged = format!("{}A", &token[..token.len() - 1]);
    admin.create_organization("one").await.unwrap();
    let own_members = members(&admin, "one", 1, token).await;
    for outcome in [
        users(&root, 2, token).await.map(drop),
        users(&admin, 2, "page 2").await.map(drop),
        users(&admin, 2, &"a".repeat(2000)).await.map(drop),
        users(&admin, -1, "").await.map(drop),
        users(&admin, 1001, "").await.map(drop),
        organizations(&admin, 2, token).await.map(drop),
        own_members.map(drop),
    ] {
        assert!(refused(&outcome, "VALIDATION_FAILED"), "{outcome:?}");
    }
    assert!(forged == *token || refused(&users(&admin, 2, &forged).await, "VALIDATION_FAILED"));

    let all = organizations(&admin, 0, "").await.unwrap().organizations;
    let shown: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.personal)).collect();
    let expected =
        [("aaron", true), ("admin", true), ("Carl", true), ("eve", true), ("fay", true), ("one", false), ("root", true)];
    assert_eq!(shown, expected);
    server.stop().await;
}

/// A role taken away shows at the next call, not at the end of a token.
#[tokio::test]
async fn a_role_that_is_taken_is_gone_at_the_next_call() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let sam = admin.person("sam", &["staff"]).await;
    assert!(sam.link("visitor", "d").await.is_ok());
    let gained = set_roles(&admin, "sam", &["staff", "superuser"]).await.unwrap();
    assert_eq!((gained.revision, gained.user.unwrap().roles.as_slice()), (0, &["staff".to_owned(), "superuser".to_owned()][..]));
    assert!(sam.link("visitor", "d").await.is_ok(), "who gains a role keeps its tokens");
    let sam = admin.as_user("sam").await;
    assert!(sam.try_create_user("new", &[]).await.is_ok());
    let lost = set_roles(&admin, "SAM", &[]).await.unwrap();
    assert!(lost.revision > 0);
    assert!(!admin.active(&sam.tokens.access_token).await);
    assert_eq!(reason(sam.try_create_user("newer", &[]).await), "TOKEN_INVALID");
    let next = sam.refresh(&sam.tokens.refresh_token).await.unwrap();
    let sam = sam.bearing(next);
    assert_eq!(reason(sam.try_create_user("newer", &[]).await), "PERMISSION_DENIED");
    assert_eq!(reason(sam.link("visitor", "d").await), "PERMISSION_DENIED");
    server.stop().await;
}

/// F10: whoever makes links while the role is taken has made the last one when the answer to that is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_link_is_made_after_the_role_is_gone() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    admin.create_user("sam", &["staff"]).await;
    for round in 0..10 {
        set_roles(&admin, "sam", &["staff"]).await.unwrap();
        let sam = server.calls().await.as_user("sam").await;
        let gone = Arc::new(AtomicBool::new(false));
        let makers = (0..4).map(|maker| {
            let (sam, gone) = (sam.clone(), Arc::clone(&gone));
            tokio::spawn(async move {
                loop {
                    let late = gone.load(Ordering::SeqCst);
                    let made = sam.link(&format!("visitor-{maker}"), "d").await;
                    assert!(!(late && made.is_ok()), "round {round}");
                    if made.is_err() {
                        return told(&made.unwrap_err()).1;
                    }
                }
            })
        });
        let makers: Vec<_> = makers.collect();
        set_roles(&admin, "sam", &[]).await.unwrap();
        gone.store(true, Ordering::SeqCst);
        for maker in makers {
            let heard = maker.await.unwrap();
            assert!(["TOKEN_INVALID", "PERMISSION_DENIED"].contains(&heard.as_str()), "{heard}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_update_says_what_it_changes() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    admin.create_user("ann", &["staff"]).await;
    admin.create_user("bob", &[]).await;
    let update = async |paths: &[&str], email: &str, roles: &[&str]| {
        let message = pb::UpdateUserRequest {
            username: "Ann".to_owned(),
            email: email.to_owned(),
            roles: roles.iter().map(ToString::to_string).collect(),
            update_mask: masked(paths),
        };
        admin.administration().update_user(admin.request(message)).await.map(|answer| answer.into_inner().user.unwrap())
    };
    for (paths, email, roles) in [
        (&[][..], "new@example.org", &[][..]),
        (&["username"], "new@example.org", &[]),
        (&["email", "password"], "new@example.org", &[]),
        (&["email"], "no address", &[]),
        (&["roles"], "", &["emperor"]),
        (&["roles"], "", &["staff", "staff", "staff"]),
    ] {
        assert!(refused(&update(paths, email, roles).await, "VALIDATION_FAILED"), "{paths:?} {email} {roles:?}");
    }
    assert!(refused(&update(&["email", "roles"], "BOB@example.org", &[]).await, "NAME_TAKEN"));
    let unchanged = admin.try_user("ann").await.unwrap();
    assert_eq!((unchanged.email.as_str(), unchanged.roles.as_slice()), ("ann@example.org", &["staff".to_owned()][..]));
    let changed = update(&["email"], "new@example.org", &["emperor"]).await.unwrap();
    assert_eq!((changed.email.as_str(), changed.roles.as_slice()), ("new@example.org", &["staff".to_owned()][..]));
    assert!(admin.try_log_in("new@example.org", PASSWORD).await.is_ok());
    assert!(admin.try_log_in("ann@example.org", PASSWORD).await.is_err());
    assert_eq!(update(&["email"], "", &[]).await.unwrap().email, "");
    server.stop().await;
}

/// What a deleted user had works nowhere any more, also after a kill.
#[tokio::test]
async fn a_deleted_user_is_gone_and_the_name_is_nobodys() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let start = async || {
        let setup = Setup::new().env("COUNTERSIGN_ADMIN_PASSWORD", PASSWORD).env("COUNTERSIGN_PUBLIC_URL", "http://auth.example");
        setup.data_dir(&data).start().await
    };
    let mut server = start().await;
    let admin = server.admin().await;
    let ann = admin.person("ann", &[]).await;
    admin.create_organization("acme").await.unwrap();
    admin.add_member("acme", "ann").await.unwrap();
    let key = ann.key().await;
    let by_key = ann.exchange(&key).await.unwrap();
    assert!(delete(&admin, "ann").await.unwrap() > 0);
    for round in 0..2 {
        let admin = server.admin().await;
        for token in [&ann.tokens.access_token, &by_key.access_token] {
            assert!(!admin.active(token).await, "{round}");
        }
        assert!(admin.refresh(&ann.tokens.refresh_token).await.is_err());
        assert_eq!(reason(admin.exchange(&key).await), "INVALID_CREDENTIALS");
        assert_eq!(reason(admin.try_log_in("ann", PASSWORD).await), "INVALID_CREDENTIALS");
        assert_eq!(reason(admin.try_user("ann").await), "USER_NOT_FOUND");
        assert!(members(&admin, "acme", 0, "").await.unwrap().members.is_empty());
        assert_eq!(reason(admin.try_create_user("Ann", &[]).await), "NAME_RESERVED");
        assert_eq!(reason(delete(&admin, "ann").await), "USER_NOT_FOUND");
        if round == 0 {
            server.kill().await;
            server = start().await;
        }
    }
    let admin = server.admin().await;
    for name in ["ANN", "ann@example.org"] {
        let message = pb::ReleaseNameRequest { name: name.to_owned() };
        admin.administration().release_name(admin.request(message.clone())).await.unwrap();
        let again = admin.administration().release_name(admin.request(message)).await;
        assert_eq!(reason(again), "NAME_NOT_RESERVED");
    }
    admin.create_user("ann", &[]).await;
    assert!(!admin.active(&ann.tokens.access_token).await);
    server.stop().await;
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
                update_mask: masked(&["client_id"]),
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
            update_mask: masked(&[path]),
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

/// Two superusers, at once: one is left that can work.
#[tokio::test]
async fn two_superusers_cannot_end_each_other() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    for round in 0..10 {
        let (one, two) = (format!("one-{round}"), format!("two-{round}"));
        let (first, second) = (admin.person(&one, &["superuser"]).await, admin.person(&two, &["superuser"]).await);
        let _ = tokio::join!(delete(&first, &two), delete(&second, &one), set_roles(&first, &two, &[]));
        let left = [admin.try_user(&one).await, admin.try_user(&two).await];
        let standing = left.iter().flatten().filter(|user| user.roles == ["superuser"]).count();
        assert!(standing >= 1, "round {round}");
        for user in left.into_iter().flatten() {
            delete(&admin, &user.username).await.unwrap();
        }
    }
    assert_eq!(reason(delete(&admin, "admin").await), "LAST_SUPERUSER");
    assert_eq!(reason(set_roles(&admin, "admin", &["staff"]).await), "LAST_SUPERUSER");
    server.stop().await;
}
