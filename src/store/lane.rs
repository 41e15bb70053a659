//! Lanes: in which line of commits a change was made.
//!
//! A store with one writer has one lane, and everything in it is in one order. Where several nodes write to one store each has a
//! lane of its own: revisions and audit events are in order within a lane, and say which lane it is.

/// One writer's line of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The only one there is.
    #[default]
    Only,
    /// One of several. Its revisions are those that leave this number when divided by 256.
    Numbered(u8),
}

/// How many lanes a store has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lanes {
    /// One: revisions are numbers without a lane in them.
    #[default]
    One,
    /// Several, at most 256.
    Many,
}

/// Revisions of neighbouring numbers are of this many different lanes.
const LANES: i64 = 256;

impl Lane {
    /// What it puts into the keys that are its own: its number, and nothing where it is the only one.
    #[must_use]
    pub(crate) fn in_keys(self) -> Vec<u8> {
        match self {
            Self::Only => Vec::new(),
            Self::Numbered(number) => vec![number],
        }
    }

    /// The lanes of the store that it is a lane of.
    #[must_use]
    pub const fn lanes(self) -> Lanes {
        match self {
            Self::Only => Lanes::One,
            Self::Numbered(_) => Lanes::Many,
        }
    }

    /// The first revision of this lane from `least` (inclusive) on.
    #[must_use]
    pub fn revision_from(self, least: i64) -> i64 {
        match self {
            Self::Only => least,
            Self::Numbered(number) => least.saturating_add((i64::from(number) - least).rem_euclid(LANES)),
        }
    }
}

impl Lanes {
    /// The lane that gave a revision.
    #[must_use]
    pub fn of(self, revision: i64) -> Lane {
        match self {
            Self::One => Lane::Only,
            Self::Many => Lane::Numbered(u8::try_from(revision.rem_euclid(LANES)).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_revision_tells_its_lane(number: u8, least in 0..i64::MAX - LANES) {
            let lane = Lane::Numbered(number);
            let revision = lane.revision_from(least);
            prop_assert!(revision >= least && revision - least < LANES);
            prop_assert_eq!(Lanes::Many.of(revision), lane);
        }
    }

    #[test]
    fn the_only_lane_takes_every_number() {
        assert_eq!(Lane::Only.revision_from(7), 7);
        assert_eq!(Lanes::One.of(7), Lane::Only);
    }
}
