//! What the cases stand on: a store that was founded, and short ways to ask it for something.

use crate::asked::{Ask as _, Asked};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use countersign::model::audit::{Action, Actor, AuditEvent, Origin};
use countersign::model::clock::Timestamp;
use countersign::model::ids::{AttemptId, OrganizationId, SessionId, StoreId, UserId};
use countersign::model::link::{Link, NewLink};
use countersign::model::name::Name;
use countersign::model::organization::OrganizationRole;
use countersign::model::personal_key::PersonalKey;
use countersign::model::session::{Method, NewSession, PresentedToken, Session};
use countersign::model::user::{Roles, Subject, User};
use countersign::store::verbs::{
    AddMember, By, Caller, CollectAttempt, ConfirmTotp, CreateKey, CreateOrganization, EnrollTotp, Granted, Issued, KeyCreated,
    Needs, OpenSession, OrganizationCreated, RedeemLink, Redeemed, RotateSession, TotpConfirmed, TotpEnrolled, UserCreated,
};
use countersign::store::{Lane, Lanes, Revocations, Simulation, Store, audit_digest, simulated};
use tempfile::TempDir;

pub(crate) use crate::values::*;

/// The service's limit on sessions in these tests.
pub(crate) const MOST: u32 = 1000;
/// How long a session lasts in these tests.
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// A store and the revocations it tells.
pub(crate) type Open = (Arc<dyn Store>, Arc<Revocations>);
/// Opens a store again after it was closed.
pub(crate) type Reopen = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Open> + Send>> + Send>;

/// Where the audit log stands: the number of the next event of each lane.
pub(crate) type Mark = BTreeMap<Lane, u64>;

/// A fresh store, and the way to open it again where the cases should.
pub(crate) struct Opening {
    pub(crate) open: Open,
    pub(crate) reopen: Option<Reopen>,
    /// Where it is kept; goes when the world does.
    pub(crate) directory: Option<TempDir>,
}

/// The store in memory. Opening it again would lose everything.
pub(crate) async fn memory() -> Opening {
    let revocations = Arc::new(Revocations::default());
    Opening { open: (countersign::store::memory(Arc::clone(&revocations)), revocations), reopen: None, directory: None }
}

/// A store that is far away, with one lane.
pub(crate) async fn far() -> Opening {
    far_with(1, 0)
}

/// A store that is far away, with several lanes whose commits lose against each other, and now and then for no reason.
pub(crate) async fn far_lanes() -> Opening {
    far_with(3, 25)
}

fn far_with(lanes: u8, conflicts_percent: u32) -> Opening {
    let revocations = Arc::new(Revocations::of(Lanes::Many));
    let seed = std::env::var_os("COUNTERSIGN_TEST_SEED").map_or(1, |seed| seed.to_str().unwrap().parse().unwrap());
    let store = simulated(Simulation { seed, lanes, conflicts_percent }, Arc::clone(&revocations)).unwrap();
    Opening { open: (store, revocations), reopen: None, directory: None }
}

/// The store on sled, in a directory of its own. Stays open.
pub(crate) async fn sled() -> Opening {
    let directory = tempfile::tempdir().unwrap();
    let open = sled_at(directory.path().join("data")).await;
    Opening { open, reopen: None, directory: Some(directory) }
}

/// The store on sled, closed and opened again wherever a case settles.
pub(crate) async fn sled_reopened() -> Opening {
    let mut opening = sled().await;
    let data = opening.directory.as_ref().unwrap().path().join("data");
    opening.reopen = Some(Box::new(move || Box::pin(sled_at(data.clone()))));
    opening
}

async fn sled_at(data: PathBuf) -> Open {
    let revocations = Arc::new(Revocations::default());
    let mut options = countersign::store::sled::Options::new(data, StoreId::random(crate::random()));
    options.cache_capacity = 1 << 20;
    let (store, _) = countersign::store::sled::open(options, Arc::clone(&revocations)).await.unwrap();
    (store, revocations)
}

/// A founded store with the superuser `admin`.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) now: Timestamp,
    pub(crate) admin: UserId,
    reopen: Option<Reopen>,
    _directory: Option<TempDir>,
}

impl World {
    pub(crate) async fn found(opening: Opening) -> Self {
        let (store, revocations) = opening.open;
        let now = Timestamp::from_secs(1_800_000_000);
        let admin = account("admin", Roles { staff: false, superuser: true });
        let id = admin.id();
        assert!(store.found(founding(admin), By::system(now)).await.unwrap().outcome);
        Self { store, revocations, now, admin: id, reopen: opening.reopen, _directory: opening.directory }
    }

    /// Where the store keeps its records: closes it and opens it again.
    pub(crate) async fn settle(&mut self) {
        if let Some(reopen) = &self.reopen {
            self.store.close().await;
            let before = self.store.status();
            (self.store, self.revocations) = reopen().await;
            assert_eq!(self.store.status(), before, "an opened store stands where it was closed");
        }
    }

    /// Holds the audit log to its chain, then closes the store.
    pub(crate) async fn close(mut self) {
        if self.store.healthy() {
            self.settle().await;
            self.chain().await;
            assert!(self.revocations.revision() >= self.store.status().revision);
            self.store.close().await;
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    /// Nobody who is signed in.
    pub(crate) fn anyone(&self) -> By {
        By { origin: Origin { actor: Actor::Anonymous, source: None }, caller: None, now: self.now }
    }

    /// A caller with a token that was minted just now.
    pub(crate) async fn caller(&self, user: UserId, needs: Needs) -> By {
        let account = self.user(user).await;
        let (generation, organization) = (account.generations().current(), account.name().as_str().to_owned());
        let caller =
            Caller { subject: Subject::User(user), generation, session: session_id(), credential: None, organization, needs };
        By { origin: Origin { actor: Actor::User(user), source: None }, caller: Some(caller), now: self.now }
    }

    /// The superuser, signed in.
    pub(crate) async fn superuser(&self) -> By {
        self.caller(self.admin, Needs::Superuser).await
    }

    /// The caller of a session's newest token.
    pub(crate) fn holder(&self, granted: &Granted, needs: Needs) -> By {
        let grant = &granted.grant;
        let caller = Caller {
            subject: grant.subject().clone(),
            generation: grant.generation(),
            session: grant.session(),
            credential: grant.credential(),
            organization: grant.organization().to_owned(),
            needs,
        };
        By { caller: Some(caller), ..self.anyone() }
    }

    pub(crate) async fn user(&self, id: UserId) -> User {
        self.store.user(id).await.unwrap().unwrap()
    }

    pub(crate) async fn session(&self, id: SessionId) -> Session {
        self.store.session(id).await.unwrap().unwrap()
    }

    /// A new plain account.
    pub(crate) async fn plain(&self, name: &str) -> User {
        self.made(account(name, Roles::default())).await
    }

    /// A new account as given.
    pub(crate) async fn made(&self, user: User) -> User {
        let made = self.store.create_user(user.clone(), self.superuser().await).await.unwrap();
        assert_eq!(made.outcome, UserCreated::Created);
        user
    }

    /// A new organization with these members.
    pub(crate) async fn organization(&self, name: &str, members: &[&User]) -> OrganizationId {
        let id = organization_id();
        let create = CreateOrganization { id, name: Name::parse(name).unwrap() };
        let made = self.store.create_organization(create, self.superuser().await).await.unwrap();
        assert!(matches!(made.outcome, OrganizationCreated::Created(made) if made.id == id));
        for member in members {
            let by = self.superuser().await;
            self.store
                .add_member(
                    AddMember {
                        organization: folded(name),
                        user: member.name().folded(),
                        role: OrganizationRole::Member,
                        most: 10,
                    },
                    by,
                )
                .await
                .unwrap();
        }
        id
    }

    /// A login of that account, as it stands now, in its own organization and without a second factor.
    pub(crate) async fn login(&self, user: UserId) -> Asked<OpenSession> {
        let user = self.user(user).await;
        let command = OpenSession {
            session: new_session(session_id()),
            user: user.id(),
            generation: user.generations().current(),
            password: user.password().unwrap().to_owned(),
            factor: None,
            upgraded: None,
            organization: None,
        };
        Asked { command, by: self.anyone() }
    }

    /// A session that was opened.
    pub(crate) async fn opened(&self, user: UserId) -> Granted {
        opened(self.store.log_in(self.login(user).await).await.unwrap())
    }

    /// One-time codes on, from step 100, with one recovery code.
    pub(crate) async fn with_codes(&self, user: UserId) {
        let by = self.caller(user, Needs::Nothing).await;
        assert_eq!(
            self.store.enroll_totp(EnrollTotp { user, sealed: vec![1] }, by.clone()).await.unwrap().outcome,
            TotpEnrolled::Enrolled
        );
        assert_eq!(
            self.store
                .confirm_totp(ConfirmTotp { user, sealed: vec![1], step: 100, recovery: vec![[9; 32]] }, by)
                .await
                .unwrap()
                .outcome,
            TotpConfirmed::Confirmed
        );
    }

    /// The exchange of token `n` of a session.
    pub(crate) fn exchange(&self, session: SessionId, n: u32) -> Asked<RotateSession> {
        let token = PresentedToken { n, hash: hash(session, n), successor: hash(session, n + 1), mode: None };
        Asked { command: RotateSession { session, token }, by: self.anyone() }
    }

    /// A link for a guest, redeemable for an hour.
    pub(crate) async fn link(&self, guest: &str) -> Link {
        Link::new(self.new_link(guest).await)
    }

    /// The same, to be changed before it is made.
    pub(crate) async fn new_link(&self, guest: &str) -> NewLink {
        NewLink {
            id: link_id(),
            token: bytes(),
            guest: guest.to_owned(),
            dataset_id: "dataset".to_owned(),
            generation: self.store.guest_generation(&folded(guest)).await.unwrap(),
            issuer: self.admin,
            one_time: true,
            create_time: self.now,
            ttl: Duration::from_hours(1),
        }
    }

    pub(crate) async fn issued(&self, link: Link) -> Link {
        let by = self.caller(self.admin, Needs::Privileged).await;
        assert_eq!(self.store.issue_link(link.clone(), by).await.unwrap().outcome, Issued::Issued);
        link
    }

    /// A redemption with a request id of its own.
    pub(crate) fn redemption(&self, link: &Link) -> Asked<RedeemLink> {
        let command = RedeemLink {
            link: link.id(),
            token: *link.token(),
            request: Some(bytes()),
            session: NewSession { methods: vec![Method::Link], ..new_session(session_id()) },
        };
        Asked { command, by: self.anyone() }
    }

    pub(crate) async fn redeemed(&self, link: &Link) -> Granted {
        match self.store.redeem(self.redemption(link)).await.unwrap() {
            Redeemed::Opened(grant) => *grant,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn key(&self, owner: UserId) -> PersonalKey {
        let key = personal_key(owner, self.now);
        let by = self.caller(owner, Needs::Nothing).await;
        assert_eq!(
            self.store.create_key(CreateKey { key: key.clone(), most: 100 }, by).await.unwrap().outcome,
            KeyCreated::Created
        );
        key
    }

    pub(crate) fn collection(&self, attempt: AttemptId) -> Asked<CollectAttempt> {
        let command = CollectAttempt { attempt, session: new_session(session_id()), organization: None };
        Asked { command, by: self.anyone() }
    }

    /// True where the token that a grant makes would be refused.
    pub(crate) fn revokes(&self, granted: &Granted) -> bool {
        let grant = &granted.grant;
        self.revocations.revokes(&claim(grant))
    }

    /// Every audit event: lane by lane, and those of all lanes in the order of their times.
    pub(crate) async fn events(&self) -> Vec<AuditEvent> {
        self.events_since(&Mark::new()).await
    }

    /// Those that were recorded since `mark`.
    pub(crate) async fn events_since(&self, mark: &Mark) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        for lane in self.store.lanes() {
            let from = mark.get(&lane).copied().unwrap_or(1);
            events.extend(self.store.audit_events(lane, from, u32::MAX).await.unwrap());
        }
        events.sort_by_key(|event| event.at);
        events
    }

    /// What was recorded since `mark`.
    pub(crate) async fn actions(&self, mark: &Mark) -> Vec<Action> {
        self.events_since(mark).await.into_iter().map(|event| event.action).collect()
    }

    /// Holds what was recorded since `mark` to be just this, in this order where there is one lane. Several lanes have an order
    /// each.
    pub(crate) async fn recorded(&self, mark: &Mark, expected: &[Action]) {
        let (mut found, mut expected) = (self.actions(mark).await, expected.to_vec());
        if self.store.lanes() != [Lane::Only] {
            found.sort_by_key(|action| format!("{action:?}"));
            expected.sort_by_key(|action| format!("{action:?}"));
        }
        assert_eq!(found, expected);
    }

    /// The numbers that the next audit events will have.
    pub(crate) async fn next_event(&self) -> Mark {
        let mut mark = Mark::new();
        for lane in self.store.lanes() {
            let events = self.store.audit_events(lane, 1, u32::MAX).await.unwrap();
            mark.insert(lane, events.last().map_or(1, |event| event.sequence + 1));
        }
        mark
    }

    /// Holds the audit log to its chain.
    pub(crate) async fn chain(&self) {
        for lane in self.store.lanes() {
            let mut previous = [0; 32];
            for (event, sequence) in self.store.audit_events(lane, 1, u32::MAX).await.unwrap().into_iter().zip(1..) {
                assert_eq!(event.sequence, sequence, "no number is left out");
                assert_eq!(event.previous, previous, "event {sequence} holds the digest of the one before");
                previous = audit_digest(&event);
            }
        }
    }
}
