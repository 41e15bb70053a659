//! The store: what is durable, and every decision that two callers can race for.
//!
//! # The contract
//!
//! - A verb is atomic. There is no verb that leaves a half-done state, and nothing is decided by a read in one verb and a write
//!   in another.
//! - A verb that may change something is **durable when it returns**, whatever its outcome: also the answer that loses, and the
//!   one that finds the work done, waits for the barrier behind which that work is.
//! - The outcome of a race is a value; an error means that there is no outcome.
//! - Time is a parameter; a commit decides by the later of it and the last committed time.
//! - A change is audited in its own commit.
//! - Revocations reach the [`Revocations`] that the store was opened with after the barrier and before the answer.
//! - Dropping a verb's future does not undo or tear it: it happens whole or not at all.
//!
//! `tests/conformance` holds every store to this, case by case; each verb below names the outcomes it is held to there.

mod embedded;
pub mod error;
mod memory;
mod revocations;
pub mod sled;
pub mod verbs;

use async_trait::async_trait;

pub use self::embedded::audit_digest;
pub use self::error::StoreError;
pub use self::memory::memory;
pub use self::revocations::Revocations;
use self::verbs::{
    By, ChangePassword, Changed, CollectAttempt, Collected, CreateOrganization, CreateUser, Created, Ended, Foundation, Founding,
    Identify, IssueLink, Issued, KeyOwner, KeyUse, LoggedOut, MemberOf, Membership, NamedOrganization, OpenSession, Opened,
    RedeemLink, Redeemed, Renewed, RotateSession, Rotated, Step, StoreStatus, Switched, TotpChanged,
};
use crate::model::audit::{Action, AuditEvent};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::model::link::Link;
use crate::model::name::Folded;
use crate::model::organization::OrganizationRole;
use crate::model::personal_key::PersonalKey;
use crate::model::provider::IdentityProvider;
use crate::model::session::Session;
use crate::model::signing_key::SigningKeyRecord;
use crate::model::sso::Attempt;
use crate::model::user::{Generation, User};

/// What every store answers with.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The service's durable state, in verbs of its domain. See the [module](self) for the contract.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    // --- The store itself ---

    /// Founds an empty store: issuer, keys and the first superuser in one commit. False where it was founded before; then
    /// nothing changes.
    async fn found(&self, founding: Founding) -> Result<bool>;

    /// What the store was founded with; `None` before that.
    async fn foundation(&self) -> Result<Option<Foundation>>;

    /// The signing keys, in no order.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>>;

    /// Puts signing keys in or changes their state, all in one commit.
    async fn put_signing_keys(&self, keys: Vec<SigningKeyRecord>, by: By) -> Result<()>;

    /// Id, durable revision and last committed time. Does not block.
    fn status(&self) -> StoreStatus;

    /// False after a failed write barrier, or while a commit does not return. Does not block.
    fn healthy(&self) -> bool;

    /// Answers what is queued, commits it, and closes: every later verb is [`StoreError::Unavailable`].
    async fn close(&self);

    /// Removes at most `most` records that expired 24 h and more before `now`; answers how many went.
    async fn sweep(&self, now: Timestamp, most: u32) -> Result<u32>;

    /// The audit events from number `from` on, at most `most`, in order.
    async fn audit_events(&self, from: u64, most: u32) -> Result<Vec<AuditEvent>>;

    /// Records a refusal that concerns an existing account ([`Action::LoginRefused`]).
    async fn record(&self, action: Action, by: By) -> Result<()>;

    // --- Accounts ---

    /// The account of that id.
    async fn user(&self, id: UserId) -> Result<Option<User>>;

    /// The account with that name or e-mail.
    async fn user_by_login(&self, login: &Folded) -> Result<Option<User>>;

    /// Makes an account with its name (and personal organization) and e-mail: [`Created::Created`], [`Created::Taken`],
    /// [`Created::Reserved`].
    async fn create_user(&self, create: CreateUser) -> Result<Created>;

    /// Enables or disables an account. Disabling raises its generation and both floors in the same commit, and is refused for
    /// the last enabled superuser. Enabling raises nothing.
    async fn switch_user(&self, name: &Folded, enabled: bool, by: By) -> Result<Switched>;

    /// Replaces the password if neither it nor the generation changed since they were read; raises the generation and moves
    /// the caller's own session (and nothing else) along to the new one. Tokens signed before are dead, the session's too.
    async fn change_password(&self, change: ChangePassword) -> Result<Changed>;

    /// Keeps a sealed secret that waits for its first code, in place of one that waited before: `AlreadyOn` where codes
    /// guard the login.
    async fn enroll_totp(&self, user: UserId, sealed: Vec<u8>, by: By) -> Result<TotpChanged>;

    /// Makes the waiting secret guard the login, if it is still `sealed`, with `step` as the last accepted step.
    async fn confirm_totp(
        &self,
        user: UserId,
        sealed: Vec<u8>,
        step: u64,
        recovery: Vec<[u8; 32]>,
        by: By,
    ) -> Result<TotpChanged>;

    // --- Organizations ---

    /// Makes an organization.
    async fn create_organization(&self, create: CreateOrganization) -> Result<Created>;

    /// What a name stands for as an organization.
    async fn organization_by_name(&self, name: &Folded) -> Result<Option<NamedOrganization>>;

    /// The memberships of an account, by organization name.
    async fn memberships(&self, user: UserId) -> Result<Vec<MemberOf>>;

    /// Makes an account a member, or changes what it is there. Taking ADMIN away raises the token floor.
    async fn add_member(&self, organization: &Folded, user: &Folded, role: OrganizationRole, by: By) -> Result<Membership>;

    /// Ends a membership and raises the account's token floor.
    async fn remove_member(&self, organization: &Folded, user: &Folded, by: By) -> Result<Membership>;

    // --- Sessions ---

    /// Checks generation, password hash, second factor and organization as they are now, consumes the factor, replaces the hash
    /// and opens the session: all of it or nothing.
    async fn open_session(&self, open: OpenSession) -> Result<Opened>;

    /// Exchanges a refresh token. Of any number of callers with one token one rotates, and the others get the same successor
    /// (or end the session, past the window).
    async fn rotate_session(&self, rotate: RotateSession) -> Result<Rotated>;

    /// Renews by access token. Writes only at the first renewal, which fixes the way.
    async fn renew_session(&self, session: SessionId, by: By) -> Result<Renewed>;

    /// The row of a session, dead or alive.
    async fn session(&self, id: SessionId) -> Result<Option<Session>>;

    /// Ends one session of its subject. A `sid` without a row (a key's token) is ended too, by a tombstone.
    async fn end_session(&self, session: SessionId, by: By) -> Result<Ended>;

    /// Ends the account of that name (or e-mail) and the guests of that name: raises both generations whether or not they exist, counts
    /// what was live. Only a superuser ends staff or superusers.
    async fn logout_user(&self, name: &Folded, by: By) -> Result<LoggedOut>;

    // --- Links and guests ---

    /// The generation of a guest name; zero where it never had one.
    async fn guest_generation(&self, name: &Folded) -> Result<Generation>;

    /// Makes a link redeemable, if the guest name's generation is still the link's.
    async fn issue_link(&self, issue: IssueLink) -> Result<Issued>;

    /// The link of that id if it can be redeemed at `now`, its guest's generation considered. Changes nothing.
    async fn peek_link(&self, id: LinkId, now: Timestamp) -> Result<Option<Link>>;

    /// Redeems a link: exactly one session comes of a one-time link, whoever asks how often.
    async fn redeem_link(&self, redeem: RedeemLink) -> Result<Redeemed>;

    /// Revokes a link and ends what it opened.
    async fn revoke_link(&self, id: LinkId, by: By) -> Result<Ended>;

    // --- Personal keys ---

    /// A key with its owner and the organization asked for, read at one moment.
    async fn key_owner(&self, id: KeyId, organization: Option<&Folded>) -> Result<Option<KeyOwner>>;

    /// Makes a key: `LimitReached` where its owner has `most` live ones.
    async fn create_key(&self, key: PersonalKey, most: u32, by: By) -> Result<Created>;

    /// The keys of an account that are not revoked, oldest first.
    async fn keys_of(&self, user: UserId) -> Result<Vec<PersonalKey>>;

    /// Revokes a key of that owner, and with it every token that came from it.
    async fn revoke_key(&self, owner: UserId, id: KeyId, by: By) -> Result<Ended>;

    /// Audits uses of keys and moves their last-used times.
    async fn note_key_use(&self, uses: Vec<KeyUse>) -> Result<()>;

    // --- Single sign-on ---

    /// Registers a provider; its name is unique within its organization, or the site.
    async fn create_provider(&self, provider: IdentityProvider, by: By) -> Result<Created>;

    /// The providers of an organization, or of the site, by name.
    async fn providers(&self, organization: Option<OrganizationId>) -> Result<Vec<IdentityProvider>>;

    /// The provider of that id.
    async fn provider(&self, id: ProviderId) -> Result<Option<IdentityProvider>>;

    /// The record of an attempt; `None` before its callback.
    async fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>>;

    /// Commits that the attempt's code is being exchanged: `Done` once, `OutOfTurn` ever after.
    async fn begin_exchange(&self, attempt: AttemptId, expire_time: Timestamp, by: By) -> Result<Step>;

    /// Finds or makes the account of an identity: Exchanging -> Identified, or Refused.
    async fn identify(&self, identify: Identify) -> Result<Step>;

    /// Identified -> Confirmed.
    async fn confirm_attempt(&self, attempt: AttemptId, by: By) -> Result<Step>;

    /// Anything but Collected -> Refused, also where the attempt had no record yet.
    async fn refuse_attempt(&self, attempt: AttemptId, expire_time: Timestamp, by: By) -> Result<Step>;

    /// Confirmed -> Collected, with the session it opens.
    async fn collect_attempt(&self, collect: CollectAttempt) -> Result<Collected>;
}
