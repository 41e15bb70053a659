use crate::asked::Ask as _;
use countersign::model::audit::Action;
use countersign::model::organization::ActiveOrganization;
use countersign::model::revocation::Claim;
use countersign::model::session::{EndReason, Mode, Renewal, SessionState};
use countersign::model::user::{Roles, SecondFactor, Subject};
use countersign::store::StoreError;
use countersign::store::verbs::{Commit, Ended, Granted, Needs, Opened, RenewSession, Renewed, Rotated};

use crate::world::{DAY, World, access_token, account, code, folded, generation, hash, opened, secs, session_id};

fn rotated(outcome: Rotated) -> Granted {
    match outcome {
        Rotated::Rotated(grant) => *grant,
        other => panic!("{other:?}"),
    }
}

async fn exchanged(world: &World, session: &Granted, n: u32) -> Rotated {
    world.store.rotate(world.exchange(session.grant.session(), n)).await.unwrap()
}

pub(crate) async fn opens_with_what_the_commit_found(world: &mut World) {
    let ann = world.made(account("Ann", Roles { staff: true, superuser: false })).await;
    let team = world.organization("Team", &[&ann]).await;
    let mut login = world.login(ann.id()).await;
    login.organization = Some(folded("TEAM"));
    login.upgraded = Some("phc-stronger".to_owned());
    let id = login.session.id;
    let grant = opened(world.store.log_in(login).await.unwrap());
    world.settle().await;

    assert_eq!((grant.grant.username(), grant.grant.organization()), ("Ann", "Team"));
    assert_eq!((grant.grant.roles(), grant.grant.generation()), (ann.roles(), generation(0)));
    let session = world.session(id).await;
    assert_eq!((grant.grant.session(), grant.grant.subject()), (session.id(), session.subject()));
    assert_eq!((grant.grant.auth_time(), grant.grant.expire_time()), (session.auth_time(), session.expire_time()));
    assert_eq!(
        (grant.grant.face(), grant.grant.mode(), grant.grant.methods()),
        (session.face(), session.mode(), session.methods())
    );
    assert_eq!(*session.subject(), Subject::User(ann.id()));
    assert_eq!(session.organization(), ActiveOrganization::Member(team));
    assert_eq!((session.auth_time(), session.expire_time()), (world.now, world.now.plus(DAY)));
    assert_eq!((session.n(), *session.tip(), session.renewal()), (0, hash(id, 0), Renewal::Unset));
    assert_eq!(world.user(ann.id()).await.password(), Some("phc-stronger"));
}

pub(crate) async fn does_not_open_on_what_changed(world: &mut World) {
    let ann = world.plain("ann").await;
    let mut password = world.login(ann.id()).await;
    "phc-other".clone_into(&mut password.password);
    assert_eq!(world.store.log_in(password).await.unwrap(), Opened::Stale);
    let mut ahead = world.login(ann.id()).await;
    ahead.generation = generation(1);
    assert_eq!(world.store.log_in(ahead).await.unwrap(), Opened::Stale);
    let before = world.login(ann.id()).await;
    world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap();
    world.settle().await;
    assert_eq!(world.store.log_in(before.clone()).await.unwrap(), Opened::Stale);
    assert_eq!(world.store.session(before.session.id).await.unwrap(), None);
    let mut nobody = before;
    nobody.user = countersign::model::ids::UserId::from_bytes([0; 16]);
    assert_eq!(world.store.log_in(nobody).await.unwrap(), Opened::Stale);
}

pub(crate) async fn spends_a_code_once_and_only_with_what_it_opens(world: &mut World) {
    let ann = world.plain("ann").await;
    let mut plain = world.login(ann.id()).await;
    plain.factor = Some(code(7));
    opened(world.store.log_in(plain).await.unwrap());
    world.with_codes(ann.id()).await;

    let with = async |factor: Option<SecondFactor>, organization: Option<&str>| {
        let mut login = world.login(ann.id()).await;
        login.factor = factor;
        login.organization = organization.map(folded);
        world.store.log_in(login).await.unwrap()
    };
    let recovery = Some(SecondFactor::Recovery([9; 32]));
    assert_eq!(with(None, None).await, Opened::FactorRefused);
    assert_eq!(with(Some(code(100)), None).await, Opened::FactorRefused);
    assert_eq!(with(Some(SecondFactor::Recovery([8; 32])), None).await, Opened::FactorRefused);
    assert_eq!(with(Some(code(101)), Some("elsewhere")).await, Opened::OrganizationNotAllowed);
    assert_eq!(with(recovery.clone(), Some("elsewhere")).await, Opened::OrganizationNotAllowed);
    opened(with(Some(code(101)), None).await);
    opened(with(recovery.clone(), None).await);
    assert_eq!(with(Some(code(101)), None).await, Opened::FactorRefused);
    opened(with(Some(code(105)), None).await);
    assert_eq!(with(Some(code(104)), None).await, Opened::FactorRefused, "an earlier step after a later one");
    assert_eq!(with(recovery, None).await, Opened::FactorRefused);
    world.settle().await;
    let mut again = world.login(ann.id()).await;
    again.factor = Some(code(105));
    assert_eq!(world.store.log_in(again).await.unwrap(), Opened::FactorRefused);
}

pub(crate) async fn acts_only_in_an_own_organization(world: &mut World) {
    let (ann, bob) = (world.plain("Ann").await, world.plain("Bob").await);
    world.organization("team", &[&bob]).await;
    let into = async |organization: &str| {
        let mut login = world.login(ann.id()).await;
        login.organization = Some(folded(organization));
        world.store.log_in(login).await.unwrap()
    };
    for foreign in ["team", "bob", "unknown"] {
        assert_eq!(into(foreign).await, Opened::OrganizationNotAllowed, "{foreign}");
    }
    let own = opened(into("ANN").await);
    let acts_in = world.session(own.grant.session()).await.organization();
    assert_eq!((own.grant.organization(), acts_in), ("Ann", ActiveOrganization::Personal));
}

pub(crate) async fn ends_the_least_recently_refreshed_of_too_many(world: &mut World) {
    let ann = world.plain("ann").await;
    let open = async |world: &World| {
        let mut login = world.login(ann.id()).await;
        login.session.most = 3;
        opened(world.store.log_in(login).await.unwrap())
    };
    let mut grants = Vec::new();
    for _ in 0..3 {
        grants.push(open(world).await);
        world.pass(secs(1));
    }
    // One that ended by itself does not count.
    let by = world.holder(&grants[1], Needs::Nothing);
    assert!(matches!(world.store.end_session(grants[1].grant.session(), by).await.unwrap().outcome, Ended::Ended));
    grants.push(open(world).await);
    assert!(grants.iter().filter(|grant| world.revokes(grant)).count() == 1);

    let event = world.next_event().await;
    let last = open(world).await;
    let expected = [Action::Login(ann.id(), last.grant.session()), Action::SessionCrowdedOut(grants[0].grant.session())];
    world.recorded(&event, &expected).await;
    world.settle().await;
    assert!(world.revokes(&grants[0]) && !world.revokes(&grants[2]) && !world.revokes(&grants[3]) && !world.revokes(&last));
    assert_eq!(exchanged(world, &grants[0], 0).await, Rotated::Ended);
    let state = world.session(grants[0].grant.session()).await.state();
    assert_eq!(state, SessionState::Ended { at: world.now, reason: EndReason::Crowded });

    // Nor do those that are over.
    world.pass(DAY);
    open(world).await;
    assert!(!world.revokes(&last));
    world.pass(DAY);

    // Whichever way a session renews, and however often: the one that rested longest leaves, not the one that began first.
    let (first, second, third) = (open(world).await, open(world).await, open(world).await);
    for number in 0..2 {
        world.pass(secs(600));
        rotated(exchanged(world, &first, number).await);
        world.pass(secs(600));
        let renewed = world.store.renew_session(access_token(&second), world.anyone()).await.unwrap().outcome;
        assert!(matches!(renewed, Renewed::Renewed(_)));
    }
    world.pass(secs(1));
    let fourth = open(world).await;
    assert!(world.revokes(&third) && !world.revokes(&first) && !world.revokes(&second));
    world.pass(secs(1));
    rotated(exchanged(world, &first, 2).await);
    world.pass(secs(1));
    let fifth = open(world).await;
    assert!(world.revokes(&second) && !world.revokes(&first) && !world.revokes(&fourth));
    world.pass(secs(1));
    rotated(exchanged(world, &fourth, 0).await);
    // A lower limit: as many as it takes, and again those that rested longest.
    let mut login = world.login(ann.id()).await;
    login.session.most = 2;
    opened(world.store.log_in(login).await.unwrap());
    assert!(world.revokes(&first) && world.revokes(&fifth) && !world.revokes(&fourth));
    assert_eq!(exchanged(world, &first, 3).await, Rotated::Ended);
}

pub(crate) async fn rotates_and_retries_within_an_absolute_window(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await;
    let first = rotated(exchanged(world, &session, 0).await);
    let id = session.grant.session();
    let row = world.session(id).await;
    assert_eq!((row.n(), *row.tip(), row.renewal()), (1, hash(id, 1), Renewal::RefreshToken));
    assert_eq!(row.expire_time(), session.grant.expire_time());
    let at = world.now;
    for later in [0, 6, 10] {
        world.now = at.plus(secs(later));
        world.settle().await;
        let Rotated::Retried(retried) = exchanged(world, &session, 0).await else { panic!("within the window") };
        assert_eq!((retried.grant, world.session(id).await), (first.grant.clone(), row.clone()), "nothing changed");
    }
    // Not re-armed by the retries, and closed as soon as the successor is used.
    rotated(exchanged(world, &session, 1).await);
    assert_eq!(exchanged(world, &session, 0).await, Rotated::Reused(EndReason::Reused));

    let other = world.opened(ann.id()).await;
    let mut cookie = world.exchange(other.grant.session(), 0);
    cookie.token.mode = Some(Mode::Cookie);
    assert_eq!(rotated(world.store.rotate(cookie).await.unwrap()).grant.mode(), Mode::Cookie);
    assert_eq!(rotated(exchanged(world, &other, 1).await).grant.mode(), Mode::Cookie, "it stays until another is asked for");
}

pub(crate) async fn ends_on_reuse_late_and_ahead(world: &mut World) {
    let ann = world.plain("ann").await;
    for (exchanges, presented, wait, reason, text) in
        [(2, 0, 0, EndReason::Reused, "reuse"), (1, 0, 11, EndReason::Late, "late"), (1, 2, 0, EndReason::Ahead, "ahead")]
    {
        let session = world.opened(ann.id()).await;
        let mut newest = session.clone();
        for n in 0..exchanges {
            newest = rotated(exchanged(world, &session, n).await);
        }
        world.pass(secs(wait));
        let event = world.next_event().await;
        assert_eq!(exchanged(world, &session, presented).await, Rotated::Reused(reason));
        world.recorded(&event, &[Action::RefreshReused(session.grant.session(), text.to_owned())]).await;
        world.settle().await;
        assert!(world.revokes(&newest), "{text}: the access tokens are dead at once");
        for n in 0..4 {
            assert_eq!(exchanged(world, &session, n).await, Rotated::Ended, "{text}: and every refresh token");
        }
        assert_eq!(world.store.renew_session(access_token(&session), world.anyone()).await.unwrap().outcome, Renewed::Ended);
        let row = world.session(session.grant.session()).await;
        assert_eq!(row.state(), SessionState::Ended { at: world.now, reason });
    }
    assert!(!world.revokes(&world.opened(ann.id()).await), "only that session ended");
}

pub(crate) async fn a_thief_cannot_hide_behind_the_end(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await;
    rotated(exchanged(world, &session, 0).await);
    let newest = rotated(exchanged(world, &session, 1).await);
    world.now = session.grant.expire_time().minus(secs(60));
    assert_eq!(exchanged(world, &session, 2).await, Rotated::Expired);
    assert_eq!(exchanged(world, &session, 0).await, Rotated::Reused(EndReason::Reused));
    assert!(world.revokes(&newest));

    let renewing = world.opened(ann.id()).await;
    let renewed = world.store.renew_session(access_token(&renewing), world.anyone()).await.unwrap().outcome;
    assert!(matches!(renewed, Renewed::Renewed(_)));
    assert_eq!(exchanged(world, &renewing, 0).await, Rotated::Mismatch);
    assert_eq!(exchanged(world, &renewing, 1).await, Rotated::Reused(EndReason::Ahead));
}

pub(crate) async fn turns_away_what_it_does_not_know(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await;
    assert_eq!(world.store.rotate(world.exchange(session_id(), 0)).await.unwrap(), Rotated::Unknown);
    let mut foreign = world.exchange(session.grant.session(), 0);
    foreign.token.hash = [1; 16];
    assert_eq!(world.store.rotate(foreign).await.unwrap(), Rotated::Unknown);
    rotated(exchanged(world, &session, 0).await);
    let mut branch = world.exchange(session.grant.session(), 0);
    branch.token.successor = [1; 16];
    assert_eq!(world.store.rotate(branch).await.unwrap(), Rotated::Unknown);
    rotated(exchanged(world, &session, 1).await);
    assert_eq!(
        world
            .store
            .renew_session(RenewSession { session: session_id(), generation: generation(0) }, world.anyone())
            .await
            .unwrap()
            .outcome,
        Renewed::Unknown
    );
    // An id is given once.
    let mut twice = world.login(ann.id()).await;
    twice.session.id = session.grant.session();
    assert!(matches!(world.store.log_in(twice).await, Err(StoreError::Corrupt(_))));
}

pub(crate) async fn notes_renewals_now_and_then(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await;
    let begun = world.now;
    for (later, noted) in [(60, 60), (359, 60), (360, 360), (361, 360), (4000, 4000)] {
        world.now = begun.plus(secs(later));
        let renewed = world.store.renew_session(access_token(&session), world.anyone()).await.unwrap().outcome;
        assert!(matches!(renewed, Renewed::Renewed(_)));
        world.settle().await;
        assert_eq!(world.session(session.grant.session()).await.refresh_time(), begun.plus(secs(noted)), "after {later} s");
    }
}

pub(crate) async fn renews_one_way_only(world: &mut World) {
    let ann = world.plain("ann").await;
    let renew = async |world: &World, session: &Granted| {
        world.store.renew_session(access_token(session), world.anyone()).await.unwrap().outcome
    };
    let by_access = world.opened(ann.id()).await;
    let event = world.next_event().await;
    for _ in 0..3 {
        assert!(matches!(renew(world, &by_access).await, Renewed::Renewed(_)));
    }
    world.recorded(&event, &[Action::RenewedByAccessToken(by_access.grant.session())]).await;
    world.settle().await;
    assert_eq!(exchanged(world, &by_access, 0).await, Rotated::Mismatch);

    let by_refresh = world.opened(ann.id()).await;
    rotated(exchanged(world, &by_refresh, 0).await);
    assert_eq!(renew(world, &by_refresh).await, Renewed::Mismatch);

    let mut login = world.login(ann.id()).await;
    login.session.mode = Mode::Cookie;
    let cookie = opened(world.store.log_in(login).await.unwrap());
    assert_eq!(renew(world, &cookie).await, Renewed::Mismatch);
    rotated(exchanged(world, &cookie, 0).await);
}

pub(crate) async fn answers_its_last_moments(world: &mut World) {
    let ann = world.plain("ann").await;
    let (chain, access) = (world.opened(ann.id()).await, world.opened(ann.id()).await);
    let end = chain.grant.expire_time();
    world.now = end.minus(secs(91));
    rotated(exchanged(world, &chain, 0).await);
    assert!(matches!(
        world.store.renew_session(access_token(&access), world.anyone()).await.unwrap().outcome,
        Renewed::Renewed(_)
    ));
    for left in [90, 1, 0] {
        world.now = end.minus(secs(left));
        assert_eq!(exchanged(world, &chain, 1).await, Rotated::Expired, "{left} s before its end");
        assert_eq!(world.store.renew_session(access_token(&access), world.anyone()).await.unwrap().outcome, Renewed::Expired);
    }
}

pub(crate) async fn ends_one_by_itself(world: &mut World) {
    let (ann, bob) = (world.plain("ann").await, world.plain("bob").await);
    let (one, two) = (world.opened(ann.id()).await, world.opened(ann.id()).await);
    let foreign = world.opened(bob.id()).await;
    let end = async |world: &World, session: &Granted, by: &Granted| {
        world.store.end_session(session.grant.session(), world.holder(by, Needs::Nothing)).await.unwrap()
    };
    let before = async |world: &World, session: &Granted, by: &Granted| match end(world, session, by).await {
        Commit { outcome: Ended::Before, revision, .. } => revision,
        other => panic!("{other:?}"),
    };
    assert_eq!(end(world, &foreign, &one).await.outcome, Ended::Unknown);
    let Commit { outcome: Ended::Ended, revision, .. } = end(world, &one, &one).await else { panic!("it was alive") };
    assert!(world.revocations.revision() >= revision);
    world.settle().await;
    assert!(world.revokes(&one) && !world.revokes(&two) && !world.revokes(&foreign));
    assert_eq!(before(world, &one, &one).await, revision, "who comes twice is told that it was over");
    assert_eq!(before(world, &one, &two).await, revision);
    assert_eq!(exchanged(world, &one, 0).await, Rotated::Ended);
    let outside = world.store.end_session(two.grant.session(), world.holder(&one, Needs::Nothing)).await;
    assert_eq!(outside, Err(StoreError::CallerRevoked), "a dead session ends no other");
    assert_eq!(end(world, &two, &two).await.outcome, Ended::Ended);

    let fenced = world.opened(ann.id()).await;
    world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap();
    let floor = world.user(ann.id()).await.generations().session_floor_revision();
    assert_eq!(before(world, &fenced, &fenced).await, floor);

    // From its last moment on (inclusive) it is over.
    let over = world.opened(ann.id()).await;
    world.now = over.grant.expire_time();
    let revision = world.store.status().revision;
    assert_eq!(before(world, &over, &over).await, revision);
}

pub(crate) async fn ends_one_without_a_row(world: &mut World) {
    let ann = world.plain("ann").await;
    let by = world.caller(ann.id(), Needs::Nothing).await;
    let own = by.caller.clone().unwrap().session;
    let ended = world.store.end_session(own, by.clone()).await.unwrap();
    assert_eq!(ended.outcome, Ended::Ended);
    world.settle().await;
    let subject = Subject::User(ann.id());
    let claim = Claim { subject: &subject, generation: generation(0), organization: "ann", session: own, credential: None };
    assert!(world.revocations.revokes(&claim) && world.revocations.buried(own, None));
    let renew = RenewSession { session: own, generation: generation(0) };
    assert_eq!(world.store.renew_session(renew, world.anyone()).await.unwrap().outcome, Renewed::Ended);
    let again = world.store.end_session(own, by.clone()).await.unwrap();
    assert_eq!((again.outcome, again.revision), (Ended::Before, ended.revision));
    let other = world.caller(ann.id(), Needs::Nothing).await;
    assert_eq!(world.store.end_session(session_id(), other).await.unwrap().outcome, Ended::Unknown);
    assert_eq!(world.store.end_session(session_id(), world.anyone()).await.unwrap().outcome, Ended::Unknown);
}
