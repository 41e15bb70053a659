//! The role of each hash thread, and when it yields to the rest of the server.
//!
//! A lower priority alone does not keep other calls quick. A call that waits for the disk also waits for kernel threads. A
//! scheduler that lets a running thread finish its slice keeps these waiting on every core that hashes, by up to half a second
//! as measured. So the last of several threads rests while other calls come in, which leaves one core free. The first one has
//! the usual priority, so that logins always get through, and takes a bounded share of a core when others want it: what a nice
//! value leaves differs by kernel and from run to run. `docs/decisions/2026-11-22-hash-pool.md` has the measurements.

use std::time::{Duration, Instant};

use crate::model::traffic::Traffic;

/// How long the last thread rests after a call that is not a password check.
const REST_AFTER_CALL: Duration = Duration::from_millis(100);

/// The share of a core that the first thread takes while others want all of it.
const MAX_CORE_SHARE: f64 = 0.3;

/// The role of a thread among the others, with its state.
#[derive(Debug)]
pub(super) enum Part {
    /// The only thread, or neither the first nor the last.
    Plain,
    /// The first of several: never rests, takes a bounded share.
    First(Others, Option<Instant>),
    /// The last of several: rests while other calls come in.
    Last(Others),
}

impl Part {
    /// The part of thread `number` of `threads`.
    pub(super) fn of(number: usize, threads: usize, traffic: &Traffic) -> Self {
        match number {
            _ if threads < 2 => Self::Plain,
            0 => Self::First(Others::new(traffic.clone()), None),
            _ if number + 1 == threads => Self::Last(Others::new(traffic.clone())),
            _ => Self::Plain,
        }
    }

    /// How long to rest before the next job, if at all.
    pub(super) fn stands_back(&mut self, now: Instant) -> Option<Duration> {
        let until = match self {
            Self::Plain => None,
            Self::First(_, until) => *until,
            Self::Last(others) => others.until(now),
        };
        until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Learns what a job took: from `begun` to `now`, and of that `cpu` of a core.
    pub(super) fn worked(&mut self, begun: Instant, now: Instant, cpu: Duration) {
        if let Self::First(others, until) = self {
            let contended = now.duration_since(begun) > cpu * 5 / 4;
            *until = (contended && others.until(now).is_some()).then(|| begun + cpu.div_f64(MAX_CORE_SHARE));
        }
    }
}

/// The calls that are not password checks.
#[derive(Debug)]
pub(super) struct Others {
    traffic: Traffic,
    counted: u64,
    until: Option<Instant>,
}

impl Others {
    fn new(traffic: Traffic) -> Self {
        Self { counted: traffic.counted(), traffic, until: None }
    }

    /// Until when the last thread rests because of them, if that is in the future.
    fn until(&mut self, now: Instant) -> Option<Instant> {
        let counted = self.traffic.counted();
        if counted != self.counted {
            self.counted = counted;
            self.until = Some(now + REST_AFTER_CALL);
        }
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: Duration = Duration::from_millis(18);
    /// What 18 ms are three tenths of.
    const SPAN: Duration = Duration::from_millis(60);

    #[test]
    fn the_last_one_stands_back_until_nothing_else_has_been_asked_for_a_while() {
        let (traffic, begun) = (Traffic::default(), Instant::now());
        traffic.count();
        let mut last = Part::of(3, 4, &traffic);
        assert_eq!(last.stands_back(begun), None, "what was before does not matter");
        traffic.count();
        assert_eq!(last.stands_back(begun), Some(REST_AFTER_CALL));
        assert_eq!(last.stands_back(begun + REST_AFTER_CALL / 2), Some(REST_AFTER_CALL / 2));
        traffic.count();
        assert_eq!(last.stands_back(begun + REST_AFTER_CALL / 2), Some(REST_AFTER_CALL), "begins again");
        assert_eq!(last.stands_back(begun + REST_AFTER_CALL * 3 / 2), None);
    }

    #[test]
    fn the_first_one_takes_its_share_of_a_core_that_others_want() {
        let (traffic, begun) = (Traffic::default(), Instant::now());
        let mut first = Part::of(0, 2, &traffic);
        let (quick, slow) = (begun + CPU, begun + 2 * CPU);
        traffic.count();
        first.worked(begun, quick, CPU);
        assert_eq!(first.stands_back(quick), None, "it had the core to itself");
        first.worked(begun, slow, CPU);
        assert_eq!(first.stands_back(slow), Some(Duration::from_millis(24)));
        assert_eq!(first.stands_back(begun + SPAN), None);
        first.worked(begun, begun + 5 * CPU, CPU);
        assert_eq!(first.stands_back(begun + 5 * CPU), None, "it got less than its share");
    }

    #[test]
    fn the_first_one_does_not_stand_back_for_other_programs() {
        let begun = Instant::now();
        let mut first = Part::of(0, 2, &Traffic::default());
        first.worked(begun, begun + 3 * CPU, CPU);
        assert_eq!(first.stands_back(begun + 3 * CPU), None);
    }

    #[test]
    fn who_is_alone_or_between_never_stands_back() {
        let (traffic, begun) = (Traffic::default(), Instant::now());
        for mut plain in [Part::of(0, 1, &traffic), Part::of(1, 3, &traffic)] {
            traffic.count();
            plain.worked(begun, begun + 3 * CPU, CPU);
            assert_eq!(plain.stands_back(begun), None);
        }
    }
}
