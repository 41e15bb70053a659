//! How much of its time the writer gives to work that can wait, while verbs come.

use std::time::{Duration, Instant};

/// While verbs come, the other work gets one part in this many of the time. Otherwise it gets all of it.
const TIME_SHARES: u32 = 8;

/// How long after the last verb the writer counts as busy.
const QUIET_AFTER: Duration = Duration::from_millis(100);

/// The other work may make up for at most this much time in which a group was under way. A caller waits for an eighth of it.
const MAX_CREDIT: Duration = Duration::from_millis(8);

/// When there may be more of that work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// When a verb came last.
    called: Option<Instant>,
    /// From when on there may be more.
    from: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { called: None, from: now }
    }

    /// A verb came.
    pub(super) fn called(&mut self, now: Instant) {
        self.called = Some(now);
    }

    /// What follows a step that was begun at `begun` and ended at `now`: another one where this is `None`, else a look for verbs
    /// that lasts so long.
    pub(super) fn rest(&mut self, begun: Instant, now: Instant) -> Option<Duration> {
        if self.called.is_none_or(|called| now.duration_since(called) > QUIET_AFTER) {
            self.from = now;
            return Some(Duration::ZERO);
        }
        let earliest = begun.checked_sub(MAX_CREDIT).unwrap_or(begun);
        self.from = self.from.max(earliest) + now.duration_since(begun) * TIME_SHARES;
        let rest = self.from.saturating_duration_since(now);
        (!rest.is_zero()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_micros(10);

    #[test]
    fn where_no_verbs_come_nothing_rests() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.rest(start, start + STEP), Some(Duration::ZERO));
        pace.called(start);
        let later = start + QUIET_AFTER + STEP;
        assert_eq!(pace.rest(later, later + STEP), Some(Duration::ZERO));
    }

    #[test]
    fn while_verbs_come_an_eighth_of_the_time_is_spent() {
        let start = Instant::now();
        let (mut pace, mut now) = (Pace::new(start), start);
        for _ in 0..100 {
            pace.called(now);
            let rest = pace.rest(now, now + STEP);
            now += STEP + rest.unwrap();
        }
        assert_eq!(now - start, STEP * 8 * 100);
    }

    #[test]
    fn what_a_group_took_is_made_up_for_within_bounds() {
        for (group, steps) in [(STEP * 80, 11), (Duration::from_secs(1), 101)] {
            let start = Instant::now();
            let mut pace = Pace::new(start);
            let mut now = start + group;
            pace.called(now);
            let mut done = 1;
            while pace.rest(now, now + STEP).is_none() {
                now += STEP;
                done += 1;
            }
            // The steps themselves take time, an eighth of which they may have as well.
            assert!((steps..=steps + steps / 6).contains(&done), "{done} steps after {group:?}");
        }
    }
}
