//! A guest name: nobody's account, only a counter.

use super::{Generations, Standing, Subject};
use crate::model::audit::Action;
use crate::model::decision::Decision;
use crate::model::name::Folded;
use crate::model::revocation::Revoked;

/// A guest name with its counter. Every name has one, fresh where it was never logged out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    name: Folded,
    generations: Generations,
}

impl Guest {
    /// The guest of that name, with the counter that is kept for it.
    #[must_use]
    pub const fn new(name: Folded, generations: Generations) -> Self {
        Self { name, generations }
    }

    /// The folded name, without `guest:`.
    #[must_use]
    pub const fn name(&self) -> &Folded {
        &self.name
    }

    /// Its counter.
    #[must_use]
    pub const fn generations(&self) -> Generations {
        self.generations
    }

    /// How it stands: there is nobody to disable.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        Standing::new(true, self.generations)
    }

    /// Ends everything that links of this name opened or could open, at `revision`: the second half of LogoutUser, which ended so
    /// many live sessions and links in all.
    pub fn log_out(self, sessions: u32, links: u32, revision: i64) -> Decision<Self, ()> {
        let generations = self.generations.end_all(revision);
        let below = Revoked::Below(Subject::Guest(self.name.clone()), generations.token_floor());
        let logged_out = Action::LogoutUser(self.name.clone(), sessions, links);
        Decision::changed(Self { generations, ..self }, ()).revoking(below).auditing(logged_out)
    }
}
