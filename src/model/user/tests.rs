use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::ids::SessionId;
use crate::model::organization::ActiveOrganization;
use crate::model::session::{Face, Mode, NewSession, Opening};

fn ann(roles: Roles) -> User {
    let (id, name) = (UserId::from_bytes([1; 16]), Name::parse("ann").unwrap());
    User::new(id, name, None, Some("phc".to_owned()), roles, Timestamp::from_secs(1))
}

fn with_codes(last_step: u64, codes: &[[u8; 32]]) -> User {
    ann(Roles::default()).enroll_totp(&[1]).value.confirm_totp(&[1], last_step, codes).value
}

fn new() -> NewSession {
    NewSession {
        id: SessionId::from_bytes([2; 16]),
        tip: [0; 16],
        face: Face::Grpc,
        mode: Mode::Json,
        methods: Vec::new(),
        lifetime: Duration::from_hours(24),
        most: 10,
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

/// A login in the account's own organization, with the generation that the account has.
fn login<'a>(user: &User, factor: Option<&'a SecondFactor>) -> PasswordLogin<'a> {
    let organization = Some(ActiveOrganization::Personal);
    PasswordLogin { generation: user.generations().current(), password: "phc", factor, upgraded: None, organization }
}

fn open(user: User, login: &PasswordLogin<'_>) -> Decision<User, UserOpened> {
    user.open(login, &new(), Opening::at(now(), None))
}

#[test]
fn a_generation_that_a_crash_lost_is_not_given_again() {
    let before = Generations::default();
    let (lost, after) = (before.end_all(1_000_000), before.end_all(1_000_001));
    assert!(!after.token_lives(lost.current()) && !after.session_lives(lost.current()));
    let narrowed = before.end_tokens(1_000_001);
    assert!(!narrowed.token_lives(lost.current()) && narrowed.session_lives(before.current()));
}

/// What can happen to an account.
#[derive(Clone, Copy, Debug)]
enum Event {
    Switch(bool, bool),
    LogOut(bool),
    Narrow,
    NarrowIn,
    ChangePassword,
    EnrollTotp,
    ConfirmTotp(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (any::<bool>(), any::<bool>()).prop_map(|(enabled, another)| Event::Switch(enabled, another)),
        any::<bool>().prop_map(Event::LogOut),
        Just(Event::Narrow),
        Just(Event::NarrowIn),
        Just(Event::ChangePassword),
        Just(Event::EnrollTotp),
        any::<u64>().prop_map(Event::ConfirmTotp),
    ]
}

proptest! {
    #[test]
    fn generations_only_rise_and_floors_never_pass_them(
        superuser in any::<bool>(), events in proptest::collection::vec((event(), -5..1_000_000_i64), 1..30),
    ) {
        let mut user = ann(Roles { staff: false, superuser });
        for (secret, (event, revision)) in (0_u8..).zip(events) {
            let before = user.clone();
            let checked = before.password().unwrap();
            let change = PasswordChange { generation: before.generations().current(), checked, replacement: "new" };
            let (value, changed, revoked) = match event {
                Event::Switch(enabled, another) => split(user.switch(enabled, another, revision)),
                Event::LogOut(by_superuser) => split(user.log_out(by_superuser, revision)),
                Event::Narrow => split(user.narrow(revision)),
                Event::NarrowIn => split(user.narrow_in("Team", revision)),
                Event::ChangePassword => split(user.change_password(&change, None, now(), revision)),
                Event::EnrollTotp => split(user.enroll_totp(&[secret])),
                Event::ConfirmTotp(step) => split(user.confirm_totp(&[secret.saturating_sub(1)], step, &[])),
            };
            user = value;
            let (was, is) = (before.generations(), user.generations());
            prop_assert_eq!(User::try_from(user.clone().into_parts()), Ok(user.clone()), "a possible one");
            prop_assert_eq!(changed, user != before);
            prop_assert!(is.session_floor() >= was.session_floor() && is.token_floor() >= was.token_floor());
            prop_assert!(is.session_floor() <= is.token_floor() && is.token_floor() <= is.current());
            if let Some(revoked) = revoked {
                prop_assert!(is.current() > was.current() && is.current().0 >= u64::try_from(revision).unwrap_or_default());
                let subject = Subject::User(user.id());
                if matches!(event, Event::NarrowIn) {
                    prop_assert!(is.token_lives(was.current()) == was.token_lives(was.current()), "only that organization's are dead");
                    prop_assert_eq!(revoked, Revoked::BelowIn(subject, "Team".to_owned(), is.current()));
                } else {
                    prop_assert!(!is.token_lives(was.current()), "what was signed before is dead");
                    prop_assert_eq!(revoked, Revoked::Below(subject, is.token_floor()));
                }
            } else {
                prop_assert_eq!(is, was);
            }
            if before.enabled() && !user.enabled() {
                prop_assert!(!is.session_lives(was.current()));
            }
        }
    }

    /// Whatever steps and recovery codes are presented, in whatever order: a spent one opens nothing.
    #[test]
    fn a_spent_code_is_never_accepted_again(
        factors in proptest::collection::vec(prop_oneof![(0_u64..12).prop_map(Ok), (0_u8..4).prop_map(Err)], 1..30),
    ) {
        let mut user = with_codes(3, &[[0; 32], [1; 32], [2; 32]]);
        let (mut last, mut spent) = (3, Vec::new());
        for factor in factors {
            let presented = match factor {
                Ok(step) => SecondFactor::TotpStep(step),
                Err(code) => SecondFactor::Recovery([code; 32]),
            };
            let decision = open(user.clone(), &login(&user, Some(&presented)));
            let opened = matches!(decision.outcome, UserOpened::Opened(_));
            match factor {
                Ok(step) => {
                    prop_assert_eq!(opened, step > last, "{} after {}", step, last);
                    last = last.max(step);
                }
                Err(code) => {
                    prop_assert_eq!(opened, code < 3 && !spent.contains(&code));
                    spent.push(code);
                }
            }
            prop_assert!(opened || decision.value == user, "nothing is spent without what it opens");
            user = decision.value;
        }
    }

    #[test]
    fn parts_are_possible_or_refused(
        enabled in any::<bool>(), current in 0_u64..6, session in 0_u64..6, token in 0_u64..6, revision in -2_i64..6,
    ) {
        let parts = GenerationsParts {
            current: Generation(current),
            session_floor: Generation(session),
            token_floor: Generation(token),
            session_floor_revision: revision,
        };
        let possible = session <= token && token <= current && u64::try_from(revision).is_ok_and(|revision| revision <= session);
        let made = Generations::try_from(parts);
        prop_assert_eq!(made.is_ok(), possible);
        if let Ok(generations) = made {
            let user = User::try_from(UserParts { enabled, generations, ..ann(Roles::default()).into_parts() });
            prop_assert_eq!(user.is_ok(), enabled || session > 0, "a disabled account's sessions have ended");
        }
    }
}

/// What is the same of every decision about an account.
fn split<O>(decision: Decision<User, O>) -> (User, bool, Option<Revoked>) {
    (decision.value, decision.changed, decision.revoked)
}

#[test]
fn a_login_is_checked_in_order() {
    let outcome = |user: &User, change: fn(&mut PasswordLogin<'_>)| {
        let mut login = login(user, None);
        change(&mut login);
        open(user.clone(), &login).outcome
    };
    let (plain, guarded) = (ann(Roles::default()), with_codes(3, &[]));
    assert!(matches!(outcome(&plain, |_| {}), UserOpened::Opened(_)));
    assert_eq!(outcome(&guarded, |login| (login.password, login.organization) = ("other", None)), UserOpened::Stale);
    assert_eq!(outcome(&guarded, |login| login.generation = Generation(1)), UserOpened::Stale);
    assert_eq!(outcome(&guarded, |login| login.organization = None), UserOpened::FactorRefused);
    assert_eq!(outcome(&plain, |login| login.organization = None), UserOpened::OrganizationNotAllowed);
    let disabled = plain.switch(false, true, 9).value;
    assert_eq!(outcome(&disabled, |_| {}), UserOpened::Stale, "whatever its generation");
}

#[test]
fn the_last_superuser_stays_and_only_a_superuser_ends_another() {
    let root = ann(Roles { staff: false, superuser: true });
    assert_eq!(root.clone().switch(false, false, 1).outcome, UserSwitched::LastSuperuser);
    assert_eq!(root.clone().switch(false, true, 1).outcome, UserSwitched::Done);
    for roles in [Roles { staff: true, superuser: false }, Roles { staff: false, superuser: true }] {
        assert_eq!(ann(roles).log_out(false, 1), Decision::unchanged(ann(roles), UserLoggedOut::NotAllowed));
        assert_eq!(ann(roles).log_out(true, 1).outcome, UserLoggedOut::Done);
    }
}

#[test]
fn a_change_of_password_moves_its_own_living_session_along() {
    let user = ann(Roles::default());
    let UserOpened::Opened(own) = open(user.clone(), &login(&user, None)).outcome else { panic!("it opens") };
    let change = PasswordChange { generation: Generation(0), checked: "phc", replacement: "new" };
    let moved = |user: User, own| match user.change_password(&change, Some(own), now(), 9) {
        Decision { outcome: PasswordChanged::Changed(moved), value, .. } => (moved, value),
        other => panic!("{other:?}"),
    };
    let (kept, after) = moved(user.clone(), own.clone());
    let kept = kept.unwrap();
    assert!(kept.lives(after.standing(), now()) && !own.lives(after.standing(), now()));
    assert_eq!(after.password(), Some("new"));
    let ended = own.clone().end(user.standing(), now()).value;
    assert_eq!(moved(user.clone(), ended).0, None);
    let other = User::try_from(UserParts { id: UserId::from_bytes([9; 16]), ..user.into_parts() }).unwrap();
    assert_eq!(moved(other, own).0, None, "another's");
}
