use std::net::Ipv4Addr;

use super::*;
use crate::model::clock::ManualClock;

fn throttle() -> (Arc<ManualClock>, Arc<Throttle>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    (Arc::clone(&clock), Arc::new(Throttle::new(Steady::new(clock))))
}

fn source(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

async fn fail(throttle: &Arc<Throttle>, name: &Folded, from: IpAddr, times: u32) -> u32 {
    let mut evaluated = 0;
    for _ in 0..times {
        if let Ok(attempt) = throttle.attempt(name, from).await {
            attempt.failed();
            evaluated += 1;
        }
    }
    evaluated
}

#[tokio::test]
async fn ten_at_once_then_one_each_thirty_seconds() {
    let (clock, throttle) = throttle();
    let name = Folded::presented("ada");
    assert_eq!(fail(&throttle, &name, source(1), 50).await, 10);
    clock.advance(Duration::from_secs(29));
    assert_eq!(fail(&throttle, &name, source(1), 5).await, 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(fail(&throttle, &name, source(1), 5).await, 1);
}

#[tokio::test]
async fn parallel_attempts_evaluate_no_more_than_the_count_allows() {
    let (_clock, throttle) = throttle();
    let name = Folded::presented("ada");
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (throttle, name) = (Arc::clone(&throttle), name.clone());
            tokio::spawn(async move {
                let Ok(attempt) = throttle.attempt(&name, source(1)).await else { return 0 };
                tokio::task::yield_now().await;
                attempt.failed();
                1
            })
        })
        .collect();
    let mut evaluated = 0;
    for task in tasks {
        evaluated += task.await.unwrap();
    }
    assert_eq!(evaluated, 10);
}

/// A place that is refused while its waiter is on the way to its queue must still wake it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_ever() {
    for round in 0..3000 {
        let (_clock, throttle) = throttle();
        let name = Folded::presented("ada");
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..24 {
            let (throttle, name) = (Arc::clone(&throttle), name.clone());
            tasks.spawn(async move {
                if let Ok(attempt) = throttle.attempt(&name, source(1)).await {
                    attempt.failed();
                }
            });
        }
        let all = tokio::time::timeout(Duration::from_secs(10), tasks.join_all()).await;
        assert!(all.is_ok(), "round {round}: an attempt waits although nothing is being evaluated");
    }
}

#[tokio::test]
async fn many_right_ones_at_once_are_all_let_in() {
    let (_clock, throttle) = throttle();
    let name = Folded::presented("ada");
    let tasks: Vec<_> = (0..256)
        .map(|_| {
            let (throttle, name) = (Arc::clone(&throttle), name.clone());
            tokio::spawn(async move {
                let attempt = throttle.attempt(&name, source(1)).await.unwrap();
                tokio::task::yield_now().await;
                attempt.succeeded();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn strangers_exhaust_the_name_but_not_a_source_that_signed_in() {
    let (_clock, throttle) = throttle();
    let name = Folded::presented("ada");
    throttle.attempt(&name, source(1)).await.unwrap().succeeded();
    let evaluated = fail(&throttle, &name, source(2), 50).await
        + fail(&throttle, &name, source(3), 50).await
        + fail(&throttle, &name, source(4), 50).await;
    assert_eq!(evaluated, 20);
    assert!(matches!(throttle.attempt(&name, source(5)).await, Err(Error::Throttled(_))));
    let attempt = throttle.attempt(&name, source(1)).await.unwrap();
    assert!(attempt.known());
}

#[tokio::test]
async fn success_clears_its_own_count_only_and_an_attempt_without_outcome_counts_nothing() {
    let (_clock, throttle) = throttle();
    let name = Folded::presented("ada");
    assert_eq!(fail(&throttle, &name, source(1), 9).await, 9);
    drop(throttle.attempt(&name, source(1)).await.unwrap());
    throttle.attempt(&name, source(1)).await.unwrap().succeeded();
    assert_eq!(fail(&throttle, &name, source(1), 50).await, 10);
    // Nine of the first source stay on the name: the second one, unknown, has eleven of twenty left, of which ten are its own.
    assert_eq!(fail(&throttle, &name, source(2), 50).await, 10);
    assert_eq!(fail(&throttle, &name, source(3), 50).await, 1);
}

#[tokio::test]
async fn a_flood_of_names_keeps_the_table_bounded() {
    let (_clock, throttle) = throttle();
    for n in 0..MAX_TRACKED_COUNTS {
        let name = Folded::presented(&format!("nobody-{n}"));
        assert_eq!(fail(&throttle, &name, source(1), 1).await, 1);
    }
    assert!(throttle.counts.lock().unwrap().len() <= MAX_TRACKED_COUNTS);
}
