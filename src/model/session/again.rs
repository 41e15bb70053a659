//! Answering what opened a session once more.

use super::{NewSession, Renewal, Session, Standing};
use crate::model::audit::Action;
use crate::model::clock::Timestamp;

impl Session {
    /// True where its first refresh token was never used: what opened it may be answered again.
    #[must_use]
    pub fn unused(&self) -> bool {
        self.0.n == 0 && self.0.renewal == Renewal::Unset
    }

    /// What is audited where it may be answered again to who would open `new`: it lives, its refresh token is unused, and it is
    /// just the one that `new` would be. `None` where it may not.
    pub(in crate::model) fn again(&self, new: &NewSession, standing: Standing, now: Timestamp) -> Option<Action> {
        let same = self.0.id == new.id && self.0.tip == new.tip && self.unused();
        (same && self.lives(standing, now)).then_some(Action::SessionRetried(self.0.id))
    }
}
