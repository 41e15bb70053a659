//! kill -9 in the middle of load.

use crate::driver::{Driver, Order, assert_kept};

#[test]
fn what_was_answered_survives_ten_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    for round in 0..10_usize {
        let driver = Driver::start(Order::Load, directory.path(), &[]);
        // Also right after the opening, and once after a longer life.
        answered.extend(driver.take(round * round * 60));
        answered.extend(driver.kill().answered);
        assert_kept(directory.path(), &answered);
    }
    assert!(answered.len() > 5000, "{}", answered.len());
}
