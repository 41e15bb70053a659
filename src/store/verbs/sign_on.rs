//! Identity providers, and the steps of a sign-on attempt.

use async_trait::async_trait;

use super::{By, Commit, Granted};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, OrganizationId, ProviderId, UserId};
use crate::model::name::{Email, Folded, Name};
use crate::model::provider::{IdentityProvider, ProviderChange};
use crate::model::session::NewSession;
use crate::model::sso::Attempt;
pub use crate::model::sso::Step;
use crate::store::Result;

/// Identity providers, and the attempts to sign on through them. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait SignOnStore: Send + Sync + 'static {
    /// The provider of that id.
    ///
    /// Case: `providers::lists_them_by_scope`.
    async fn provider(&self, id: ProviderId) -> Result<Option<IdentityProvider>>;

    /// The providers of an organization, or of the site, by name: at most `most` of those behind the name `after` (none: from the first
    /// on).
    ///
    /// Case: `providers::lists_them_by_scope`.
    async fn providers(
        &self,
        organization: Option<OrganizationId>,
        after: Option<&Folded>,
        most: u32,
    ) -> Result<Vec<IdentityProvider>>;

    /// All providers of the organization of that name; none where there is no such organization, after as many reads: whoever waits
    /// for the answer cannot tell the two apart.
    ///
    /// Case: `providers::lists_them_by_scope`.
    async fn providers_named(&self, organization: &Folded) -> Result<Vec<IdentityProvider>>;

    /// At most `most` identities of an account, in an order of their own, of those behind `after` (none: from the first on). A cursor
    /// that is gone keeps its place.
    ///
    /// Case: `admins::an_operator_links_and_unlinks_identities`.
    async fn identities(&self, user: UserId, after: Option<&LinkedIdentity>, most: u32) -> Result<Vec<LinkedIdentity>>;

    /// At most `most` providers of the whole store, each with the name of its organization, from the one behind `after` (none: from
    /// the first on). Those of one organization stand together, by name.
    ///
    /// Case: `providers::lists_them_by_scope`.
    async fn all_providers(
        &self,
        after: Option<&(Option<OrganizationId>, Folded)>,
        most: u32,
    ) -> Result<Vec<(IdentityProvider, Option<Name>)>>;

    /// The record of an attempt; `None` before its callback.
    ///
    /// Case: `sso::goes_its_way_once`.
    async fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>>;

    /// Registers a provider; its name is unique within its organization, or the site: `LimitReached` where that has `most`.
    ///
    /// Case: `providers::lists_them_by_scope`.
    async fn create_provider(&self, command: CreateProvider, by: By) -> Result<Commit<ProviderCreated>>;

    /// Changes a provider's registration in place; answers it as it is now, `None` where there is none.
    ///
    /// Case: `providers::changes_and_removes_one`.
    async fn update_provider(&self, command: UpdateProvider, by: By) -> Result<Commit<Option<IdentityProvider>>>;

    /// Removes a provider's registration; false where there is none. The identities of accounts stay.
    ///
    /// Case: `providers::changes_and_removes_one`.
    async fn delete_provider(&self, provider: ProviderId, by: By) -> Result<Commit<bool>>;

    /// Links an account to an identity at a registered provider.
    ///
    /// Case: `admins::an_operator_links_and_unlinks_identities`.
    async fn link_identity(&self, command: LinkIdentity, by: By) -> Result<Commit<IdentityLinked>>;

    /// Unlinks an account from an identity. Its sessions go on.
    ///
    /// Case: `admins::an_operator_links_and_unlinks_identities`.
    async fn unlink_identity(&self, command: LinkIdentity, by: By) -> Result<Commit<IdentityUnlinked>>;

    /// Commits that the code is being exchanged that a browser brought back: `Done` once, `OutOfTurn` ever after.
    ///
    /// Cases: `sso::goes_its_way_once`, `sweep::removes_what_expired_a_day_ago`.
    async fn begin_exchange(&self, command: BeginExchange, by: By) -> Result<Commit<Step>>;

    /// Finds or makes the account of an identity: Exchanging -> Identified, or Refused. A new account gets the name that was
    /// wanted, made valid and with the first number that makes it free. An e-mail for which the provider vouches follows at each
    /// sign-on where it is free.
    ///
    /// Cases: `sso::a_verified_email_follows`, `sso::makes_an_account_for_a_new_identity`, `sso::makes_names_valid_and_unique`,
    /// `sso::knows_the_identity_again`, `sso::refuses_who_may_not_come_in`.
    async fn identify(&self, command: Identify, by: By) -> Result<Commit<Identified>>;

    /// Identified -> Confirmed.
    ///
    /// Case: `sso::goes_its_way_once`.
    async fn confirm_attempt(&self, attempt: AttemptId, by: By) -> Result<Commit<Step>>;

    /// Anything but Collected -> Refused, also where the attempt had no record yet.
    ///
    /// Case: `sso::can_be_refused_until_collected`.
    async fn refuse_attempt(&self, command: RefuseAttempt, by: By) -> Result<Commit<Step>>;

    /// Confirmed -> Collected, with the session it opens, if the account is still enabled, was not logged out since it was
    /// identified, and belongs to the organization that was asked for. The same collector gets that session again for 60 s, while
    /// it lives and its refresh token is unused.
    ///
    /// Cases: `sso::goes_its_way_once`, `sso::collects_only_what_still_holds`, `races::a_hundred_collect_one_attempt`.
    async fn collect_attempt(&self, command: CollectAttempt, by: By) -> Result<Commit<Collected>>;
}

/// A new provider.
#[derive(Clone, Debug)]
pub struct CreateProvider {
    /// The provider.
    pub provider: IdentityProvider,
    /// How many its organization, or the site, may have.
    pub most: u32,
}

/// What became of [`CreateProvider`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderCreated {
    /// It is there.
    Created,
    /// Its organization, or the site, has one of that name.
    NameTaken,
    /// No such organization.
    NoSuchOrganization,
    /// Its organization, or the site, has as many as may be.
    LimitReached,
}

/// What is to change of a provider.
#[derive(Clone, Debug)]
pub struct UpdateProvider {
    /// The provider.
    pub provider: ProviderId,
    /// What changes.
    pub change: ProviderChange,
}

/// An identity: the exact issuer, and the subject there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// The issuer.
    pub issuer: String,
    /// The subject.
    pub subject: String,
}

/// An account, and an identity that it is to be linked to, or not any more.
#[derive(Clone, Debug)]
pub struct LinkIdentity {
    /// The account's name.
    pub user: Folded,
    /// The identity.
    pub identity: LinkedIdentity,
}

/// What became of linking an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityLinked {
    /// Done, also where it was so before.
    Done,
    /// No such account.
    NoSuchUser,
    /// No provider of that issuer is registered.
    NoSuchProvider,
    /// Another account has it.
    Taken,
}

/// What became of unlinking an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityUnlinked {
    /// Done.
    Done,
    /// No such account.
    NoSuchUser,
    /// The account does not have it.
    NotLinked,
}

/// An attempt whose code is to be exchanged.
#[derive(Clone, Copy, Debug)]
pub struct BeginExchange {
    /// The attempt.
    pub attempt: AttemptId,
    /// When it is over.
    pub expire_time: Timestamp,
    /// The keyed hash of the browser that brought the code back.
    pub browser: [u8; 32],
}

/// An attempt that is to end.
#[derive(Clone, Copy, Debug)]
pub struct RefuseAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// When it is over.
    pub expire_time: Timestamp,
}

/// An identity that a provider vouched for.
#[derive(Clone, Debug)]
pub struct Identify {
    /// The attempt that is being exchanged.
    pub attempt: AttemptId,
    /// The provider.
    pub provider: ProviderId,
    /// Exact issuer and subject: the identity.
    pub identity: (String, String),
    /// The name a new account would like; it is made valid and unique.
    pub wanted_name: String,
    /// The verified e-mail; the account gets it where the provider vouches for it and it is free.
    pub wanted_email: Option<Email>,
    /// The id a new account would have.
    pub new_user: UserId,
    /// The organization that was asked for.
    pub organization: Option<OrganizationId>,
}

/// What became of [`Identify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identified {
    /// The attempt has an account, which may confirm it.
    Done,
    /// Nobody may come in with this identity: no sign-up, account disabled or logged out meanwhile, not a member.
    Refused,
    /// No exchange of the attempt is under way.
    OutOfTurn,
}

/// A collection of a confirmed attempt.
#[derive(Clone, Debug)]
pub struct CollectAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// The session it opens; id and tip derived from the collector's state.
    pub session: NewSession,
    /// The organization that was asked for.
    pub organization: Option<OrganizationId>,
}

/// What became of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collected {
    /// The session is open.
    Opened(Box<Granted>),
    /// It was opened within the last 60 s and its refresh token is unused: the same again.
    Retried(Box<Granted>),
    /// Not confirmed yet.
    Pending,
    /// Refused, or the account was logged out, disabled or lost its membership meanwhile.
    Refused,
    /// Collected before.
    Gone,
    /// Over.
    Expired,
}
