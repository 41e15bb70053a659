//! The head of a lane: where its commits stand.

use crate::model::clock::Timestamp;

/// Where a lane stands: carried from group to group and kept with each commit, so that it is as durable as the rest. Its owner
/// alone writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last revision given.
    pub(crate) revision: i64,
    /// The last committed time.
    pub(crate) last_commit: Timestamp,
    /// The number of the last audit event.
    pub(crate) audit_sequence: u64,
    /// SHA-256 of the last audit event.
    pub(crate) audit_hash: [u8; 32],
}

impl Head {
    /// The same head after its lane has seen where another one stands: times and revisions rise over both.
    #[must_use]
    pub(crate) fn having_seen(mut self, other: &Self) -> Self {
        self.revision = self.revision.max(other.revision);
        self.last_commit = self.last_commit.max(other.last_commit);
        self
    }
}
