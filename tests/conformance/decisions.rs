//! What the model decides is what a store does: the same steps, taken by the pure functions and by a store's verbs, come to the
//! same outcome, the same value, the same revocation and the same event.

use crate::asked::{Ask as _, Asked};
use std::future::Future;

use countersign::model::audit::Action;
use countersign::model::ids::{AttemptId, UserId};
use countersign::model::link::{Link, LinkRedeemed, LinkRevoked, NewLink, Redemption};
use countersign::model::organization::ActiveOrganization;
use countersign::model::provider::IdentityProvider;
use countersign::model::revocation::Revoked;
use countersign::model::session::{Mode, NewSession, Opening, SessionEnded, SessionRenewed, SessionRotated};
use countersign::model::sso::{Attempt, AttemptCollected, AttemptIdentified, Collection, ProvenSubject};
use countersign::model::user::{Generations, Standing};
use countersign::store::verbs::{
    By, CollectAttempt, Collected, Ended, Identified, RedeemLink, Redeemed, RefuseAttempt, RenewSession, Renewed, Rotated,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::sso::{begin, collected, confirmed, identity, provider, registered};
use crate::world::{Mark, World, attempt_id, new_session, secs, session_id};

/// Runs a case for forty values of a strategy.
fn for_all<S: Strategy, F: Future<Output = Result<(), TestCaseError>>>(values: S, case: impl Fn(S::Value) -> F) {
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| runner.run(&values, |value| handle.block_on(case(value))).unwrap());
}

/// How far a store's log and revocations were seen.
struct Seen {
    event: Mark,
    revision: i64,
}

impl Seen {
    async fn now(world: &World) -> Self {
        Self { event: world.next_event().await, revision: world.store.status().revision }
    }

    /// Holds what was recorded and revoked since to what was decided.
    async fn hold(&mut self, world: &World, decided: Decided) -> Result<(), TestCaseError> {
        let recorded = world.actions(&self.event).await;
        self.event = world.next_event().await;
        prop_assert_eq!(recorded, Vec::from_iter(decided.1));
        let revision = world.store.status().revision;
        prop_assert_eq!(revision > self.revision, decided.0.is_some());
        self.revision = revision;
        Ok(())
    }
}

/// What was decided to revoke and to record.
type Decided = (Option<Revoked>, Option<Action>);

/// Nobody, at the store's time: it may be ahead of the world's, because other sequences moved it on.
fn anyone(world: &World) -> By {
    By { now: world.store.status().last_commit, ..world.anyone() }
}

/// What is done to a session.
#[derive(Clone, Copy, Debug)]
enum OfSession {
    /// The token that is so far from the tip is exchanged, for this mode.
    Rotate(i8, Option<Mode>),
    Renew,
    End,
}

/// Random interleavings of the tip, the one before, older ones and ones ahead, with renewals by access token and ends.
pub(crate) async fn rotates_a_session(world: &mut World) {
    let ann = world.plain("ann").await.id();
    let mode = prop_oneof![8 => Just(None), 1 => Just(Some(Mode::Cookie)), 1 => Just(Some(Mode::Json))];
    let rotate = (prop_oneof![5 => Just(0_i8), 4 => Just(-1), 1 => Just(-2), 1 => Just(1)], mode);
    let doing = prop_oneof![
        12 => rotate.prop_map(|(offset, mode)| OfSession::Rotate(offset, mode)),
        1 => Just(OfSession::Renew),
        1 => Just(OfSession::End),
    ];
    let world = &*world;
    for_all(proptest::collection::vec((doing, 0_u64..12, any::<bool>()), 1..12), |steps| rotates(world, ann, steps));
}

async fn rotates(world: &World, user: UserId, steps: Vec<(OfSession, u64, bool)>) -> Result<(), TestCaseError> {
    let id = world.opened(user).await.grant.session();
    let mut seen = Seen::now(world).await;
    let mut by = anyone(world);
    for (doing, wait, elsewhere) in steps {
        by.now = by.now.plus(secs(wait));
        by.origin.source = elsewhere.then_some([192, 0, 2, 7].into());
        let (row, standing) = (world.session(id).await, world.user(user).await.standing());
        let (decided, row) = match doing {
            OfSession::Rotate(offset, mode) => {
                let mut rotate = world.exchange(id, row.n().saturating_add_signed(i32::from(offset)));
                rotate.token.mode = mode;
                rotate.by = by.clone();
                let decided = row.rotate(&rotate.token, standing, true, by.now, by.origin.source);
                let outcome = match world.store.rotate(rotate).await.unwrap() {
                    Rotated::Rotated(_) => SessionRotated::Rotated,
                    Rotated::Retried(_) => SessionRotated::Retried,
                    Rotated::Reused(reason) => SessionRotated::Reused(reason),
                    Rotated::Expired => SessionRotated::Expired,
                    Rotated::Ended => SessionRotated::Ended,
                    Rotated::Unknown => SessionRotated::Foreign,
                    Rotated::Mismatch => SessionRotated::Mismatch,
                    Rotated::OrganizationNotAllowed => SessionRotated::OrganizationNotAllowed,
                };
                prop_assert_eq!(outcome, decided.outcome);
                ((decided.revoked, decided.audited), decided.value)
            }
            OfSession::Renew => {
                let renew = RenewSession { session: id, generation: world.user(user).await.generations().current() };
                let decided = row.renew(renew.generation, standing, true, by.now);
                let outcome = match world.store.renew_session(renew, by.clone()).await.unwrap().outcome {
                    Renewed::Renewed(_) => SessionRenewed::Renewed,
                    Renewed::Expired => SessionRenewed::Expired,
                    Renewed::Ended => SessionRenewed::Ended,
                    Renewed::Mismatch => SessionRenewed::Mismatch,
                    Renewed::Stale => SessionRenewed::Stale,
                    Renewed::OrganizationNotAllowed => SessionRenewed::OrganizationNotAllowed,
                    Renewed::Unknown => panic!("it is there"),
                };
                prop_assert_eq!(outcome, decided.outcome);
                ((decided.revoked, decided.audited), decided.value)
            }
            OfSession::End => {
                let decided = row.end(standing, by.now);
                let outcome = world.store.end_session(id, by.clone()).await.unwrap().outcome;
                prop_assert_eq!(matches!(outcome, Ended::Ended), decided.outcome == SessionEnded::Ended);
                ((decided.revoked, decided.audited), decided.value)
            }
        };
        prop_assert_eq!(world.session(id).await, row);
        seen.hold(world, decided).await?;
    }
    Ok(())
}

/// What is done to a link.
#[derive(Clone, Copy, Debug)]
enum OfLink {
    /// It is redeemed with the request of that number, or without one.
    Redeem(Option<u8>),
    Revoke,
}

/// Random redemptions of a link, by a few requests, until it is over, redeemed or revoked.
pub(crate) async fn redeems_a_link(world: &mut World) {
    let request = prop_oneof![3 => (0_u8..3).prop_map(Some), 1 => Just(None)];
    let doing = prop_oneof![8 => request.prop_map(OfLink::Redeem), 1 => Just(OfLink::Revoke)];
    let steps = proptest::collection::vec((doing, 0_u64..40), 1..10);
    let world = &*world;
    for_all((any::<bool>(), steps), |(one_time, steps)| redeems(world, one_time, steps));
}

async fn redeems(world: &World, one_time: bool, steps: Vec<(OfLink, u64)>) -> Result<(), TestCaseError> {
    let mut by = anyone(world);
    let new = NewLink { one_time, ttl: secs(120), create_time: by.now, ..world.new_link("guest").await };
    let mut link = world.issued(Link::new(new)).await;
    let (id, standing) = (link.id(), Standing::new(true, Generations::default()));
    let sessions = [new_session(session_id()), new_session(session_id()), new_session(session_id())];
    let mut seen = Seen::now(world).await;
    for (doing, wait) in steps {
        by.now = by.now.plus(secs(wait));
        let decided = match doing {
            OfLink::Redeem(request) => {
                let session: NewSession =
                    request.map_or_else(|| new_session(session_id()), |request| sessions[usize::from(request)].clone());
                let before = world.store.session(session.id).await.unwrap();
                let redeem =
                    RedeemLink { link: id, token: *link.token(), request: request.map(|request| [request; 32]), session };
                let redemption = Redemption { token: &redeem.token, request: redeem.request.as_ref(), new: &redeem.session };
                let decided = link.redeem(&redemption, before, standing, Opening::at(by.now, None));
                let opened = redeem.session.id;
                match (world.store.redeem(Asked { command: redeem, by: by.clone() }).await.unwrap(), decided.outcome) {
                    (Redeemed::Opened(_), LinkRedeemed::Opened(session))
                    | (Redeemed::Retried(_), LinkRedeemed::Retried(session)) => {
                        prop_assert_eq!(world.session(opened).await, session);
                    }
                    (Redeemed::Dead, LinkRedeemed::Dead) => {}
                    (stored, pure) => prop_assert!(false, "{stored:?}, but {pure:?} was decided"),
                }
                link = decided.value;
                (decided.revoked, decided.audited)
            }
            OfLink::Revoke => {
                // What it opened ends with it: those revocations are the sessions' own.
                let decided = link.revoke(by.now);
                let outcome = world.store.revoke_link(id, by.clone()).await.unwrap().outcome;
                prop_assert_eq!(matches!(outcome, Ended::Ended), decided.outcome == LinkRevoked::Revoked);
                link = decided.value;
                (decided.revoked, decided.audited)
            }
        };
        let peeked = world.store.peek_link(id, by.now).await.unwrap();
        prop_assert_eq!(peeked, link.redeemable(standing, by.now).then(|| link.clone()));
        seen.hold(world, decided).await?;
    }
    Ok(())
}

/// A step of a sign-on attempt.
#[derive(Clone, Copy, Debug)]
enum OfAttempt {
    Begin,
    Identify,
    Confirm,
    Refuse,
    Collect,
}

/// The steps of an attempt in any order, each as often as may be.
pub(crate) async fn takes_an_attempt_on(world: &mut World) {
    let provider = registered(world, provider("idp", None)).await;
    let user = collected(world, confirmed(world, &provider, "ann").await).await.user.unwrap().id();
    let doing = prop_oneof![
        3 => Just(OfAttempt::Begin),
        4 => Just(OfAttempt::Identify),
        4 => Just(OfAttempt::Confirm),
        1 => Just(OfAttempt::Refuse),
        4 => Just(OfAttempt::Collect),
    ];
    let world = &*world;
    let steps = proptest::collection::vec((doing, 0_u64..20), 1..16);
    for_all(steps, |steps| goes_on(world, &provider, user, steps));
}

async fn goes_on(
    world: &World,
    provider: &IdentityProvider,
    user: UserId,
    steps: Vec<(OfAttempt, u64)>,
) -> Result<(), TestCaseError> {
    let (id, mut by) = (attempt_id(), anyone(world));
    let (end, new) = (by.now.plus(secs(100)), new_session(session_id()));
    let mut seen = Seen::now(world).await;
    for (doing, wait) in steps {
        by.now = by.now.plus(secs(wait));
        let found = world.store.attempt(id).await.unwrap();
        let (decided, expected) = match (doing, found) {
            (OfAttempt::Begin, found) => {
                let decided = Attempt::begin(found, id, end, [8; 32], seen.revision, by.now);
                prop_assert_eq!(world.store.begin_exchange(begin(id, end), by.clone()).await.unwrap().outcome, decided.outcome);
                ((decided.revoked, decided.audited), decided.value)
            }
            (OfAttempt::Refuse, found) => {
                let decided = Attempt::refuse(found, id, end, by.now);
                prop_assert_eq!(
                    world
                        .store
                        .refuse_attempt(RefuseAttempt { attempt: id, expire_time: end }, by.clone())
                        .await
                        .unwrap()
                        .outcome,
                    decided.outcome
                );
                ((decided.revoked, decided.audited), decided.value)
            }
            (_, None) => continue,
            (OfAttempt::Identify, Some(found)) => {
                let mut identify = identity(world, id, provider, "ann");
                identify.by = by.clone();
                let account = world.user(user).await;
                let proven = ProvenSubject {
                    provider: Some(provider),
                    account: Some(&account),
                    new_user: identify.new_user,
                    organization: None,
                    member: false,
                };
                let decided = found.identify(&proven, by.now);
                let expected = match decided.outcome {
                    AttemptIdentified::Known | AttemptIdentified::SignUp => Identified::Done,
                    AttemptIdentified::Refused => Identified::Refused,
                    AttemptIdentified::OutOfTurn => Identified::OutOfTurn,
                };
                prop_assert_eq!(world.store.take_identity(identify).await.unwrap(), expected);
                ((decided.revoked, decided.audited), Some(decided.value))
            }
            (OfAttempt::Confirm, Some(found)) => {
                let decided = found.confirm(by.now);
                prop_assert_eq!(world.store.confirm_attempt(id, by.clone()).await.unwrap().outcome, decided.outcome);
                ((decided.revoked, decided.audited), Some(decided.value))
            }
            (OfAttempt::Collect, Some(found)) => collects(world, id, found, user, &new, &by).await?,
        };
        prop_assert_eq!(world.store.attempt(id).await.unwrap(), expected);
        seen.hold(world, decided).await?;
    }
    Ok(())
}

async fn collects(
    world: &World,
    id: AttemptId,
    found: Attempt,
    user: UserId,
    new: &NewSession,
    by: &By,
) -> Result<(Decided, Option<Attempt>), TestCaseError> {
    let (account, before) = (world.user(user).await, world.store.session(new.id).await.unwrap());
    let collection = Collection { new, account: Some(&account), organization: Some(ActiveOrganization::Personal) };
    let decided = found.collect(&collection, before, Opening::at(by.now, None));
    let collect = CollectAttempt { attempt: id, session: new.clone(), organization: None };
    match (world.store.collect(Asked { command: collect, by: by.clone() }).await.unwrap(), decided.outcome) {
        (Collected::Opened(_), AttemptCollected::Opened(session))
        | (Collected::Retried(_), AttemptCollected::Retried(session)) => {
            prop_assert_eq!(world.session(new.id).await, session);
        }
        (Collected::Pending, AttemptCollected::Pending)
        | (Collected::Refused, AttemptCollected::Refused)
        | (Collected::Gone, AttemptCollected::Gone)
        | (Collected::Expired, AttemptCollected::Expired) => {}
        (stored, pure) => prop_assert!(false, "{stored:?}, but {pure:?} was decided"),
    }
    Ok(((decided.revoked, decided.audited), Some(decided.value)))
}
