//! Where the reader of a list stands, between two of its pages. A page token is sealed, and good for the caller, the rpc and the query
//! that it was made for.
//!
//! A cursor is the key of the last thing that was answered, not a count: what comes or goes meanwhile moves nothing, and nothing that
//! stays is answered twice or left out.

use std::sync::Arc;

use super::access::Rpc;
use super::limits::{MAX_PAGE_TOKEN, invalid};
use super::{Error, Result};
use crate::crypto::server_key::{DerivePurpose, ServerKeys};
use crate::crypto::state::{StateKind, open_state, seal_state};
use crate::model::ids::UserId;
use crate::model::name::Folded;
use crate::model::random::Random;

/// Bytes of what a page token is bound to.
const BOUND: usize = 16;

/// A list as it is asked for: by whom, through which rpc, and with which filters, in the order of the message's fields.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Who asks.
    pub caller: UserId,
    /// Through which rpc.
    pub rpc: Rpc,
    /// What restricts the list.
    pub filters: &'a [&'a str],
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What gives the page behind it; empty where this is the last.
    pub next: String,
}

impl<T> Page<T> {
    /// The same page of other things.
    pub fn map<U>(self, of: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(of).collect(), next: self.next }
    }
}

/// Makes and reads page tokens.
#[derive(Clone)]
pub struct Pages {
    keys: Arc<ServerKeys>,
    random: Arc<dyn Random>,
}

impl Pages {
    /// Ones under `keys`.
    #[must_use]
    pub const fn new(keys: Arc<ServerKeys>, random: Arc<dyn Random>) -> Self {
        Self { keys, random }
    }

    /// The cursor in a page token; `None` for the empty one, which asks for the first page.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one that this server did not make for this query (INVALID_ARGUMENT).
    pub fn cursor(&self, query: &Query<'_>, token: &str) -> Result<Option<Vec<u8>>> {
        if token.is_empty() {
            return Ok(None);
        }
        let foreign = || invalid("page_token", "is none of this list: begin again without one");
        if token.len() > MAX_PAGE_TOKEN {
            return Err(foreign());
        }
        let opened = open_state(&self.keys, StateKind::Page, token).map_err(|_| foreign())?;
        let (bound, cursor) = opened.payload.split_at_checked(BOUND).ok_or_else(foreign)?;
        if bound != self.bound(query, opened.key_version) {
            return Err(foreign());
        }
        Ok(Some(cursor.to_vec()))
    }

    /// The cursor as `read` makes it of its bytes.
    ///
    /// # Errors
    /// As [`cursor`](Self::cursor).
    pub fn after<C>(&self, query: &Query<'_>, token: &str, read: impl FnOnce(&[u8]) -> Option<C>) -> Result<Option<C>> {
        let Some(cursor) = self.cursor(query, token)? else { return Ok(None) };
        let unreadable = || Error::Internal("a page token of ours holds no cursor of its list".to_owned());
        read(&cursor).map(Some).ok_or_else(unreadable)
    }

    /// The page of what was `found`, which is one more than `size` where another page follows; `cursor` says where a thing stands.
    pub fn page<T>(&self, query: &Query<'_>, mut found: Vec<T>, size: u32, cursor: impl FnOnce(&T) -> Vec<u8>) -> Page<T> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|last| self.token(query, &cursor(last)));
        Page { items: found, next: next.unwrap_or_default() }
    }

    fn token(&self, query: &Query<'_>, cursor: &[u8]) -> String {
        let bound = self.bound(query, self.keys.current_version());
        seal_state(&self.keys, StateKind::Page, &[&bound, cursor].concat(), &*self.random)
    }

    fn bound(&self, query: &Query<'_>, version: u8) -> [u8; BOUND] {
        let mut parts = vec![query.caller.as_bytes().as_slice(), query.rpc.name().as_bytes()];
        parts.extend(query.filters.iter().map(|filter| filter.as_bytes()));
        self.keys.derive16(DerivePurpose::PageQuery, version, &parts)
    }
}

/// The cursor of a list in the order of names.
#[must_use]
pub fn after_name(cursor: &[u8]) -> Option<Folded> {
    std::str::from_utf8(cursor).ok().map(Folded::presented)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::random::SystemRandom;

    fn pages() -> Pages {
        let random = Arc::new(SystemRandom);
        Pages::new(Arc::new(ServerKeys::generate(&*random).unwrap()), random)
    }

    fn query<'a>(caller: UserId, rpc: Rpc, filters: &'a [&'a str]) -> Query<'a> {
        Query { caller, rpc, filters }
    }

    #[test]
    fn a_token_leads_on_where_more_follows() {
        let (pages, caller) = (pages(), UserId::random(&SystemRandom));
        let list = query(caller, Rpc::ListUsers, &[]);
        let first = pages.page(&list, vec![1, 2, 3], 2, |last| vec![*last]);
        assert_eq!((first.items.as_slice(), pages.cursor(&list, &first.next).unwrap()), ([1, 2].as_slice(), Some(vec![2])));
        let end = pages.page(&list, vec![3], 2, |last| vec![*last]);
        assert_eq!((end.items.as_slice(), end.next.as_str()), ([3].as_slice(), ""));
        assert_eq!(pages.cursor(&list, "").unwrap(), None);
        assert!(pages.after(&list, &first.next, |_| None::<()>).is_err());
    }

    /// C8: a token from another list, another caller, another filter, another server, or none at all.
    #[test]
    fn a_token_is_good_for_its_query_only() {
        let (ours, caller) = (pages(), UserId::random(&SystemRandom));
        let list = query(caller, Rpc::ListMembers, &["acme", "x"]);
        let next = ours.page(&list, vec![1, 2], 1, |_| vec![1]).next;
        assert!(ours.cursor(&list, &next).is_ok());
        for other in [
            query(UserId::random(&SystemRandom), Rpc::ListMembers, &["acme", "x"]),
            query(caller, Rpc::ListUsers, &["acme", "x"]),
            query(caller, Rpc::ListMembers, &["acme", ""]),
            query(caller, Rpc::ListMembers, &["acmex"]),
            query(caller, Rpc::ListMembers, &["acm", "ex"]),
        ] {
            assert!(ours.cursor(&other, &next).is_err(), "{other:?}");
        }
        assert!(pages().cursor(&list, &next).is_err());
        for forged in ["x", "csp_", "csp_AAAA", &next[1..], &next[..next.len() - 1], &"a".repeat(5000)] {
            assert!(ours.cursor(&list, forged).is_err(), "{forged}");
        }
    }
}
