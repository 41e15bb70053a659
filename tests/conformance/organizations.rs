use crate::asked::Ask as _;
use countersign::model::organization::OrganizationRole;
use countersign::store::verbs::{AddMember, Granted, MemberAdded, MemberRemoved, NamedOrganization, RemoveMember, Rotated};

use crate::world::{World, folded, opened};

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

/// A session that acts in an organization.
async fn acting_in(world: &World, user: countersign::model::ids::UserId, organization: &str) -> Granted {
    let mut login = world.login(user).await;
    login.organization = Some(folded(organization));
    opened(world.store.log_in(login).await.unwrap())
}

pub(crate) async fn a_lost_membership_kills_tokens_and_narrows_the_session(world: &mut World) {
    let ann = world.plain("ann").await;
    world.organization("Team", &[&ann]).await;
    let session = acting_in(world, ann.id(), "team").await;
    assert_eq!(session.grant.organization(), "Team");
    let by = world.superuser().await;
    assert_eq!(
        world.store.remove_member(RemoveMember { organization: folded("team"), user: folded("ann") }, by).await.unwrap().outcome,
        MemberRemoved::Done
    );
    world.settle().await;
    assert!(world.revokes(&session));
    let Rotated::Rotated(narrower) = world.store.rotate(world.exchange(session.grant.session(), 0)).await.unwrap() else {
        panic!("the session lives on")
    };
    assert_eq!(narrower.grant.organization(), "ann");
    assert!(!world.revokes(&narrower));
}

pub(crate) async fn a_lost_admin_role_kills_tokens(world: &mut World) {
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
    let admin = acting_in(world, ann.id(), "team").await;
    assert!(!world.revokes(&admin));
    grow(OrganizationRole::Member).await;
    world.settle().await;
    assert!(world.revokes(&admin) && world.revokes(&member));
    assert!(matches!(world.store.rotate(world.exchange(admin.grant.session(), 0)).await.unwrap(), Rotated::Rotated(_)));
}
