//! What operators do to accounts: lists, other e-mails and roles, deletion.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use countersign::model::audit::Action;
use countersign::model::name::{Email, Name};
use countersign::model::organization::OrganizationRole;
use countersign::model::user::{Roles, Totp, User};
use countersign::store::StoreError;
use countersign::store::verbs::{
    AddMember, Collected, Commit, CreateKey, CreateOrganization, Granted, KeyCreated, NamedOrganization, Needs, Opened,
    OrganizationCreated, Rotated, SwitchUser, Switched, UpdateUser, UserCreated, UserDeleted, UserUpdated,
};

use crate::asked::Ask as _;
use crate::races::at_once;
use crate::sso::{confirmed, provider, registered, signed_up};
use crate::world::{World, account, folded, organization_id, personal_key, with_email};

const PLAIN: Roles = Roles { staff: false, superuser: false };
const STAFF: Roles = Roles { staff: true, superuser: false };
const SUPERUSER: Roles = Roles { staff: false, superuser: true };

fn names(users: &[User]) -> Vec<&str> {
    users.iter().map(|user| user.name().as_str()).collect()
}

/// What is to change of an account.
fn update(name: &str, email: Option<Option<&str>>, roles: Option<Roles>) -> UpdateUser {
    UpdateUser { name: folded(name), email: email.map(|email| email.map(|text| Email::parse(text).unwrap())), roles }
}

async fn updated(world: &World, command: UpdateUser) -> UserUpdated {
    let by = world.superuser().await;
    world.store.update_user(command, by).await.unwrap().outcome
}

async fn deleted(world: &World, name: &str) -> UserDeleted {
    let by = world.superuser().await;
    world.store.delete_user(folded(name), by).await.unwrap().outcome
}

pub(crate) async fn are_listed_by_name(world: &mut World) {
    for name in ["dora", "Bert", "carl"] {
        world.made(with_email(account(name, PLAIN), &format!("a-{name}@example.org"))).await;
    }
    world.organization("beta", &[]).await;
    world.settle().await;
    let all = ["admin", "Bert", "carl", "dora"];
    assert_eq!(names(&world.store.users(None, u32::MAX).await.unwrap()), all);
    assert_eq!(names(&world.store.users(None, 2).await.unwrap()), all[..2]);
    assert_eq!(names(&world.store.users(Some(&folded("bert")), 1).await.unwrap()), all[2..3]);
    assert_eq!(world.store.users(None, 0).await.unwrap(), []);
    // The list holds while others write: what was answered is gone, and something comes before it.
    assert_eq!(deleted(world, "bert").await, UserDeleted::Done);
    world.plain("aaron").await;
    assert_eq!(names(&world.store.users(Some(&folded("bert")), 9).await.unwrap()), all[2..]);
    assert_eq!(names(&world.store.users(Some(&folded("dora")), 9).await.unwrap()), Vec::<&str>::new());
}

pub(crate) async fn an_operator_changes_email_and_roles(world: &mut World) {
    let ann = world.made(with_email(account("ann", PLAIN), "ann@example.org")).await;
    world.made(with_email(account("bob", PLAIN), "bob@example.org")).await;
    assert_eq!(updated(world, update("nobody", None, Some(STAFF))).await, UserUpdated::Unknown);
    for taken in ["BOB@example.org"] {
        let both = update("ann", Some(Some(taken)), Some(STAFF));
        assert_eq!(updated(world, both).await, UserUpdated::EmailTaken, "and the roles stay");
    }
    assert_eq!(world.user(ann.id()).await, ann);

    let event = world.next_event().await;
    let session = world.opened(ann.id()).await;
    let given = updated(world, update("ANN", Some(Some("Ann@example.com")), Some(STAFF))).await;
    assert!(matches!(given, UserUpdated::Done { ref user, narrowed: false } if user.roles() == STAFF));
    world.settle().await;
    assert!(!world.revokes(&session), "who gains a role keeps its tokens");
    assert_eq!(world.store.user_by_login(&folded("ann@example.com")).await.unwrap().map(|user| user.id()), Some(ann.id()));
    assert_eq!(world.store.user_by_login(&folded("ann@example.org")).await.unwrap(), None);
    let free = with_email(account("eve", PLAIN), "ann@example.org");
    let by = world.superuser().await;
    assert_eq!(world.store.create_user(free, by).await.unwrap().outcome, UserCreated::Created, "what it had is free");

    let staff = world.opened(ann.id()).await;
    let by = world.superuser().await;
    let taken = world.store.update_user(update("ann", None, Some(PLAIN)), by).await.unwrap();
    assert!(matches!(taken.outcome, UserUpdated::Done { narrowed: true, .. }));
    assert!(world.revocations.has_reached(taken.revision));
    world.settle().await;
    assert!(world.revokes(&session) && world.revokes(&staff), "a role that is gone ends the tokens");
    let Rotated::Rotated(next) = world.store.rotate(world.exchange(staff.grant.session(), 0)).await.unwrap() else {
        panic!("sessions renew to what is left")
    };
    assert!(next.grant.roles() == PLAIN && !world.revokes(&next));

    let same = updated(world, update("ann", Some(Some("Ann@example.com")), Some(PLAIN))).await;
    assert!(matches!(same, UserUpdated::Done { narrowed: false, .. }));
    assert!(matches!(updated(world, update("ann", Some(None), None)).await, UserUpdated::Done { .. }));
    assert_eq!(world.store.user_by_login(&folded("ann@example.com")).await.unwrap(), None);
    let actions = world.actions(&event).await;
    let of_ann = actions
        .iter()
        .filter(|action| matches!(action, Action::EmailChanged(id) | Action::RolesChanged(id, _) if *id == ann.id()));
    assert_eq!(of_ann.count(), 4, "{actions:?}");
    assert!(actions.contains(&Action::RolesChanged(ann.id(), "staff".to_owned())));
    assert!(actions.contains(&Action::RolesChanged(ann.id(), String::new())));
    world.chain().await;
}

pub(crate) async fn the_last_superuser_keeps_role_and_account(world: &mut World) {
    let event = world.next_event().await;
    assert_eq!(updated(world, update("admin", Some(Some("a@b.c")), Some(STAFF))).await, UserUpdated::LastSuperuser);
    assert_eq!(deleted(world, "admin").await, UserDeleted::LastSuperuser);
    world.settle().await;
    assert!(world.actions(&event).await.is_empty());
    assert_eq!(world.user(world.admin).await.email(), None, "nothing is half-written");
    let both = Roles { staff: true, superuser: true };
    assert!(matches!(updated(world, update("admin", None, Some(both))).await, UserUpdated::Done { .. }));

    // One that is disabled counts for nothing; one that was made a superuser does.
    world.made(account("off", SUPERUSER)).await;
    let switch = SwitchUser { name: folded("off"), enabled: false };
    assert!(matches!(world.store.switch_user(switch, world.superuser().await).await.unwrap().outcome, Switched::Done(_)));
    assert_eq!(deleted(world, "admin").await, UserDeleted::LastSuperuser);
    world.plain("second").await;
    assert!(matches!(updated(world, update("second", None, Some(SUPERUSER))).await, UserUpdated::Done { .. }));
    assert_eq!(deleted(world, "off").await, UserDeleted::Done);
    assert_eq!(deleted(world, "admin").await, UserDeleted::Done);
    world.settle().await;
    let second = world.store.user_by_login(&folded("second")).await.unwrap().unwrap();
    let by = world.caller(second.id(), Needs::Superuser).await;
    assert_eq!(world.store.delete_user(folded("second"), by).await.unwrap().outcome, UserDeleted::LastSuperuser);
}

pub(crate) async fn deleting_leaves_nothing_but_a_reserved_name(world: &mut World) {
    let registered = registered(world, provider("idp", None)).await;
    let ann = signed_up(world, &registered, "ann").await;
    let pass = update("ann", Some(Some("ann@example.org")), None);
    assert!(matches!(updated(world, pass).await, UserUpdated::Done { .. }));
    let team = world.organization("team", &[&ann]).await;
    let key = world.key(ann.id()).await;
    let session = crate::sso::collected(world, confirmed(world, &registered, "ann").await).await;
    let late = confirmed(world, &registered, "ann").await;
    let event = world.next_event().await;
    assert_eq!(deleted(world, "nobody").await, UserDeleted::Unknown);
    let by = world.superuser().await;
    let gone = world.store.delete_user(folded("ANN"), by).await.unwrap();
    assert_eq!(gone.outcome, UserDeleted::Done);
    assert!(world.revocations.has_reached(gone.revision));
    world.settle().await;
    world.recorded(&event, &[Action::UserDeleted(ann.id(), folded("ann"))]).await;

    assert!(world.revokes(&session));
    assert_eq!(world.store.session(session.grant.session()).await.unwrap(), None);
    assert_eq!(world.store.rotate(world.exchange(session.grant.session(), 0)).await.unwrap(), Rotated::Unknown);
    assert_eq!(world.store.user(ann.id()).await.unwrap(), None);
    assert!(world.store.key_owner(key.id(), None).await.unwrap().is_none());
    assert!(world.store.keys_of(ann.id(), None, 9).await.unwrap().is_empty());
    assert!(world.store.identities(ann.id(), None, 9).await.unwrap().is_empty());
    assert!(world.store.memberships(ann.id()).await.unwrap().is_empty());
    assert!(world.store.members(team, None, 9).await.unwrap().is_empty());
    assert!(!matches!(world.store.collect(world.collection(late)).await.unwrap(), Collected::Opened(_)));
    let key = CreateKey { key: personal_key(ann.id(), world.now), most: 9 };
    let by = world.superuser().await;
    assert_eq!(world.store.create_key(key, by).await.unwrap().outcome, KeyCreated::NoSuchUser);

    // Names and addresses stay reserved, and the identity is anybody's again.
    let create = async |world: &World, user: User| {
        let by = world.superuser().await;
        world.store.create_user(user, by).await.unwrap().outcome
    };
    assert_eq!(create(world, account("Ann", PLAIN)).await, UserCreated::NameReserved);
    let by = world.superuser().await;
    let organization = CreateOrganization { id: organization_id(), name: Name::parse("ann").unwrap() };
    let refused = world.store.create_organization(organization, by).await.unwrap().outcome;
    assert_eq!(refused, OrganizationCreated::NameReserved);
    world.plain("bob").await;
    assert_eq!(updated(world, update("bob", Some(Some("ann@example.org")), None)).await, UserUpdated::EmailReserved);
    let other = signed_up(world, &registered, "ann").await;
    assert!(other.id() != ann.id() && other.name().as_str() == "ann-2");

    let event = world.next_event().await;
    let release = async |world: &World, name: &str| {
        let by = world.superuser().await;
        world.store.release_name(folded(name), by).await.unwrap().outcome
    };
    for name in ["bob", "team", "nobody"] {
        assert!(!release(world, name).await, "{name}");
    }
    assert!(release(world, "ANN").await && !release(world, "ann").await);
    assert!(release(world, "ann@example.org").await);
    world.settle().await;
    world.recorded(&event, &[Action::NameReleased(folded("ann")), Action::NameReleased(folded("ann@example.org"))]).await;
    let again = with_email(account("Ann", PLAIN), "ann@example.org");
    let id = again.id();
    assert_eq!(create(world, again).await, UserCreated::Created);
    assert!(!world.revokes(&world.opened(id).await), "another account of the name is another");
    assert!(matches!(world.user(id).await.totp(), Totp::Off));
}

type Told = Pin<Box<dyn Future<Output = Option<Granted>> + Send>>;
type Racing = Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>>;

/// Three superusers take each other's role, account or use away, in every way there is.
pub(crate) async fn one_superuser_is_left_by_any_way(world: &mut World) {
    for round in 0..20 {
        let root = world.user(world.admin).await;
        let people = ["one", "two"].map(|name| account(&format!("{name}-{round}"), SUPERUSER));
        for person in &people {
            let by = world.caller(root.id(), Needs::Superuser).await;
            assert_eq!(world.store.create_user(person.clone(), by).await.unwrap().outcome, UserCreated::Created);
        }
        let mut racers: Vec<Racing> = Vec::new();
        for caller in people.iter().chain([&root]) {
            for target in people.iter().chain([&root]) {
                let by = world.caller(caller.id(), Needs::Superuser).await;
                let name = target.name().folded();
                let store = Arc::clone(&world.store);
                racers.push(Box::pin(async move {
                    let Commit { outcome, .. } = store.delete_user(name, by).await?;
                    Ok(outcome == UserDeleted::Done)
                }));
                let by = world.caller(caller.id(), Needs::Superuser).await;
                let command = update(target.name().as_str(), None, Some(PLAIN));
                let store = Arc::clone(&world.store);
                racers.push(Box::pin(async move {
                    let Commit { outcome, .. } = store.update_user(command, by).await?;
                    Ok(matches!(outcome, UserUpdated::Done { narrowed: true, .. }))
                }));
                let by = world.caller(caller.id(), Needs::Superuser).await;
                let command = SwitchUser { name: target.name().folded(), enabled: false };
                let store = Arc::clone(&world.store);
                racers.push(Box::pin(async move {
                    let Commit { outcome, .. } = store.switch_user(command, by).await?;
                    Ok(matches!(outcome, Switched::Done(_)))
                }));
            }
        }
        racers.rotate_left(round % 27);
        at_once(racers).await;
        let left = world.store.users(None, u32::MAX).await.unwrap();
        let left: Vec<_> = left.into_iter().filter(|user| user.enabled() && user.roles().superuser).collect();
        assert_eq!(left.len(), 1, "round {round}");
        world.admin = left[0].id();
    }
    world.settle().await;
}

/// Whatever races a deletion is dead afterwards, or never came to be.
pub(crate) async fn nothing_survives_a_deletion(world: &mut World) {
    for round in 0..20 {
        let name = format!("ann-{round}");
        let ann = world.plain(&name).await;
        world.organization(&format!("team-{round}"), &[]).await;
        let before = world.opened(ann.id()).await;
        let (login, exchange) = (world.login(ann.id()).await, world.exchange(before.grant.session(), 0));
        let key = CreateKey { key: personal_key(ann.id(), world.now), most: 9 };
        let add = AddMember {
            organization: folded(&format!("team-{round}")),
            user: folded(&name),
            role: OrganizationRole::Admin,
            most: 9,
        };
        let by = world.superuser().await;
        let (one, two, three, four, five) = (
            Arc::clone(&world.store),
            Arc::clone(&world.store),
            Arc::clone(&world.store),
            Arc::clone(&world.store),
            Arc::clone(&world.store),
        );
        let (by_two, by_three, by_four) = (by.clone(), by.clone(), by.clone());
        let (of_key, deleted) = (key.key.id(), folded(&name));
        let mut racers: Vec<Told> = vec![
            Box::pin(async move {
                match one.log_in(login).await.unwrap() {
                    Opened::Opened(granted) => Some(*granted),
                    _ => None,
                }
            }),
            Box::pin(async move {
                assert_eq!(two.delete_user(deleted, by_two).await.unwrap().outcome, UserDeleted::Done);
                None
            }),
            Box::pin(async move {
                three.create_key(key, by_three).await.unwrap();
                None
            }),
            Box::pin(async move {
                four.add_member(add, by_four).await.unwrap();
                None
            }),
            Box::pin(async move {
                match five.rotate(exchange).await.unwrap() {
                    Rotated::Rotated(granted) => Some(*granted),
                    _ => None,
                }
            }),
        ];
        racers.rotate_left(round % 5);
        for granted in at_once(racers).await.into_iter().flatten() {
            assert!(world.revokes(&granted));
            assert_eq!(world.store.session(granted.grant.session()).await.unwrap(), None);
        }
        assert!(world.revokes(&before));
        assert!(world.store.key_owner(of_key, None).await.unwrap().is_none());
        assert!(world.store.memberships(ann.id()).await.unwrap().is_empty());
        let Some(NamedOrganization::Shared(team)) =
            world.store.organization_by_name(&folded(&format!("team-{round}"))).await.unwrap()
        else {
            panic!("it stays")
        };
        assert!(world.store.members(team.id, None, 9).await.unwrap().is_empty());
    }
    world.settle().await;
}
