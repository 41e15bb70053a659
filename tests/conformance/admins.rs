//! Organizations as operators and their own admins handle them, and what accounts sign on with.

use countersign::model::audit::Action;
use countersign::model::ids::UserId;
use countersign::model::organization::OrganizationRole;
use countersign::model::user::{Roles, User};
use countersign::store::StoreError;
use countersign::store::verbs::{
    AddMember, By, CreateProvider, Granted, IdentityLinked, IdentityUnlinked, LinkIdentity, LinkedIdentity, ListedOrganization,
    MemberAdded, NamedOrganization, Needs, Opened, ProviderCreated, RemoveMember, Rotated, UpdateOrganization, UserCreated,
};

use crate::asked::Ask as _;
use crate::sso::{confirmed, provider, registered, signed_up};
use crate::world::{World, account, folded, opened, organization_id, with_email};

const PLAIN: Roles = Roles { staff: false, superuser: false };

async fn role(world: &World, name: &str, user: &str, role: OrganizationRole) -> MemberAdded {
    let by = world.superuser().await;
    let add = AddMember { organization: folded(name), user: folded(user), role, most: 10 };
    world.store.add_member(add, by).await.unwrap().outcome
}

pub(crate) async fn organizations_are_listed_by_name(world: &mut World) {
    world.made(with_email(account("carl", PLAIN), "b@example.org")).await;
    let beta = world.organization("Beta", &[]).await;
    world.settle().await;
    let listed = async |world: &World, after: Option<&str>, most| {
        let found = world.store.organizations(after.map(folded).as_ref(), most).await.unwrap();
        found
            .into_iter()
            .map(|one| match one {
                ListedOrganization::Personal(user) => (user.name().as_str().to_owned(), true),
                ListedOrganization::Shared(shared) => {
                    assert_eq!(shared.id, beta);
                    (shared.name.as_str().to_owned(), false)
                }
            })
            .collect::<Vec<_>>()
    };
    let all = [("admin", true), ("Beta", false), ("carl", true)].map(|(name, personal)| (name.to_owned(), personal));
    assert_eq!(listed(world, None, u32::MAX).await, all);
    assert_eq!(listed(world, Some("ADMIN"), 1).await, all[1..2]);
    assert_eq!(listed(world, Some("beta"), 9).await, all[2..]);
}

pub(crate) async fn lists_its_members(world: &mut World) {
    let people = [world.plain("ann").await, world.plain("bob").await, world.plain("eve").await];
    let team = world.organization("team", &[&people[0], &people[1], &people[2]]).await;
    let other = world.organization("other", &[&people[0]]).await;
    assert_eq!(role(world, "team", "bob", OrganizationRole::Admin).await, MemberAdded::Done);
    world.settle().await;
    let mut ids: Vec<UserId> = people.iter().map(User::id).collect();
    ids.sort_unstable();
    let found = world.store.members(team, None, u32::MAX).await.unwrap();
    assert_eq!(found.iter().map(|member| member.user.id()).collect::<Vec<_>>(), ids);
    for member in found {
        let expected = if member.user.id() == people[1].id() { OrganizationRole::Admin } else { OrganizationRole::Member };
        assert_eq!(member.role, expected);
    }
    let behind = async |world: &World, after, most| {
        let found = world.store.members(team, after, most).await.unwrap();
        found.into_iter().map(|member| member.user.id()).collect::<Vec<_>>()
    };
    assert_eq!(behind(world, Some(ids[0]), 1).await, ids[1..2]);
    let first = people.iter().find(|user| user.id() == ids[0]).unwrap();
    let remove = RemoveMember { organization: folded("team"), user: first.name().folded() };
    world.store.remove_member(remove, world.superuser().await).await.unwrap();
    assert_eq!(behind(world, Some(ids[0]), 9).await, ids[1..], "a cursor that is no member keeps its place");
    assert_eq!(world.store.members(other, None, 9).await.unwrap().len(), 1);
    assert_eq!(world.store.members(organization_id(), None, 9).await.unwrap(), []);
}

pub(crate) async fn deleting_an_organization_ends_its_tokens_and_reserves_its_name(world: &mut World) {
    let (ann, bob) = (world.plain("ann").await, world.plain("bob").await);
    let team = world.organization("Team", &[&ann, &bob]).await;
    world.organization("other", &[&ann]).await;
    let own = registered(world, provider("own", Some(team))).await;
    let site = registered(world, provider("site", None)).await;
    let acting = async |world: &World, user: &User, name: &str| -> Granted {
        let mut login = world.login(user.id()).await;
        login.organization = Some(folded(name));
        opened(world.store.log_in(login).await.unwrap())
    };
    let (lost, kept) = (acting(world, &ann, "team").await, acting(world, &ann, "other").await);
    let event = world.next_event().await;
    let delete = async |world: &World, name: &str| {
        let by = world.superuser().await;
        world.store.delete_organization(folded(name), by).await.unwrap()
    };
    for name in ["nothing", "ann"] {
        assert!(!delete(world, name).await.outcome, "{name}");
    }
    let gone = delete(world, "TEAM").await;
    assert!(gone.outcome && world.revocations.has_reached(gone.revision));
    world.settle().await;
    world.recorded(&event, &[Action::OrganizationDeleted(team, folded("team"))]).await;
    assert!(world.revokes(&lost) && !world.revokes(&kept));
    let refused = world.store.rotate(world.exchange(lost.grant.session(), 0)).await.unwrap();
    assert_eq!(refused, Rotated::OrganizationNotAllowed);
    assert_eq!(world.store.organization_by_name(&folded("team")).await.unwrap(), None);
    assert_eq!(world.store.memberships(bob.id()).await.unwrap(), []);
    assert_eq!(world.store.members(team, None, 9).await.unwrap(), []);
    assert_eq!(world.store.provider(own.id).await.unwrap(), None);
    assert_eq!(world.store.all_providers(None, 9).await.unwrap().len(), 1);
    assert_eq!(world.store.provider(site.id).await.unwrap(), Some(site));
    let by = world.superuser().await;
    assert_eq!(world.store.create_user(account("team", PLAIN), by).await.unwrap().outcome, UserCreated::NameReserved);

    // Another one of that name knows nothing of the one before.
    assert!(world.store.release_name(folded("team"), world.superuser().await).await.unwrap().outcome);
    world.organization("team", &[]).await;
    assert!(world.revokes(&lost));
    let mut login = world.login(ann.id()).await;
    login.organization = Some(folded("team"));
    assert_eq!(world.store.log_in(login).await.unwrap(), Opened::OrganizationNotAllowed);
}

pub(crate) async fn an_operator_links_and_unlinks_identities(world: &mut World) {
    let idp = registered(world, provider("idp", None)).await;
    let (ann, bob) = (world.plain("ann").await, world.plain("bob").await);
    let of = |user: &str, issuer: &str, subject: &str| LinkIdentity {
        user: folded(user),
        identity: LinkedIdentity { issuer: issuer.to_owned(), subject: subject.to_owned() },
    };
    let link = async |world: &World, command| {
        let by = world.superuser().await;
        world.store.link_identity(command, by).await.unwrap().outcome
    };
    let unlink = async |world: &World, command| {
        let by = world.superuser().await;
        world.store.unlink_identity(command, by).await.unwrap().outcome
    };
    let event = world.next_event().await;
    assert_eq!(link(world, of("nobody", &idp.issuer, "7")).await, IdentityLinked::NoSuchUser);
    for issuer in ["https://other.example", "https://idp.example/"] {
        assert_eq!(link(world, of("ann", issuer, "7")).await, IdentityLinked::NoSuchProvider);
    }
    for _ in 0..2 {
        assert_eq!(link(world, of("ANN", &idp.issuer, "7")).await, IdentityLinked::Done);
    }
    assert_eq!(link(world, of("bob", &idp.issuer, "7")).await, IdentityLinked::Taken);
    assert_eq!(link(world, of("ann", &idp.issuer, "8")).await, IdentityLinked::Done);
    world.settle().await;
    let listed =
        async |world: &World, after: Option<&LinkedIdentity>, most| world.store.identities(ann.id(), after, most).await.unwrap();
    let all = listed(world, None, 9).await;
    assert_eq!(all, [of("ann", &idp.issuer, "7").identity, of("ann", &idp.issuer, "8").identity]);
    assert_eq!(listed(world, Some(&all[0]), 1).await, all[1..]);
    assert_eq!(signed_up(world, &idp, "7").await.id(), ann.id(), "who signs on with it is the account");
    let session = crate::sso::collected(world, confirmed(world, &idp, "7").await).await;

    assert_eq!(unlink(world, of("bob", &idp.issuer, "7")).await, IdentityUnlinked::NotLinked);
    assert_eq!(unlink(world, of("nobody", &idp.issuer, "7")).await, IdentityUnlinked::NoSuchUser);
    assert_eq!(unlink(world, of("ann", &idp.issuer, "7")).await, IdentityUnlinked::Done);
    assert_eq!(unlink(world, of("ann", &idp.issuer, "7")).await, IdentityUnlinked::NotLinked);
    world.settle().await;
    assert_eq!(listed(world, Some(&all[0]), 9).await, all[1..], "a cursor that is gone keeps its place");
    assert!(!world.revokes(&session), "sessions go on");
    assert_ne!(signed_up(world, &idp, "7").await.id(), ann.id());
    let own: Vec<_> = world
        .actions(&event)
        .await
        .into_iter()
        .filter(|action| matches!(action, Action::IdentityLinked(..) | Action::IdentityUnlinked(..)))
        .collect();
    let text = |subject: &str| format!("{} {subject}", idp.issuer);
    let expected = [
        Action::IdentityLinked(ann.id(), text("7")),
        Action::IdentityLinked(ann.id(), text("8")),
        Action::IdentityUnlinked(ann.id(), text("7")),
    ];
    assert!(expected.iter().all(|action| own.contains(action)) && own.len() == 3, "{own:?}");
    assert_ne!(bob.id(), ann.id());
}

/// An admin's right is of its own organization, and ends with the commit that takes it away.
pub(crate) async fn an_admin_has_its_own_organization_alone(world: &mut World) {
    let (ann, bob) = (world.plain("ann").await, world.plain("bob").await);
    let team = world.organization("team", &[&ann, &bob]).await;
    let other = world.organization("other", &[&ann]).await;
    assert_eq!(role(world, "team", "ann", OrganizationRole::Admin).await, MemberAdded::Done);
    let by = async |world: &World, user: &User, of| world.caller(user.id(), Needs::AdminOf(of)).await;
    let tries = async |world: &World, by: By| {
        let update = UpdateOrganization { organization: folded("team"), require_factor: true };
        world.store.update_organization(update, by).await.map(|commit| commit.outcome.is_some())
    };
    assert_eq!(tries(world, by(world, &ann, team).await).await, Ok(true));
    assert_eq!(tries(world, by(world, &bob, team).await).await, Err(StoreError::CallerDemoted), "a member");
    assert_eq!(tries(world, by(world, &ann, other).await).await, Err(StoreError::CallerDemoted), "a member there");
    assert_eq!(tries(world, by(world, &ann, organization_id()).await).await, Err(StoreError::CallerDemoted));
    let superuser = world.user(world.admin).await;
    assert_eq!(tries(world, by(world, &superuser, team).await).await, Ok(true));
    let event = world.next_event().await;
    let held = by(world, &ann, team).await;
    assert_eq!(role(world, "team", "ann", OrganizationRole::Member).await, MemberAdded::Done);
    world.settle().await;
    assert_eq!(tries(world, held).await, Err(StoreError::CallerDemoted), "what was read before the role went");
    world.recorded(&event, &[Action::MemberRoleChanged(team, ann.id(), false)]).await;
    let guest = world.redeemed(&world.issued(world.link("guest").await).await).await;
    assert_eq!(tries(world, world.holder(&guest, Needs::AdminOf(team))).await, Err(StoreError::CallerDemoted));
    let create = CreateProvider { provider: provider("idp", Some(team)), most: 9 };
    assert_eq!(role(world, "team", "bob", OrganizationRole::Admin).await, MemberAdded::Done);
    let made = world.store.create_provider(create, by(world, &bob, team).await).await.unwrap().outcome;
    assert_eq!(made, ProviderCreated::Created);
    assert!(matches!(
        world.store.organization_by_name(&folded("team")).await.unwrap(),
        Some(NamedOrganization::Shared(found)) if found.require_factor
    ));
}
