//! The store itself.

use async_trait::async_trait;

use super::{By, Commit};
use crate::model::clock::Timestamp;
use crate::model::ids::{ProviderId, StoreId, UserId};
use crate::model::signing_key::SigningKeyRecord;
use crate::model::user::User;
use crate::store::{Lane, Result};

/// The store itself: what it was founded with, how far it is, and its end. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait StoreState: Send + Sync + 'static {
    /// What the store was founded with; `None` before that.
    ///
    /// Case: `founding::keeps_what_it_was_founded_with`.
    async fn foundation(&self) -> Result<Option<Foundation>>;

    /// Founds an empty store: issuer, keys and the first superuser in one commit. False where it was founded before; then
    /// nothing changes.
    ///
    /// Case: `founding::founds_once`.
    async fn found(&self, founding: Founding, by: By) -> Result<Commit<bool>>;

    /// Changes what the store was founded with, or notes the audience of this start. Answers the issuer or the audience before it;
    /// nothing where there was none. What is so already is not written again.
    ///
    /// Cases: `founding::a_new_issuer_has_a_new_key_and_a_new_epoch`, `founding::remembers_the_audience_of_its_last_start`,
    /// `founding::takes_a_check_that_is_sealed_later`.
    async fn refound(&self, change: Refounding, by: By) -> Result<Commit<Option<String>>>;

    /// Every sealed secret of accounts and providers, in no order.
    ///
    /// Case: `founding::takes_a_check_that_is_sealed_later`.
    async fn sealed_secrets(&self) -> Result<Vec<SealedSecret>>;

    /// Id, durable revision and last committed time. Does not block.
    ///
    /// Cases: `time::revisions_rise_over_everything`, `time::never_goes_back`.
    fn status(&self) -> StoreStatus;

    /// False after a failed write barrier, or while a commit does not return. Does not block.
    ///
    /// Case: `founding::answers_nothing_after_it_was_closed`.
    fn healthy(&self) -> bool;

    /// Answers what is queued, commits it, and closes: every later verb is [`Unavailable`](crate::store::StoreError::Unavailable).
    ///
    /// Case: `founding::answers_nothing_after_it_was_closed`.
    async fn close(&self);

    /// The lanes that have committed something, in order.
    ///
    /// Case: `audit::chains_what_it_records`.
    fn lanes(&self) -> Vec<Lane>;

    /// Removes at most `most` records that expired 24 h and more before the time of `by`; answers how many went. A session, link or
    /// revocation is swept when no token that is alive can need it: a link's record stays as long as the guests it signed in may.
    /// An attempt goes as soon as its time is up. What is kept for good: accounts, names, keys, and the generations of guest names.
    ///
    /// Cases: `sweep::removes_what_expired_a_day_ago`, `sweep::removes_attempts_when_their_time_is_up`, `sweep::keeps_what_a_token_may_need`, `sweep::goes_in_small_steps`.
    async fn sweep(&self, most: u32, by: By) -> Result<Commit<u32>>;
}

/// What a store is founded with, in one commit: it is there whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foundation {
    /// The `iss` of every token; changes only by command.
    pub issuer: String,
    /// Raised by a restore, a new issuer and a recovery of the clock: tokens of an earlier epoch are dead.
    pub epoch: u32,
    /// A sealed constant: opens only with the key-encryption key that everything here was sealed with.
    pub sealed_check: Vec<u8>,
    /// The server keys, by version, sealed.
    pub server_keys: Vec<(u8, Vec<u8>)>,
}

/// What a store is made with.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The foundation.
    pub foundation: Foundation,
    /// The signing keys.
    pub signing_keys: Vec<SigningKeyRecord>,
    /// The first superuser.
    pub admin: User,
}

/// A change of what a store was founded with, or of what it remembers of its last start.
#[derive(Clone, Debug)]
pub enum Refounding {
    /// Tokens are issued in this name, and signed by this key alone. The epoch rises: whatever was signed or given out before is
    /// dead, also where the issuer changes back.
    Issuer(String, SigningKeyRecord),
    /// The sealed check, under the key-encryption key that is in use from now on.
    SealedCheck(Vec<u8>),
    /// The audience that tokens have from this start on.
    Audience(String),
}

/// A secret that is sealed in a record of the store, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealedSecret {
    /// An account's, for one-time codes.
    Totp(UserId, Vec<u8>),
    /// Ours, at an identity provider.
    Client(ProviderId, Vec<u8>),
}

/// How far a store has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// The id of this store.
    pub id: StoreId,
    /// The revision that is durable.
    pub revision: i64,
    /// The last committed time: decisions never use an earlier one.
    pub last_commit: Timestamp,
}
