use crate::asked::{Ask as _, Asked};
use countersign::model::name::Name;
use countersign::model::user::{Roles, Totp};
use countersign::store::verbs::{
    ChangePassword, ConfirmTotp, CreateOrganization, EnrollTotp, LoggedOut, NamedOrganization, Needs, Opened,
    OrganizationCreated, PasswordReplaced, Renewed, Rotated, SwitchUser, Switched, TotpConfirmed, TotpEnrolled, UserCreated,
};

use crate::world::{World, access_token, account, code, folded, generation, opened, organization_id, with_email};

pub(crate) async fn finds_accounts_by_name_and_email(world: &mut World) {
    let ann = world.made(with_email(account("Ann.Doe", Roles::default()), "Ann@Example.org")).await;
    world.settle().await;
    for login in ["ann.doe", "ANN.DOE", "ann@example.org", "ANN@EXAMPLE.ORG"] {
        assert_eq!(world.store.user_by_login(&folded(login)).await.unwrap().as_ref(), Some(&ann), "{login}");
    }
    assert_eq!(world.user(ann.id()).await.name().as_str(), "Ann.Doe");
    assert_eq!(world.store.user_by_login(&folded("ann")).await.unwrap(), None);
}

pub(crate) async fn keeps_one_namespace(world: &mut World) {
    world.made(with_email(account("Ann", Roles::default()), "ann@example.org")).await;
    world.organization("Team", &[]).await;
    let create = async |user| {
        let by = world.superuser().await;
        world.store.create_user(user, by).await.unwrap().outcome
    };
    for name in ["ANN", "team"] {
        assert_eq!(create(account(name, Roles::default())).await, UserCreated::NameTaken, "{name}");
    }
    let other = with_email(account("other", Roles::default()), "ANN@example.org");
    assert_eq!(create(other).await, UserCreated::EmailTaken);
    assert_eq!(world.store.user_by_login(&folded("other")).await.unwrap(), None, "nothing of a refused account is left");
    for name in ["ann", "TEAM"] {
        let by = world.superuser().await;
        let create = CreateOrganization { id: organization_id(), name: Name::parse(name).unwrap() };
        let refused = world.store.create_organization(create, by).await.unwrap();
        assert_eq!(refused.outcome, OrganizationCreated::NameTaken, "{name}");
    }
    assert!(matches!(world.store.organization_by_name(&folded("ANN")).await.unwrap(), Some(NamedOrganization::Personal(_))));
}

pub(crate) async fn disabling_ends_everything_and_enabling_revives_nothing(world: &mut World) {
    let ann = world.plain("ann").await;
    let before = world.login(ann.id()).await;
    let session = world.opened(ann.id()).await;
    let name = folded("Ann");
    let by = world.superuser().await;
    let off = world.store.switch_user(SwitchUser { name: name.clone(), enabled: false }, by.clone()).await.unwrap().outcome;
    assert!(matches!(off, Switched::Done(ref user) if !user.enabled()));
    world.settle().await;
    assert!(world.revokes(&session));
    assert_eq!(world.store.log_in(world.login(ann.id()).await).await.unwrap(), Opened::Stale);
    assert_eq!(world.store.rotate(world.exchange(session.grant.session(), 0)).await.unwrap(), Rotated::Ended);

    let on = world.store.switch_user(SwitchUser { name: name.clone(), enabled: true }, by.clone()).await.unwrap().outcome;
    assert!(matches!(on, Switched::Done(ref user) if user.enabled()));
    assert_eq!(world.store.log_in(before).await.unwrap(), Opened::Stale);
    assert_eq!(world.store.rotate(world.exchange(session.grant.session(), 0)).await.unwrap(), Rotated::Ended);
    assert!(world.revokes(&session));
    assert!(!world.revokes(&world.opened(ann.id()).await));
    assert_eq!(
        world.store.switch_user(SwitchUser { name: folded("nobody"), enabled: false }, by).await.unwrap().outcome,
        Switched::Unknown
    );
}

pub(crate) async fn keeps_the_last_superuser(world: &mut World) {
    let second = world.made(account("second", Roles { staff: false, superuser: true })).await;
    let by = world.superuser().await;
    let switch = async |name: &str, enabled| {
        let by = world.caller(second.id(), Needs::Nothing).await;
        world.store.switch_user(SwitchUser { name: folded(name), enabled }, by).await.unwrap().outcome
    };
    assert!(matches!(switch("admin", false).await, Switched::Done(_)));
    assert_eq!(switch("second", false).await, Switched::LastSuperuser);
    assert!(matches!(switch("admin", true).await, Switched::Done(_)));
    assert!(matches!(switch("second", false).await, Switched::Done(_)));
    drop(by);
    let by = world.superuser().await;
    assert_eq!(
        world.store.switch_user(SwitchUser { name: folded("admin"), enabled: false }, by).await.unwrap().outcome,
        Switched::LastSuperuser
    );
    assert!(world.user(world.admin).await.enabled());
}

fn change(
    world: &World,
    user: &countersign::model::user::User,
    keep: &countersign::store::verbs::Granted,
) -> Asked<ChangePassword> {
    let command = ChangePassword {
        user: user.id(),
        generation: generation(0),
        checked: format!("phc-{}", user.name().as_str()),
        replacement: "phc-new".to_owned(),
        keep: keep.grant.session(),
    };
    Asked { command, by: world.holder(keep, Needs::Nothing) }
}

pub(crate) async fn a_password_change_moves_its_own_session_along(world: &mut World) {
    let ann = world.plain("ann").await;
    let (own, other) = (world.opened(ann.id()).await, world.opened(ann.id()).await);
    let before = world.login(ann.id()).await;
    let Asked { command, by } = change(world, &ann, &own);
    let changed = world.store.change_password(command, by).await.unwrap();
    let PasswordReplaced::Replaced(Some(granted)) = changed.outcome else { panic!("{changed:?}") };
    assert!(world.revocations.has_reached(changed.revision));
    world.settle().await;
    assert!(!world.revokes(&granted), "what is answered goes on");
    assert_eq!(
        (granted.grant.session(), granted.grant.generation()),
        (own.grant.session(), world.user(ann.id()).await.generations().current())
    );
    let renewed = world.store.renew_session(access_token(&own), world.anyone()).await.unwrap().outcome;
    assert_eq!(renewed, Renewed::Stale, "a thief's copy renews nothing");

    assert!(world.revokes(&own) && world.revokes(&other), "tokens of before are dead");
    assert_eq!(world.store.rotate(world.exchange(other.grant.session(), 0)).await.unwrap(), Rotated::Ended);
    let Rotated::Rotated(moved) = world.store.rotate(world.exchange(own.grant.session(), 0)).await.unwrap() else {
        panic!("the own session lives on")
    };
    assert!(!world.revokes(&moved));
    assert_eq!(world.store.log_in(before).await.unwrap(), Opened::Stale);
    let login = world.login(ann.id()).await;
    assert_eq!(login.password, "phc-new");
    opened(world.store.log_in(login).await.unwrap());
    let ended = world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap().outcome;
    assert!(matches!(ended, LoggedOut::Done { sessions: 2, .. }), "the one that moved along is counted: {ended:?}");
}

pub(crate) async fn a_password_change_needs_what_was_read(world: &mut World) {
    let ann = world.plain("ann").await;
    let own = world.opened(ann.id()).await;
    let mut wrong = change(world, &ann, &own);
    "phc-other".clone_into(&mut wrong.checked);
    assert_eq!(world.store.replace_password(wrong).await.unwrap(), PasswordReplaced::Stale);
    let mut old = change(world, &ann, &own);
    old.generation = generation(7);
    assert_eq!(world.store.replace_password(old).await.unwrap(), PasswordReplaced::Stale);
    assert_eq!(world.user(ann.id()).await, ann, "nothing changed");
    assert!(!world.revokes(&own));

    // A session of another account is not moved along.
    let bob = world.plain("bob").await;
    let foreign = world.opened(bob.id()).await;
    let before = world.session(foreign.grant.session()).await;
    let mut keep = change(world, &ann, &own);
    keep.keep = foreign.grant.session();
    assert_eq!(world.store.replace_password(keep).await.unwrap(), PasswordReplaced::Replaced(None));
    assert_eq!(world.session(foreign.grant.session()).await, before);
    assert!(matches!(world.store.renew_session(access_token(&own), world.anyone()).await.unwrap().outcome, Renewed::Ended));
}

pub(crate) async fn one_time_codes_guard_once_confirmed(world: &mut World) {
    let ann = world.plain("ann").await;
    let by = world.caller(ann.id(), Needs::Nothing).await;
    let enroll = async |sealed| world.store.enroll_totp(EnrollTotp { user: ann.id(), sealed }, by.clone()).await.unwrap().outcome;
    let confirm = async |sealed| {
        world
            .store
            .confirm_totp(ConfirmTotp { user: ann.id(), sealed, step: 100, recovery: vec![[9; 32]] }, by.clone())
            .await
            .unwrap()
            .outcome
    };
    assert_eq!(confirm(vec![1]).await, TotpConfirmed::NotPending);
    assert_eq!(enroll(vec![1]).await, TotpEnrolled::Enrolled);
    opened(world.store.log_in(world.login(ann.id()).await).await.unwrap());
    assert_eq!(enroll(vec![2]).await, TotpEnrolled::Enrolled);
    assert_eq!(confirm(vec![1]).await, TotpConfirmed::NotPending, "the code was checked with another secret");
    assert_eq!(confirm(vec![2]).await, TotpConfirmed::Confirmed);
    assert_eq!(confirm(vec![2]).await, TotpConfirmed::AlreadyOn);
    assert_eq!(enroll(vec![3]).await, TotpEnrolled::AlreadyOn);
    world.settle().await;
    let expected = Totp::On { sealed: vec![2], last_step: 100, recovery: vec![[9; 32]] };
    assert_eq!(world.user(ann.id()).await.totp(), &expected);
    assert_eq!(world.store.log_in(world.login(ann.id()).await).await.unwrap(), Opened::FactorRefused);
    let mut login = world.login(ann.id()).await;
    login.factor = Some(code(100));
    assert_eq!(world.store.log_in(login).await.unwrap(), Opened::FactorRefused, "confirming spent that step");
}
