//! What every decision answers, and what is no possible value.
//!
//! A decision is a total function: it consumes a value with what was found beside it (the time, the standing of its subject, the
//! next revision) and answers the value as it is now, the outcome, what is revoked and what is audited. It reads nothing and
//! changes nothing; it may be taken any number of times, and is the same each time. Whoever keeps the values loads, decides and
//! writes all of it in one commit.

use super::audit::Action;
use super::revocation::Revoked;

/// A value that was decided about, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a decision is nothing until it is written"]
pub struct Decision<V, O> {
    /// The value as it is now.
    pub value: V,
    /// True where it is another than before, and has to be written.
    pub changed: bool,
    /// What became of what was asked.
    pub outcome: O,
    /// What is dead from the commit on.
    pub revoked: Option<Revoked>,
    /// What the commit records.
    pub audited: Option<Action>,
}

impl<V, O> Decision<V, O> {
    /// Everything stays as it is.
    pub const fn unchanged(value: V, outcome: O) -> Self {
        Self { value, changed: false, outcome, revoked: None, audited: None }
    }

    /// The value is another now.
    pub const fn changed(value: V, outcome: O) -> Self {
        Self { value, changed: true, outcome, revoked: None, audited: None }
    }

    /// With this dead from the commit on.
    pub fn revoking(self, what: Revoked) -> Self {
        Self { revoked: Some(what), ..self }
    }

    /// With this recorded in the commit.
    pub fn auditing(self, action: Action) -> Self {
        Self { audited: Some(action), ..self }
    }
}

/// Why a value cannot be: what was kept was damaged, or written by something else. Names the value and what is wrong with it, never
/// what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Impossible {
    what: &'static str,
    why: &'static str,
}

impl Impossible {
    /// What is wrong with it, without its name.
    #[must_use]
    pub const fn why(self) -> &'static str {
        self.why
    }

    /// Checks the rules of a value: each is what has to hold, and what to say where it does not.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(super) fn unless(what: &'static str, rules: &[(bool, &'static str)]) -> Result<(), Self> {
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err(Self { what, why }))
    }
}
