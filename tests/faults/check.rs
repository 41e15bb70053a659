//! Whether everything that was answered is in a store.

use std::str::FromStr;
use std::sync::Arc;

use countersign::model::name::Folded;
use countersign::model::session::SessionState;
use countersign::model::user::{Subject, Totp};
use countersign::store::sled::{Options, open};
use countersign::store::verbs::Redeemed;
use countersign::store::{Lane, Store, audit_digest};

use crate::driver::{DONE, REFUSED};
use crate::load::{by, random, redemption, tip};

/// Opens the store and looks for everything on standard input; answers the exit code, and panics over what is missing.
pub(crate) async fn run(options: Options) -> i32 {
    let answered = std::io::read_to_string(std::io::stdin()).unwrap();
    let store = match open(options, Arc::default()).await {
        Ok((store, _)) => store,
        Err(error) => {
            eprintln!("{error}");
            return REFUSED;
        }
    };
    let mut answers = 0;
    for line in answered.lines() {
        look_for(&*store, line).await;
        answers += 1;
    }
    audit_chain(&*store, answers).await;
    store.close().await;
    DONE
}

async fn look_for(store: &dyn Store, answer: &str) {
    let words: Vec<_> = answer.split(' ').collect();
    match words[..] {
        ["user", name] => assert!(store.user_by_login(&folded(name)).await.unwrap().is_some(), "lost: {answer}"),
        ["session", id] => assert!(store.session(parse(id)).await.unwrap().is_some(), "lost: {answer}"),
        ["step", name, step] => {
            let user = store.user_by_login(&folded(name)).await.unwrap().unwrap_or_else(|| panic!("lost: {answer}"));
            let Totp::On { last_step, .. } = user.totp() else { panic!("lost: {answer}") };
            assert!(*last_step >= parse(step), "lost: {answer}");
        }
        ["rotated", id, n] => {
            let session = store.session(parse(id)).await.unwrap().unwrap_or_else(|| panic!("lost: {answer}"));
            assert!(session.n() >= parse(n) && *session.tip() == tip(session.id(), session.n()), "lost: {answer}");
        }
        ["redeemed", link] => {
            let again = store
                .redeem_link(redemption(parse(link), countersign::model::ids::SessionId::random(random())), by())
                .await
                .map(|again| again.outcome);
            assert_eq!(again, Ok(Redeemed::Dead), "lost: {answer}");
        }
        ["ended", id] => {
            let session = store.session(parse(id)).await.unwrap().unwrap_or_else(|| panic!("lost: {answer}"));
            let alive = match &session.subject() {
                Subject::User(user) => {
                    store.user(*user).await.unwrap().unwrap().generations().session_lives(session.generation())
                }
                Subject::Guest(name) => store.guest_generation(name).await.unwrap() == session.generation(),
            };
            assert!(!alive || session.state() != SessionState::Live, "lost: {answer}");
        }
        ["revision", revision] => assert!(store.status().revision >= parse(revision), "lost: {answer}"),
        _ => panic!("no answer: {answer}"),
    }
}

/// Each event holds the digest of the one before it, and there is none missing. Half of the answers are events of their own.
async fn audit_chain(store: &dyn Store, answers: u64) {
    let (mut sequence, mut previous) = (0, [0; 32]);
    loop {
        let events = store.audit_events(Lane::Only, sequence + 1, 1000).await.unwrap();
        if events.is_empty() {
            break;
        }
        for event in events {
            sequence += 1;
            assert_eq!((event.sequence, event.previous), (sequence, previous), "the audit chain is broken");
            previous = audit_digest(&event);
        }
    }
    assert!(sequence >= answers / 2, "{sequence} audit events of {answers} answers");
}

fn folded(name: &str) -> Folded {
    Folded::presented(name)
}

fn parse<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("no answer: {text}"))
}
