//! kill -9 of the real binary in the middle of load: whatever was answered holds after the restart.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::arena::refusal::reason;
use crate::arena::{OTHER_PASSWORD, PASSWORD};
use crate::harness::{Calls, Key};
use crate::harness::{Server, Setup};

const ROUNDS: u32 = 12;

/// What was answered. Only facts whose call had returned OK.
#[derive(Default)]
struct Answered {
    users: Vec<String>,
    changed: Vec<String>,
    keys: Vec<Key>,
    revoked: Vec<Key>,
    redeemed: Vec<String>,
    /// Access and refresh tokens of names that were logged out afterwards.
    logged_out: Vec<(String, String)>,
    /// The tokens that a session was answered, in order.
    chains: Vec<Vec<String>>,
    access: Vec<String>,
}

type Facts = Arc<Mutex<Answered>>;

async fn start(data: &Path) -> Server {
    Setup::new()
        .env("COUNTERSIGN_ADMIN_PASSWORD", PASSWORD)
        .env("COUNTERSIGN_PUBLIC_URL", "http://auth.example")
        .data_dir(data)
        .start()
        .await
}

/// Fails, in the first rounds, where an answer is given before its group has passed the barrier.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let facts = Facts::default();
    let mut totals = [0; 6];
    for round in 0..ROUNDS {
        let server = start(&data).await;
        let mut load = JoinSet::new();
        for worker in 0..6 {
            let (calls, facts) = (Calls::to(server.address()).await, Arc::clone(&facts));
            // Ends with the first call that the kill cuts off.
            load.spawn(async move { while work(&calls, &facts, &format!("{round}-{worker}"), worker).await.is_some() {} });
        }
        tokio::time::sleep(Duration::from_millis(250 + u64::from(round) * 53 % 400)).await;
        server.kill().await;
        load.join_all().await;
        let server = start(&data).await;
        let held = check(&Calls::to(server.address()).await, &facts).await;
        let refreshes = held.chains.iter().map(|chain| chain.len() - 1).sum();
        let counts = [held.users.len(), held.changed.len(), held.keys.len(), held.revoked.len(), held.redeemed.len(), refreshes];
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        server.kill().await;
    }
    println!("users, passwords, keys, revoked keys, redeemed links, refreshes: {totals:?}");
    assert!(totals.iter().all(|total| *total > 5), "too little happened to show anything");
}

/// One round of calls by one worker, each noted once it was answered. `None` when the server is gone.
async fn work(calls: &Calls, facts: &Facts, worker: &str, kind: u32) -> Option<()> {
    let note = |fact: &dyn Fn(&mut Answered)| fact(&mut facts.lock().unwrap());
    let admin = calls.with(&calls.try_log_in("admin", PASSWORD).await.ok()?.access_token);
    let name = format!("u-{worker}-{}", facts.lock().unwrap().users.len());
    admin.try_create_user(&name, &[]).await.ok()?;
    note(&|all| all.users.push(name.clone()));
    let session = calls.try_log_in(&name, PASSWORD).await.ok()?;
    let own = calls.with(&session.access_token);
    match kind % 3 {
        0 => {
            let key = own.make_key("a script").await.ok()?;
            note(&|all| all.keys.push(key.clone()));
            calls.exchange(&key).await.ok()?;
            let doomed = own.make_key("a script").await.ok()?;
            own.revoke_key(&doomed.id).await.ok()?;
            note(&|all| all.revoked.push(doomed.clone()));
            own.change_password(PASSWORD, OTHER_PASSWORD).await.ok()?;
            note(&|all| all.changed.push(name.clone()));
        }
        1 => {
            let link = admin.link(&name, "d").await.ok()?;
            let guest = calls.redeem(&link).await.ok()?;
            note(&|all| all.redeemed.push(link.clone()));
            admin.logout_user(&name).await.ok()?;
            note(&|all| {
                all.logged_out.push((session.access_token.clone(), session.refresh_token.clone()));
                all.logged_out.push((guest.access_token.clone(), guest.refresh_token.clone()));
            });
        }
        _ => {
            note(&|all| {
                all.chains.push(vec![session.refresh_token.clone()]);
                all.access.push(session.access_token.clone());
            });
            let mut last = session.refresh_token;
            for _ in 0..20 {
                let next = calls.refresh(&last).await.ok()?.refresh_token;
                let mut all = facts.lock().unwrap();
                // The worker's own chain is the one that ends with what it has just used.
                all.chains.iter_mut().find(|chain| chain.last() == Some(&last)).unwrap().push(next.clone());
                last = next;
            }
        }
    }
    Some(())
}

/// Everything that was answered since the last check, held against a server that was started again; and what that was.
async fn check(calls: &Calls, facts: &Facts) -> Answered {
    let all = std::mem::take(&mut *facts.lock().unwrap());
    let admin = calls.as_user("admin").await;
    for name in &all.users {
        let account = admin.try_user(name).await;
        assert!(account.is_ok(), "an account is lost: {name}");
    }
    for name in &all.changed {
        assert!(calls.try_log_in(name, OTHER_PASSWORD).await.is_ok(), "a new password is lost: {name}");
        assert_eq!(reason(calls.try_log_in(name, PASSWORD).await), "INVALID_CREDENTIALS", "an old password is back: {name}");
    }
    for key in &all.keys {
        assert!(calls.exchange(key).await.is_ok(), "a key is lost");
    }
    for key in &all.revoked {
        assert_eq!(reason(calls.exchange(key).await), "INVALID_CREDENTIALS", "a revocation is lost");
    }
    for link in &all.redeemed {
        assert_eq!(reason(calls.redeem(link).await), "LINK_INVALID", "a link can be redeemed twice");
    }
    for (access, refresh) in &all.logged_out {
        assert!(!admin.verify(access, "d").await.unwrap().active, "a LogoutUser is lost");
        assert_eq!(reason(calls.refresh(refresh).await), "SESSION_REVOKED", "a LogoutUser is lost");
    }
    for access in &all.access {
        assert!(admin.active(access).await, "the signing keys are not the same any more");
    }
    for chain in &all.chains {
        // Whatever was under way when the server died: the last token that was answered works, or is asked for again.
        let newest = calls.refresh(chain.last().unwrap()).await.expect("the newest token of a session is lost").refresh_token;
        if chain.len() > 1 {
            assert_eq!(reason(calls.refresh(&chain[0]).await), "REFRESH_REUSED", "a token that was rotated out is back");
            assert_eq!(reason(calls.refresh(&newest).await), "SESSION_REVOKED");
        }
    }
    all
}
