//! Issuing and redeeming links.

use super::{By, Granted};
use crate::model::ids::LinkId;
use crate::model::link::Link;
use crate::model::session::NewSession;

/// A link to be redeemed; its token's MAC was right.
#[derive(Clone, Debug)]
pub struct RedeemLink {
    /// The link.
    pub link: LinkId,
    /// Keyed hash of the token presented.
    pub token: [u8; 32],
    /// Keyed hash of the request id, where one was given.
    pub request: Option<[u8; 32]>,
    /// The session it opens; its id and tip are derived from token and request id, so that a retry finds the same.
    pub session: NewSession,
    /// Who, where, when.
    pub by: By,
}

/// What became of [`RedeemLink`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// A session is open.
    Opened(Box<Granted>),
    /// The same request within 60 s, its session unused: the same session again.
    Retried(Box<Granted>),
    /// Unknown, redeemed, expired, revoked or logged out: one answer.
    Dead,
}

/// A new link.
#[derive(Clone, Debug)]
pub struct IssueLink {
    /// The link.
    pub link: Link,
    /// Who, where, when.
    pub by: By,
}
