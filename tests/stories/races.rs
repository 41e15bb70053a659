//! Races: whatever the order, nothing that was obtained before (or by a check that began before) outlives what ended it, and what
//! is single-use opens one thing. Volume in this process over both stores; the same over the wire in `logout` and `refresh`.
//!
//! What planted change each of these was seen to fail with is said at each.

mod keys;
mod log_out;
mod lost;
mod once;

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use countersign::service::Result;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Runs each race over both stores, so and so many rounds.
macro_rules! over_both_stores {
    ($($story:ident::$race:ident: $in_memory:literal, $on_sled:literal;)*) => {
        mod in_memory {
            use crate::arena::house::House;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $race() {
                    super::$story::$race(House::in_memory(), $in_memory).await;
                }
            )*
        }

        mod on_sled {
            use crate::arena::house::House;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $race() {
                    let directory = tempfile::tempdir().unwrap();
                    let house = House::on_sled(directory.path()).await;
                    let store = std::sync::Arc::clone(&house.store);
                    super::$story::$race(house, $on_sled).await;
                    store.close().await;
                }
            )*
        }
    };
}

over_both_stores! {
    log_out::login_against_logout_user: 800, 200;
    log_out::refresh_against_logout_user: 800, 200;
    log_out::renewal_against_logout_user: 800, 200;
    log_out::redeem_against_logout_user: 800, 200;
    keys::exchange_against_logout_user: 800, 200;
    keys::exchange_against_revocation: 800, 200;
    lost::login_against_change_of_password: 200, 60;
    lost::login_against_disabling: 400, 100;
    lost::refresh_against_loss_of_membership: 400, 100;
    once::a_refresh_that_is_left: 400, 100;
    once::replay_against_refresh_of_the_newest: 800, 200;
    once::a_hundred_refresh_one_token: 40, 10;
    once::a_hundred_redeem_one_link: 40, 10;
    once::fifty_log_in_with_one_code: 60, 20;
    lost::two_replacements_of_a_password: 100, 40;
}

/// How often a race went which way.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    let_in: u32,
    refused: u32,
}

impl Outcomes {
    fn those_let_in<T>(&mut self, answers: Vec<Result<T>>) -> Vec<T> {
        let all = u32::try_from(answers.len()).unwrap();
        let let_in: Vec<T> = answers.into_iter().flatten().collect();
        self.let_in += u32::try_from(let_in.len()).unwrap();
        self.refused += all - u32::try_from(let_in.len()).unwrap();
        let_in
    }
}

/// Calls that set out at the same moment, on tasks of their own.
fn together<T, F>(callers: u32, call: impl Fn(u32) -> F) -> JoinSet<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(callers as usize));
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

/// Calls of which each has been polled once, so that its credential check has begun: the account was read, and its password is in
/// the hash pool. Then they run on tasks of their own.
pub(crate) async fn begun<T, F>(callers: u32, call: impl Fn() -> F) -> JoinSet<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let mut call = Box::pin(call());
        match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
            Poll::Ready(done) => running.spawn(async move { done }),
            Poll::Pending => running.spawn(call),
        };
    }
    running
}

/// Up to a third of a millisecond, another one each round.
async fn jitter(round: u32) {
    let until = Instant::now() + Duration::from_micros(u64::from(round * 37 % 331));
    while Instant::now() < until {
        tokio::task::yield_now().await;
    }
}
