//! Issuing and redeeming links.

use async_trait::async_trait;

use super::{By, Commit, Ended, Granted};
use crate::model::clock::Timestamp;
use crate::model::ids::LinkId;
pub use crate::model::link::Issued;
use crate::model::link::Link;
use crate::model::name::Folded;
use crate::model::session::NewSession;
use crate::model::user::Generation;
use crate::store::Result;

/// Single-use links and the guests they sign in. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait LinkStore: Send + Sync + 'static {
    /// The generation of a guest name; zero where it never had one.
    ///
    /// Case: `logout::raises_the_generation_of_a_name_that_nobody_has`.
    async fn guest_generation(&self, name: &Folded) -> Result<Generation>;

    /// The link of that id if it can be redeemed at `now`, its guest's generation considered. Changes nothing.
    ///
    /// Cases: `links::opens_one_session_for_a_guest`, `links::dies_in_time`.
    async fn peek_link(&self, id: LinkId, now: Timestamp) -> Result<Option<Link>>;

    /// Makes a link redeemable, if the guest name's generation is still the link's.
    ///
    /// Case: `links::dies_with_the_generation_it_was_read_with`.
    async fn issue_link(&self, link: Link, by: By) -> Result<Commit<Issued>>;

    /// Redeems a link: exactly one session comes of a one-time link, whoever asks how often. The same request gets that session
    /// again for 60 s, while it lives and its refresh token is unused. A guest's session ends 7 days after its link was made at
    /// the latest.
    ///
    /// Cases: `links::opens_one_session_for_a_guest`, `links::gives_the_same_session_to_the_same_request`,
    /// `links::opens_many_where_it_is_not_one_time`, `links::a_guest_ends_seven_days_after_its_link`,
    /// `races::a_hundred_redeem_one_link`.
    async fn redeem_link(&self, command: RedeemLink, by: By) -> Result<Commit<Redeemed>>;

    /// Revokes a link, redeemed or not, and ends the sessions it opened.
    ///
    /// Case: `links::revoking_ends_what_it_opened`.
    async fn revoke_link(&self, id: LinkId, by: By) -> Result<Commit<Ended>>;
}

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
