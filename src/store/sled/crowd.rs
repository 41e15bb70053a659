//! Waits for more verbs when many come at once: one barrier for all costs less than one for every few.

use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

/// After a group of this many verbs, more are probably on their way.
const MIN_CROWD: usize = 8;

/// How often the writer looks for more verbs. It stops waiting as soon as none have come.
const LOOK_INTERVAL: Duration = Duration::from_micros(500);

/// The longest that the writer waits for more verbs.
const MAX_WAIT: Duration = Duration::from_millis(2);

/// The verbs of the next group, at most `most`, after a group of `last`. A single caller does not wait.
pub(super) fn gather<T>(first: T, queue: &Receiver<T>, last: usize, most: usize) -> Vec<T> {
    let mut verbs = vec![first];
    let begun = Instant::now();
    while last >= MIN_CROWD && verbs.len() < most && begun.elapsed() < MAX_WAIT {
        thread::sleep(LOOK_INTERVAL);
        let before = verbs.len();
        verbs.extend(queue.try_iter().take(most - before));
        if verbs.len() == before {
            break;
        }
    }
    verbs
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_crowd_goes_together() {
        let (sender, queue) = channel();
        (1..20).for_each(|verb| sender.send(verb).unwrap());
        assert_eq!(gather(0, &queue, MIN_CROWD, 1024), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn no_group_is_larger_than_it_may_be() {
        let (sender, queue) = channel();
        (1..20).for_each(|verb| sender.send(verb).unwrap());
        assert_eq!(gather(0, &queue, MIN_CROWD, 5), [0, 1, 2, 3, 4]);
        assert_eq!(queue.try_iter().count(), 15, "the rest waits");
    }

    #[test]
    fn after_few_nobody_is_waited_for() {
        let (sender, queue) = channel();
        sender.send(1).unwrap();
        assert_eq!(gather(0, &queue, MIN_CROWD - 1, 1024), [0]);
    }
}
