use crate::asked::{Ask as _, Asked};
use countersign::model::audit::Action;
use countersign::model::clock::Timestamp;
use countersign::model::ids::{AttemptId, OrganizationId, ProviderId, UserId};
use countersign::model::name::{Email, Name};
use countersign::model::organization::OrganizationRole;
use countersign::model::provider::{IdentityProvider, ProviderChange};
use countersign::model::sso::AttemptState;
use countersign::model::user::{Roles, User};
use countersign::store::verbs::{
    BeginExchange, Collected, CreateProvider, Granted, Identified, Identify, ProviderCreated, RefuseAttempt, RemoveMember,
    Rotated, Step, SwitchUser, UpdateProvider,
};

use crate::world::{World, account, attempt_id, bytes, folded, secs, with_email};

pub(crate) fn provider(name: &str, organization: Option<OrganizationId>) -> IdentityProvider {
    IdentityProvider {
        id: ProviderId::derived(bytes()),
        name: Name::parse(name).unwrap(),
        organization,
        issuer: "https://idp.example".to_owned(),
        client_id: "countersign".to_owned(),
        sealed_client_secret: None,
        scopes: Vec::new(),
        sign_up: true,
        email_domains: Vec::new(),
        trusted_audiences: Vec::new(),
        confined: false,
        create_time: Timestamp::from_secs(1),
    }
}

pub(crate) async fn registered(world: &World, provider: IdentityProvider) -> IdentityProvider {
    let by = world.superuser().await;
    assert_eq!(
        world.store.create_provider(CreateProvider { provider: provider.clone(), most: 10 }, by).await.unwrap().outcome,
        ProviderCreated::Created
    );
    provider
}

/// What begins an exchange, from one browser.
pub(crate) fn begin(attempt: AttemptId, expire_time: Timestamp) -> BeginExchange {
    BeginExchange { attempt, expire_time, browser: [8; 32] }
}

pub(crate) async fn begun(world: &World) -> AttemptId {
    let id = attempt_id();
    let begun = world.store.begin_exchange(begin(id, world.now.plus(secs(600))), world.anyone()).await.unwrap().outcome;
    assert_eq!(begun, Step::Done);
    id
}

pub(crate) fn identity(world: &World, attempt: AttemptId, provider: &IdentityProvider, subject: &str) -> Asked<Identify> {
    let command = Identify {
        attempt,
        provider: provider.id,
        identity: (provider.issuer.clone(), subject.to_owned()),
        wanted_name: subject.to_owned(),
        wanted_email: None,
        new_user: UserId::derived(bytes()),
        organization: None,
    };
    Asked { command, by: world.anyone() }
}

/// Signs a subject on up to the click of the person.
pub(crate) async fn confirmed(world: &World, provider: &IdentityProvider, subject: &str) -> AttemptId {
    let attempt = begun(world).await;
    assert_eq!(world.store.take_identity(identity(world, attempt, provider, subject)).await.unwrap(), Identified::Done);
    assert_eq!(world.store.confirm_attempt(attempt, world.anyone()).await.unwrap().outcome, Step::Done);
    attempt
}

pub(crate) async fn collected(world: &World, attempt: AttemptId) -> Granted {
    match world.store.collect(world.collection(attempt)).await.unwrap() {
        Collected::Opened(grant) => *grant,
        other => panic!("{other:?}"),
    }
}

/// The account that an identity has, after it signed on once.
pub(crate) async fn signed_up(world: &World, provider: &IdentityProvider, subject: &str) -> User {
    collected(world, confirmed(world, provider, subject).await).await.user.unwrap()
}

pub(crate) async fn goes_its_way_once(world: &mut World) {
    let provider = registered(world, provider("idp", None)).await;
    let end = world.now.plus(secs(600));
    let attempt = attempt_id();
    assert_eq!(world.store.attempt(attempt).await.unwrap(), None);
    assert_eq!(world.store.collect(world.collection(attempt)).await.unwrap(), Collected::Pending);
    assert_eq!(world.store.begin_exchange(begin(attempt, end), world.anyone()).await.unwrap().outcome, Step::Done);
    world.settle().await;
    assert_eq!(world.store.attempt(attempt).await.unwrap().unwrap().browser(), Some(&[8; 32]));
    assert_eq!(world.store.begin_exchange(begin(attempt, end), world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    assert_eq!(world.store.confirm_attempt(attempt, world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    assert_eq!(world.store.collect(world.collection(attempt)).await.unwrap(), Collected::Pending);
    let identify = identity(world, attempt, &provider, "ann");
    assert_eq!(world.store.take_identity(identify.clone()).await.unwrap(), Identified::Done);
    assert_eq!(world.store.take_identity(identify).await.unwrap(), Identified::OutOfTurn);
    assert_eq!(world.store.collect(world.collection(attempt)).await.unwrap(), Collected::Pending);
    let proved = world.now;
    world.pass(secs(5));
    assert_eq!(world.store.confirm_attempt(attempt, world.anyone()).await.unwrap().outcome, Step::Done);
    assert_eq!(world.store.confirm_attempt(attempt, world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    world.settle().await;

    let collection = world.collection(attempt);
    let Collected::Opened(first) = world.store.collect(collection.clone()).await.unwrap() else { panic!("confirmed") };
    assert_eq!(first.grant.auth_time(), proved);
    assert_eq!(world.store.begin_exchange(begin(attempt, end), world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    let again = async |world: &World| {
        let mut collection = collection.clone();
        collection.by = world.anyone();
        world.store.collect(collection).await.unwrap()
    };
    let at = world.now;
    world.now = at.plus(secs(60));
    world.settle().await;
    assert_eq!(again(world).await, Collected::Retried(first.clone()));
    assert_eq!(world.store.collect(world.collection(attempt)).await.unwrap(), Collected::Gone, "another session");
    assert!(matches!(world.store.rotate(world.exchange(first.grant.session(), 0)).await.unwrap(), Rotated::Rotated(_)));
    assert_eq!(again(world).await, Collected::Gone, "its refresh token was used");
    let late = confirmed(world, &provider, "ann").await;
    let collection = world.collection(late);
    assert!(matches!(world.store.collect(collection.clone()).await.unwrap(), Collected::Opened(_)));
    let mut after = collection;
    after.by.now = world.now.plus(secs(61));
    assert_eq!(world.store.collect(after).await.unwrap(), Collected::Gone);
}

pub(crate) async fn makes_an_account_for_a_new_identity(world: &mut World) {
    let team = world.organization("Team", &[]).await;
    let provider = registered(world, provider("idp", Some(team))).await;
    let attempt = begun(world).await;
    let listed = ProviderChange { email_domains: Some(vec!["example.org".to_owned()]), ..ProviderChange::default() };
    let listed = UpdateProvider { provider: provider.id, change: listed };
    world.store.update_provider(listed, world.superuser().await).await.unwrap();
    let mut identify = identity(world, attempt, &provider, "ann");
    identify.wanted_email = Some(Email::parse("ann@example.org").unwrap());
    identify.organization = Some(team);
    let id = identify.new_user;
    let event = world.next_event().await;
    assert_eq!(world.store.take_identity(identify).await.unwrap(), Identified::Done);
    let expected = [Action::UserCreated(id), Action::MemberAdded(team, id), Action::SsoIdentified(attempt, id, true)];
    world.recorded(&event, &expected).await;
    world.settle().await;
    let user = world.user(id).await;
    assert_eq!(
        (user.name().as_str(), user.password().as_ref(), user.enabled(), user.roles()),
        ("ann", None, true, Roles::default())
    );
    assert_eq!(user.email().map(Email::as_str), Some("ann@example.org"));
    let members = world.store.memberships(id).await.unwrap();
    assert!(matches!(&members[..], [(organization, OrganizationRole::Member)] if organization.id == team));
    assert_eq!(world.store.confirm_attempt(attempt, world.anyone()).await.unwrap().outcome, Step::Done);
    let mut collection = world.collection(attempt);
    collection.organization = Some(team);
    let Collected::Opened(grant) = world.store.collect(collection).await.unwrap() else { panic!("confirmed") };
    assert_eq!(grant.grant.organization(), "Team");
}

pub(crate) async fn makes_names_valid_and_unique(world: &mut World) {
    world.made(with_email(account("Ann", Roles::default()), "ann@example.org")).await;
    let provider = registered(world, provider("idp", None)).await;
    let named = async |wanted: &str| {
        let attempt = begun(world).await;
        let mut identify = identity(world, attempt, &provider, &attempt.to_string());
        wanted.clone_into(&mut identify.wanted_name);
        identify.wanted_email = Some(Email::parse("Ann@Example.org").unwrap());
        let id = identify.new_user;
        assert_eq!(world.store.take_identity(identify).await.unwrap(), Identified::Done);
        world.user(id).await
    };
    let second = named("ann").await;
    assert_eq!(second.name().as_str(), "ann-2");
    assert_eq!(second.email(), None, "an address that is taken is dropped, and joins nobody");
    assert_eq!(named("ANN@elsewhere.example").await.name().as_str(), "ANN-3");
    assert_eq!(named("..\u{fc} M\u{fc}ller/\0").await.name().as_str(), "M-ller--");
    assert_eq!(named("\u{fc}").await.name().as_str(), "user");
    assert_eq!(named("").await.name().as_str(), "user-2");
    let long = "x".repeat(100);
    assert_eq!(named(&long).await.name().as_str(), "x".repeat(63));
    assert_eq!(named(&long).await.name().as_str(), format!("{}-2", "x".repeat(61)));
    for _ in 0..25 {
        named("popular").await;
    }
}

pub(crate) async fn knows_the_identity_again(world: &mut World) {
    let provider = registered(world, provider("idp", None)).await;
    let first = signed_up(world, &provider, "ann").await;
    world.settle().await;
    let again = signed_up(world, &provider, "ann").await;
    assert_eq!(again, first);
    // Another subject with the same name and address is another account; so is the same subject of another issuer.
    let other = signed_up(world, &provider, "Ann").await;
    assert_ne!(other.id(), first.id());
    let mut elsewhere = provider.clone();
    "https://other.example".clone_into(&mut elsewhere.issuer);
    assert_ne!(signed_up(world, &elsewhere, "ann").await.id(), first.id());
}

pub(crate) async fn refuses_who_may_not_come_in(world: &mut World) {
    let open = registered(world, provider("open", None)).await;
    let mut closed = provider("closed", None);
    closed.sign_up = false;
    let closed = registered(world, closed).await;
    let team = world.organization("Team", &[]).await;
    let known = signed_up(world, &open, "ann").await;
    let refused = async |world: &World, identify: Asked<Identify>| {
        let attempt = identify.attempt;
        assert_eq!(world.store.take_identity(identify).await.unwrap(), Identified::Refused);
        assert_eq!(world.store.collect(world.collection(attempt)).await.unwrap(), Collected::Refused);
        assert_eq!(world.store.attempt(attempt).await.unwrap().unwrap().state(), &AttemptState::Refused);
    };
    let asking = async |world: &World, provider: &IdentityProvider, subject: &str, organization| {
        let mut identify = identity(world, begun(world).await, provider, subject);
        identify.organization = organization;
        identify
    };
    // No sign-up; an organization where neither the known nor the new one belongs; an unknown provider.
    refused(world, asking(world, &closed, "new", None).await).await;
    refused(world, asking(world, &open, "ann", Some(team)).await).await;
    refused(world, asking(world, &open, "new", Some(team)).await).await;
    refused(world, asking(world, &provider("gone", None), "new", None).await).await;
    assert_eq!(world.store.user_by_login(&folded("new")).await.unwrap(), None, "who is refused leaves no account");

    // Signed out after the exchange began, though the account is read afterwards.
    let attempt = begun(world).await;
    world.store.logout_user(known.name().folded(), world.superuser().await).await.unwrap();
    refused(world, identity(world, attempt, &open, "ann")).await;
    signed_up(world, &open, "ann").await;
    let by = world.superuser().await;
    world.store.switch_user(SwitchUser { name: known.name().folded(), enabled: false }, by).await.unwrap();
    refused(world, asking(world, &open, "ann", None).await).await;

    // An attempt whose time is up goes no further.
    let attempt = begun(world).await;
    world.pass(secs(600));
    assert_eq!(world.store.take_identity(identity(world, attempt, &open, "new")).await.unwrap(), Identified::OutOfTurn);
    assert_eq!(
        world.store.begin_exchange(begin(attempt_id(), world.now), world.anyone()).await.unwrap().outcome,
        Step::OutOfTurn
    );
}

pub(crate) async fn collects_only_what_still_holds(world: &mut World) {
    let provider = registered(world, provider("idp", None)).await;
    let ann = signed_up(world, &provider, "ann").await;
    let name = ann.name().folded();
    let collect = async |world: &World, attempt| world.store.collect(world.collection(attempt)).await.unwrap();

    let attempt = confirmed(world, &provider, "ann").await;
    world.store.logout_user(name.clone(), world.superuser().await).await.unwrap();
    assert_eq!(collect(world, attempt).await, Collected::Refused);
    let attempt = confirmed(world, &provider, "ann").await;
    world.store.switch_user(SwitchUser { name: name.clone(), enabled: false }, world.superuser().await).await.unwrap();
    world.store.switch_user(SwitchUser { name: name.clone(), enabled: true }, world.superuser().await).await.unwrap();
    assert_eq!(collect(world, attempt).await, Collected::Refused, "enabling revives nothing");

    let team = world.organization("Team", &[&ann]).await;
    let attempt = confirmed(world, &provider, "ann").await;
    world
        .store
        .remove_member(RemoveMember { organization: folded("team"), user: name.clone() }, world.superuser().await)
        .await
        .unwrap();
    let mut collection = world.collection(attempt);
    collection.organization = Some(team);
    assert_eq!(world.store.collect(collection).await.unwrap(), Collected::Refused);

    let attempt = confirmed(world, &provider, "ann").await;
    world.pass(secs(600));
    world.settle().await;
    assert_eq!(collect(world, attempt).await, Collected::Expired);
}

pub(crate) async fn can_be_refused_until_collected(world: &mut World) {
    let provider = registered(world, provider("idp", None)).await;
    let end = world.now.plus(secs(600));
    let refuse = async |world: &World, attempt| {
        world.store.refuse_attempt(RefuseAttempt { attempt, expire_time: end }, world.anyone()).await.unwrap().outcome
    };
    let fresh = attempt_id();
    assert_eq!(refuse(world, fresh).await, Step::Done);
    assert_eq!(refuse(world, fresh).await, Step::Done);
    assert_eq!(world.store.begin_exchange(begin(fresh, end), world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    let attempt = confirmed(world, &provider, "ann").await;
    assert_eq!(refuse(world, attempt).await, Step::Done);
    world.settle().await;
    assert_eq!(world.store.collect(world.collection(attempt)).await.unwrap(), Collected::Refused);
    assert_eq!(world.store.confirm_attempt(attempt, world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    let attempt = confirmed(world, &provider, "ann").await;
    let grant = collected(world, attempt).await;
    assert_eq!(refuse(world, attempt).await, Step::OutOfTurn);
    assert!(!world.revokes(&grant));
}

pub(crate) async fn a_verified_email_follows(world: &mut World) {
    let taken = world.made(with_email(account("Bob", Roles::default()), "bob@example.org")).await;
    let team = world.organization("Team", &[]).await;
    let site = registered(world, provider("site", None)).await;
    let of_team = registered(world, provider("team", Some(team))).await;
    let sign_on = async |world: &World, provider: &IdentityProvider, email: &str| {
        let mut identify = identity(world, begun(world).await, provider, "ann");
        identify.wanted_email = Some(Email::parse(email).unwrap());
        let attempt = identify.attempt;
        assert_eq!(world.store.take_identity(identify).await.unwrap(), Identified::Done);
        let user = world.store.attempt(attempt).await.unwrap().unwrap().user().unwrap();
        world.user(user).await
    };
    let address = |user: &User| user.email().map(|email| email.as_str().to_owned());
    let one = sign_on(world, &site, "ann@old.example").await;
    assert_eq!(address(&one).as_deref(), Some("ann@old.example"));
    world.settle().await;

    let event = world.next_event().await;
    let two = sign_on(world, &site, "Ann@new.example").await;
    assert_eq!((two.id(), address(&two).as_deref()), (one.id(), Some("Ann@new.example")));
    world.settle().await;
    assert_eq!(world.store.user_by_login(&folded("ann@old.example")).await.unwrap(), None, "the old one is free");
    assert_eq!(world.store.user_by_login(&folded("ann@NEW.example")).await.unwrap().unwrap().id(), one.id());
    sign_on(world, &site, "ann@new.example").await;
    let three = sign_on(world, &site, "bob@example.org").await;
    assert_eq!(address(&three).as_deref(), Some("Ann@new.example"), "what is another's is not taken over");
    assert_eq!(world.store.user_by_login(&folded("bob@example.org")).await.unwrap().unwrap().id(), taken.id());
    let told = world.actions(&event).await;
    let mut of_email: Vec<&Action> =
        told.iter().filter(|action| matches!(action, Action::EmailFollowed(_) | Action::EmailNotFree(_))).collect();
    of_email.sort_by_key(|action| format!("{action:?}"));
    assert_eq!(of_email, [&Action::EmailFollowed(one.id()), &Action::EmailNotFree(one.id())], "{told:?}");

    // An organization's provider, of the same issuer here, gives addresses only in its listed domains.
    let four = sign_on(world, &of_team, "ann@team.example").await;
    assert_eq!((four.id(), address(&four).as_deref()), (one.id(), Some("Ann@new.example")));
    let listed = ProviderChange { email_domains: Some(vec!["team.example".to_owned()]), ..ProviderChange::default() };
    let listed = UpdateProvider { provider: of_team.id, change: listed };
    world.store.update_provider(listed, world.superuser().await).await.unwrap();
    assert_eq!(address(&sign_on(world, &of_team, "ann@team.example").await).as_deref(), Some("ann@team.example"));
    assert_eq!(address(&sign_on(world, &of_team, "ann@else.example").await).as_deref(), Some("ann@team.example"));
}
