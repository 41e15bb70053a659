//! The store: what is durable, and every decision that two callers can race for.
//!
//! # The contract
//!
//! - A verb is atomic. There is no verb that leaves a half-done state, and nothing is decided by a read in one verb and a write
//!   in another.
//! - A verb that may change something is **durable when it returns**, whatever its outcome: also the answer that loses, and the
//!   one that finds the work done, waits for the barrier behind which that work is.
//! - The outcome of a race is a value; an error means that there is no outcome.
//! - A change whose signed-in caller ([`verbs::Caller`]) was signed out, or lost the role that it takes, before the commit is
//!   not made: [`StoreError::CallerRevoked`], [`StoreError::CallerDemoted`]. Cases: `fence::guards_every_change`,
//!   `fence::a_caller_that_was_signed_out_changes_nothing`, `fence::a_caller_whose_session_ended_changes_nothing`,
//!   `fence::a_caller_whose_credential_was_revoked_changes_nothing`, `fence::a_caller_that_lost_its_role_changes_nothing`.
//! - What a verb does to a value is what the [model](crate::model) decides about it, and nothing else. Cases:
//!   `decisions::rotates_a_session`, `decisions::redeems_a_link`, `decisions::takes_an_attempt_on`.
//! - Time is a parameter; a commit decides by the later of it and the last committed time, and revisions only rise. Cases:
//!   `time::never_goes_back`, `time::revisions_rise_over_everything`.
//! - A change is audited in its own commit, and what changed nothing is not: an answer that was given again counts as a change,
//!   because tokens come of it. Cases: `audit::records_each_change_in_order`, `audit::records_nothing_where_nothing_changed`,
//!   `audit::chains_what_it_records`. An exchange of a refresh token from the address of the one before it is told by the
//!   session's own row. Case: `audit::records_a_refresh_that_stands_out`.
//! - Revocations reach the [`Revocations`] that the store was opened with after the barrier and before the answer. Every case
//!   that ends something looks there, and once more after the store was opened again.
//! - Dropping a verb's future does not undo or tear it: it happens whole or not at all. Case:
//!   `founding::finishes_what_its_caller_dropped`.
//!
//! `tests/conformance` holds every store to this: each claim names its case there, and each case is named here.

pub mod error;
mod kv;
mod lane;
mod memory;
mod revocations;
mod simulated;
pub mod sled;
pub mod verbs;

use async_trait::async_trait;

pub use self::error::StoreError;
pub use self::kv::audit_digest;
pub use self::lane::{Lane, Lanes};
pub use self::memory::memory;
pub use self::revocations::Revocations;
pub use self::simulated::{Simulation, simulated};
use self::verbs::{
    By, ChangePassword, Changed, CollectAttempt, Collected, CreateOrganization, CreateUser, Created, Ended, Foundation, Founding,
    Identify, IssueLink, Issued, KeyOwner, KeyUse, LoggedOut, MemberOf, Membership, NamedOrganization, OpenSession, Opened,
    RedeemLink, Redeemed, Renewed, RotateSession, Rotated, Step, StoreStatus, Switched, TotpChanged,
};
use crate::model::audit::{Action, AuditEvent};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::model::link::Link;
use crate::model::name::{Folded, Name};
use crate::model::organization::OrganizationRole;
use crate::model::personal_key::PersonalKey;
use crate::model::provider::{IdentityProvider, ProviderChange};
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
    ///
    /// Case: `founding::founds_once`.
    async fn found(&self, founding: Founding) -> Result<bool>;

    /// What the store was founded with; `None` before that.
    ///
    /// Case: `founding::keeps_what_it_was_founded_with`.
    async fn foundation(&self) -> Result<Option<Foundation>>;

    /// The signing keys, in no order.
    ///
    /// Case: `founding::changes_signing_keys_together`.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>>;

    /// Puts signing keys in or changes their state, all in one commit.
    ///
    /// Case: `founding::changes_signing_keys_together`.
    async fn put_signing_keys(&self, keys: Vec<SigningKeyRecord>, by: By) -> Result<()>;

    /// Id, durable revision and last committed time. Does not block.
    ///
    /// Cases: `time::revisions_rise_over_everything`, `time::never_goes_back`.
    fn status(&self) -> StoreStatus;

    /// False after a failed write barrier, or while a commit does not return. Does not block.
    ///
    /// Case: `founding::answers_nothing_after_it_was_closed`.
    fn healthy(&self) -> bool;

    /// Answers what is queued, commits it, and closes: every later verb is [`StoreError::Unavailable`].
    ///
    /// Case: `founding::answers_nothing_after_it_was_closed`.
    async fn close(&self);

    /// Removes at most `most` records that expired 24 h and more before `now`; answers how many went. A session, link or
    /// revocation is swept when no token that is alive can need it: a link's record stays as long as the guests it signed in may.
    /// An attempt goes as soon as its time is up. What is kept for good: accounts, names, keys, and the generations of guest names.
    ///
    /// Cases: `sweep::removes_what_expired_a_day_ago`, `sweep::removes_attempts_when_their_time_is_up`, `sweep::keeps_what_a_token_may_need`, `sweep::goes_in_small_steps`.
    async fn sweep(&self, now: Timestamp, most: u32) -> Result<u32>;

    /// The lanes that have committed something, in order.
    ///
    /// Case: `audit::chains_what_it_records`.
    fn lanes(&self) -> Vec<Lane>;

    /// The audit events of a lane from number `from` on, at most `most`, in order. Each lane has a chain of its own.
    ///
    /// Cases: `audit::chains_what_it_records`, `audit::reads_from_any_event_on`.
    async fn audit_events(&self, lane: Lane, from: u64, most: u32) -> Result<Vec<AuditEvent>>;

    /// Records a refusal that concerns an existing account ([`Action::LoginRefused`]).
    ///
    /// Case: `audit::records_each_change_in_order`.
    async fn record(&self, action: Action, by: By) -> Result<()>;

    // --- Accounts ---

    /// The account of that id.
    ///
    /// Case: `accounts::finds_accounts_by_name_and_email`.
    async fn user(&self, id: UserId) -> Result<Option<User>>;

    /// The account with that name or e-mail.
    ///
    /// Case: `accounts::finds_accounts_by_name_and_email`.
    async fn user_by_login(&self, login: &Folded) -> Result<Option<User>>;

    /// Makes an account with its name (and personal organization) and e-mail: [`Created::Created`], [`Created::Taken`],
    /// [`Created::Reserved`].
    ///
    /// Cases: `accounts::keeps_one_namespace`, `races::one_name_for_one_account`.
    async fn create_user(&self, create: CreateUser) -> Result<Created>;

    /// Enables or disables an account. Disabling raises its generation and both floors in the same commit, and is refused for
    /// the last enabled superuser. Enabling raises nothing.
    ///
    /// Cases: `accounts::disabling_ends_everything_and_enabling_revives_nothing`, `accounts::keeps_the_last_superuser`,
    /// `races::one_superuser_is_left`.
    async fn switch_user(&self, name: &Folded, enabled: bool, by: By) -> Result<Switched>;

    /// Replaces the password if neither it nor the generation changed since they were read; raises the generation and moves
    /// the caller's own session (and nothing else) along to the new one. Tokens signed before are dead, the session's too.
    ///
    /// Cases: `accounts::a_password_change_moves_its_own_session_along`, `accounts::a_password_change_needs_what_was_read`.
    async fn change_password(&self, change: ChangePassword) -> Result<Changed>;

    /// Keeps a sealed secret that waits for its first code, in place of one that waited before: `AlreadyOn` where codes
    /// guard the login.
    ///
    /// Case: `accounts::one_time_codes_guard_once_confirmed`.
    async fn enroll_totp(&self, user: UserId, sealed: Vec<u8>, by: By) -> Result<TotpChanged>;

    /// Makes the waiting secret guard the login, if it is still `sealed`, with `step` as the last accepted step.
    ///
    /// Case: `accounts::one_time_codes_guard_once_confirmed`.
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
    ///
    /// Case: `accounts::keeps_one_namespace`.
    async fn create_organization(&self, create: CreateOrganization) -> Result<Created>;

    /// What a name stands for as an organization.
    ///
    /// Case: `organizations::knows_shared_and_personal_ones`.
    async fn organization_by_name(&self, name: &Folded) -> Result<Option<NamedOrganization>>;

    /// The memberships of an account, by organization name.
    ///
    /// Case: `organizations::membership_comes_and_goes`.
    async fn memberships(&self, user: UserId) -> Result<Vec<MemberOf>>;

    /// Makes an account a member, or changes what it is there: `LimitReached` where it is none and there are `most`. Taking ADMIN away
    /// raises the token floor.
    ///
    /// Cases: `organizations::membership_comes_and_goes`, `organizations::a_lost_admin_role_kills_tokens`.
    async fn add_member(
        &self,
        organization: &Folded,
        user: &Folded,
        role: OrganizationRole,
        most: u32,
        by: By,
    ) -> Result<Membership>;

    /// Ends a membership and raises the account's token floor.
    ///
    /// Case: `organizations::a_lost_membership_kills_tokens_and_narrows_the_session`.
    async fn remove_member(&self, organization: &Folded, user: &Folded, by: By) -> Result<Membership>;

    // --- Sessions ---

    /// Checks generation, password hash, second factor and organization as they are now, consumes the factor, replaces the hash
    /// and opens the session: all of it or nothing.
    ///
    /// Cases: `sessions::opens_with_what_the_commit_found`, `sessions::does_not_open_on_what_changed`,
    /// `sessions::spends_a_code_once_and_only_with_what_it_opens`, `sessions::acts_only_in_an_own_organization`,
    /// `sessions::ends_the_oldest_of_too_many`, `races::fifty_log_in_with_one_code`.
    async fn open_session(&self, open: OpenSession) -> Result<Opened>;

    /// Exchanges a refresh token. Of any number of callers with one token one rotates, and the others get the same successor for
    /// [10 s](crate::model::session::ROTATION_RETRY); the window is absolute, nothing changes in it, and it closes when the
    /// successor is used. The mode that was asked for stays with the session.
    ///
    /// Checked in this order: whether the session lives; whether this token was stolen, or as good as, which ends the session
    /// whatever else would have refused it; whether the session is in its last 90 s; whether it renews this way.
    ///
    /// Cases: `sessions::rotates_and_retries_within_an_absolute_window`, `sessions::ends_on_reuse_late_and_ahead`,
    /// `sessions::a_thief_cannot_hide_behind_the_end`, `sessions::turns_away_what_it_does_not_know`,
    /// `sessions::answers_its_last_moments`, `races::a_hundred_exchange_one_token`,
    /// `races::theft_against_the_newest_token`.
    async fn rotate_session(&self, rotate: RotateSession) -> Result<Rotated>;

    /// Renews by access token. Writes only at the first renewal, which fixes the way.
    ///
    /// Cases: `sessions::renews_one_way_only`, `sessions::answers_its_last_moments`.
    async fn renew_session(&self, session: SessionId, by: By) -> Result<Renewed>;

    /// The row of a session, dead or alive.
    ///
    /// Case: `sessions::opens_with_what_the_commit_found`.
    async fn session(&self, id: SessionId) -> Result<Option<Session>>;

    /// Ends one session of its caller's subject; any, where there is no caller. A `sid` without a row (a key's token) is ended too,
    /// by a tombstone, when it is the caller's own. Who ends its own session twice is answered `Before`, and not refused as a
    /// caller whose session ended.
    ///
    /// Cases: `sessions::ends_one_by_itself`, `sessions::ends_one_without_a_row`.
    async fn end_session(&self, session: SessionId, by: By) -> Result<Ended>;

    /// Ends the account of that name (or e-mail) and the guests of that name: raises the generation of both, the guests' whether
    /// or not there ever were any, and counts what was live. Only a superuser ends staff or superusers.
    ///
    /// Cases: `logout::ends_and_counts_what_was_live`, `logout::raises_the_generation_of_a_name_that_nobody_has`,
    /// `logout::only_a_superuser_ends_staff`, `logout::takes_names_and_addresses`, `races::nothing_survives_logout`.
    async fn logout_user(&self, name: &Folded, by: By) -> Result<LoggedOut>;

    // --- Links and guests ---

    /// The generation of a guest name; zero where it never had one.
    ///
    /// Case: `logout::raises_the_generation_of_a_name_that_nobody_has`.
    async fn guest_generation(&self, name: &Folded) -> Result<Generation>;

    /// Makes a link redeemable, if the guest name's generation is still the link's.
    ///
    /// Case: `links::dies_with_the_generation_it_was_read_with`.
    async fn issue_link(&self, issue: IssueLink) -> Result<Issued>;

    /// The link of that id if it can be redeemed at `now`, its guest's generation considered. Changes nothing.
    ///
    /// Cases: `links::opens_one_session_for_a_guest`, `links::dies_in_time`.
    async fn peek_link(&self, id: LinkId, now: Timestamp) -> Result<Option<Link>>;

    /// Redeems a link: exactly one session comes of a one-time link, whoever asks how often. The same request gets that session
    /// again for 60 s, while it lives and its refresh token is unused. A guest's session ends 7 days after its link was made at
    /// the latest.
    ///
    /// Cases: `links::opens_one_session_for_a_guest`, `links::gives_the_same_session_to_the_same_request`,
    /// `links::opens_many_where_it_is_not_one_time`, `links::a_guest_ends_seven_days_after_its_link`,
    /// `races::a_hundred_redeem_one_link`.
    async fn redeem_link(&self, redeem: RedeemLink) -> Result<Redeemed>;

    /// Revokes a link, redeemed or not, and ends the sessions it opened.
    ///
    /// Case: `links::revoking_ends_what_it_opened`.
    async fn revoke_link(&self, id: LinkId, by: By) -> Result<Ended>;

    // --- Personal keys ---

    /// A key with its owner and the organization asked for, read at one moment.
    ///
    /// Case: `keys::reads_a_key_with_its_owner`.
    async fn key_owner(&self, id: KeyId, organization: Option<&Folded>) -> Result<Option<KeyOwner>>;

    /// Makes a key: `LimitReached` where its owner has `most` live ones.
    ///
    /// Case: `keys::counts_only_live_ones`.
    async fn create_key(&self, key: PersonalKey, most: u32, by: By) -> Result<Created>;

    /// The keys of an account that are not revoked, oldest first.
    ///
    /// Case: `keys::counts_only_live_ones`.
    async fn keys_of(&self, user: UserId) -> Result<Vec<PersonalKey>>;

    /// Revokes a key of that owner, and with it every token that came from it.
    ///
    /// Case: `keys::revoking_kills_its_tokens`.
    async fn revoke_key(&self, owner: UserId, id: KeyId, by: By) -> Result<Ended>;

    /// Audits uses of keys and moves their last-used times.
    ///
    /// Case: `keys::notes_its_use`.
    async fn note_key_use(&self, uses: Vec<KeyUse>) -> Result<()>;

    // --- Single sign-on ---

    /// Registers a provider; its name is unique within its organization, or the site: `LimitReached` where that has `most`.
    ///
    /// Case: `sso::lists_providers_by_scope`.
    async fn create_provider(&self, provider: IdentityProvider, most: u32, by: By) -> Result<Created>;

    /// The providers of an organization, or of the site, by name.
    ///
    /// Case: `sso::lists_providers_by_scope`.
    async fn providers(&self, organization: Option<OrganizationId>) -> Result<Vec<IdentityProvider>>;

    /// At most `most` providers of the whole store, each with the name of its organization, from the one after `after` on. Those
    /// of one organization stand together, by name.
    ///
    /// Case: `sso::lists_providers_by_scope`.
    async fn all_providers(
        &self,
        after: Option<(Option<OrganizationId>, Folded)>,
        most: u32,
    ) -> Result<Vec<(IdentityProvider, Option<Name>)>>;

    /// Changes a provider's registration in place; answers it as it is now, `None` where there is none.
    ///
    /// Case: `sso::changes_and_removes_a_provider`.
    async fn update_provider(&self, id: ProviderId, change: ProviderChange, by: By) -> Result<Option<IdentityProvider>>;

    /// Removes a provider's registration; false where there is none. The identities of accounts stay.
    ///
    /// Case: `sso::changes_and_removes_a_provider`.
    async fn delete_provider(&self, id: ProviderId, by: By) -> Result<bool>;

    /// The provider of that id.
    ///
    /// Case: `sso::lists_providers_by_scope`.
    async fn provider(&self, id: ProviderId) -> Result<Option<IdentityProvider>>;

    /// The record of an attempt; `None` before its callback.
    ///
    /// Case: `sso::goes_its_way_once`.
    async fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>>;

    /// Commits that the code is being exchanged that `browser` (its keyed hash) brought back: `Done` once, `OutOfTurn` ever
    /// after.
    ///
    /// Cases: `sso::goes_its_way_once`, `sweep::removes_what_expired_a_day_ago`.
    async fn begin_exchange(&self, attempt: AttemptId, expire_time: Timestamp, browser: [u8; 32], by: By) -> Result<Step>;

    /// Finds or makes the account of an identity: Exchanging -> Identified, or Refused. A new account gets the name that was
    /// wanted, made valid and with the first number that makes it free. An e-mail for which the provider vouches follows at each
    /// sign-on where it is free.
    ///
    /// Cases: `sso::a_verified_email_follows`, `sso::makes_an_account_for_a_new_identity`, `sso::makes_names_valid_and_unique`,
    /// `sso::knows_the_identity_again`, `sso::refuses_who_may_not_come_in`.
    async fn identify(&self, identify: Identify) -> Result<Step>;

    /// Identified -> Confirmed.
    ///
    /// Case: `sso::goes_its_way_once`.
    async fn confirm_attempt(&self, attempt: AttemptId, by: By) -> Result<Step>;

    /// Anything but Collected -> Refused, also where the attempt had no record yet.
    ///
    /// Case: `sso::can_be_refused_until_collected`.
    async fn refuse_attempt(&self, attempt: AttemptId, expire_time: Timestamp, by: By) -> Result<Step>;

    /// Confirmed -> Collected, with the session it opens, if the account is still enabled, was not logged out since it was
    /// identified, and belongs to the organization that was asked for. The same collector gets that session again for 60 s, while
    /// it lives and its refresh token is unused.
    ///
    /// Cases: `sso::goes_its_way_once`, `sso::collects_only_what_still_holds`, `races::a_hundred_collect_one_attempt`.
    async fn collect_attempt(&self, collect: CollectAttempt) -> Result<Collected>;
}
