//! [`KvStore`]: the verbs behind the trait. Each change goes to the engine's writer and waits there for its answer.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::commit::{decide, decide_fenced};
use super::engine::{Engine, Job, Reads, View};
use super::late::Fetched;
use super::tx::Tx;
use super::{accounts, audit, founding, keys, links, logout, organizations, rows, session_row, sessions, sso, sweep};
use crate::model::audit::{Action, Actor, AuditEvent, Origin};
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
use crate::store::verbs::{
    By, ChangePassword, Changed, CollectAttempt, Collected, CreateOrganization, CreateUser, Created, Ended, Foundation, Founding,
    Identify, IssueLink, Issued, KeyOwner, KeyUse, LoggedOut, MemberOf, Membership, NamedOrganization, OpenSession, Opened,
    RedeemLink, Redeemed, Renewed, RotateSession, Rotated, Step, StoreStatus, Switched, TotpChanged,
};
use crate::store::{Lane, Result, Store, StoreError};

/// A store over an engine.
pub(crate) struct KvStore(Arc<dyn Engine>);

impl KvStore {
    /// The store that an engine keeps.
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self(engine)
    }

    /// Reads outside a commit. Over a far engine `read` runs until everything that it asks for was fetched.
    async fn read<T: Send>(&self, read: impl Fn(&dyn View) -> Result<T> + Send + Sync) -> Result<T> {
        let far = match self.0.reads() {
            Reads::Near(view) => return read(view),
            Reads::Far(far) => far,
        };
        let known = Fetched::default();
        loop {
            let outcome = read(&known);
            let wanted = known.take_wanted();
            if wanted.is_empty() {
                return outcome;
            }
            let found = far.fetch(wanted.clone()).await?;
            known.learn(wanted, found);
        }
    }

    /// Runs a verb on a writer, for a caller who is still signed in and still has its role then.
    async fn change<T, V>(&self, by: By, verb: V) -> Result<T>
    where
        T: Send + 'static,
        V: Fn(&mut Tx<'_>, &By) -> Result<T> + Send + 'static,
    {
        self.run(move |tx| decide_fenced(tx, &by, &verb)).await
    }

    /// Runs a verb on a writer that has no caller, or checks it by itself.
    async fn change_unfenced<T, V>(&self, by: By, verb: V) -> Result<T>
    where
        T: Send + 'static,
        V: Fn(&mut Tx<'_>, &By) -> Result<T> + Send + 'static,
    {
        self.run(move |tx| decide(tx, &by, &verb)).await
    }

    async fn run<T, V>(&self, verb: V) -> Result<T>
    where
        T: Send + 'static,
        V: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.0.submit(Box::new(Asked { verb, outcome: None, answer }))?;
        answered.await.map_err(|_| StoreError::Unavailable("the writer is gone".to_owned()))?
    }
}

/// A verb that somebody waits for.
struct Asked<T, V> {
    verb: V,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, V> Job for Asked<T, V>
where
    T: Send,
    V: Fn(&mut Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) {
        self.outcome = Some((self.verb)(tx));
    }

    fn answer(self: Box<Self>, durable: Result<()>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(StoreError::Unavailable("it was never run".to_owned())));
        // Who no longer waits for the answer does not need it.
        drop(self.answer.send(durable.and(outcome)));
    }
}

/// What the service does by itself.
fn system(now: Timestamp) -> By {
    By { origin: Origin { actor: Actor::System, source: None }, caller: None, now }
}

#[async_trait]
impl Store for KvStore {
    async fn found(&self, founding: Founding) -> Result<bool> {
        self.change_unfenced(system(founding.now), move |tx, by| founding::found(tx, by, &founding)).await
    }

    async fn foundation(&self) -> Result<Option<Foundation>> {
        self.read(|view| founding::foundation(view)).await
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>> {
        self.read(|view| founding::signing_keys(view)).await
    }

    async fn put_signing_keys(&self, keys: Vec<SigningKeyRecord>, by: By) -> Result<()> {
        self.change(by, move |tx, by| founding::put_signing_keys(tx, by, &keys)).await
    }

    fn status(&self) -> StoreStatus {
        self.0.status()
    }

    fn healthy(&self) -> bool {
        self.0.healthy()
    }

    async fn close(&self) {
        self.0.close().await;
    }

    async fn sweep(&self, now: Timestamp, most: u32) -> Result<u32> {
        self.change_unfenced(system(now), move |tx, by| sweep::sweep(tx, by, now, most)).await
    }

    fn lanes(&self) -> Vec<Lane> {
        self.0.lanes()
    }

    async fn audit_events(&self, lane: Lane, from: u64, most: u32) -> Result<Vec<AuditEvent>> {
        self.read(|view| audit::audit_events(view, lane, from, most)).await
    }

    async fn record(&self, action: Action, by: By) -> Result<()> {
        self.change_unfenced(by, move |tx, by| audit::record(tx, by, action.clone())).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.read(|view| rows::user(view, id)).await
    }

    async fn user_by_login(&self, login: &Folded) -> Result<Option<User>> {
        self.read(|view| accounts::user_by_login(view, login)).await
    }

    async fn create_user(&self, create: CreateUser) -> Result<Created> {
        let CreateUser { user, by } = create;
        self.change(by, move |tx, by| accounts::create_user(tx, by, &user)).await
    }

    async fn switch_user(&self, name: &Folded, enabled: bool, by: By) -> Result<Switched> {
        let name = name.clone();
        self.change(by, move |tx, by| accounts::switch_user(tx, by, &name, enabled)).await
    }

    async fn change_password(&self, change: ChangePassword) -> Result<Changed> {
        self.change(change.by.clone(), move |tx, by| accounts::change_password(tx, by, &change)).await
    }

    async fn enroll_totp(&self, user: UserId, sealed: Vec<u8>, by: By) -> Result<TotpChanged> {
        self.change(by, move |tx, by| accounts::enroll_totp(tx, by, user, &sealed)).await
    }

    async fn confirm_totp(
        &self,
        user: UserId,
        sealed: Vec<u8>,
        step: u64,
        recovery: Vec<[u8; 32]>,
        by: By,
    ) -> Result<TotpChanged> {
        self.change(by, move |tx, by| accounts::confirm_totp(tx, by, user, &sealed, step, &recovery)).await
    }

    async fn create_organization(&self, create: CreateOrganization) -> Result<Created> {
        self.change(create.by.clone(), move |tx, by| organizations::create_organization(tx, by, &create)).await
    }

    async fn organization_by_name(&self, name: &Folded) -> Result<Option<NamedOrganization>> {
        self.read(|view| organizations::organization_by_name(view, name)).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<MemberOf>> {
        self.read(|view| organizations::memberships(view, user)).await
    }

    async fn add_member(
        &self,
        organization: &Folded,
        user: &Folded,
        role: OrganizationRole,
        most: u32,
        by: By,
    ) -> Result<Membership> {
        let (organization, user) = (organization.clone(), user.clone());
        self.change(by, move |tx, by| organizations::add_member(tx, by, &organization, &user, role, most)).await
    }

    async fn remove_member(&self, organization: &Folded, user: &Folded, by: By) -> Result<Membership> {
        let (organization, user) = (organization.clone(), user.clone());
        self.change(by, move |tx, by| organizations::remove_member(tx, by, &organization, &user)).await
    }

    async fn open_session(&self, open: OpenSession) -> Result<Opened> {
        self.change(open.by.clone(), move |tx, by| sessions::open_session(tx, by, &open)).await
    }

    async fn rotate_session(&self, rotate: RotateSession) -> Result<Rotated> {
        self.change(rotate.by.clone(), move |tx, by| sessions::rotate_session(tx, by, &rotate)).await
    }

    async fn renew_session(&self, session: SessionId, by: By) -> Result<Renewed> {
        self.change(by, move |tx, by| sessions::renew_session(tx, by, session)).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>> {
        self.read(|view| session_row::session(view, id)).await
    }

    async fn end_session(&self, session: SessionId, by: By) -> Result<Ended> {
        self.change_unfenced(by, move |tx, by| sessions::end_session(tx, by, session)).await
    }

    async fn logout_user(&self, name: &Folded, by: By) -> Result<LoggedOut> {
        let name = name.clone();
        self.change(by, move |tx, by| logout::logout_user(tx, by, &name)).await
    }

    async fn guest_generation(&self, name: &Folded) -> Result<Generation> {
        self.read(|view| Ok(rows::guest_generations(view, name)?.current())).await
    }

    async fn issue_link(&self, issue: IssueLink) -> Result<Issued> {
        let IssueLink { link, by } = issue;
        self.change(by, move |tx, by| links::issue_link(tx, by, &link)).await
    }

    async fn peek_link(&self, id: LinkId, now: Timestamp) -> Result<Option<Link>> {
        self.read(|view| links::peek_link(view, id, now)).await
    }

    async fn redeem_link(&self, redeem: RedeemLink) -> Result<Redeemed> {
        self.change(redeem.by.clone(), move |tx, by| links::redeem_link(tx, by, &redeem)).await
    }

    async fn revoke_link(&self, id: LinkId, by: By) -> Result<Ended> {
        self.change(by, move |tx, by| links::revoke_link(tx, by, id)).await
    }

    async fn key_owner(&self, id: KeyId, organization: Option<&Folded>) -> Result<Option<KeyOwner>> {
        self.read(|view| keys::key_owner(view, id, organization)).await
    }

    async fn create_key(&self, key: PersonalKey, most: u32, by: By) -> Result<Created> {
        self.change(by, move |tx, by| keys::create_key(tx, by, &key, most)).await
    }

    async fn keys_of(&self, user: UserId) -> Result<Vec<PersonalKey>> {
        self.read(|view| keys::keys_of(view, user)).await
    }

    async fn revoke_key(&self, owner: UserId, id: KeyId, by: By) -> Result<Ended> {
        self.change(by, move |tx, by| keys::revoke_key(tx, by, owner, id)).await
    }

    async fn note_key_use(&self, uses: Vec<KeyUse>) -> Result<()> {
        let latest = uses.iter().map(|noted| noted.now).max().unwrap_or_default();
        self.change_unfenced(system(latest), move |tx, by| keys::note_key_use(tx, by, &uses)).await
    }

    async fn create_provider(&self, provider: IdentityProvider, most: u32, by: By) -> Result<Created> {
        self.change(by, move |tx, by| sso::create_provider(tx, by, &provider, most)).await
    }

    async fn providers(&self, organization: Option<OrganizationId>) -> Result<Vec<IdentityProvider>> {
        self.read(|view| sso::providers(view, organization)).await
    }

    async fn all_providers(
        &self,
        after: Option<(Option<OrganizationId>, Folded)>,
        most: u32,
    ) -> Result<Vec<(IdentityProvider, Option<Name>)>> {
        self.read(|view| sso::all_providers(view, after.as_ref(), most)).await
    }

    async fn update_provider(&self, id: ProviderId, change: ProviderChange, by: By) -> Result<Option<IdentityProvider>> {
        self.change(by, move |tx, by| sso::update_provider(tx, by, id, &change)).await
    }

    async fn delete_provider(&self, id: ProviderId, by: By) -> Result<bool> {
        self.change(by, move |tx, by| sso::delete_provider(tx, by, id)).await
    }

    async fn provider(&self, id: ProviderId) -> Result<Option<IdentityProvider>> {
        self.read(|view| sso::provider(view, id)).await
    }

    async fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>> {
        self.read(|view| sso::attempt(view, id)).await
    }

    async fn begin_exchange(&self, attempt: AttemptId, expire_time: Timestamp, browser: [u8; 32], by: By) -> Result<Step> {
        self.change(by, move |tx, by| sso::begin_exchange(tx, by, attempt, expire_time, browser)).await
    }

    async fn identify(&self, identify: Identify) -> Result<Step> {
        self.change(identify.by.clone(), move |tx, by| sso::identify(tx, by, &identify)).await
    }

    async fn confirm_attempt(&self, attempt: AttemptId, by: By) -> Result<Step> {
        self.change(by, move |tx, by| sso::confirm_attempt(tx, by, attempt)).await
    }

    async fn refuse_attempt(&self, attempt: AttemptId, expire_time: Timestamp, by: By) -> Result<Step> {
        self.change(by, move |tx, by| sso::refuse_attempt(tx, by, attempt, expire_time)).await
    }

    async fn collect_attempt(&self, collect: CollectAttempt) -> Result<Collected> {
        self.change(collect.by.clone(), move |tx, by| sso::collect_attempt(tx, by, &collect)).await
    }
}
