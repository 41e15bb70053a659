//! The `authorization` header: a bearer token or a personal key.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
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

/// What `authorization` brings to a call that takes a personal key.
#[derive(Debug)]
pub enum Presented {
    /// There is none.
    Nothing,
    /// The id and secret of a key.
    Key(String, Secret),
    /// Something else, and what is wrong with it.
    Other(&'static str),
}

/// The key in `authorization: PersonalKey ID:SECRET`; `Basic`, which some tools speak only, counts where the id is one of ours.
///
/// The scheme is read in any case; id and secret are parted at the first colon, and nothing around them is trimmed.
///
/// # Errors
/// [`Error::InvalidCredentials`] where there is no colon: one answer for every key that does not work.
pub fn personal_key(headers: &HeaderMap) -> Result<Presented> {
    let Some(value) = authorization(headers) else { return Ok(Presented::Nothing) };
    let Some((scheme, key)) = value.split_once(' ') else { return Ok(Presented::Other(EXPECTED)) };
    if scheme.eq_ignore_ascii_case("basic") {
        return Ok(basic(key).map_or(Presented::Other(BASIC), |(id, secret)| Presented::Key(id, secret)));
    }
    if !scheme.eq_ignore_ascii_case("personalkey") || key.starts_with(' ') {
        return Ok(Presented::Other(EXPECTED));
    }
    let (id, secret) = key.split_once(':').ok_or(Error::InvalidCredentials)?;
    Ok(Presented::Key(id.to_owned(), Secret::new(secret)))
}

const EXPECTED: &str = "must be PersonalKey ID:SECRET, with one blank, or leave it out and set key_id and key_secret";
const BASIC: &str = "is Basic, which a .netrc may have put there: must be PersonalKey ID:SECRET, with one blank, or leave it out and set \
                     key_id and key_secret";

/// What the id of a personal key begins with.
const KEY_ID: &str = "csk_";

/// The key that stands in the place of a name and a password (RFC 7617); `None` for any other name.
fn basic(credentials: &str) -> Option<(String, Secret)> {
    let decoded = Secret::from(String::from_utf8(LENIENT.decode(credentials.trim_matches(' ')).ok()?).ok()?);
    let (id, secret) = decoded.expose().split_once(':').filter(|(id, _)| id.starts_with(KEY_ID))?;
    Some((id.to_owned(), Secret::new(secret)))
}

/// Base64 with or without its padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    fn parse(value: &str) -> Result<Presented> {
        personal_key(&headers(&[value.as_bytes()]))
    }

    fn key(value: &str) -> (String, String) {
        match parse(value).unwrap() {
            Presented::Key(id, secret) => (id, secret.expose().to_owned()),
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn a_personal_key_is_parted_at_its_first_colon() {
        let pair = |id: &str, secret: &str| (id.to_owned(), secret.to_owned());
        for value in ["PersonalKey a:b", "personalkey a:b", "PERSONALKEY a:b"] {
            assert_eq!(key(value), pair("a", "b"));
        }
        assert_eq!(key("PersonalKey a:b:c "), pair("a", "b:c "));
        assert_eq!(key("PersonalKey :"), pair("", ""));
        assert!(matches!(parse("PersonalKey nothing"), Err(Error::InvalidCredentials)));
        assert!(matches!(personal_key(&HeaderMap::new()), Ok(Presented::Nothing)));
    }

    #[test]
    fn what_is_no_personal_key_is_told_what_is_expected() {
        for other in ["Bearer a:b", "PersonalKey", "PersonalKey  a:b", "PersonalKey\ta:b", "", "Personal Key a:b", "Digest a"] {
            match parse(other) {
                Ok(Presented::Other(problem)) => assert!(problem.starts_with("must be PersonalKey ID:SECRET"), "{other}"),
                wrong => panic!("{other}: {wrong:?}"),
            }
        }
    }

    #[test]
    fn basic_counts_for_the_id_of_a_key_only() {
        // csk_a:css_b:c
        for value in ["Basic Y3NrX2E6Y3NzX2I6Yw==", "basic Y3NrX2E6Y3NzX2I6Yw", "BASIC  Y3NrX2E6Y3NzX2I6Yw== "] {
            assert_eq!(key(value), ("csk_a".to_owned(), "css_b:c".to_owned()), "{value}");
        }
        // ada:secret; csk_a without a colon; no base64; no UTF-8; nothing
        for value in ["Basic YWRhOnNlY3JldA==", "Basic Y3NrX2E=", "Basic csk_a:css_b", "Basic //8=", "Basic "] {
            match parse(value) {
                Ok(Presented::Other(problem)) => assert!(problem.contains(".netrc"), "{value}"),
                wrong => panic!("{value}: {wrong:?}"),
            }
        }
    }

    #[test]
    fn an_authorization_that_cannot_be_meant_is_no_token() {
        assert_eq!(authorization(&HeaderMap::new()), None);
        assert_eq!(authorization(&headers(&[b"Bearer x"])), Some("Bearer x"));
        assert_eq!(authorization(&headers(&[b"Bearer x", b"Bearer x"])), Some(""));
        assert_eq!(authorization(&headers(&[b"Bearer \xff"])), Some(""));
    }
}
