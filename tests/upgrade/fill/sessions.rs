//! Sessions of every face, mode, method and end.

use countersign::model::audit::{Actor, Origin};
use countersign::model::grant::Grant;
use countersign::model::session::{EndReason, Face, Method, Mode, NewSession};
use countersign::model::user::Subject;
use countersign::store::verbs::{By, Caller, Ended, Needs, RenewSession, Renewed, Rotated};

use super::{Scene, session};

/// A session that is swept in time, and was refreshed before.
pub(super) async fn grow_old(scene: &mut Scene) {
    let id = scene.open("alice", session(Face::Grpc, Mode::Json, &[Method::Password]), None, "192.0.2.1").await;
    for n in 0..3 {
        assert!(matches!(scene.exchange(id, n, "192.0.2.1").await, Rotated::Rotated(_)));
    }
    scene.catalogue.sessions.clear();
}

pub(super) async fn make(scene: &mut Scene) {
    live(scene).await;
    for (face, reason) in
        [(Face::Grpc, EndReason::Reused), (Face::Graphistry, EndReason::Late), (Face::Directus, EndReason::Ahead)]
    {
        let id = scene.open("alice", session(face, Mode::Json, &[Method::Password]), None, "192.0.2.2").await;
        for n in 0..2 {
            assert!(matches!(scene.exchange(id, n, "192.0.2.2").await, Rotated::Rotated(_)));
        }
        scene.pass(11);
        let n = match reason {
            EndReason::Reused => 0,
            EndReason::Late => 1,
            _ => 9,
        };
        assert_eq!(scene.exchange(id, n, "203.0.113.66").await, Rotated::Reused(reason));
    }

    // A page's session crowds another out; the one that is left ends by Logout.
    let alone = |new: NewSession| NewSession { most: 1, ..new };
    scene.open("bob", session(Face::Page, Mode::Cookie, &[Method::Password]), None, "192.0.2.3").await;
    scene.pass(1);
    let left = scene.open("bob", alone(session(Face::Page, Mode::Cookie, &[Method::Password])), None, "192.0.2.3").await;
    let mut by = scene.by("bob", Needs::Nothing).await;
    by.caller.as_mut().unwrap().session = left;
    assert_eq!(scene.store.end_session(left, by).await.unwrap().outcome, Ended::Ended);
    // A token that has no row.
    let by = scene.by("bob", Needs::Nothing).await;
    let rowless = by.caller.as_ref().unwrap().session;
    assert_eq!(scene.store.end_session(rowless, by).await.unwrap().outcome, Ended::Ended);
}

async fn live(scene: &mut Scene) {
    let new = session(Face::Grpc, Mode::Json, &[Method::Password, Method::OneTimeCode]);
    scene.open("alice", new, Some("acme"), "192.0.2.1").await;
    scene
        .open("Sam", session(Face::Directus, Mode::Cookie, &[Method::Password, Method::RecoveryCode]), None, "2001:db8::7")
        .await;

    // Refreshed: once from elsewhere, and once with a lost answer.
    let id = scene.open("sue", session(Face::Graphistry, Mode::Json, &[Method::Password]), None, "192.0.2.1").await;
    for (n, address) in [(0, "192.0.2.1"), (1, "192.0.2.9")] {
        scene.pass(60);
        assert!(matches!(scene.exchange(id, n, address).await, Rotated::Rotated(_)));
    }
    assert!(matches!(scene.exchange(id, 1, "192.0.2.9").await, Rotated::Retried(_)));

    let id =
        scene.open("sue", session(Face::Graphistry, Mode::Json, &[Method::Password, Method::PersonalKey]), None, "::1").await;
    assert!(matches!(
        scene
            .store
            .renew_session(
                RenewSession { session: id, generation: scene.user("sue").await.generations().current() },
                scene.anyone("::1")
            )
            .await
            .unwrap()
            .outcome,
        Renewed::Renewed(_)
    ));
}

/// A guest, who has a session of that id.
pub(super) fn guest(scene: &Scene, grant: &Grant) -> By {
    let Subject::Guest(name) = grant.subject() else { panic!("no guest: {grant:?}") };
    let caller = Caller {
        subject: grant.subject().clone(),
        generation: grant.generation(),
        session: grant.session(),
        credential: grant.credential(),
        organization: grant.organization().to_owned(),
        needs: Needs::Nothing,
    };
    By { origin: Origin { actor: Actor::Guest(name.clone()), source: None }, caller: Some(caller), now: scene.now }
}
