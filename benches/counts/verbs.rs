//! Each verb of the store, on memory and over a small household. What a verb stands on and what it takes is made before it is
//! counted, and each is held to the outcome that means it did its work.

#![expect(clippy::redundant_pattern_matching, reason = "outcomes are patterns, options among them")]

use std::pin::Pin;
use std::sync::Arc;

use countersign::model::audit::Action;
use countersign::model::link::Link;
use countersign::model::name::Name;
use countersign::model::organization::OrganizationRole;
use countersign::model::user::Roles;
use countersign::store::Lane;
use countersign::store::verbs::{
    ChangePassword, Changed, Collected, CreateOrganization, CreateUser, Created, Ended, IssueLink, Issued, KeyUse, LoggedOut,
    Membership, Needs, Opened, Redeemed, Renewed, Rotated, Step, Switched, TotpChanged,
};
use futures_util::FutureExt as _;

use crate::sso::{begun, confirmed, identity, provider, registered};
use crate::world::{World, account, attempt_id, code, folded, founding, memory, organization_id, personal_key, secs, with_email};

/// Calls a macro with the name of every verb.
macro_rules! verbs {
    ($with:ident) => {
        $with! {
            found, foundation, signing_keys, put_signing_keys, sweep, audit_events, record,
            user, user_by_login, create_user, switch_user, change_password, enroll_totp, confirm_totp,
            create_organization, organization_by_name, memberships, add_member, remove_member,
            open_session, open_session_with_code, rotate_session, renew_session, session, end_session, logout_user,
            guest_generation, issue_link, peek_link, redeem_link, revoke_link,
            key_owner, create_key, keys_of, revoke_key, note_key_use,
            create_provider, providers, provider, attempt, begin_exchange, identify, confirm_attempt, refuse_attempt,
            collect_attempt,
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
            let founding = founding(account("admin", Roles { staff: false, superuser: true }), now);
            Box::pin(async move { assert!(store.found(founding).await.unwrap()) })
        }
        "foundation" => verb!(world.foundation(): Some(_)),
        "signing_keys" => verb!(world.signing_keys(): _),
        "put_signing_keys" => verb!(world.put_signing_keys(Vec::new(), superuser): ()),
        "sweep" => {
            let later = now.plus(secs(10 * 24 * 3600));
            verb!(world.sweep(later, 10): 10)
        }
        "audit_events" => verb!(world.audit_events(Lane::Only, 1, 20): _),
        "record" => {
            let refused = Action::KeyUsed(world.key(id).await.id(), 1);
            verb!(world.record(refused, by): ())
        }
        "user" => verb!(world.user(id): Some(_)),
        "user_by_login" => verb!(world.user_by_login(&login): Some(_)),
        "create_user" => {
            let user = with_email(account("cleo", Roles::default()), "cleo@example.org");
            let create = CreateUser { user, by: superuser };
            verb!(world.create_user(create): Created::Created)
        }
        "switch_user" => verb!(world.switch_user(&login, false, superuser): Switched::Done(_)),
        "change_password" => {
            let change = ChangePassword {
                user: id,
                generation: ann.generations().current(),
                checked: "phc-ann".to_owned(),
                replacement: "phc-new".to_owned(),
                keep: session,
                by: world.holder(&own, Needs::Nothing),
            };
            verb!(world.change_password(change): Changed::Changed(_))
        }
        "enroll_totp" => verb!(world.enroll_totp(id, vec![1; 48], by): TotpChanged::Changed),
        "confirm_totp" => {
            let recovery = vec![[9; 32]; 10];
            world.store.enroll_totp(id, vec![1; 48], by.clone()).await.unwrap();
            verb!(world.confirm_totp(id, vec![1; 48], 100, recovery, by): TotpChanged::Changed)
        }
        "create_organization" => {
            let create = CreateOrganization { id: organization_id(), name: Name::parse("guild").unwrap(), by: superuser };
            verb!(world.create_organization(create): Created::Created)
        }
        "organization_by_name" => {
            let name = folded("site");
            verb!(world.organization_by_name(&name): Some(_))
        }
        "memberships" => verb!(world.memberships(id): _),
        "add_member" => {
            let (site, bob) = (folded("site"), bob.name().folded());
            verb!(world.add_member(&site, &bob, OrganizationRole::Member, 10, superuser): Membership::Done)
        }
        "remove_member" => {
            let site = folded("site");
            verb!(world.remove_member(&site, &login, superuser): Membership::Done)
        }
        "open_session" => {
            let open = world.login(id).await;
            verb!(world.open_session(open): Opened::Opened(_))
        }
        "open_session_with_code" => {
            world.with_codes(id).await;
            let mut open = world.login(id).await;
            (open.factor, open.organization) = (Some(code(101)), Some(folded("site")));
            verb!(world.open_session(open): Opened::Opened(_))
        }
        "rotate_session" => {
            let first = world.exchange(session, 0);
            assert!(matches!(world.store.rotate_session(first).await.unwrap(), Rotated::Rotated(_)));
            let exchange = world.exchange(session, 1);
            verb!(world.rotate_session(exchange): Rotated::Rotated(_))
        }
        "renew_session" => {
            let by = world.holder(&own, Needs::Nothing);
            verb!(world.renew_session(session, by): Renewed::Renewed(_))
        }
        "session" => verb!(world.session(session): Some(_)),
        "end_session" => {
            let by = world.holder(&own, Needs::Nothing);
            verb!(world.end_session(session, by): Ended::Ended(_))
        }
        "logout_user" => verb!(world.logout_user(&login, superuser): LoggedOut::Done { sessions: 21, .. }),
        "guest_generation" => verb!(world.guest_generation(&login): _),
        "issue_link" => {
            let issue = IssueLink { link: world.link("gus").await, by: world.caller(world.admin, Needs::Privileged).await };
            verb!(world.issue_link(issue): Issued::Issued)
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
            let key = personal_key(id, now);
            verb!(world.create_key(key, 100, by): Created::Created)
        }
        "keys_of" => {
            world.key(id).await;
            verb!(world.keys_of(id): _)
        }
        "revoke_key" => {
            let key = world.key(id).await.id();
            verb!(world.revoke_key(id, key, by): Ended::Ended(_))
        }
        "note_key_use" => {
            let uses = vec![KeyUse { key: world.key(id).await.id(), source: None, count: 7, now }];
            verb!(world.note_key_use(uses): ())
        }
        _ => sign_on(name, world).await,
    }
}

async fn on_link(name: &str, world: &World, link: &Link) -> Call {
    let (id, now) = (link.id(), world.now);
    match name {
        "peek_link" => verb!(world.peek_link(id, now): Some(_)),
        "redeem_link" => {
            let redeem = world.redemption(link);
            verb!(world.redeem_link(redeem): Redeemed::Opened(_))
        }
        _ => {
            let by = world.caller(world.admin, Needs::Privileged).await;
            verb!(world.revoke_link(id, by): Ended::Ended(_))
        }
    }
}

async fn sign_on(name: &str, world: &World) -> Call {
    let idp = registered(world, provider("idp", None)).await;
    let (id, anyone) = (idp.id, world.anyone());
    let (end, superuser) = (world.now.plus(secs(600)), world.superuser().await);
    match name {
        "create_provider" => {
            let another = provider("another", None);
            verb!(world.create_provider(another, 10, superuser): Created::Created)
        }
        "providers" => verb!(world.providers(None): _),
        "provider" => verb!(world.provider(id): Some(_)),
        "attempt" => {
            let attempt = begun(world).await;
            verb!(world.attempt(attempt): Some(_))
        }
        "begin_exchange" => {
            let attempt = attempt_id();
            verb!(world.begin_exchange(attempt, end, anyone): Step::Done)
        }
        "identify" => {
            let identify = identity(world, begun(world).await, &idp, "subject");
            verb!(world.identify(identify): Step::Done)
        }
        "confirm_attempt" => {
            let attempt = begun(world).await;
            assert_eq!(world.store.identify(identity(world, attempt, &idp, "subject")).await.unwrap(), Step::Done);
            verb!(world.confirm_attempt(attempt, anyone): Step::Done)
        }
        "refuse_attempt" => {
            let attempt = begun(world).await;
            verb!(world.refuse_attempt(attempt, end, anyone): Step::Done)
        }
        "collect_attempt" => {
            let collect = world.collection(confirmed(world, &idp, "subject").await);
            verb!(world.collect_attempt(collect): Collected::Opened(_))
        }
        other => panic!("no verb {other}"),
    }
}
