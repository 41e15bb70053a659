//! G8, A10: a flood of logins hurts only password checks, is told when to come back, and costs bounded memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::arena::PASSWORD;
use crate::arena::refusal::{retry_after, told};
use crate::harness::Calls;
use crate::harness::{Server, Setup};

/// The most memory that the real binary has had resident, in bytes.
fn peak_memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

async fn with_dear_hashes() -> Server {
    let usual = Setup::new().env("COUNTERSIGN_HASH_MEMORY", "").env("COUNTERSIGN_HASH_PASSES", "");
    usual.env("COUNTERSIGN_ADMIN_PASSWORD", PASSWORD).start().await
}

/// Three hundred right passwords at once from one source: each gets in or is told when to come back; other calls are answered all
/// the while; and memory stays flat. (One hash takes 19 MiB: three hundred at once would take 5.7 GiB.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_logins_at_once() {
    let server = with_dear_hashes().await;
    let calls = Calls::to(server.address()).await;
    let admin = calls.as_user("admin").await;
    for number in 0..30 {
        admin.create_user(&format!("pat-{number}"), &[]).await;
    }
    let own = calls.log_in("admin").await;
    let mut flood = JoinSet::new();
    for connection in 0..6 {
        let calls = Calls::to(server.address()).await;
        for number in 0..50 {
            let (calls, name) = (calls.clone(), format!("pat-{}", (connection * 50 + number) % 30));
            flood.spawn(async move { calls.try_log_in(&name, PASSWORD).await });
        }
    }
    let over = Arc::new(AtomicBool::new(false));
    let probes = tokio::spawn(probe(Calls::to(server.address()).await, own, Arc::clone(&over)));

    let began = Instant::now();
    let (mut let_in, mut told_to_wait) = (0, 0);
    while let Some(answer) = flood.join_next().await {
        match answer.unwrap() {
            Ok(_) => let_in += 1,
            Err(refused) => {
                assert_eq!(told(&refused), (tonic::Code::ResourceExhausted, "OVERLOADED".to_owned()), "{refused:?}");
                assert!(retry_after(&refused).is_some_and(|wait| !wait.is_zero()));
                told_to_wait += 1;
            }
        }
    }
    let took = began.elapsed();
    over.store(true, Ordering::SeqCst);
    let mut latencies = probes.await.unwrap();
    latencies.sort_unstable();
    let peak = peak_memory(&server);
    println!(
        "{let_in} let in, {told_to_wait} told to wait, in {took:?}; {} other calls, p99 {:?}, worst {:?}; peak memory {} MiB",
        latencies.len(),
        latencies[latencies.len() * 99 / 100],
        latencies.last().unwrap(),
        peak >> 20
    );
    assert_eq!(let_in + told_to_wait, 300);
    assert!(let_in >= 10, "hardly anybody got in");
    assert!(latencies.len() >= 20, "other calls starved");
    assert!(*latencies.last().unwrap() < Duration::from_secs(5), "a call that needs no password waited for those that do");
    assert!(peak < 128 << 20, "{} MiB", peak >> 20);
    server.stop().await;
}

/// One name's own flood: right passwords are no attack, and the throttle lets them all in, in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_right_passwords_for_one_name() {
    let server = Setup::new().env("COUNTERSIGN_ADMIN_PASSWORD", PASSWORD).start().await;
    let mut flood = JoinSet::new();
    for _ in 0..6 {
        let calls = Calls::to(server.address()).await;
        for _ in 0..50 {
            let calls = calls.clone();
            flood.spawn(async move { calls.try_log_in("admin", PASSWORD).await });
        }
    }
    for answer in flood.join_all().await {
        if let Err(refused) = answer {
            assert_eq!(told(&refused).0, tonic::Code::ResourceExhausted, "{refused:?}");
            assert!(retry_after(&refused).is_some());
        }
    }
    assert!(Calls::to(server.address()).await.try_log_in("admin", PASSWORD).await.is_ok());
    server.stop().await;
}

/// VerifyToken and Refresh, one after another, until it is over: how long each took.
async fn probe(calls: Calls, own: countersign::grpc::pb::TokenSet, over: Arc<AtomicBool>) -> Vec<Duration> {
    let asking = calls.with(&own.access_token);
    let mut refresh = own.refresh_token;
    let mut latencies = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let began = Instant::now();
        assert!(asking.active(&own.access_token).await);
        latencies.push(began.elapsed());
        let began = Instant::now();
        refresh = calls.refresh(&refresh).await.unwrap().refresh_token;
        latencies.push(began.elapsed());
    }
    latencies
}
