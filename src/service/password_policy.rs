//! Which new passwords are taken: length, and what everybody would guess. No rules of composition, no forced change, no
//! normalisation: a password is what was sent, byte for byte.

use super::limits::{self, MAX_PASSWORD};
use super::policy::Policy;
use super::{Error, Result};
use crate::crypto::password::blocklist;
use crate::model::name::{Email, Name};
use crate::model::secret::Secret;

/// Whose password it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The username.
    pub name: &'a Name,
    /// The login e-mail.
    pub email: Option<&'a Email>,
    /// True where one-time codes guard the login beside it.
    pub codes: bool,
}

/// The rules for new passwords.
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    alone: usize,
    with_code: usize,
}

impl PasswordPolicy {
    /// The rules of `policy`.
    #[must_use]
    pub const fn new(policy: &Policy) -> Self {
        Self { alone: policy.password_alone, with_code: policy.password_with_code }
    }

    /// Takes or refuses `password`, the content of `field`, as the new password of `owner`. Costs no hash, but a millisecond.
    ///
    /// Length is counted in code points: at least 15 where it is the only factor, 8 beside one-time codes, by default.
    ///
    /// # Errors
    /// - [`Error::Invalid`] - empty, or longer than 1024 bytes (INVALID_ARGUMENT, VALIDATION_FAILED).
    /// - [`Error::WeakPassword`] - too short, or one of the first that anybody would guess who knows the account's names and this
    ///   service's (INVALID_ARGUMENT, PASSWORD_TOO_WEAK). Says which.
    ///
    /// # Source
    /// NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5.0, 6.2.
    pub fn accept(&self, field: &'static str, password: &Secret, owner: &Owner<'_>) -> Result<()> {
        let text = limits::required_secret(field, password, MAX_PASSWORD)?.expose();
        let least = if owner.codes { self.with_code } else { self.alone };
        if text.chars().count() < least {
            return Err(Error::WeakPassword { field, problem: format!("must be at least {least} characters") });
        }
        let email = owner.email.map_or("", Email::as_str);
        let (local, domain) = email.split_once('@').unwrap_or_default();
        if blocklist::is_common(text, &[owner.name.as_str(), email, local, domain]) {
            let problem = "is too easy to guess: a common password, a pattern, or made of the account's or this service's name";
            return Err(Error::WeakPassword { field, problem: problem.to_owned() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
