use proptest::prelude::*;

use super::*;
use crate::model::ids::{OrganizationId, ProviderId};
use crate::model::name::Name;
use crate::model::organization::ActiveOrganization;
use crate::model::provider::IdentityProvider;
use crate::model::session::{Face, Mode, NewSession, Opening};
use crate::model::user::{Roles, User};

fn start() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn id() -> AttemptId {
    AttemptId::from_bytes([1; 16])
}

fn end() -> Timestamp {
    start().plus(Duration::from_mins(10))
}

fn ann() -> User {
    let (id, name) = (UserId::from_bytes([2; 16]), Name::parse("ann").unwrap());
    User::new(id, name, None, None, Roles::default(), start())
}

fn provider() -> IdentityProvider {
    IdentityProvider {
        id: ProviderId::from_bytes([3; 16]),
        name: Name::parse("idp").unwrap(),
        organization: None,
        issuer: "https://idp.example".to_owned(),
        client_id: "countersign".to_owned(),
        sealed_client_secret: None,
        scopes: Vec::new(),
        sign_up: true,
        email_domains: Vec::new(),
        trusted_audiences: Vec::new(),
        confined: false,
        create_time: start(),
    }
}

fn new() -> NewSession {
    NewSession {
        id: SessionId::from_bytes([4; 16]),
        tip: [0; 16],
        face: Face::Grpc,
        mode: Mode::Json,
        methods: Vec::new(),
        lifetime: Duration::from_hours(24),
        most: 10,
    }
}

/// How far an attempt is; what is further never comes before.
fn place(attempt: Option<&Attempt>) -> u8 {
    match attempt.map(Attempt::state) {
        None => 0,
        Some(AttemptState::Exchanging { .. }) => 1,
        Some(AttemptState::Identified { .. }) => 2,
        Some(AttemptState::Confirmed { .. }) => 3,
        Some(AttemptState::Collected { .. } | AttemptState::Refused) => 4,
    }
}

/// A step, taken by whoever.
#[derive(Clone, Copy, Debug)]
enum Event {
    Begin,
    Identify,
    Confirm,
    Refuse,
    Collect,
    LogOut,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Begin),
        4 => Just(Event::Identify),
        4 => Just(Event::Confirm),
        1 => Just(Event::Refuse),
        4 => Just(Event::Collect),
        1 => Just(Event::LogOut),
    ]
}

proptest! {
    /// Whatever is asked in whatever order, an attempt goes forward or nowhere, no step is done twice, and it opens one session.
    #[test]
    fn an_attempt_never_goes_back(events in proptest::collection::vec((event(), 0_u64..90), 1..40)) {
        let (mut attempt, mut user, mut now) = (None::<Attempt>, ann(), start());
        let (mut revision, mut session, mut opened) = (0, None, 0);
        for (event, wait) in events {
            now = now.plus(Duration::from_secs(wait));
            let before = attempt.clone();
            let changed = match (event, attempt.take()) {
                (Event::Begin, found) => {
                    let decision = Attempt::begin(found, id(), end(), [8; 32], revision, now);
                    prop_assert_eq!(decision.outcome == Step::Done, before.is_none() && now < end());
                    attempt = decision.value;
                    decision.changed
                }
                (Event::Refuse, found) => {
                    let decision = Attempt::refuse(found, id(), end(), now);
                    attempt = decision.value;
                    decision.changed
                }
                (Event::LogOut, found) => {
                    revision += 1;
                    user = user.log_out(true, revision).value;
                    attempt = found;
                    false
                }
                (_, None) => false,
                (Event::Identify, Some(found)) => {
                    let provider = provider();
                    let proven = ProvenSubject {
                        provider: Some(&provider),
                        account: Some(&user),
                        new_user: UserId::from_bytes([9; 16]),
                        organization: None,
                        member: false,
                    };
                    let decision = found.identify(&proven, now);
                    attempt = Some(decision.value);
                    decision.changed
                }
                (Event::Confirm, Some(found)) => {
                    let decision = found.confirm(now);
                    prop_assert_eq!(decision.outcome == Step::Done, decision.changed);
                    attempt = Some(decision.value);
                    decision.changed
                }
                (Event::Collect, Some(found)) => {
                    let organization = Some(ActiveOrganization::Personal);
                    let collection = Collection { new: &new(), account: Some(&user), organization };
                    let decision = found.collect(&collection, session.clone(), Opening::at(now, None));
                    match decision.outcome {
                        AttemptCollected::Opened(one) => {
                            prop_assert!(place(before.as_ref()) == 3 && one.lives(user.standing(), now));
                            opened += 1;
                            session = Some(one);
                        }
                        AttemptCollected::Retried(one) => prop_assert_eq!(Some(one), session.clone()),
                        AttemptCollected::Pending => prop_assert!(place(before.as_ref()) < 3),
                        AttemptCollected::Refused | AttemptCollected::Gone | AttemptCollected::Expired => {}
                    }
                    attempt = Some(decision.value);
                    decision.changed
                }
            };
            prop_assert_eq!(changed, attempt != before);
            let browser = |attempt: &Option<Attempt>| attempt.as_ref().map(|attempt| attempt.browser().copied());
            prop_assert!(before.is_none() || browser(&attempt) == browser(&before), "the browser stays the first one");
            prop_assert!(!changed || place(attempt.as_ref()) > place(before.as_ref()), "{:?} after {:?}", attempt, before);
            if let Some(attempt) = &attempt {
                prop_assert_eq!(Attempt::try_from(attempt.clone().into_parts()), Ok(attempt.clone()), "a possible one");
            }
        }
        prop_assert!(opened <= 1);
    }
}

#[test]
fn who_may_come_in_is_decided_by_provider_account_and_organization() {
    let exchanging = || Attempt::begin(None, id(), end(), [8; 32], 5, start()).value.unwrap();
    let (open, closed) = (provider(), IdentityProvider { sign_up: false, ..provider() });
    let team = Some(OrganizationId::from_bytes([7; 16]));
    let own = IdentityProvider { organization: team, ..provider() };
    let (known, disabled) = (ann(), ann().switch(false, true, 3).value);
    let (earlier, later) = (ann().log_out(true, 5).value, ann().log_out(true, 6).value);
    let outcome = |provider: Option<&IdentityProvider>, account: Option<&User>, organization, member| {
        let proven = ProvenSubject { provider, account, new_user: UserId::from_bytes([9; 16]), organization, member };
        exchanging().identify(&proven, start()).outcome
    };
    assert_eq!(outcome(Some(&open), Some(&known), None, false), AttemptIdentified::Known);
    assert_eq!(outcome(Some(&closed), Some(&known), None, false), AttemptIdentified::Known);
    assert_eq!(outcome(Some(&open), Some(&known), team, true), AttemptIdentified::Known);
    assert_eq!(outcome(Some(&open), Some(&known), team, false), AttemptIdentified::Refused);
    assert_eq!(outcome(Some(&open), Some(&disabled), None, false), AttemptIdentified::Refused);
    assert_eq!(outcome(Some(&open), Some(&earlier), None, false), AttemptIdentified::Known);
    assert_eq!(outcome(Some(&open), Some(&later), None, false), AttemptIdentified::Refused, "logged out since it began");
    assert_eq!(outcome(Some(&open), None, None, false), AttemptIdentified::SignUp);
    assert_eq!(outcome(Some(&own), None, team, false), AttemptIdentified::SignUp);
    assert_eq!(outcome(Some(&open), None, team, false), AttemptIdentified::Refused);
    assert_eq!(outcome(Some(&closed), None, None, false), AttemptIdentified::Refused);
    assert_eq!(outcome(None, Some(&known), None, false), AttemptIdentified::Refused);
}

#[test]
fn what_cannot_be_is_refused() {
    let (user, generation) = (ann().id(), Generation(0));
    for state in [
        AttemptState::Identified { user, generation, at: end() },
        AttemptState::Confirmed { user, generation, at: end() },
        AttemptState::Collected { session: new().id, at: end() },
    ] {
        assert!(Attempt::try_from(AttemptParts { id: id(), expire_time: end(), state, browser: None }).is_err());
    }
}
