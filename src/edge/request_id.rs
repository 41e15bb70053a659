//! The name of each call: it stands in every line of the log that the call writes, and in the answer's `x-request-id`, so that
//! who is refused can say which line explains it.
//!
//! An id of our own is 16 hexadecimal digits. A trusted proxy may give the id in the request's `x-request-id`: 1 to 64
//! characters of `A-Z a-z 0-9 . _ -`; any other is passed over, as is that of everybody else. All answers of plain HTTP carry
//! the id. Of gRPC's answers the refusals do, and no other: the header costs 0.1 us, of the 6 us that the fastest call takes, and as
//! one that is never the same twice it drives out of HPACK's table what is.
//!
//! No span carries it: with the log at `info` a span for each call costs 0.6 us, because its fields are written out when it begins.
//! The call is marked for as long as it is polled instead, which costs 12 ns, and [`Fields`] writes the mark when an event is
//! logged. (Measured: `benches/functions/edge.rs`, and a span beside it.)

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

use crate::model::random::Random;

/// The header that carries it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of an id that a proxy gives.
const MAX_LEN: usize = 64;

/// The name of one call. `Display` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// One of ours.
    Own(u64),
    /// That of a trusted proxy.
    Given(Arc<str>),
}

impl RequestId {
    /// Writes it into the headers of an answer.
    pub fn answer(&self, headers: &mut HeaderMap) {
        // Both forms have only characters that a header may have.
        if let Ok(value) = HeaderValue::from_maybe_shared(self.to_string()) {
            headers.insert(HEADER, value);
        }
    }

    fn given(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(HEADER)?.to_str().ok()?;
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=MAX_LEN).contains(&text.len()) && text.bytes().all(fine)).then(|| Self::Given(text.into()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(number) => write!(f, "{number:016x}"),
            Self::Given(text) => f.write_str(text),
        }
    }
}

/// Gives calls their ids. Clones share their count; the default counts from a fixed start, for tests.
#[derive(Clone, Debug, Default)]
pub struct RequestIds {
    count: Arc<AtomicU64>,
    keys: (u64, u64),
}

impl RequestIds {
    /// Ids that start at random. No two of one process are the same; those of two processes hardly ever.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        let number = || u64::from_ne_bytes(random.bytes());
        Self { count: Arc::default(), keys: (number(), number()) }
    }

    /// The id of a request, whose own word counts where its sender is `trusted`.
    pub(super) fn next(&self, headers: &HeaderMap, trusted: bool) -> RequestId {
        let given = if trusted { RequestId::given(headers) } else { None };
        given.unwrap_or_else(|| RequestId::Own(self.number()))
    }

    /// A count, mixed one to one (the finalizer of SplitMix64 between two keys), so that two ids do not tell a stranger how many
    /// calls there were between them at a glance. No secret hangs on it.
    fn number(&self) -> u64 {
        let mut mixed = self.count.fetch_add(1, Ordering::Relaxed) ^ self.keys.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) ^ self.keys.1
    }
}

tokio::task_local! {
    /// The call that is being worked for.
    static CALL: Option<RequestId>;
}

/// The call that is being worked for, where there is one.
#[must_use]
pub fn current() -> Option<RequestId> {
    CALL.try_with(Clone::clone).ok().flatten()
}

/// Does `work` for the call `id`: what it logs is marked with it.
pub fn marked<R>(id: &RequestId, work: impl FnOnce() -> R) -> R {
    CALL.sync_scope(Some(id.clone()), work)
}

/// `work` of a task of its own, for the call that is being worked for now.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CALL.scope(current(), work)
}

/// Writes the fields of an event as usual, and after them the id of the call that it belongs to: `request_id=0f3a...`.
#[derive(Debug, Default)]
pub struct Fields(DefaultFields);

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), fields)?;
        match current() {
            Some(id) => write!(writer, " request_id={id}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
