//! The machine's own clocks. `rtime-clock` asks the kernel whether its clock is synchronised; `clock-steering` 0.2.1 keeps the status
//! that it reads to itself.

use std::time::Duration;

use rtime_clock::adjtime::{Timex, adjtimex};
use rustix::time::{ClockId, clock_gettime};

use super::{Clock, MAX_APART, Reading, Timestamp};

/// What `adjtimex` answers while the kernel does not take its clock for synchronised (`TIME_ERROR` of `adjtimex(2)`).
const NOT_SYNCHRONISED: i32 = 5;
/// Between the readings of the two clocks the process may have been stopped; past this much they are read again.
const MAX_BETWEEN: Duration = Duration::from_millis(100);
/// How often they are read at the most. Clocks that are then still not read together look like a jump, and the next look is right.
const MAX_TRIES: usize = 4;

/// The machine's own clocks: the wall clock, and the time since it was started.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn read(&self) -> Reading {
        let mut uptime = uptime();
        for _ in 1..MAX_TRIES {
            let wall = self.now();
            let after = self::uptime();
            if after.saturating_sub(uptime) <= MAX_BETWEEN {
                return Reading { wall, uptime };
            }
            uptime = after;
        }
        Reading { wall: self.now(), uptime }
    }

    fn synchronised(&self) -> bool {
        let mut answer = Timex::new();
        let synchronised = adjtimex(&mut answer).is_ok_and(|state| state != NOT_SYNCHRONISED);
        // A process may be shown another time than the kernel's own; then the kernel says nothing about it.
        let kernel = Timestamp::from_secs(u64::try_from(answer.0.time.tv_sec).unwrap_or_default());
        let shown = self.now();
        synchronised && kernel.since(shown).max(shown.since(kernel)) <= MAX_APART
    }

    fn earliest(&self) -> Timestamp {
        Timestamp::from_secs(env!("COUNTERSIGN_BUILD_TIME").parse().unwrap_or_default())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

/// Since the machine was started, its sleep included.
fn uptime() -> Duration {
    let since = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(since.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(since.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_does_not_run_back_and_this_is_after_the_build() {
        let (first, second) = (SystemClock.read(), SystemClock.read());
        assert!(first.uptime > Duration::ZERO && second.uptime >= first.uptime);
        assert!(SystemClock.earliest() > Timestamp::default(), "the time of the build is known");
        assert!(first.wall >= SystemClock.earliest(), "{first:?} is before {:?}", SystemClock.earliest());
    }

    #[test]
    fn the_kernel_is_asked_without_being_told_anything() {
        let asked = std::array::from_fn::<_, 3, _>(|_| SystemClock.synchronised());
        assert!(asked.iter().all(|said| *said == asked[0]), "{asked:?}");
    }
}
