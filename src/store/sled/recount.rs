//! Counting every record again after an opening, and comparing: are these the records that were written?
//!
//! Before anything is answered all records are counted but the many: sessions and audit events. Of those as many as a moment
//! allows; the writer counts the rest between its groups (see [`pace`](super::pace)), a few seconds for a million sessions where
//! nobody calls, and the store fails where the count comes out wrong.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::tip::Tally;
use crate::store::kv::MANY;

/// Records that are counted between two looks at the clock.
const RECORDS_PER_STEP: usize = 1024;

/// Where the records are counted.
pub(super) trait Records {
    /// Adds at most `most` records from `from` (inclusive) to `to` (exclusive) to `tally`; answers the last of them, and how many.
    fn count(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        most: usize,
        tally: &mut Tally,
    ) -> Result<(Option<Vec<u8>>, usize), sled::Error>;
}

/// A count that is not complete yet.
#[derive(Clone, Debug)]
pub(super) struct Recount {
    /// What is still to be counted: keys from the first (inclusive) to the second (exclusive).
    left: VecDeque<(Vec<u8>, Option<Vec<u8>>)>,
    /// Of all other records, as they are now.
    seen: Tally,
}

/// How a count stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Some are left.
    Partly,
    /// Every record is counted, and they are those that were written.
    Right,
    /// They are not.
    Wrong,
}

impl Recount {
    /// Counts what has to be counted before anything is answered, and of the many as much as `moment` allows.
    ///
    /// `expected` is what all records should come to, here and in [`step`](Self::step).
    pub(super) fn begin(database: &impl Records, expected: Tally, moment: Duration) -> Result<(Self, Counted), sled::Error> {
        let mut few = Vec::new();
        let mut from = Vec::new();
        for kind in MANY {
            few.push((from, Some(vec![kind])));
            from = vec![kind + 1];
        }
        few.push((from, None));
        let mut recount = Self { left: few.into(), seen: Tally::default() };
        while recount.step(database, expected, RECORDS_PER_STEP)? == Counted::Partly {}
        if recount.seen.few != expected.few {
            return Ok((recount, Counted::Wrong));
        }

        recount.left = MANY.map(|kind| (vec![kind], Some(vec![kind + 1]))).into();
        let begun = Instant::now();
        loop {
            let counted = recount.step(database, expected, RECORDS_PER_STEP)?;
            if counted != Counted::Partly || begun.elapsed() >= moment {
                return Ok((recount, counted));
            }
        }
    }

    /// Counts at most `most` records more.
    pub(super) fn step(&mut self, database: &impl Records, expected: Tally, most: usize) -> Result<Counted, sled::Error> {
        if let Some((from, to)) = self.left.front_mut() {
            let (last, counted) = database.count(from, to.as_deref(), most, &mut self.seen)?;
            match last {
                Some(last) if counted == most => *from = [last.as_slice(), &[0]].concat(),
                _ => drop(self.left.pop_front()),
            }
        }
        Ok(match self.left.is_empty() {
            false => Counted::Partly,
            true if self.seen == expected => Counted::Right,
            true => Counted::Wrong,
        })
    }

    /// Follows a change of a record that was counted already; one that was not is counted as it then is.
    pub(super) fn follow(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        let left =
            |(from, to): &(Vec<u8>, Option<Vec<u8>>)| key >= from.as_slice() && to.as_ref().is_none_or(|to| key < to.as_slice());
        if !self.left.iter().any(left) {
            self.seen.change(key, old, new);
        }
    }
}
