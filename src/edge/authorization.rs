//! The `authorization` header: a bearer token or a personal key.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::model::secret::Secret;
use crate::service::{Error, Result};

/// The whole `authorization` value. One that is not text, or given twice, is as good as any that is not valid.
#[must_use]
pub fn authorization(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => Some(value.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => Some(""),
    }
}

/// The key in `authorization: PersonalKey ID:SECRET`; `None` where the value is of another scheme or absent.
///
/// The scheme is read in any case; id and secret are parted at the first colon, and nothing around them is trimmed.
///
/// # Errors
/// [`Error::InvalidCredentials`] where there is no colon: one answer for every key that does not work.
pub fn personal_key(headers: &HeaderMap) -> Result<Option<(String, Secret)>> {
    let Some((scheme, key)) = authorization(headers).and_then(|value| value.split_once(' ')) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("personalkey") {
        return Ok(None);
    }
    let (id, secret) = key.split_once(':').ok_or(Error::InvalidCredentials)?;
    Ok(Some((id.to_owned(), Secret::new(secret))))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn a_personal_key_is_parted_at_its_first_colon() {
        let parse = |value: &str| personal_key(&headers(&[value.as_bytes()]));
        for value in ["PersonalKey a:b", "personalkey a:b", "PERSONALKEY a:b"] {
            let (id, secret) = parse(value).unwrap().unwrap();
            assert_eq!((id.as_str(), secret.expose()), ("a", "b"));
        }
        let (id, secret) = parse("PersonalKey a:b:c ").unwrap().unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("a", "b:c "));
        let (id, secret) = parse("PersonalKey :").unwrap().unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("", ""));
        assert!(matches!(parse("PersonalKey nothing"), Err(Error::InvalidCredentials)));
        for other in ["Bearer a:b", "PersonalKey", "", "Personal Key a:b"] {
            assert!(parse(other).unwrap().is_none(), "{other}");
        }
        assert!(personal_key(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn an_authorization_that_cannot_be_meant_is_no_token() {
        assert_eq!(authorization(&HeaderMap::new()), None);
        assert_eq!(authorization(&headers(&[b"Bearer x"])), Some("Bearer x"));
        assert_eq!(authorization(&headers(&[b"Bearer x", b"Bearer x"])), Some(""));
        assert_eq!(authorization(&headers(&[b"Bearer \xff"])), Some(""));
    }
}
