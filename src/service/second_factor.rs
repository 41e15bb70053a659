//! One-time codes and recovery codes: what they are sealed under, and whether a presented one is right. Nothing is spent here:
//! the store spends a code together with what it opens.

use std::sync::Arc;

use super::{Error, Result};
use crate::crypto::seal::Sealer;
use crate::crypto::server_key::ServerKeys;
use crate::crypto::totp;
use crate::model::clock::Timestamp;
use crate::model::ids::UserId;
use crate::model::random::Random;
use crate::model::secret::{Secret, SecretBytes};
use crate::model::user::{SecondFactor, Totp};

/// Checks second factors.
#[derive(Clone)]
pub struct SecondFactors {
    sealer: Arc<Sealer>,
    keys: Arc<ServerKeys>,
}

impl SecondFactors {
    /// One that seals with `sealer` and hashes under `keys`.
    #[must_use]
    pub fn new(sealer: Arc<Sealer>, keys: Arc<ServerKeys>) -> Self {
        Self { sealer, keys }
    }

    /// Seals an account's secret, bound to the account.
    #[must_use]
    pub fn seal(&self, user: UserId, secret: &SecretBytes<20>, random: &dyn Random) -> Vec<u8> {
        self.sealer.seal(&purpose(user), secret.expose(), random)
    }

    /// Opens an account's sealed secret.
    ///
    /// # Errors
    /// [`Error::Internal`] where it does not open: the store was sealed otherwise, or is damaged.
    pub fn open(&self, user: UserId, sealed: &[u8]) -> Result<SecretBytes<20>> {
        let plain = self.sealer.open(&purpose(user), sealed).map_err(|error| Error::Internal(error.to_string()))?;
        let bytes = plain.as_slice().try_into().map_err(|_| Error::Internal("a one-time-code secret is damaged".to_owned()))?;
        Ok(SecretBytes::new(bytes))
    }

    /// New recovery codes: what is shown of them, and the hashes that are kept.
    #[must_use]
    pub fn recovery_codes(&self, random: &dyn Random) -> (Vec<Secret>, Vec<[u8; 32]>) {
        totp::generate_recovery_codes(&self.keys, random).into_iter().unzip()
    }

    /// The second factor that `code` is for an account with these one-time codes; `None` where it is none, was spent, or the
    /// account has none.
    ///
    /// # Errors
    /// [`Error::Internal`] as [`Self::open`].
    ///
    /// # Security
    /// Says only what is right at `now`; the store refuses a step or recovery code that was spent meanwhile.
    pub fn check(&self, user: UserId, totp: &Totp, code: &Secret, now: Timestamp) -> Result<Option<SecondFactor>> {
        let Totp::On { sealed, last_step, recovery } = totp else { return Ok(None) };
        let secret = self.open(user, sealed)?;
        if let Some(step) = totp::matching_step(&secret, code.expose(), now) {
            return Ok((step > *last_step).then_some(SecondFactor::TotpStep(step)));
        }
        let presented = totp::recovery_code_hashes(&self.keys, code.expose());
        Ok(presented.into_iter().find(|hash| recovery.contains(hash)).map(SecondFactor::Recovery))
    }
}

/// What an account's secret is sealed for.
#[must_use]
pub fn purpose(user: UserId) -> String {
    format!("totp {user}")
}
