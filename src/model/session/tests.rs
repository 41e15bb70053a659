use proptest::prelude::*;

use super::*;
use crate::model::audit::Action;
use crate::model::decision::Decision;
use crate::model::ids::{KeyId, LinkId, UserId};
use crate::model::revocation::Revoked;
use crate::model::user::Generations;

const DAY: Duration = Duration::from_hours(24);

fn start() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn subject() -> UserId {
    UserId::from_bytes([1; 16])
}

fn new(mode: Mode) -> NewSession {
    let methods = vec![Method::Password];
    NewSession { id: SessionId::from_bytes([2; 16]), tip: hash(0), face: Face::Grpc, mode, methods, lifetime: DAY, most: 10 }
}

fn account() -> Owner {
    Owner::Account { user: subject(), organization: ActiveOrganization::Personal, key: None }
}

fn opened(mode: Mode) -> Session {
    Session::open(&new(mode), account(), Generation(0), Opening::at(start(), None))
}

/// Stands for the keyed hash of token number `n`.
fn hash(n: u32) -> ChainHash {
    let mut hash = [7; 16];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    hash
}

fn token(n: u32) -> PresentedToken {
    PresentedToken { n, hash: hash(n), successor: hash(n.wrapping_add(1)), mode: None }
}

fn standing() -> Standing {
    Standing::new(true, Generations::default())
}

/// What can happen to a session.
#[derive(Clone, Copy, Debug)]
enum Event {
    Rotate { from_tip: i32, mode: Option<Mode> },
    Foreign,
    Renew,
    End,
    Crowded,
    Revoked,
    LogOut,
    Narrow,
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Json), Just(Mode::Cookie)]
}

fn event() -> impl Strategy<Value = Event> {
    let rotate = (prop_oneof![12 => Just(0), 6 => Just(-1), 1 => -5..2_i32], proptest::option::weighted(0.2, mode()));
    prop_oneof![
        20 => rotate.prop_map(|(from_tip, mode)| Event::Rotate { from_tip, mode }),
        1 => Just(Event::Foreign),
        2 => Just(Event::Renew),
        1 => Just(Event::End),
        1 => Just(Event::Crowded),
        1 => Just(Event::Revoked),
        1 => Just(Event::LogOut),
        1 => Just(Event::Narrow),
    ]
}

/// How long before it happens: mostly within the window, now and then much later.
fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![8 => 0..13_u64, 1 => 3_000..20_000_u64].prop_map(Duration::from_secs)
}

proptest! {
    #[test]
    fn one_life_whatever_happens(mode in mode(), events in proptest::collection::vec((event(), wait()), 1..40)) {
        let (mut session, mut generations, mut now) = (opened(mode), Generations::default(), start());
        let mut revision = 0;
        for (event, wait) in events {
            now = now.plus(wait);
            revision += 1;
            let before = session.clone();
            let stood = Standing::new(true, generations);
            let (revoked, outcome) = match event {
                Event::Rotate { from_tip, mode } => {
                    let n = session.n().saturating_add_signed(from_tip);
                    let decision = session.rotate(&PresentedToken { mode, ..token(n) }, stood, true, now, None);
                    session = decision.value;
                    rotated_rightly(&before, n, decision.outcome, &session, stood, now)?;
                    (decision.revoked, Some(decision.outcome))
                }
                Event::Foreign => {
                    let foreign = PresentedToken { hash: [0; 16], successor: [0; 16], ..token(session.n()) };
                    let decision = session.rotate(&foreign, stood, true, now, None);
                    session = decision.value;
                    prop_assert_ne!(decision.outcome, SessionRotated::Rotated);
                    (decision.revoked, Some(decision.outcome))
                }
                Event::Renew => {
                    let decision = session.renew(generations.current(), stood, true, now);
                    session = decision.value;
                    let by_access = session.renewal() == Renewal::AccessToken && session.mode() == Mode::Json;
                    prop_assert!(decision.outcome != SessionRenewed::Renewed || by_access);
                    (decision.revoked, None)
                }
                Event::End => {
                    let decision = session.end(stood, now);
                    session = decision.value;
                    prop_assert!(!session.lives(stood, now));
                    (decision.revoked, None)
                }
                Event::Crowded => {
                    let decision = session.crowd_out(now);
                    session = decision.value;
                    prop_assert!(!session.lives(stood, now));
                    (decision.revoked, None)
                }
                Event::Revoked => {
                    // It came from a password: no credential ends it.
                    prop_assert_eq!(session.clone().end_with(Credential::Key(KeyId::from_bytes([0; 16])), now), None);
                    (None, None)
                }
                Event::LogOut => { generations = generations.end_all(revision); (None, None) }
                Event::Narrow => { generations = generations.end_tokens(revision); (None, None) }
            };
            let standing = Standing::new(true, generations);
            prop_assert_eq!(Session::try_from(session.clone().into_parts()), Ok(session.clone()), "a possible one");
            prop_assert!(!session.lives(standing, now) || before.lives(stood, now), "what ended never lives again");
            let ended = session.state() != before.state();
            prop_assert_eq!(revoked, ended.then_some(Revoked::Session(session.id())), "its tokens end when it does, and once");
            if !before.lives(stood, now) {
                prop_assert!(!matches!(outcome, Some(SessionRotated::Rotated | SessionRotated::Retried)));
            }
            if before.renewal() != Renewal::Unset {
                prop_assert_eq!(session.renewal(), before.renewal(), "one way only");
            }
            let rotates = (0..session.n() + 3).filter(|n| {
                session.clone().rotate(&token(*n), standing, true, now, None).outcome == SessionRotated::Rotated
            });
            prop_assert!(rotates.count() <= 1, "one live chain");
        }
    }

    /// Retrying never arms the window anew, however often and whenever it is done.
    #[test]
    fn the_retry_window_is_absolute(waits in proptest::collection::vec(0_u64..4_000, 1..30)) {
        let at = start().plus(Duration::from_secs(5));
        let mut session = opened(Mode::Json).rotate(&token(0), standing(), true, at, None).value;
        let mut now = at;
        for wait in waits {
            now = now.plus(Duration::from_millis(wait));
            let decision = session.clone().rotate(&token(0), standing(), true, now, None);
            if now.since(at) <= ROTATION_RETRY {
                prop_assert_eq!((decision.outcome, decision.changed), (SessionRotated::Retried, false));
                prop_assert_eq!(decision.audited, Some(Action::Refreshed(session.id(), true)));
                session = decision.value;
            } else {
                prop_assert_eq!(decision.outcome, SessionRotated::Reused(EndReason::Late));
                break;
            }
        }
    }

    #[test]
    fn an_opened_session_is_possible(
        guest in any::<bool>(), name in ".{1,20}", lifetime in 0_u64..1_000_000, proved in any::<u32>(), latest in any::<u32>(),
    ) {
        let latest_end = Timestamp::from_secs(latest.into());
        let owner = if guest {
            let (dataset_id, link) = (String::new(), LinkId::from_bytes([3; 16]));
            Owner::Guest { name, dataset_id, link, latest_end }
        } else {
            account()
        };
        let opening = Opening { auth_time: Timestamp::from_secs(proved.into()), ..Opening::at(Timestamp::from_secs(1 << 31), None) };
        let new = NewSession { lifetime: Duration::from_secs(lifetime), ..new(Mode::Cookie) };
        let session = Session::open(&new, owner, Generation(0), opening);
        prop_assert_eq!(Session::try_from(session.clone().into_parts()), Ok(session));
    }
}

/// Holds the outcome of a token number `n`, of this chain, to what is promised.
fn rotated_rightly(
    before: &Session,
    n: u32,
    outcome: SessionRotated,
    after: &Session,
    standing: Standing,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let stolen = n > before.n() || n + 1 < before.n() || n < before.n() && now.since(before.refresh_time()) > ROTATION_RETRY;
    match outcome {
        SessionRotated::Rotated => {
            prop_assert_eq!((n, after.n(), after.tip()), (before.n(), n + 1, &hash(n + 1)));
            prop_assert_eq!(after.refresh_time(), now);
        }
        SessionRotated::Reused(reason) => {
            prop_assert!(stolen);
            prop_assert_eq!(after.state(), SessionState::Ended { at: now, reason }, "a reuse always ends the session");
        }
        SessionRotated::Retried => prop_assert!(n + 1 == before.n() && now.since(before.refresh_time()) <= ROTATION_RETRY),
        SessionRotated::Foreign => prop_assert!(false, "it is of this chain"),
        SessionRotated::OrganizationNotAllowed => prop_assert!(false, "its holder belongs there"),
        SessionRotated::Expired | SessionRotated::Ended | SessionRotated::Mismatch => {}
    }
    prop_assert!(!stolen || !before.lives(standing, now) || matches!(outcome, SessionRotated::Reused(_)));
    prop_assert!(matches!(outcome, SessionRotated::Rotated | SessionRotated::Reused(_)) || before == after, "nothing changed");
    Ok(())
}

#[test]
fn what_cannot_be_is_refused() {
    let impossible: [fn(&mut SessionParts); 11] = [
        |parts| parts.refresh_time = parts.auth_time.minus(Duration::from_micros(1)),
        |parts| parts.expire_time = parts.refresh_time.minus(Duration::from_micros(1)),
        |parts| parts.n = 1,
        |parts| parts.renewal = Renewal::RefreshToken,
        |parts| (parts.mode, parts.renewal) = (Mode::Cookie, Renewal::AccessToken),
        |parts| parts.state = SessionState::Ended { at: parts.auth_time.minus(DAY), reason: EndReason::Logout },
        |parts| parts.username = "guest:ann".to_owned(),
        |parts| parts.dataset_id = Some("dataset".to_owned()),
        |parts| parts.credential = Some(Credential::Link(LinkId::from_bytes([3; 16]))),
        |parts| parts.subject = Subject::Guest(Folded::presented("ann")),
        |parts| (parts.n, parts.renewal) = (4, Renewal::AccessToken),
    ];
    for (number, make) in impossible.into_iter().enumerate() {
        let mut parts = opened(Mode::Json).into_parts();
        make(&mut parts);
        assert!(Session::try_from(parts).is_err(), "number {number}");
    }
}

#[test]
fn the_first_event_from_elsewhere_stands_out() {
    let elsewhere = Some(IpAddr::from([192, 0, 2, 7]));
    let first = opened(Mode::Json).rotate(&token(0), standing(), true, start(), None);
    assert_eq!(first.audited, None);
    let second = first.value.rotate(&token(1), standing(), true, start(), elsewhere);
    assert_eq!((second.audited, second.value.source()), (Some(Action::Refreshed(second.value.id(), false)), elsewhere));
}

#[test]
fn only_just_the_same_is_answered_again() {
    let (session, same) = (opened(Mode::Json), new(Mode::Json));
    let again = |session: &Session, new: &NewSession, standing| session.again(new, standing, start()).is_some();
    assert!(again(&session, &same, standing()));
    assert!(!again(&session, &NewSession { tip: hash(9), ..same.clone() }, standing()));
    assert!(!again(&session, &same, Standing::gone()));
    assert!(!again(&session.clone().renew(Generation(0), standing(), true, start()).value, &same, standing()));
    assert!(!again(&session.rotate(&token(0), standing(), true, start(), None).value, &same, standing()));
}

#[test]
fn who_no_longer_belongs_there_moves_nothing_on_and_reuse_is_found_out_all_the_same() {
    let session = opened(Mode::Json);
    let refused = session.clone().rotate(&token(0), standing(), false, start(), None);
    assert_eq!(refused, Decision::unchanged(session.clone(), SessionRotated::OrganizationNotAllowed));
    let renewed = session.clone().renew(Generation(0), standing(), false, start());
    assert_eq!(renewed, Decision::unchanged(session.clone(), SessionRenewed::OrganizationNotAllowed));
    let ahead = session.clone().rotate(&token(3), standing(), false, start(), None);
    assert_eq!(ahead.outcome, SessionRotated::Reused(EndReason::Ahead));
    let moved = session.moved_to(Generation(0));
    assert_eq!(moved.renew(Generation(0), standing(), true, start()).outcome, SessionRenewed::Renewed);
}

#[test]
fn a_credential_has_one_text() {
    let id = "12345678-9abc-4def-8123-456789abcdef";
    for (text, kind) in [(format!("key:{id}"), "key"), (format!("link:{id}"), "link")] {
        let credential = Credential::parse(&text).unwrap();
        assert_eq!(matches!(credential, Credential::Key(_)), kind == "key");
        assert_eq!(credential.to_string(), text);
    }
    let (upper, bare, braced) = (format!("key:{}", id.to_uppercase()), id.replace('-', ""), format!("{{{id}}}"));
    for other in
        [upper, format!("key:{bare}"), format!("link:{braced}"), format!("KEY:{id}"), id.to_owned(), format!("key: {id}")]
    {
        assert_eq!(Credential::parse(&other), None, "{other}");
    }
}
