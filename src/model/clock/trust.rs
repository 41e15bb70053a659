//! Whether the wall clock may be believed: a state machine over what the clocks show. It has no clock of its own.

use std::time::Duration;

use super::{Reading, Timestamp};

/// How far the wall clock may leave the time that has passed, and how far it may be behind the last commit, before it is not believed.
pub const MAX_APART: Duration = Duration::from_mins(1);

/// How long a clock that was set must stand at its new place before it is believed there.
pub const SETTLED_AFTER: Duration = Duration::from_mins(5);

/// Why a wall clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It has left the time that has passed, ahead or back, and nothing says yet that it is right where it stands.
    Jumped,
    /// It is behind the last commit: it is wrong, or it was wrong then.
    BehindCommit,
    /// It shows a time from before this program was built.
    BeforeBuild,
}

/// What was believed so far, and where the wall clock stands now.
///
/// A clock is believed at its place, which is how far it is ahead of the time that has passed. It is believed where it was found at
/// the start, and from then on within [`MAX_APART`] of that place. At another one it is believed as soon as the kernel says that it is
/// synchronised, or when it has stood there for a while without another jump. A clock that was believed and stood follows: its place is
/// where it stands now, so that small steps do not add up over months. Before the build, and further behind the last commit than
/// [`MAX_APART`], it is never believed, however it came there.
#[derive(Clone, Debug)]
pub struct Trust {
    earliest: Timestamp,
    settled_after: Duration,
    believed: Option<Offset>,
    place: Place,
}

/// How far the wall clock is ahead of the uptime, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offset(i128);

/// Where the wall clock stands, and since when (in uptime).
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: Offset,
    since: Duration,
}

impl Trust {
    /// At the start: the clocks show `first`, the last commit was at `committed`, and no clock can rightly be before `earliest`.
    #[must_use]
    pub fn new(first: Reading, committed: Timestamp, earliest: Timestamp, settled_after: Duration) -> Self {
        let place = Place::at(first);
        let mut trust = Self { earliest, settled_after, believed: None, place };
        trust.believed = trust.possible(first.wall, committed).is_ok().then_some(place.offset);
        trust
    }

    /// Looks at the clocks. `synchronised` asks the kernel; it is called only where its answer matters.
    ///
    /// # Errors
    /// The [`Doubt`], where the wall clock must not be used.
    pub fn look(
        &mut self,
        reading: Reading,
        committed: Timestamp,
        synchronised: impl FnOnce() -> bool,
    ) -> Result<Timestamp, Doubt> {
        let here = Place::at(reading);
        if here.offset.apart(self.place.offset) > MAX_APART {
            self.place = here;
        }
        self.possible(reading.wall, committed)?;
        let stood = reading.uptime.saturating_sub(self.place.since) >= self.settled_after;
        let known = self.believed.is_some_and(|believed| here.offset.apart(believed) <= MAX_APART);
        if stood || !known && synchronised() {
            self.believed = Some(here.offset);
            self.place = here;
        } else if !known {
            return Err(Doubt::Jumped);
        }
        Ok(reading.wall)
    }

    fn possible(&self, wall: Timestamp, committed: Timestamp) -> Result<(), Doubt> {
        if wall < self.earliest {
            Err(Doubt::BeforeBuild)
        } else if wall.plus(MAX_APART) < committed {
            Err(Doubt::BehindCommit)
        } else {
            Ok(())
        }
    }
}

impl Place {
    fn at(reading: Reading) -> Self {
        Self { offset: Offset::of(reading), since: reading.uptime }
    }
}

impl Offset {
    fn of(reading: Reading) -> Self {
        let uptime = i128::try_from(reading.uptime.as_micros()).unwrap_or(i128::MAX);
        Self(i128::from(reading.wall.micros()).saturating_sub(uptime))
    }

    fn apart(self, other: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.abs_diff(other.0)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
