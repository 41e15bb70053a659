//! What can go wrong in a store, apart from the outcome of a verb, which is a value.

/// Why a verb has no outcome. Nothing was changed that an answer would have told, unless the text says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store is closed, or its write barrier failed: nothing will be answered any more. (UNAVAILABLE, STORE_UNAVAILABLE)
    /// A change that was under way may or may not be found after the next start.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// Too many changes wait for the writer. (RESOURCE_EXHAUSTED, OVERLOADED)
    #[error("too many changes are waiting for the store")]
    Overloaded,
    /// A record cannot be read: damaged, or of a later version. (INTERNAL; logged whole)
    #[error("a stored record cannot be read: {0}")]
    Corrupt(String),
    /// The caller's own token died before the commit. (UNAUTHENTICATED, TOKEN_INVALID)
    #[error("the caller was signed out before the change was made")]
    CallerRevoked,
    /// The caller lost the role that the change takes before the commit. (PERMISSION_DENIED)
    #[error("the caller lost the role that this takes before the change was made")]
    CallerDemoted,
}
