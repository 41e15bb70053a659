//! An operator lists, changes and deletes users.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::grpc::pb;
use prost_types::FieldMask;
use tonic::Status;

use crate::arena::refusal::{reason, refused, told};
use crate::harness::{Calls, InProcess, PASSWORD, Setup};

pub(crate) fn masked(paths: &[&str]) -> FieldMask {
    FieldMask { paths: paths.iter().map(ToString::to_string).collect() }
}

pub(crate) async fn users(calls: &Calls, page_size: i32, page_token: &str) -> Result<pb::ListUsersResponse, Status> {
    let message = pb::ListUsersRequest { page_size, page_token: page_token.to_owned() };
    Ok(calls.administration().list_users(calls.request(message)).await?.into_inner())
}

pub(crate) async fn organizations(
    calls: &Calls,
    page_size: i32,
    page_token: &str,
) -> Result<pb::ListOrganizationsResponse, Status> {
    let message = pb::ListOrganizationsRequest { page_size, page_token: page_token.to_owned() };
    Ok(calls.administration().list_organizations(calls.request(message)).await?.into_inner())
}

pub(crate) async fn members(calls: &Calls, org_name: &str, size: i32, token: &str) -> Result<pb::ListMembersResponse, Status> {
    let message = pb::ListMembersRequest { org_name: org_name.to_owned(), page_size: size, page_token: token.to_owned() };
    Ok(calls.administration().list_members(calls.request(message)).await?.into_inner())
}

async fn set_roles(calls: &Calls, username: &str, roles: &[&str]) -> Result<pb::UpdateUserResponse, Status> {
    let message = pb::UpdateUserRequest {
        username: username.to_owned(),
        roles: roles.iter().map(ToString::to_string).collect(),
        update_mask: Some(masked(&["roles"])),
        ..Default::default()
    };
    Ok(calls.administration().update_user(calls.request(message)).await?.into_inner())
}

async fn delete(calls: &Calls, username: &str) -> Result<i64, Status> {
    let message = pb::DeleteUserRequest { username: username.to_owned() };
    Ok(calls.administration().delete_user(calls.request(message)).await?.into_inner().revision)
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
                    if let Err(refused) = made {
                        return told(&refused).1;
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
            update_mask: Some(masked(paths)),
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
