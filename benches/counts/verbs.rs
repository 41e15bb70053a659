//! Each verb of the store, on memory and over a small household. What a verb stands on and what it takes is made before it is
//! counted, and each is held to the outcome that means it did its work.

#![expect(clippy::redundant_pattern_matching, reason = "outcomes are patterns, options among them")]

use std::pin::Pin;
use std::sync::Arc;

use countersign::model::audit::Action;
use countersign::model::link::Link;
use countersign::model::name::Name;
use countersign::model::organization::OrganizationRole;
use countersign::model::provider::ProviderChange;
use countersign::model::user::Roles;
use countersign::store::Lane;
use countersign::store::verbs::{
    AddMember, By, ChangePassword, Collected, ConfirmTotp, CreateKey, CreateOrganization, CreateProvider, Ended, EnrollTotp,
    Identified, Issued, KeyCreated, KeyUse, LoggedOut, MemberAdded, MemberRemoved, Needs, Opened, OrganizationCreated,
    PasswordReplaced, ProviderCreated, Redeemed, Refounding, RefuseAttempt, RemoveMember, Renewed, RevokeKey, Rotated, Step,
    SwitchUser, Switched, TotpConfirmed, TotpEnrolled, UpdateProvider, UserCreated,
};
use futures_util::FutureExt as _;

use crate::asked::{Ask as _, Asked};
use crate::sso::{begin, begun, confirmed, identity, provider, registered};
use crate::world::{
    World, access_token, account, attempt_id, code, folded, founding, memory, organization_id, personal_key, secs, with_email,
};

/// Calls a macro with the name of every verb.
macro_rules! verbs {
    ($with:ident) => {
        $with! {
            found, foundation, refound, sealed_secrets, signing_keys, put_signing_keys, sweep, audit_events, record,
            user, user_by_login, users, create_user, switch_user, update_user, delete_user, release_name, change_password, enroll_totp, confirm_totp,
            create_organization, update_organization, delete_organization, organization_by_name, organizations, memberships,
            members, add_member, remove_member,
            open_session, open_session_with_code, rotate_session, renew_session, session, end_session, logout_user,
            guest_generation, issue_link, peek_link, redeem_link, revoke_link,
            key_owner, create_key, keys_of, revoke_key, note_key_use,
            providers_named, identities, link_identity, unlink_identity, create_provider, update_provider, delete_provider, providers, all_providers, provider,
            attempt, begin_exchange, identify, confirm_attempt, refuse_attempt, collect_attempt,
        }
    };
}
pub(crate) use verbs;

/// A call of a verb with its arguments.
type Call = Pin<Box<dyn Future<Output = ()>>>;

/// A verb with all that it takes, and what it runs on, whose end is not counted.
pub(crate) struct Verb {
    call: Call,
    _world: World,
}

impl Verb {
    /// On memory a verb waits for nothing.
    pub(crate) fn run(&mut self) {
        (&mut self.call).now_or_never().unwrap();
    }
}

/// The verb of that name, ready to run.
pub(crate) fn prepared(name: &str) -> Verb {
    let made = async {
        let world = World::found(memory().await).await;
        Verb { call: prepare(name, &world).await, _world: world }
    };
    made.now_or_never().unwrap()
}

/// A changing verb whose commit has the expected outcome. Its arguments have been made: they are names.
macro_rules! commit {
    ($world:ident.$verb:ident($($argument:expr),*): $expected:pat) => {{
        let store = Arc::clone(&$world.store);
        let call: Call = Box::pin(async move {
            let outcome = store.$verb($($argument),*).await.unwrap().outcome;
            assert!(matches!(outcome, $expected), "{outcome:?}");
        });
        call
    }};
}

/// A verb that answers what is expected. Its arguments have been made: they are names.
macro_rules! verb {
    ($world:ident.$verb:ident($($argument:expr),*): $expected:pat) => {{
        let store = Arc::clone(&$world.store);
        let call: Call = Box::pin(async move {
            let outcome = store.$verb($($argument),*).await.unwrap();
            assert!(matches!(outcome, $expected), "{outcome:?}");
        });
        call
    }};
}

mod operators;

#[expect(clippy::too_many_lines, reason = "an arm for each verb")]
async fn prepare(name: &str, world: &World) -> Call {
    let ann = world.made(with_email(account("ann", Roles::default()), "ann@example.org")).await;
    let bob = world.plain("bob").await;
    world.organization("site", &[&ann]).await;
    let own = world.opened(ann.id()).await;
    let session = own.grant.session();
    for _ in 0..20 {
        world.opened(ann.id()).await;
    }
    let (id, now, superuser) = (ann.id(), world.now, world.superuser().await);
    let login = ann.name().folded();
    let by = world.caller(id, Needs::Nothing).await;
    match name {
        "found" => {
            let (store, _) = memory().await.open;
            // Its end is not counted.
            std::mem::forget(Arc::clone(&store));
            let founding = founding(account("admin", Roles { staff: false, superuser: true }));
            let by = By::system(now);
            Box::pin(async move { assert!(store.found(founding, by).await.unwrap().outcome) })
        }
        "foundation" => verb!(world.foundation(): Some(_)),
        "refound" => {
            let (change, by) = (Refounding::Audience("https://elsewhere.example".to_owned()), By::system(now));
            commit!(world.refound(change, by): None)
        }
        "sealed_secrets" => {
            world.with_codes(id).await;
            verb!(world.sealed_secrets(): _)
        }
        "signing_keys" => verb!(world.signing_keys(): _),
        "put_signing_keys" => commit!(world.put_signing_keys(Vec::new(), superuser): ()),
        "sweep" => {
            let later = By::system(now.plus(secs(10 * 24 * 3600)));
            commit!(world.sweep(10, later): 10)
        }
        "audit_events" => verb!(world.audit_events(Lane::Only, 1, 20): _),
        "record" => {
            let refused = Action::KeyUsed(world.key(id).await.id(), 1);
            commit!(world.record(refused, by): ())
        }
        "user" => verb!(world.user(id): Some(_)),
        "user_by_login" => verb!(world.user_by_login(&login): Some(_)),
        "create_user" => {
            let user = with_email(account("cleo", Roles::default()), "cleo@example.org");
            commit!(world.create_user(user, superuser): UserCreated::Created)
        }
        "switch_user" => {
            let switch = SwitchUser { name: login, enabled: false };
            commit!(world.switch_user(switch, superuser): Switched::Done(_))
        }
        "change_password" => {
            let change = ChangePassword {
                user: id,
                generation: ann.generations().current(),
                checked: "phc-ann".to_owned(),
                replacement: "phc-new".to_owned(),
                keep: session,
            };
            let by = world.holder(&own, Needs::Nothing);
            commit!(world.change_password(change, by): PasswordReplaced::Replaced(Some(_)))
        }
        "enroll_totp" => {
            let enroll = EnrollTotp { user: id, sealed: vec![1; 48] };
            commit!(world.enroll_totp(enroll, by): TotpEnrolled::Enrolled)
        }
        "confirm_totp" => {
            let recovery = vec![[9; 32]; 10];
            let enroll = EnrollTotp { user: id, sealed: vec![1; 48] };
            world.store.enroll_totp(enroll, by.clone()).await.unwrap();
            let confirm = ConfirmTotp { user: id, sealed: vec![1; 48], step: 100, recovery };
            commit!(world.confirm_totp(confirm, by): TotpConfirmed::Confirmed)
        }
        "create_organization" => {
            let create = CreateOrganization { id: organization_id(), name: Name::parse("guild").unwrap() };
            commit!(world.create_organization(create, superuser): OrganizationCreated::Created(_))
        }
        "organization_by_name" => {
            let name = folded("site");
            verb!(world.organization_by_name(&name): Some(_))
        }
        "memberships" => verb!(world.memberships(id): _),
        "add_member" => {
            let (organization, user) = (folded("site"), bob.name().folded());
            let add = AddMember { organization, user, role: OrganizationRole::Member, most: 10 };
            commit!(world.add_member(add, superuser): MemberAdded::Done)
        }
        "remove_member" => {
            let remove = RemoveMember { organization: folded("site"), user: login };
            commit!(world.remove_member(remove, superuser): MemberRemoved::Done)
        }
        "open_session" => {
            let Asked { command, by } = world.login(id).await;
            commit!(world.open_session(command, by): Opened::Opened(_))
        }
        "open_session_with_code" => {
            world.with_codes(id).await;
            let mut open = world.login(id).await;
            (open.factor, open.organization) = (Some(code(101)), Some(folded("site")));
            let Asked { command, by } = open;
            commit!(world.open_session(command, by): Opened::Opened(_))
        }
        "rotate_session" => {
            let first = world.exchange(session, 0);
            assert!(matches!(world.store.rotate(first).await.unwrap(), Rotated::Rotated(_)));
            let Asked { command, by } = world.exchange(session, 1);
            commit!(world.rotate_session(command, by): Rotated::Rotated(_))
        }
        "renew_session" => {
            let (renew, by) = (access_token(&own), world.anyone());
            commit!(world.renew_session(renew, by): Renewed::Renewed(_))
        }
        "session" => verb!(world.session(session): Some(_)),
        "end_session" => {
            let by = world.holder(&own, Needs::Nothing);
            commit!(world.end_session(session, by): Ended::Ended)
        }
        "logout_user" => commit!(world.logout_user(login, superuser): LoggedOut::Done { sessions: 21, .. }),
        "guest_generation" => verb!(world.guest_generation(&login): _),
        "issue_link" => {
            let (link, by) = (world.link("gus").await, world.caller(world.admin, Needs::Privileged).await);
            commit!(world.issue_link(link, by): Issued::Issued)
        }
        "peek_link" | "redeem_link" | "revoke_link" => {
            let link = world.issued(world.link("gus").await).await;
            on_link(name, world, &link).await
        }
        "key_owner" => {
            let (key, site) = (world.key(id).await.id(), folded("site"));
            verb!(world.key_owner(key, Some(&site)): Some(_))
        }
        "create_key" => {
            world.key(id).await;
            let create = CreateKey { key: personal_key(id, now), most: 100 };
            commit!(world.create_key(create, by): KeyCreated::Created)
        }
        "keys_of" => {
            world.key(id).await;
            verb!(world.keys_of(id, None, 100): _)
        }
        "revoke_key" => {
            let revoke = RevokeKey { owner: id, id: world.key(id).await.id() };
            commit!(world.revoke_key(revoke, by): Ended::Ended)
        }
        "note_key_use" => {
            let uses = vec![KeyUse { key: world.key(id).await.id(), source: None, count: 7, now }];
            let by = By::system(now);
            commit!(world.note_key_use(uses, by): ())
        }
        _ => match operators::operators(name, world, login).await {
            Some(call) => call,
            None => sign_on(name, world).await,
        },
    }
}

async fn on_link(name: &str, world: &World, link: &Link) -> Call {
    let (id, now) = (link.id(), world.now);
    match name {
        "peek_link" => verb!(world.peek_link(id, now): Some(_)),
        "redeem_link" => {
            let Asked { command, by } = world.redemption(link);
            commit!(world.redeem_link(command, by): Redeemed::Opened(_))
        }
        _ => {
            let by = world.caller(world.admin, Needs::Privileged).await;
            commit!(world.revoke_link(id, by): Ended::Ended)
        }
    }
}

async fn sign_on(name: &str, world: &World) -> Call {
    let idp = registered(world, provider("idp", None)).await;
    let (id, anyone) = (idp.id, world.anyone());
    let (end, superuser) = (world.now.plus(secs(600)), world.superuser().await);
    match name {
        "create_provider" => {
            let create = CreateProvider { provider: provider("another", None), most: 10 };
            commit!(world.create_provider(create, superuser): ProviderCreated::Created)
        }
        "update_provider" => {
            let change = ProviderChange { client_id: Some("another".to_owned()), ..ProviderChange::default() };
            let update = UpdateProvider { provider: id, change };
            commit!(world.update_provider(update, superuser): Some(_))
        }
        "delete_provider" => commit!(world.delete_provider(id, superuser): true),
        "all_providers" => verb!(world.all_providers(None, 100): _),
        "providers" => verb!(world.providers(None, None, 100): _),
        "provider" => verb!(world.provider(id): Some(_)),
        "attempt" => {
            let attempt = begun(world).await;
            verb!(world.attempt(attempt): Some(_))
        }
        "begin_exchange" => {
            let exchange = begin(attempt_id(), end);
            commit!(world.begin_exchange(exchange, anyone): Step::Done)
        }
        "identify" => {
            let Asked { command, by } = identity(world, begun(world).await, &idp, "subject");
            commit!(world.identify(command, by): Identified::Done)
        }
        "confirm_attempt" => {
            let attempt = begun(world).await;
            let identify = identity(world, attempt, &idp, "subject");
            assert_eq!(world.store.take_identity(identify).await.unwrap(), Identified::Done);
            commit!(world.confirm_attempt(attempt, anyone): Step::Done)
        }
        "refuse_attempt" => {
            let refuse = RefuseAttempt { attempt: begun(world).await, expire_time: end };
            commit!(world.refuse_attempt(refuse, anyone): Step::Done)
        }
        "collect_attempt" => {
            let Asked { command, by } = world.collection(confirmed(world, &idp, "subject").await);
            commit!(world.collect_attempt(command, by): Collected::Opened(_))
        }
        other => panic!("no verb {other}"),
    }
}
