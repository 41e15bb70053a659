//! Races over the wire: whatever the order, nothing that was obtained before (or by a check that began before) outlives what ended
//! it. The store's own outcomes, with a hundred callers on every store, are `tests/conformance/races.rs`; what is single-use, and
//! keys and links against what ends them, race in `refresh`, `totp`, `keys`, `links` and `logout`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign::edge::EdgeSettings;
use countersign::grpc::pb::TokenSet;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tonic::Status;

use crate::arena::backend::{Backend, PLAIN, SUPERUSER};
use crate::arena::refusal::{reason, refused};
use crate::arena::served::Served;
use crate::arena::wire::Wire;
use crate::arena::{OTHER_PASSWORD, PASSWORD};
use crate::harness::Calls;

/// Calls that set out at the same moment, on tasks of their own.
fn together<T, F>(callers: usize, call: impl Fn(usize) -> F) -> JoinSet<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(callers));
    let mut running = JoinSet::new();
    for number in 0..callers {
        let (barrier, call) = (Arc::clone(&barrier), call(number));
        running.spawn(async move {
            barrier.wait().await;
            call.await
        });
    }
    running
}

/// Up to two milliseconds, another one each round.
async fn jitter(round: u32) {
    let until = Instant::now() + Duration::from_micros(u64::from(round * 370 % 2003));
    while Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// Nothing of `tokens` verifies, speaks for its caller, or renews either way.
async fn assert_dead(asker: &Calls, tokens: &TokenSet, what: &str) {
    assert!(!asker.active(&tokens.access_token).await, "{what}: an access token verifies");
    assert_eq!(reason(asker.bearing(tokens.clone()).own_account().await), "TOKEN_INVALID", "{what}: it speaks for its caller");
    if !tokens.refresh_token.is_empty() {
        // No other refusal will do: one because of reuse would hide a session that lived until then.
        assert_eq!(reason(asker.refresh(&tokens.refresh_token).await), "SESSION_REVOKED", "{what}: a session was alive");
    }
    assert_eq!(reason(asker.renew(&tokens.access_token).await), "TOKEN_INVALID", "{what}: an access token renews");
}

/// Logins whose check has begun: the account was read, and its password waits for the threads that hash, which are busy. Then
/// `ending` is answered. Each of them is checked once more from the start, so that all are let in where they are still `right`; nothing
/// with the generation of before may be left. Fails where the generation that was read before the password was checked is not held
/// against the account in the commit.
async fn logins_against(right: bool, ending: impl AsyncFnOnce(&Calls, &Calls)) {
    let directory = tempfile::tempdir().unwrap();
    let backend = Backend::on_sled(directory.path()).await;
    backend.user("root", SUPERUSER).await;
    backend.user("pat", PLAIN).await;
    let served = Served::new(&backend, EdgeSettings::default()).await;
    let (root, pat) = (served.calls.as_user("root").await, served.calls.as_user("pat").await);
    let busy = backend.keep_pool_busy().await;
    let (calls, before) = (served.calls.clone(), backend.hashes_asked_for());
    let answered = Arc::new(AtomicU64::new(0));
    let logins = together(4, |_| {
        let (calls, answered) = (calls.clone(), Arc::clone(&answered));
        async move {
            let answer = calls.try_log_in("pat", PASSWORD).await;
            answered.fetch_add(1, Ordering::SeqCst);
            answer
        }
    });
    // One that is refused asks for no hash.
    while (backend.hashes_asked_for() - before).max(answered.load(Ordering::SeqCst)) < 4 {
        tokio::task::yield_now().await;
    }
    ending(&root, &pat).await;
    busy.join_all().await;
    for answer in logins.join_all().await {
        match answer {
            Ok(tokens) if generation(&tokens) > generation(&pat.tokens) => {
                assert!(right, "it is not right any more, and was let in");
                assert!(root.active(&tokens.access_token).await, "what was checked afterwards is good");
            }
            // `ending` hashes something too, and this one's turn came before it.
            Ok(tokens) => assert_dead(&root, &tokens, "a login that began before").await,
            Err(_) => assert!(!right && refused(&answer, "INVALID_CREDENTIALS"), "{answer:?}"),
        }
    }
    assert!(!root.active(&pat.tokens.access_token).await, "a token from before verifies");
    drop((root, pat, calls));
    served.stop().await;
    backend.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_against_logout_user() {
    logins_against(true, async |root: &Calls, pat: &Calls| {
        root.logout_user("pat").await.unwrap();
        assert_dead(root, &pat.tokens, "a session from before").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_against_change_of_password() {
    logins_against(false, async |root: &Calls, pat: &Calls| {
        pat.change_password(PASSWORD, OTHER_PASSWORD).await.unwrap();
        assert!(refused(&root.try_log_in("pat", PASSWORD).await, "INVALID_CREDENTIALS"), "the old password still works");
        assert!(pat.refresh(&pat.tokens.refresh_token).await.is_ok(), "the caller's own session goes on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_against_disabling() {
    logins_against(false, async |root: &Calls, _: &Calls| root.disable("pat").await.map(drop).unwrap()).await;
}

/// And no session comes back to life with EnableUser.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_against_disabling_and_enabling() {
    logins_against(true, async |root: &Calls, pat: &Calls| {
        root.disable("pat").await.unwrap();
        root.enable("pat").await.unwrap();
        assert_dead(root, &pat.tokens, "a session from before").await;
    })
    .await;
}

/// Exchanges and renewals of a key's token. A check that began after the commit may let in, and its token then verifies; whatever
/// was there before is dead, and the key works on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exchange_against_logout_user() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    let pat = admin.person("pat", &[]).await;
    let key = pat.key().await;
    for round in 0..60 {
        let before = pat.exchange(&key).await.unwrap();
        let running = together(4, |number| {
            let (pat, key, before) = (pat.clone(), key.clone(), before.access_token.clone());
            async move { if number % 2 == 0 { pat.exchange(&key).await } else { pat.renew(&before).await } }
        });
        jitter(round).await;
        admin.logout_user("pat").await.unwrap();
        let old = generation(&before);
        let late = running.join_all().await.into_iter().flatten();
        for tokens in late.chain([before]).filter(|tokens| generation(tokens) == old) {
            assert_dead(&admin, &tokens, "a key's token from before LogoutUser").await;
        }
        assert!(pat.exchange(&key).await.is_ok(), "LogoutUser ends the tokens of keys, not the keys");
    }
}

/// The `gen` claim.
fn generation(tokens: &TokenSet) -> u64 {
    crate::tokens::Parts::of(&tokens.access_token).claims["gen"].as_u64().unwrap()
}

/// Once RemoveMember has answered no token that names the organization verifies, and a session renews to a narrower one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refresh_against_loss_of_membership() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    let pat = admin.person("pat", &[]).await;
    let key = pat.key().await;
    admin.create_organization("crew").await.unwrap();
    for round in 0..40 {
        admin.add_member("crew", "pat").await.unwrap();
        let before = pat.log_in_with("pat", PASSWORD, "", "crew").await.unwrap();
        assert_eq!(before.active_organization, "crew");
        let running = together(4, |number| {
            let (pat, key, refresh) = (pat.clone(), key.clone(), before.refresh_token.clone());
            async move { if number % 2 == 0 { pat.refresh(&refresh).await } else { pat.exchange_for(&key, "crew").await } }
        });
        jitter(round).await;
        admin.remove_member("crew", "pat").await.unwrap();
        let late: Vec<TokenSet> = running.join_all().await.into_iter().flatten().chain([before.clone()]).collect();
        for tokens in late.iter().filter(|tokens| tokens.active_organization == "crew") {
            assert!(!admin.active(&tokens.access_token).await, "a token names an organization that was lost");
        }
        let of_session = |tokens: &&TokenSet| tokens.session_id == before.session_id;
        let tip = late.iter().filter(of_session).find(|tokens| tokens.refresh_token != before.refresh_token);
        let refreshed = admin.refresh(&tip.unwrap_or(&before).refresh_token).await;
        assert_eq!(reason(refreshed), "ORG_NOT_ALLOWED", "it goes on nowhere else by itself");
    }
}

/// R0 comes back while R2 is being refreshed: nothing of the session is left. Fails where reuse does not end the session.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replay_against_refresh_of_the_newest() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    let pat = admin.person("pat", &[]).await;
    for round in 0..60 {
        let zero = pat.log_in("pat").await;
        let one = pat.refresh(&zero.refresh_token).await.unwrap();
        let two = pat.refresh(&one.refresh_token).await.unwrap();
        let running = together(3, |_| {
            let (pat, newest) = (pat.clone(), two.refresh_token.clone());
            async move { pat.refresh(&newest).await }
        });
        jitter(round).await;
        assert_eq!(reason(pat.refresh(&zero.refresh_token).await), "REFRESH_REUSED");
        for tokens in running.join_all().await.into_iter().flatten().chain([zero, one, two]) {
            assert_dead(&admin, &tokens, "a survivor of a stolen session").await;
        }
    }
}

/// Of two changes of one password one is made, and the other is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replacements_of_a_password() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    for round in 0..20 {
        let name = format!("pat-{round}");
        let pat = admin.person(&name, &[]).await;
        let new = ["plum trees beside the canal", "eleven grey kites at dusk"];
        let running = together(2, |number| {
            let pat = pat.clone();
            async move { pat.change_password(PASSWORD, new[number]).await }
        });
        let answers: Vec<Result<i64, Status>> = running.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let mut working = 0;
        for password in new {
            working += u32::from(pat.try_log_in(&name, password).await.is_ok());
        }
        assert_eq!(working, 1);
    }
}
