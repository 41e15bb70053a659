//! Ending sessions: the fence over the wire. What was answered is true, at once and for everything of a name.

use countersign::grpc::pb;
use tokio::task::JoinSet;
use tonic::Code;

use crate::arena::PASSWORD;
use crate::arena::refusal::{reason, told};
use crate::arena::wire::Wire;
use crate::harness::Calls;

/// D11, E19: sessions by password, tokens of keys, guests and unredeemed links of one name, and the answer counts them.
#[tokio::test]
async fn it_ends_everything_of_a_name() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    for name in ["pat", "sam"] {
        admin.create_user(name, &[]).await;
    }
    let (one, two, other) = (admin.log_in("pat").await, admin.log_in("PAT@example.org").await, admin.log_in("sam").await);
    let key = admin.with(&one.access_token).key().await;
    let of_key = admin.exchange(&key).await.unwrap();
    let (redeemed, unredeemed) = (admin.link("pat", "d").await.unwrap(), admin.link("Pat", "d").await.unwrap());
    let guest = admin.redeem(&redeemed).await.unwrap();
    let others_link = admin.link("sam", "d").await.unwrap();

    let done = admin.logout_user("pAT").await.unwrap();
    assert_eq!((done.sessions_revoked, done.links_revoked), (3, 1));
    for tokens in [&one, &two, &of_key] {
        assert!(!admin.active(&tokens.access_token).await);
        assert_eq!(reason(admin.with(&tokens.access_token).own_account().await), "TOKEN_INVALID");
        assert_eq!(reason(admin.renew(&tokens.access_token).await), "TOKEN_INVALID");
    }
    assert!(!admin.verify(&guest.access_token, "d").await.unwrap().active);
    assert_eq!(reason(admin.renew(&guest.access_token).await), "TOKEN_INVALID");
    for tokens in [&one, &two, &guest] {
        assert_eq!(reason(admin.refresh(&tokens.refresh_token).await), "SESSION_REVOKED");
    }
    for link in [&redeemed, &unredeemed] {
        assert_eq!(reason(admin.redeem(link).await), "LINK_INVALID");
        let peeked = admin.auth().peek_single_use(pb::PeekSingleUseRequest { token: link.clone() }).await;
        assert_eq!(reason(peeked), "LINK_INVALID");
    }
    // Nothing of anybody else, and not the way in.
    assert!(admin.active(&other.access_token).await && admin.redeem(&others_link).await.is_ok());
    assert!(admin.exchange(&key).await.is_ok() && admin.try_log_in("pat", PASSWORD).await.is_ok());
    assert!(admin.link("pat", "d").await.is_ok());
}

/// D7: repeating is OK and unknown names are; each answer has a later revision, and VerifyToken that waits for it has seen it.
#[tokio::test]
async fn repeating_it_is_ok() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let tokens = admin.log_in("pat").await;
    let mut last = 0;
    for (name, sessions) in [("pat", 1), ("pat", 0), ("nobody", 0), ("nobody@example.org", 0)] {
        let done = admin.logout_user(name).await.unwrap();
        assert_eq!((done.sessions_revoked, done.links_revoked), (sessions, 0));
        assert!(done.revision > last);
        last = done.revision;
        let message = pb::VerifyTokenRequest { token: tokens.access_token.clone(), min_revision: last, ..Default::default() };
        let seen = admin.tokens().verify_token(admin.request(message)).await.unwrap().into_inner();
        assert!(!seen.active && seen.revision >= last);
    }
    let ahead = pb::VerifyTokenRequest { token: tokens.access_token, min_revision: i64::MAX, ..Default::default() };
    let refused = admin.tokens().verify_token(admin.request(ahead)).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unavailable, "REVISION_NOT_REACHED".to_owned()));
    for bad in ["", "a b", "guest:pat", "x\0", &"x".repeat(255)] {
        assert_eq!(admin.logout_user(bad).await.unwrap_err().code(), Code::InvalidArgument, "{bad:?}");
    }
}

/// Who may: staff for plain accounts, a superuser for everybody, a plain account and a guest for nobody.
#[tokio::test]
async fn who_may_log_whom_out() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    admin.create_user("staff", &["staff"]).await;
    admin.create_user("colleague", &["staff"]).await;
    let as_user = |name: &'static str| {
        let admin = admin.clone();
        async move { admin.as_user(name).await }
    };
    let (pat, staff) = (as_user("pat").await, as_user("staff").await);
    for name in ["pat", "staff", "admin", "nobody"] {
        assert_eq!(told(&pat.logout_user(name).await.unwrap_err()), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
        assert_eq!(reason(pat.link(name, "d").await), "PERMISSION_DENIED");
    }
    for name in ["admin", "colleague", "ADMIN", "colleague@example.org"] {
        assert_eq!(told(&staff.logout_user(name).await.unwrap_err()), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    }
    assert!(staff.logout_user("pat").await.is_ok());
    assert_eq!(reason(pat.own_account().await), "TOKEN_INVALID");
    assert!(admin.logout_user("colleague").await.is_ok());
    // One's own name ends the caller too.
    assert!(admin.logout_user("admin").await.is_ok());
    assert_eq!(reason(admin.own_account().await), "TOKEN_INVALID");
}

/// Logout ends the caller's own session and nothing else, for whoever is signed in.
#[tokio::test]
async fn ones_own_session() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let (one, two) = (admin.log_in("pat").await, admin.log_in("pat").await);
    let key = admin.with(&one.access_token).key().await;
    let (of_key, also_of_key) = (admin.exchange(&key).await.unwrap(), admin.exchange(&key).await.unwrap());
    let guest = admin.redeem(&admin.link("visitor", "d").await.unwrap()).await.unwrap();
    for tokens in [&one, &of_key, &guest] {
        let own = admin.with(&tokens.access_token);
        assert!(own.logout().await.unwrap() > 0);
        assert!(!admin.verify(&tokens.access_token, "d").await.unwrap().active);
        assert_eq!(reason(own.logout().await), "TOKEN_INVALID");
        assert_eq!(reason(admin.renew(&tokens.access_token).await), "TOKEN_INVALID");
    }
    assert_eq!(reason(admin.refresh(&one.refresh_token).await), "SESSION_REVOKED");
    assert_eq!(reason(admin.refresh(&guest.refresh_token).await), "SESSION_REVOKED");
    assert!(admin.active(&two.access_token).await && admin.active(&also_of_key.access_token).await);
    assert!(admin.refresh(&two.refresh_token).await.is_ok());
}

/// A change whose caller is signed out before it commits is not made.
#[tokio::test]
async fn a_caller_who_was_signed_out_changes_nothing() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("staff", &["staff"]).await;
    let staff = admin.as_user("staff").await;
    admin.logout_user("staff").await.unwrap();
    assert_eq!(reason(staff.link("visitor", "d").await), "TOKEN_INVALID");
    assert_eq!(reason(staff.logout_user("visitor").await), "TOKEN_INVALID");
}

/// F3 over the wire: what was handed out before, and what is being handed out meanwhile, is dead when the answer is there. A
/// login or exchange that was checked after the commit may live; then it lives whole: verified and refreshed alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_races_everything_over_the_wire() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let (mut let_in, mut refused) = (0, 0);
    for round in 0..60 {
        let before = admin.log_in("pat").await;
        let by_access = admin.log_in("pat").await;
        let link = admin.link("pat", "d").await.unwrap();
        let mut sure = JoinSet::new();
        let mut logins = JoinSet::new();
        for number in 0..4 {
            let (calls, before, by_access, link) = (wire.calls().await, before.clone(), by_access.clone(), link.clone());
            logins.spawn({
                let calls = calls.clone();
                async move { calls.try_log_in("pat", PASSWORD).await }
            });
            sure.spawn(async move {
                match number {
                    0 | 1 => calls.refresh(&before.refresh_token).await,
                    2 => calls.renew(&by_access.access_token).await,
                    _ => calls.redeem(&link).await,
                }
            });
        }
        for _ in 0..round % 10 {
            tokio::task::yield_now().await;
        }
        admin.logout_user("pat").await.unwrap();
        for answer in sure.join_all().await {
            let Ok(tokens) = answer else {
                refused += 1;
                continue;
            };
            let_in += 1;
            assert!(!admin.verify(&tokens.access_token, "d").await.unwrap().active);
            assert_eq!(reason(admin.with(&tokens.access_token).logout().await), "TOKEN_INVALID");
            if !tokens.refresh_token.is_empty() {
                assert_eq!(reason(admin.refresh(&tokens.refresh_token).await), "SESSION_REVOKED");
            }
        }
        for tokens in logins.join_all().await.into_iter().flatten() {
            let active = admin.active(&tokens.access_token).await;
            assert_eq!(admin.refresh(&tokens.refresh_token).await.is_ok(), active, "half a session lives");
        }
        for tokens in [&before, &by_access] {
            assert!(!admin.active(&tokens.access_token).await);
        }
    }
    println!("let in {let_in}, refused {refused}");
}

/// F1 over the wire: a hundred redeem one link, over ten connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_callers_redeem_one_link() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    let connections: Vec<Calls> = futures_util::future::join_all((0..10).map(|_| wire.calls())).await;
    for _ in 0..5 {
        let link = admin.link("visitor", "d").await.unwrap();
        let mut running = JoinSet::new();
        for calls in connections.iter().cycle().take(100) {
            let (calls, link) = (calls.clone(), link.clone());
            running.spawn(async move { calls.redeem(&link).await });
        }
        let answers = running.join_all().await;
        let (opened, dead): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(opened.len(), 1);
        for answer in dead {
            assert_eq!(told(&answer.unwrap_err()), (Code::Unauthenticated, "LINK_INVALID".to_owned()));
        }
        let tokens = opened.into_iter().next().unwrap().unwrap();
        assert!(admin.verify(&tokens.access_token, "d").await.unwrap().active);
        assert!(admin.refresh(&tokens.refresh_token).await.is_ok());
    }
    // Nothing is left of the hundred but the one session of each round.
    assert_eq!(admin.logout_user("visitor").await.unwrap().sessions_revoked, 5);
}
