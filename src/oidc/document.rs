//! A JSON object that a provider answered. Only what is used is read of it, `null` is absent, and what is wrong is told by
//! document and field, never by value.

use serde_json::{Map, Value};
use url::Url;

/// One document of a provider, and what it is called in the log.
#[derive(Clone, Debug)]
pub(super) struct Document {
    name: &'static str,
    fields: Map<String, Value>,
}

/// What cannot be read of a document: a sentence without any of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("{0}: it is no JSON object")]
    Form(&'static str),
    #[error("{0}: `{1}` is missing")]
    Missing(&'static str, &'static str),
    #[error("{0}: `{1}` is not {2}")]
    Shape(&'static str, &'static str, &'static str),
}

type Result<T> = std::result::Result<T, Unread>;

impl Document {
    /// Reads one, whatever is in it. Some servers put a byte order mark before it.
    pub(super) fn read(name: &'static str, body: &[u8]) -> Result<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self { name, fields }),
            _ => Err(Unread::Form(name)),
        }
    }

    /// The object that was read already.
    pub(super) const fn of(name: &'static str, fields: Map<String, Value>) -> Self {
        Self { name, fields }
    }

    /// What is there; `None` for `null` too.
    pub(super) fn value(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// A text that is relied upon, where it is there.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<&str>> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(field, "text")),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, field: &'static str) -> Result<&str> {
        self.text(field)?.ok_or(Unread::Missing(self.name, field))
    }

    /// An address that must be there.
    pub(super) fn address(&self, field: &'static str) -> Result<Url> {
        Url::parse(self.required(field)?).map_err(|_| self.wrong(field, "a URL"))
    }

    /// A text that decides nothing: absent where it is empty or anything else.
    pub(super) fn hint(&self, field: &str) -> Option<&str> {
        self.value(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A flag, also where it is written as text. Anything else is no.
    pub(super) fn flag(&self, field: &str) -> bool {
        match self.value(field) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    /// The texts of a list; `None` where there is no list.
    pub(super) fn texts(&self, field: &str) -> Option<impl Iterator<Item = &str>> {
        Some(self.value(field)?.as_array()?.iter().filter_map(Value::as_str))
    }

    /// A time in whole seconds since 1970, where it is there; a fraction is cut.
    pub(super) fn time(&self, field: &'static str) -> Result<Option<u64>> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let seconds = value.as_u64().or_else(|| value.as_f64().and_then(whole));
        seconds.map(Some).ok_or_else(|| self.wrong(field, "a time"))
    }

    pub(super) const fn missing(&self, field: &'static str) -> Unread {
        Unread::Missing(self.name, field)
    }

    pub(super) const fn wrong(&self, field: &'static str, expected: &'static str) -> Unread {
        Unread::Shape(self.name, field, expected)
    }
}

/// The whole seconds of a number that is a time before the year 10000.
fn whole(seconds: f64) -> Option<u64> {
    let in_range = (0.0..253_402_300_800.0).contains(&seconds);
    in_range.then(|| format!("{:.0}", seconds.floor()).parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> Document {
        Document::read("answer", json.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_used_is_read_and_the_rest_may_be_anything() {
        let one = document("\u{feff}{\"a\":\"x\",\"b\":null,\"c\":[1,\"y\",null],\"d\":\"true\",\"e\":1.5e9,\"f\":true,\"g\":7}");
        assert_eq!((one.text("a"), one.text("b"), one.text("z")), (Ok(Some("x")), Ok(None), Ok(None)));
        assert_eq!(one.texts("c").unwrap().collect::<Vec<_>>(), ["y"]);
        assert!(one.texts("a").is_none() && one.flag("d") && one.flag("f") && !one.flag("a") && !one.flag("b"));
        assert_eq!((one.hint("a"), one.hint("c")), (Some("x"), None));
        assert_eq!((one.time("e"), one.time("g"), one.time("b")), (Ok(Some(1_500_000_000)), Ok(Some(7)), Ok(None)));
    }

    #[test]
    fn what_is_wrong_is_told_by_document_and_field_and_never_by_value() {
        let secret = document(r#"{"a":["secret"],"b":"secret","c":-1}"#);
        for (unread, expected) in [
            (secret.text("a").unwrap_err(), "answer: `a` is not text"),
            (secret.required("z").unwrap_err(), "answer: `z` is missing"),
            (secret.address("b").unwrap_err(), "answer: `b` is not a URL"),
            (secret.time("b").unwrap_err(), "answer: `b` is not a time"),
            (secret.time("c").unwrap_err(), "answer: `c` is not a time"),
            (Document::read("answer", b"<secret>").unwrap_err(), "answer: it is no JSON object"),
            (Document::read("answer", b"[]").unwrap_err(), "answer: it is no JSON object"),
        ] {
            assert_eq!(unread.to_string(), expected);
        }
    }
}
