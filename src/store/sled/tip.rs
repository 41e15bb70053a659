//! Where a database stands: the heads of its verbs, and a sum over its records.

use crate::store::kv::MANY;
use crate::store::kv::head::Head;

/// Where the database stands, changed by every commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tip {
    /// Commits so far.
    pub(super) commits: u64,
    /// Over every record but this one.
    pub(super) tally: Tally,
    /// Where the verbs stand.
    pub(super) head: Head,
}

/// A sum of checksums that does not depend on the order of the records, so that a commit can carry it along. Against damage,
/// not against a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Over the records that are counted before anything is answered.
    pub(super) few: u64,
    /// Over those of which there may be [`MANY`].
    pub(super) many: u64,
}

impl Tally {
    /// Takes a record as it was out, and as it is in.
    pub(super) fn change(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        let sum = |value: Option<&[u8]>| value.map_or(0, |value| checksum(key, value));
        let own = if key.first().is_some_and(|kind| MANY.contains(kind)) { &mut self.many } else { &mut self.few };
        *own = own.wrapping_sub(sum(old)).wrapping_add(sum(new));
    }
}

/// Both CRCs, mixed so that differences do not cancel in a sum (the finalizer of `SplitMix64`).
fn checksum(key: &[u8], value: &[u8]) -> u64 {
    let mut sum = (u64::from(crc32fast::hash(key)) << 32) | u64::from(crc32fast::hash(value));
    sum = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    sum = (sum ^ (sum >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ (sum >> 31)
}
