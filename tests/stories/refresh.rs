//! Refresh: a chain with one tip, a window for lost answers, an end for stolen tokens, and two ways of renewing that do not mix.

use std::time::Duration;

use countersign::grpc::pb;
use tokio::task::JoinSet;
use tonic::Code;

use crate::arena::refusal::{reason, told};
use crate::arena::wire::Wire;
use crate::arena::{OTHER_PASSWORD, PASSWORD};
use crate::harness::Calls;

const HOUR: Duration = Duration::from_hours(1);

/// A server, its superuser as one who may ask VerifyToken, and a session of `pat`.
async fn session() -> (Wire, Calls, pb::TokenSet) {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let tokens = admin.log_in("pat").await;
    (wire, admin, tokens)
}

/// D1, D3: every Refresh rotates; the session and its end stay.
#[tokio::test]
async fn it_rotates() {
    let (wire, calls, zero) = session().await;
    let mut last = zero.clone();
    for _ in 0..20 {
        wire.advance(Duration::from_secs(61));
        let next = calls.refresh(&last.refresh_token).await.unwrap();
        assert_ne!(next.refresh_token, last.refresh_token);
        assert_ne!(next.access_token, last.access_token);
        assert_eq!((&next.session_id, next.session_expire_time), (&zero.session_id, zero.session_expire_time));
        assert!(calls.active(&next.access_token).await);
        last = next;
    }
    assert!(calls.active(&zero.access_token).await, "an access token lives until its exp");
}

/// D4, D5: who did not get the answer asks again and gets the same successor, until that one is used or ten seconds have passed.
#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let (wire, calls, zero) = session().await;
    let one = calls.refresh(&zero.refresh_token).await.unwrap();
    // Not re-armed by asking: three times within the window that began with the rotation.
    for _ in 0..3 {
        wire.advance(Duration::from_secs(3));
        let again = calls.refresh(&zero.refresh_token).await.unwrap();
        assert_eq!(again.refresh_token, one.refresh_token);
        assert_eq!(again.session_id, one.session_id);
        assert!(calls.active(&again.access_token).await);
    }
    wire.advance(Duration::from_secs(1));
    assert_eq!(calls.refresh(&zero.refresh_token).await.unwrap().refresh_token, one.refresh_token, "at ten seconds");
    let two = calls.refresh(&one.refresh_token).await.unwrap();
    assert_ne!(two.refresh_token, one.refresh_token);
}

/// D1, D4: the last but one, more than ten seconds after the rotation, ends the session.
#[tokio::test]
async fn the_last_but_one_comes_too_late() {
    let (wire, calls, zero) = session().await;
    let one = calls.refresh(&zero.refresh_token).await.unwrap();
    wire.advance(Duration::from_secs(6));
    calls.refresh(&zero.refresh_token).await.unwrap();
    wire.advance(Duration::from_micros(4_000_001));
    let refused = calls.refresh(&zero.refresh_token).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unauthenticated, "REFRESH_REUSED".to_owned()));
    assert_eq!(reason(calls.refresh(&one.refresh_token).await), "SESSION_REVOKED");
    assert!(!calls.active(&one.access_token).await);
}

/// D2: an older one ends the session: the newest refresh token and every access token of it at once, and no other session. Fails
/// where reuse is told and not acted upon.
#[tokio::test]
async fn an_older_one_ends_the_session() {
    let (_wire, calls, zero) = session().await;
    let other = calls.log_in("pat").await;
    let one = calls.refresh(&zero.refresh_token).await.unwrap();
    let two = calls.refresh(&one.refresh_token).await.unwrap();
    assert_eq!(reason(calls.refresh(&zero.refresh_token).await), "REFRESH_REUSED");
    for tokens in [&zero, &one, &two] {
        assert!(!calls.active(&tokens.access_token).await, "VerifyToken says active");
        assert_eq!(reason(calls.with(&tokens.access_token).own_account().await), "TOKEN_INVALID");
        assert_eq!(reason(calls.renew(&tokens.access_token).await), "TOKEN_INVALID");
        assert_eq!(reason(calls.refresh(&tokens.refresh_token).await), "SESSION_REVOKED");
    }
    assert!(calls.active(&other.access_token).await, "other sessions of the account go on");
    assert!(calls.refresh(&other.refresh_token).await.is_ok());
}

/// D3, F2 over the wire: a hundred at once over ten connections; one chain, one successor.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_callers_refresh_one_token() {
    let (wire, admin, _) = session().await;
    for _ in 0..5 {
        let zero = admin.log_in("pat").await;
        let mut running = JoinSet::new();
        for _ in 0..10 {
            let calls = wire.calls().await;
            for _ in 0..10 {
                let (calls, token) = (calls.clone(), zero.refresh_token.clone());
                running.spawn(async move { calls.refresh(&token).await.unwrap() });
            }
        }
        let answers = running.join_all().await;
        assert!(answers.iter().all(|answer| answer.refresh_token == answers[0].refresh_token), "a chain has forked");
        let next = admin.refresh(&answers[0].refresh_token).await.unwrap();
        assert!(admin.active(&next.access_token).await);
        assert_eq!(reason(admin.refresh(&zero.refresh_token).await), "REFRESH_REUSED");
        assert_eq!(reason(admin.refresh(&next.refresh_token).await), "SESSION_REVOKED");
    }
}

/// Renewal by access token: within its session, and the one it was given to keeps its own `exp`.
#[tokio::test]
async fn by_access_token() {
    let (wire, calls, first) = session().await;
    let mut last = first.clone();
    for _ in 0..5 {
        wire.advance(Duration::from_mins(30));
        let next = calls.renew(&last.access_token).await.unwrap();
        assert_eq!((next.refresh_token.as_str(), &next.session_id), ("", &first.session_id));
        assert_eq!(next.session_expire_time, first.session_expire_time);
        let asking = calls.with(&next.access_token);
        assert!(asking.active(&last.access_token).await && asking.active(&next.access_token).await);
        last = next;
    }
    wire.advance(HOUR + Duration::from_secs(5));
    assert_eq!(reason(calls.renew(&last.access_token).await), "TOKEN_INVALID", "an expired one renews nothing");
    let cookie = pb::RefreshRequest { access_token: last.access_token, mode: pb::TokenMode::Cookie.into(), ..Default::default() };
    assert_eq!(calls.auth().refresh(cookie).await.unwrap_err().code(), Code::InvalidArgument);
}

/// A session renews one way only, fixed by its first Refresh.
#[tokio::test]
async fn the_two_ways_do_not_mix() {
    let (_wire, calls, by_token) = session().await;
    let next = calls.refresh(&by_token.refresh_token).await.unwrap();
    for access in [&by_token.access_token, &next.access_token] {
        let refused = calls.renew(access).await.unwrap_err();
        assert_eq!(told(&refused), (Code::FailedPrecondition, "RENEWAL_MISMATCH".to_owned()));
    }
    assert!(calls.refresh(&next.refresh_token).await.is_ok(), "the refusal did no harm");

    let by_access = calls.log_in("pat").await;
    calls.renew(&by_access.access_token).await.unwrap();
    let refused = calls.refresh(&by_access.refresh_token).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "RENEWAL_MISMATCH".to_owned()));
    assert!(calls.renew(&by_access.access_token).await.is_ok());
}

/// A session in a cookie never renews by access token: a page's script that got hold of one gets no further than its `exp`.
#[tokio::test]
async fn a_cookie_session_never_renews_by_access_token() {
    let (_wire, calls, _) = session().await;
    let login = pb::LoginRequest {
        username: "pat".to_owned(),
        password: PASSWORD.to_owned(),
        mode: pb::TokenMode::Cookie.into(),
        ..Default::default()
    };
    let tokens = calls.login(login).await.unwrap().into_inner().tokens.unwrap();
    assert_eq!(reason(calls.renew(&tokens.access_token).await), "RENEWAL_MISMATCH");

    // Nor one that was moved into a cookie later.
    let json = calls.log_in("pat").await;
    let moved =
        pb::RefreshRequest { refresh_token: json.refresh_token, mode: pb::TokenMode::Cookie.into(), ..Default::default() };
    let moved = calls.auth().refresh(moved).await.unwrap().into_inner().tokens.unwrap();
    assert_eq!(reason(calls.renew(&moved.access_token).await), "RENEWAL_MISMATCH");
}

/// C9: whatever is refreshed, a session ends 24 h after its login, and its last token with it.
#[tokio::test]
async fn a_session_never_outlives_its_day() {
    let (wire, calls, first) = session().await;
    let login = wire.now().secs();
    let end = login + 24 * 3600;
    let seconds = |at: Option<prost_types::Timestamp>| u64::try_from(at.unwrap().seconds).unwrap();
    assert_eq!(seconds(first.session_expire_time), end);
    assert_eq!(seconds(first.access_expire_time), login + 3600);
    let mut last = first;
    for _ in 0..47 {
        wire.advance(Duration::from_mins(30));
        last = calls.refresh(&last.refresh_token).await.unwrap();
        let expires = seconds(last.access_expire_time);
        assert_eq!(expires, (wire.now().secs() + 3600).min(end));
        assert_eq!(seconds(last.session_expire_time), end);
    }
    // 30 minutes are left. With 91 s it still renews, in the last 90 it does not.
    wire.advance(Duration::from_secs(1800 - 91));
    last = calls.refresh(&last.refresh_token).await.unwrap();
    assert!(last.expires <= 91_000);
    wire.advance(Duration::from_secs(1));
    let refused = calls.refresh(&last.refresh_token).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unauthenticated, "SESSION_EXPIRED".to_owned()));
    let asking = calls.log_in("admin").await;
    let asking = calls.with(&asking.access_token);
    assert!(asking.active(&last.access_token).await, "the refusal ends nothing");
    wire.advance(Duration::from_secs(95));
    assert!(!asking.active(&last.access_token).await);
    assert_eq!(reason(calls.refresh(&last.refresh_token).await), "SESSION_EXPIRED");
}

/// The same for a session that renews by access token, and for the token of a key, which has no row.
#[tokio::test]
async fn renewals_by_access_token_end_with_the_day_too() {
    let (wire, calls, session) = session().await;
    let key = calls.with(&session.access_token).key().await;
    let mut of_session = session.access_token;
    let mut of_key = calls.exchange(&key).await.unwrap().access_token;
    for _ in 0..47 {
        wire.advance(Duration::from_mins(30));
        of_session = calls.renew(&of_session).await.unwrap().access_token;
        of_key = calls.renew(&of_key).await.unwrap().access_token;
    }
    wire.advance(Duration::from_secs(1800 - 90));
    assert_eq!(reason(calls.renew(&of_session).await), "SESSION_EXPIRED");
    assert_eq!(reason(calls.renew(&of_key).await), "SESSION_EXPIRED");
    assert!(calls.exchange(&key).await.is_ok(), "the key itself goes on");
}

/// C11: what an account lost is missing from its next token, and a session in an organization that was lost goes on nowhere else by
/// itself.
#[tokio::test]
async fn privileges_shrink() {
    let (_wire, admin, own) = session().await;
    admin.create_organization("crew").await.unwrap();
    admin.add_member("crew", "pat").await.unwrap();
    let in_crew = || pb::LoginRequest {
        username: "pat".to_owned(),
        password: PASSWORD.to_owned(),
        org_name: "crew".to_owned(),
        ..Default::default()
    };
    let by_token = admin.login(in_crew()).await.unwrap().into_inner().tokens.unwrap();
    let by_access = admin.login(in_crew()).await.unwrap().into_inner().tokens.unwrap();
    admin.renew(&by_access.access_token).await.unwrap();
    let key = admin.with(&own.access_token).key().await;
    let of_key = admin.exchange_for(&key, "crew").await.unwrap();
    admin.remove_member("crew", "pat").await.unwrap();
    // Dead at once, as tokens and as callers.
    for tokens in [&by_token, &by_access, &of_key] {
        assert!(!admin.active(&tokens.access_token).await);
        assert_eq!(reason(admin.with(&tokens.access_token).own_account().await), "TOKEN_INVALID");
    }
    assert_eq!(reason(admin.refresh(&by_token.refresh_token).await), "ORG_NOT_ALLOWED");
    assert_eq!(reason(admin.renew(&by_access.access_token).await), "ORG_NOT_ALLOWED");
    assert_eq!(reason(admin.renew(&of_key.access_token).await), "ORG_NOT_ALLOWED");
    assert_eq!(reason(admin.login(in_crew()).await), "ORG_NOT_ALLOWED");
    // What the person has elsewhere is not touched.
    assert!(admin.active(&own.access_token).await);
    assert!(admin.refresh(&own.refresh_token).await.is_ok());
    // Who belongs there again goes on, with new tokens.
    admin.add_member("crew", "pat").await.unwrap();
    for renewed in [admin.refresh(&by_token.refresh_token).await.unwrap(), admin.renew(&by_access.access_token).await.unwrap()] {
        assert_eq!(renewed.active_organization, "crew");
        assert!(admin.active(&renewed.access_token).await);
    }
    assert!(!admin.active(&by_token.access_token).await, "what ended stays ended");
}

/// C11, D11: an account that is disabled renews nothing, at once, and comes back without its old sessions.
#[tokio::test]
async fn a_disabled_account_renews_nothing() {
    let (_wire, admin, tokens) = session().await;
    let key = admin.with(&tokens.access_token).key().await;
    let of_key = admin.exchange(&key).await.unwrap();
    let by_access = admin.log_in("pat").await;
    admin.disable("pat").await.unwrap();
    for round in 0..2 {
        assert!(!admin.active(&tokens.access_token).await && !admin.active(&of_key.access_token).await);
        assert_eq!(reason(admin.refresh(&tokens.refresh_token).await), "SESSION_REVOKED");
        assert_eq!(reason(admin.renew(&by_access.access_token).await), "TOKEN_INVALID");
        assert_eq!(reason(admin.renew(&of_key.access_token).await), "TOKEN_INVALID");
        if round == 0 {
            assert_eq!(reason(admin.exchange(&key).await), "INVALID_CREDENTIALS");
            assert_eq!(reason(admin.try_log_in("pat", PASSWORD).await), "INVALID_CREDENTIALS");
            admin.enable("pat").await.unwrap();
        }
    }
    assert!(admin.exchange(&key).await.is_ok() && admin.try_log_in("pat", PASSWORD).await.is_ok());
}

/// F4: ChangePassword ends every other session, and moves the caller's own along.
#[tokio::test]
async fn a_change_of_password_ends_the_others() {
    let (_wire, calls, own) = session().await;
    let (other, by_access) = (calls.log_in("pat").await, calls.log_in("pat").await);
    calls.with(&own.access_token).change_password(PASSWORD, OTHER_PASSWORD).await.unwrap();
    for tokens in [&own, &other, &by_access] {
        assert!(!calls.active(&tokens.access_token).await);
    }
    assert_eq!(reason(calls.refresh(&other.refresh_token).await), "SESSION_REVOKED");
    assert_eq!(reason(calls.renew(&by_access.access_token).await), "TOKEN_INVALID");
    let moved = calls.refresh(&own.refresh_token).await.unwrap();
    assert!(calls.active(&moved.access_token).await);
    assert_eq!(reason(calls.try_log_in("pat", PASSWORD).await), "INVALID_CREDENTIALS");
    assert!(calls.try_log_in("pat", OTHER_PASSWORD).await.is_ok());
}
