//! A8, the time: an unknown name, a wrong password and a disabled account cannot be told apart by how long the answer takes.

use std::time::{Duration, Instant};

use crate::arena::refusal::reason;
use crate::arena::{PASSWORD, WRONG};
use crate::harness::Calls;
use crate::harness::Setup;

/// How many names of each kind, and how many tries at each: no more than the throttle lets through.
const NAMES: u32 = 12;
const TRIES: u32 = 10;

/// Medians of interleaved samples on one connection, against the real binary with password hashes as dear as they come. Fails where
/// an unknown name costs no hash: its median is a twentieth then.
#[tokio::test]
async fn refusals_take_the_same_time() {
    let usual = Setup::new().env("COUNTERSIGN_HASH_MEMORY", "").env("COUNTERSIGN_HASH_PASSES", "");
    let server = usual.env("COUNTERSIGN_ADMIN_PASSWORD", PASSWORD).start().await;
    let calls = Calls::to(server.address()).await;
    let admin = calls.as_user("admin").await;
    for number in 0..NAMES {
        admin.create_user(&format!("wrong-{number}"), &[]).await;
        admin.create_user(&format!("disabled-{number}"), &[]).await;
        admin.disable(&format!("disabled-{number}")).await.unwrap();
    }
    let kinds = [("unknown", WRONG), ("wrong", WRONG), ("disabled", PASSWORD)];
    let mut taken: [Vec<Duration>; 3] = Default::default();
    for round in 0..TRIES {
        for number in 0..NAMES {
            // Each kind comes after each: what a refusal leaves to be done beside the next call weighs on all of them alike.
            for place in 0..3 {
                let kind = (place + (round + number) as usize) % 3;
                let (taken, (kind, password)) = (&mut taken[kind], kinds[kind]);
                let name = format!("{kind}-{number}");
                let began = Instant::now();
                let outcome = calls.try_log_in(&name, password).await;
                taken.push(began.elapsed());
                assert_eq!(reason(outcome), "INVALID_CREDENTIALS", "{name}");
            }
        }
    }
    let medians = taken.map(|mut taken| {
        taken.sort_unstable();
        taken[taken.len() / 2]
    });
    println!("medians of {} each: {:?}", NAMES * TRIES, kinds.iter().map(|kind| kind.0).zip(medians).collect::<Vec<_>>());
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(most.abs_diff(*least) < *most / 5, "the medians are apart: {medians:?}");
    server.stop().await;
}
