//! The form and limit of every field, checked before any costly work.

use super::{Error, Result};
use crate::model::name::{Email, Folded, MAX_EMAIL, Name, NameError};
use crate::model::secret::Secret;

/// The longest password, in bytes.
pub const MAX_PASSWORD: usize = 1024;
/// The longest one-time or recovery code, in bytes.
pub const MAX_CODE: usize = 64;
/// The longest access token, in bytes.
pub const MAX_ACCESS_TOKEN: usize = 8192;
/// The longest refresh token, key id, key secret or link token, in bytes.
pub const MAX_OPAQUE: usize = 512;
/// The longest sign-on state, in bytes.
pub const MAX_STATE: usize = 1024;
/// A page token or a cursor.
pub const MAX_PAGE_TOKEN: usize = 1024;
/// The longest dataset id, in bytes.
pub const MAX_DATASET: usize = 256;
/// The longest display name, in bytes.
pub const MAX_DISPLAY_NAME: usize = 128;

/// A field that is not of its form.
#[must_use]
pub fn invalid(field: &'static str, problem: impl Into<String>) -> Error {
    Error::Invalid { field, problem: problem.into() }
}

/// A text of at most `most` bytes without control characters.
///
/// # Errors
/// [`Error::Invalid`].
pub fn text<'a>(field: &'static str, value: &'a str, most: usize) -> Result<&'a str> {
    if value.len() > most {
        return Err(invalid(field, format!("is longer than {most} bytes")));
    }
    if value.chars().any(char::is_control) {
        return Err(invalid(field, "has a control character"));
    }
    Ok(value)
}

/// A text as [`text`], and not empty.
///
/// # Errors
/// [`Error::Invalid`].
pub fn required<'a>(field: &'static str, value: &'a str, most: usize) -> Result<&'a str> {
    if value.is_empty() { Err(invalid(field, "is required")) } else { text(field, value, most) }
}

/// A secret of at most `most` bytes.
///
/// # Errors
/// [`Error::Invalid`].
pub fn secret<'a>(field: &'static str, value: &'a Secret, most: usize) -> Result<&'a Secret> {
    if value.len() > most { Err(invalid(field, format!("is longer than {most} bytes"))) } else { Ok(value) }
}

/// A secret as [`secret`], and not empty.
///
/// # Errors
/// [`Error::Invalid`].
pub fn required_secret<'a>(field: &'static str, value: &'a Secret, most: usize) -> Result<&'a Secret> {
    if value.is_empty() { Err(invalid(field, "is required")) } else { secret(field, value, most) }
}

/// What a caller logs in as: a name or an e-mail address. Only its length is checked, so that the answer tells nothing.
///
/// # Errors
/// [`Error::Invalid`].
pub fn login(field: &'static str, value: &str) -> Result<Folded> {
    required(field, value, MAX_EMAIL).map(Folded::presented)
}

/// An organization that is asked for; `None` where the field is empty.
///
/// # Errors
/// [`Error::Invalid`].
pub fn organization(field: &'static str, value: &str) -> Result<Option<Folded>> {
    let name = text(field, value, crate::model::name::MAX_NAME)?;
    Ok((!name.is_empty()).then(|| Folded::presented(name)))
}

/// A name of the form that names have.
///
/// # Errors
/// [`Error::Invalid`].
pub fn name(field: &'static str, value: &str) -> Result<Name> {
    Name::parse(value).map_err(|error| named(field, error))
}

/// An e-mail address; `None` where the field is empty.
///
/// # Errors
/// [`Error::Invalid`].
pub fn email(field: &'static str, value: &str) -> Result<Option<Email>> {
    if value.is_empty() { Ok(None) } else { Email::parse(value).map(Some).map_err(|error| named(field, error)) }
}

/// The name of a guest, of an account or of both: a name or an e-mail address, in the form in which it is compared.
///
/// # Errors
/// [`Error::Invalid`] where it is neither.
pub fn guest(field: &'static str, value: &str) -> Result<Folded> {
    if value.contains('@') {
        Email::parse(value).map(|email| email.folded()).map_err(|error| named(field, error))
    } else {
        name(field, value).map(|name| name.folded())
    }
}

fn named(field: &'static str, error: NameError) -> Error {
    invalid(field, error.to_string())
}
