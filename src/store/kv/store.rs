//! [`KvStore`]: the verbs behind the trait. Each change goes to the engine's writer and waits there for its answer.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::commit::{decide, decide_fenced};
use super::engine::{Engine, View};
use super::tx::Tx;
use super::{accounts, audit, founding, keys, links, logout, organizations, rows, session_row, sessions, sso, sweep};
use crate::model::audit::{Action, Actor, AuditEvent, Origin};
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
use crate::store::verbs::{
    By, ChangePassword, Changed, CollectAttempt, Collected, CreateOrganization, CreateUser, Created, Ended, Foundation, Founding,
    Identify, IssueLink, Issued, KeyOwner, KeyUse, LoggedOut, MemberOf, Membership, NamedOrganization, OpenSession, Opened,
    RedeemLink, Redeemed, Renewed, RotateSession, Rotated, Step, StoreStatus, Switched, TotpChanged,
};
use crate::store::{Result, Store, StoreError};

/// A store over an engine.
pub(crate) struct KvStore(Arc<dyn Engine>);

impl KvStore {
    /// The store that an engine keeps.
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self(engine)
    }

    fn view(&self) -> &dyn View {
        self.0.view()
    }

    /// Runs a verb on the writer, for a caller who is still signed in and still has its role then.
    async fn change<T, V>(&self, by: By, verb: V) -> Result<T>
    where
        T: Send + 'static,
        V: FnOnce(&mut Tx<'_>, &By) -> Result<T> + Send + 'static,
    {
        self.run(move |tx| decide_fenced(tx, by, verb)).await
    }

    /// Runs a verb on the writer that has no caller, or checks it by itself.
    async fn change_unfenced<T, V>(&self, by: By, verb: V) -> Result<T>
    where
        T: Send + 'static,
        V: FnOnce(&mut Tx<'_>, &By) -> Result<T> + Send + 'static,
    {
        self.run(move |tx| decide(tx, by, verb)).await
    }

    async fn run<T, J>(&self, job: J) -> Result<T>
    where
        T: Send + 'static,
        J: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.0.submit(Box::new(move |tx| {
            let outcome = job(tx);
            // Who no longer waits for the answer does not need it.
            Box::new(move |durable| drop(answer.send(durable.and(outcome))))
        }))?;
        answered.await.map_err(|_| StoreError::Unavailable("the writer is gone".to_owned()))?
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
        founding::foundation(self.view())
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>> {
        founding::signing_keys(self.view())
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

    async fn audit_events(&self, from: u64, most: u32) -> Result<Vec<AuditEvent>> {
        audit::audit_events(self.view(), from, most)
    }

    async fn record(&self, action: Action, by: By) -> Result<()> {
        self.change_unfenced(by, move |tx, by| audit::record(tx, by, action)).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        rows::user(self.view(), id)
    }

    async fn user_by_login(&self, login: &Folded) -> Result<Option<User>> {
        accounts::user_by_login(self.view(), login)
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
        organizations::organization_by_name(self.view(), name)
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<MemberOf>> {
        organizations::memberships(self.view(), user)
    }

    async fn add_member(&self, organization: &Folded, user: &Folded, role: OrganizationRole, by: By) -> Result<Membership> {
        let (organization, user) = (organization.clone(), user.clone());
        self.change(by, move |tx, by| organizations::add_member(tx, by, &organization, &user, role)).await
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
        session_row::session(self.view(), id)
    }

    async fn end_session(&self, session: SessionId, by: By) -> Result<Ended> {
        self.change_unfenced(by, move |tx, by| sessions::end_session(tx, by, session)).await
    }

    async fn logout_user(&self, name: &Folded, by: By) -> Result<LoggedOut> {
        let name = name.clone();
        self.change(by, move |tx, by| logout::logout_user(tx, by, &name)).await
    }

    async fn guest_generation(&self, name: &Folded) -> Result<Generation> {
        Ok(rows::guest_generations(self.view(), name)?.current())
    }

    async fn issue_link(&self, issue: IssueLink) -> Result<Issued> {
        let IssueLink { link, by } = issue;
        self.change(by, move |tx, by| links::issue_link(tx, by, &link)).await
    }

    async fn peek_link(&self, id: LinkId, now: Timestamp) -> Result<Option<Link>> {
        links::peek_link(self.view(), id, now)
    }

    async fn redeem_link(&self, redeem: RedeemLink) -> Result<Redeemed> {
        self.change(redeem.by.clone(), move |tx, by| links::redeem_link(tx, by, &redeem)).await
    }

    async fn revoke_link(&self, id: LinkId, by: By) -> Result<Ended> {
        self.change(by, move |tx, by| links::revoke_link(tx, by, id)).await
    }

    async fn key_owner(&self, id: KeyId, organization: Option<&Folded>) -> Result<Option<KeyOwner>> {
        keys::key_owner(self.view(), id, organization)
    }

    async fn create_key(&self, key: PersonalKey, most: u32, by: By) -> Result<Created> {
        self.change(by, move |tx, by| keys::create_key(tx, by, &key, most)).await
    }

    async fn keys_of(&self, user: UserId) -> Result<Vec<PersonalKey>> {
        keys::keys_of(self.view(), user)
    }

    async fn revoke_key(&self, owner: UserId, id: KeyId, by: By) -> Result<Ended> {
        self.change(by, move |tx, by| keys::revoke_key(tx, by, owner, id)).await
    }

    async fn note_key_use(&self, uses: Vec<KeyUse>) -> Result<()> {
        let latest = uses.iter().map(|noted| noted.now).max().unwrap_or_default();
        self.change_unfenced(system(latest), move |tx, by| keys::note_key_use(tx, by, &uses)).await
    }

    async fn create_provider(&self, provider: IdentityProvider, by: By) -> Result<Created> {
        self.change(by, move |tx, by| sso::create_provider(tx, by, &provider)).await
    }

    async fn providers(&self, organization: Option<OrganizationId>) -> Result<Vec<IdentityProvider>> {
        sso::providers(self.view(), organization)
    }

    async fn provider(&self, id: ProviderId) -> Result<Option<IdentityProvider>> {
        sso::provider(self.view(), id)
    }

    async fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>> {
        sso::attempt(self.view(), id)
    }

    async fn begin_exchange(&self, attempt: AttemptId, expire_time: Timestamp, by: By) -> Result<Step> {
        self.change(by, move |tx, by| sso::begin_exchange(tx, by, attempt, expire_time)).await
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
