//! One-time codes: off, waiting for their first code, or guarding the login.

use crate::model::clock::Timestamp;

/// The length of a time step, in seconds.
pub const STEP_SECONDS: u64 = 30;

/// An account's one-time codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Totp {
    /// None enrolled.
    #[default]
    Off,
    /// Enrolled, not yet confirmed by a code: does not guard the login yet.
    Pending {
        /// The sealed secret.
        sealed: Vec<u8>,
    },
    /// Guards the login.
    On {
        /// The sealed secret.
        sealed: Vec<u8>,
        /// The last time step of which a code was accepted; only later ones are.
        last_step: u64,
        /// Keyed hashes of the recovery codes that are left.
        recovery: Vec<[u8; 32]>,
    },
}

impl Totp {
    /// True where a login needs a code.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }

    /// What is still accepted once `factor` was spent; `None` where one is needed and this is none, or was spent before.
    #[must_use]
    pub fn spend(self, factor: Option<&SecondFactor>) -> Option<Self> {
        match (self, factor) {
            (Self::On { sealed, last_step, recovery }, Some(SecondFactor::TotpStep(step))) if *step > last_step => {
                Some(Self::On { sealed, last_step: *step, recovery })
            }
            (Self::On { sealed, last_step, mut recovery }, Some(SecondFactor::Recovery(code))) if recovery.contains(code) => {
                recovery.retain(|kept| kept != code);
                Some(Self::On { sealed, last_step, recovery })
            }
            (Self::On { .. }, _) => None,
            (totp @ (Self::Off | Self::Pending { .. }), _) => Some(totp),
        }
    }

    /// Accepts codes of the steps after that of `now`.
    pub(super) fn set_back(self, now: Timestamp) -> Self {
        match self {
            Self::On { sealed, last_step, recovery } => {
                Self::On { sealed, last_step: last_step.min(now.secs() / STEP_SECONDS), recovery }
            }
            totp @ (Self::Off | Self::Pending { .. }) => totp,
        }
    }

    /// Whether it can be: where there are codes there is a secret to check them with.
    pub(super) const fn is_possible(&self) -> bool {
        match self {
            Self::Off => true,
            Self::Pending { sealed } | Self::On { sealed, .. } => !sealed.is_empty(),
        }
    }
}

/// A second factor that a login presented and the service found right; the store spends it with what it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// A code of this time step.
    TotpStep(u64),
    /// A recovery code, by its keyed hash.
    Recovery([u8; 32]),
}
