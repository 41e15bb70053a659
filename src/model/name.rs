//! The one namespace of usernames, organization names and login e-mails, case-folded.

use super::ids::UserId;

/// The longest name, in bytes.
pub const MAX_NAME: usize = 63;
/// The longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, less its angle brackets).
pub const MAX_EMAIL: usize = 254;

/// A name or e-mail address in the form in which two spellings of it are equal. The key of the namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folded(String);

impl Folded {
    /// Folds what a caller presented to log in with, whatever it is: anything that is no valid name or e-mail folds to
    /// something that is not in the store.
    #[must_use]
    pub fn presented(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
    #[error("must be 1 to 63 letters, digits, dots, underscores or hyphens, and begin with a letter or digit")]
    Name,
    /// Not an address with one `@`.
    #[error("must be an e-mail address of at most 254 bytes with one @")]
    Email,
}

/// A username or organization name as it was given: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// Parses a name.
    ///
    /// # Errors
    /// [`NameError::Name`] where it is not of the form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut bytes = text.bytes();
        let head = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
        let tail = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if head && tail && text.len() <= MAX_NAME { Ok(Self(text.to_owned())) } else { Err(NameError::Name) }
    }

    /// The names that a new account may get, the best first: what was wanted made valid, then with a number; past twenty with its
    /// id, so that a popular name costs no more than that many reads. Of an e-mail address the part before the `@` is wanted.
    pub fn candidates(wanted: &str, id: UserId) -> impl Iterator<Item = Self> {
        let local = wanted.split_once('@').map_or(wanted, |(local, _)| local);
        let valid = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
        let base: String = local.chars().map(valid).skip_while(|c| !c.is_ascii_alphanumeric()).take(MAX_NAME).collect();
        let base = if base.is_empty() { "user".to_owned() } else { base };
        let numbers = (2..=20).map(|n| format!("-{n}"));
        std::iter::once(String::new()).chain(numbers).chain([format!("-{id}")]).filter_map(move |suffix| {
            let head: String = base.chars().take(MAX_NAME.saturating_sub(suffix.len())).collect();
            Self::parse(&format!("{head}{suffix}")).ok()
        })
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of the namespace.
    #[must_use]
    pub fn folded(&self) -> Folded {
        Folded(self.0.to_ascii_lowercase())
    }
}

/// A login e-mail address as it was given. Used to log in with, never to link accounts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Parses an address: one `@`, something on both sides, no white space or control character.
    ///
    /// # Errors
    /// [`NameError::Email`] where it is not of the form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let ok = text.len() <= MAX_EMAIL
            && text
                .split_once('@')
                .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if ok { Ok(Self(text.to_owned())) } else { Err(NameError::Email) }
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of the namespace.
    #[must_use]
    pub fn folded(&self) -> Folded {
        Folded(self.0.to_lowercase())
    }
}
