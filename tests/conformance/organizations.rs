use crate::asked::Ask as _;
use countersign::model::audit::Action;
use countersign::model::organization::OrganizationRole;
use countersign::store::StoreError;
use countersign::store::verbs::{
    AddMember, EnrollTotp, Granted, MemberAdded, MemberRemoved, NamedOrganization, Needs, RemoveMember, Renewed, Rotated,
    UpdateOrganization,
};

use crate::world::{World, access_token, folded, opened};

pub(crate) async fn knows_shared_and_personal_ones(world: &mut World) {
    let ann = world.plain("ann").await;
    let team = world.organization("Team", &[]).await;
    world.settle().await;
    let named = async |name: &str| world.store.organization_by_name(&folded(name)).await.unwrap();
    assert_eq!(named("ANN").await, Some(NamedOrganization::Personal(ann.id())));
    assert!(
        matches!(named("team").await, Some(NamedOrganization::Shared(shared)) if shared.id == team && shared.name.as_str() == "Team")
    );
    assert_eq!(named("nobody").await, None);
}

pub(crate) async fn membership_comes_and_goes(world: &mut World) {
    let ann = world.plain("ann").await;
    world.organization("zebra", &[&ann]).await;
    world.organization("Apple", &[]).await;
    let add = async |organization: &str, user: &str, role| {
        let by = world.superuser().await;
        world
            .store
            .add_member(AddMember { organization: folded(organization), user: folded(user), role, most: 1 }, by)
            .await
            .unwrap()
            .outcome
    };
    let remove = async |organization: &str, user: &str| {
        let by = world.superuser().await;
        world
            .store
            .remove_member(RemoveMember { organization: folded(organization), user: folded(user) }, by)
            .await
            .unwrap()
            .outcome
    };
    let listed = async || -> Vec<(String, OrganizationRole)> {
        let found = world.store.memberships(ann.id()).await.unwrap();
        found.into_iter().map(|(organization, role)| (organization.name.as_str().to_owned(), role)).collect()
    };
    assert_eq!(add("nothing", "ann", OrganizationRole::Member).await, MemberAdded::NoSuchOrganization);
    assert_eq!(
        add("ann", "admin", OrganizationRole::Member).await,
        MemberAdded::NoSuchOrganization,
        "a personal one has no members"
    );
    assert_eq!(add("apple", "nobody", OrganizationRole::Member).await, MemberAdded::NoSuchUser);
    assert_eq!(remove("apple", "ann").await, MemberRemoved::NotAMember);
    assert_eq!(add("APPLE", "ANN", OrganizationRole::Admin).await, MemberAdded::Done);
    let expected = [("Apple".to_owned(), OrganizationRole::Admin), ("zebra".to_owned(), OrganizationRole::Member)];
    assert_eq!(listed().await, expected);
    assert_eq!(add("apple", "admin", OrganizationRole::Member).await, MemberAdded::LimitReached);
    assert_eq!(add("apple", "ann", OrganizationRole::Admin).await, MemberAdded::Done, "who is a member takes no place");
    assert_eq!(remove("apple", "ann").await, MemberRemoved::Done);
    assert_eq!(remove("apple", "ann").await, MemberRemoved::NotAMember);
    assert_eq!(listed().await, expected[1..]);
}

pub(crate) async fn a_rule_is_set_and_kept(world: &mut World) {
    let ann = world.plain("ann").await;
    let team = world.organization("Team", &[&ann]).await;
    let event = world.next_event().await;
    let update = async |world: &World, name: &str, require_factor| {
        let by = world.superuser().await;
        let update = UpdateOrganization { organization: folded(name), require_factor };
        world.store.update_organization(update, by).await.unwrap().outcome
    };
    let required = async |world: &World| match world.store.organization_by_name(&folded("team")).await.unwrap() {
        Some(NamedOrganization::Shared(found)) => found.require_factor,
        other => panic!("{other:?}"),
    };
    assert!(!required(world).await);
    for name in ["nothing", "ann"] {
        assert_eq!(update(world, name, true).await, None, "{name}");
    }
    for _ in 0..2 {
        assert!(update(world, "TEAM", true).await.is_some_and(|found| found.require_factor && found.id == team));
    }
    world.settle().await;
    assert!(required(world).await);
    assert!(world.store.memberships(ann.id()).await.unwrap()[0].0.require_factor);
    assert!(update(world, "team", false).await.is_some_and(|found| !found.require_factor));
    let expected = [Action::OrganizationUpdated(team, true), Action::OrganizationUpdated(team, false)];
    world.recorded(&event, &expected).await;
}

/// A session that acts in an organization.
async fn acting_in(world: &World, user: countersign::model::ids::UserId, organization: &str) -> Granted {
    let mut login = world.login(user).await;
    login.organization = Some(folded(organization));
    opened(world.store.log_in(login).await.unwrap())
}

pub(crate) async fn a_lost_membership_ends_the_tokens_of_that_organization(world: &mut World) {
    let ann = world.plain("ann").await;
    for name in ["Team", "Other"] {
        world.organization(name, &[&ann]).await;
    }
    let session = acting_in(world, ann.id(), "team").await;
    assert_eq!(session.grant.organization(), "Team");
    let others = [acting_in(world, ann.id(), "other").await, world.opened(ann.id()).await];
    let (lost, kept) = (world.holder(&session, Needs::Nothing), world.holder(&others[1], Needs::Nothing));
    let by = world.superuser().await;
    let remove = RemoveMember { organization: folded("team"), user: folded("ann") };
    let removed = world.store.remove_member(remove, by).await.unwrap();
    assert_eq!(removed.outcome, MemberRemoved::Done);
    assert!(world.revocations.has_reached(removed.revision));
    world.settle().await;
    assert!(world.revokes(&session));
    assert!(others.iter().all(|other| !world.revokes(other)), "no other organization's");
    let enroll = EnrollTotp { user: ann.id(), sealed: vec![1] };
    assert_eq!(world.store.enroll_totp(enroll.clone(), lost).await, Err(StoreError::CallerRevoked));
    assert!(world.store.enroll_totp(enroll, kept).await.is_ok());

    // The session goes on nowhere else by itself, and as soon as it belongs there again. Reuse is still found out.
    let exchange =
        async |world: &World, session: &Granted, n| world.store.rotate(world.exchange(session.grant.session(), n)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(exchange(world, &session, 0).await, Rotated::OrganizationNotAllowed);
        assert_eq!(
            world.store.renew_session(access_token(&session), world.anyone()).await.unwrap().outcome,
            Renewed::OrganizationNotAllowed
        );
    }
    for other in &others {
        assert!(matches!(exchange(world, other, 0).await, Rotated::Rotated(_)));
    }
    let by = world.superuser().await;
    let again = AddMember { organization: folded("team"), user: folded("ann"), role: OrganizationRole::Member, most: 10 };
    assert_eq!(world.store.add_member(again, by).await.unwrap().outcome, MemberAdded::Done);
    assert!(world.revokes(&session), "what ended stays ended");
    let Rotated::Rotated(back) = exchange(world, &session, 0).await else { panic!("it belongs there again") };
    assert!(!world.revokes(&back));
    assert_eq!(back.grant.organization(), "Team");
    assert!(matches!(exchange(world, &session, 9).await, Rotated::Reused(_)));
}

pub(crate) async fn a_lost_admin_role_ends_the_tokens_of_that_organization(world: &mut World) {
    let ann = world.plain("ann").await;
    world.organization("Team", &[&ann]).await;
    let grow = async |role| {
        let by = world.superuser().await;
        assert_eq!(
            world
                .store
                .add_member(AddMember { organization: folded("team"), user: folded("ann"), role, most: 10 }, by)
                .await
                .unwrap()
                .outcome,
            MemberAdded::Done
        );
    };
    let member = acting_in(world, ann.id(), "team").await;
    grow(OrganizationRole::Admin).await;
    assert!(!world.revokes(&member), "who gains a role keeps its tokens");
    grow(OrganizationRole::Admin).await;
    let (admin, elsewhere) = (acting_in(world, ann.id(), "team").await, world.opened(ann.id()).await);
    assert!(!world.revokes(&admin));
    grow(OrganizationRole::Member).await;
    world.settle().await;
    assert!(world.revokes(&admin) && world.revokes(&member));
    assert!(!world.revokes(&elsewhere), "no other organization's");
    assert!(matches!(world.store.rotate(world.exchange(admin.grant.session(), 0)).await.unwrap(), Rotated::Rotated(_)));
}
