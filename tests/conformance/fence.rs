use crate::asked::Ask as _;
use countersign::model::audit::{Actor, Origin};
use countersign::model::ids::UserId;
use countersign::model::name::Name;
use countersign::model::organization::OrganizationRole;
use countersign::model::session::Credential;
use countersign::model::user::{Roles, Subject};
use countersign::store::StoreError;
use countersign::store::verbs::{
    AddMember, By, Caller, ChangePassword, ConfirmTotp, CreateKey, CreateOrganization, CreateProvider, EnrollTotp, LinkIdentity,
    LinkedIdentity, MemberRemoved, Needs, Opened, Redeemed, Refounding, RemoveMember, RevokeKey, SwitchUser, UpdateOrganization,
    UpdateUser,
};

use crate::world::{World, account, folded, organization_id, personal_key, session_id};

/// Something that any signed-in caller may do: keep a secret that waits for its first code.
async fn tries(world: &World, user: UserId, by: By) -> Result<(), StoreError> {
    world.store.enroll_totp(EnrollTotp { user, sealed: vec![1] }, by).await.map(drop)
}

pub(crate) async fn a_caller_that_was_signed_out_changes_nothing(world: &mut World) {
    let ann = world.plain("ann").await;
    let by = world.caller(ann.id(), Needs::Nothing).await;
    world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap();
    world.settle().await;
    let event = world.next_event().await;
    assert_eq!(tries(world, ann.id(), by).await, Err(StoreError::CallerRevoked));
    let now = world.caller(ann.id(), Needs::Nothing).await;
    world.store.switch_user(SwitchUser { name: folded("ann"), enabled: false }, world.superuser().await).await.unwrap();
    assert_eq!(tries(world, ann.id(), now).await, Err(StoreError::CallerRevoked));
    let disabled = world.caller(ann.id(), Needs::Nothing).await;
    assert_eq!(tries(world, ann.id(), disabled).await, Err(StoreError::CallerRevoked), "whatever its generation");
    assert_eq!(world.actions(&event).await.len(), 1, "only the disabling");

    // Guests too.
    let link = world.issued(world.link("guest").await).await;
    let guest = world.redeemed(&link).await;
    let other = world.issued(world.link("guest").await).await;
    let second = world.redeemed(&other).await;
    world.store.logout_user(folded("guest"), world.superuser().await).await.unwrap();
    let ended = world.store.end_session(second.grant.session(), world.holder(&guest, Needs::Nothing)).await;
    assert_eq!(ended, Err(StoreError::CallerRevoked));
}

pub(crate) async fn a_caller_whose_session_ended_changes_nothing(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await;
    let by = world.holder(&session, Needs::Nothing);
    assert_eq!(tries(world, ann.id(), by.clone()).await, Ok(()));
    world.store.end_session(session.grant.session(), by.clone()).await.unwrap();
    world.settle().await;
    assert_eq!(tries(world, ann.id(), by).await, Err(StoreError::CallerRevoked));

    // One that has no row.
    let rowless = world.caller(ann.id(), Needs::Nothing).await;
    assert_eq!(tries(world, ann.id(), rowless.clone()).await, Ok(()));
    world.store.end_session(rowless.caller.clone().unwrap().session, rowless.clone()).await.unwrap();
    assert_eq!(tries(world, ann.id(), rowless).await, Err(StoreError::CallerRevoked));
}

pub(crate) async fn a_caller_whose_credential_was_revoked_changes_nothing(world: &mut World) {
    let ann = world.plain("ann").await;
    let key = world.key(ann.id()).await;
    let mut by = world.caller(ann.id(), Needs::Nothing).await;
    by.caller.as_mut().unwrap().credential = Some(Credential::Key(key.id()));
    assert_eq!(tries(world, ann.id(), by.clone()).await, Ok(()));
    let owner = world.caller(ann.id(), Needs::Nothing).await;
    world.store.revoke_key(RevokeKey { owner: ann.id(), id: key.id() }, owner).await.unwrap();
    world.settle().await;
    assert_eq!(tries(world, ann.id(), by).await, Err(StoreError::CallerRevoked));

    let (link, other) = (world.issued(world.link("guest").await).await, world.issued(world.link("guest").await).await);
    let (first, second) = (world.redeemed(&link).await, world.redeemed(&other).await);
    world.store.revoke_link(link.id(), world.superuser().await).await.unwrap();
    let ended = world.store.end_session(second.grant.session(), world.holder(&first, Needs::Nothing)).await;
    assert_eq!(ended, Err(StoreError::CallerRevoked));
    assert!(!world.revokes(&second));
}

pub(crate) async fn a_caller_that_lost_its_role_changes_nothing(world: &mut World) {
    let ann = world.plain("ann").await;
    let staff = world.made(account("staff", Roles { staff: true, superuser: false })).await;
    let logout = async |by| world.store.logout_user(folded("nobody"), by).await;
    let demoted = Err(StoreError::CallerDemoted);
    let (plain, privileged) =
        (world.caller(ann.id(), Needs::Privileged).await, world.caller(staff.id(), Needs::Privileged).await);
    assert_eq!(logout(plain).await, demoted);
    assert!(logout(privileged).await.is_ok());
    let superuser = world.caller(staff.id(), Needs::Superuser).await;
    assert_eq!(
        world.store.switch_user(SwitchUser { name: folded("ann"), enabled: false }, superuser).await,
        Err(StoreError::CallerDemoted)
    );
    let link = world.issued(world.link("guest").await).await;
    let guest = world.redeemed(&link).await;
    assert_eq!(logout(world.holder(&guest, Needs::Privileged)).await, demoted);
}

/// Every change that a signed-in caller stands behind, with a caller that is dead.
pub(crate) async fn guards_every_change(world: &mut World) {
    let ann = world.plain("ann").await;
    world.organization("team", &[&ann]).await;
    let issued = world.issued(world.link("guest").await).await;
    let key = world.key(ann.id()).await;
    let session = world.opened(ann.id()).await;
    let late = world.link("guest").await;
    let dead = Caller {
        subject: Subject::User(world.admin),
        generation: world.user(world.admin).await.generations().current(),
        session: session_id(),
        credential: None,
        organization: "admin".to_owned(),
        needs: Needs::Superuser,
    };
    world.store.logout_user(folded("admin"), world.superuser().await).await.unwrap();
    let by = By { origin: Origin { actor: Actor::User(world.admin), source: None }, caller: Some(dead), now: world.now };
    let event = world.next_event().await;
    let (store, ann_name, team) = (&world.store, folded("ann"), folded("team"));
    let password = ChangePassword {
        user: ann.id(),
        generation: ann.generations().current(),
        checked: "phc-ann".to_owned(),
        replacement: "phc-thief".to_owned(),
        keep: session.grant.session(),
    };
    let issued_identity = LinkedIdentity { issuer: "https://idp.example".to_owned(), subject: "7".to_owned() };
    let identity = LinkIdentity { user: ann_name.clone(), identity: issued_identity };
    let organization = CreateOrganization { id: organization_id(), name: Name::parse("new").unwrap() };
    let outcomes = [
        store.put_signing_keys(Vec::new(), by.clone()).await.err(),
        store.refound(Refounding::SealedCheck(Vec::new()), by.clone()).await.err(),
        store.create_user(account("new", Roles::default()), by.clone()).await.err(),
        store.switch_user(SwitchUser { name: ann_name.clone(), enabled: false }, by.clone()).await.err(),
        store.change_password(password, by.clone()).await.err(),
        store.enroll_totp(EnrollTotp { user: ann.id(), sealed: vec![1] }, by.clone()).await.err(),
        store
            .confirm_totp(ConfirmTotp { user: ann.id(), sealed: vec![1], step: 1, recovery: Vec::new() }, by.clone())
            .await
            .err(),
        store.create_organization(organization, by.clone()).await.err(),
        store
            .add_member(
                AddMember { organization: team.clone(), user: ann_name.clone(), role: OrganizationRole::Admin, most: 10 },
                by.clone(),
            )
            .await
            .err(),
        store.remove_member(RemoveMember { organization: team.clone(), user: ann_name.clone() }, by.clone()).await.err(),
        store
            .update_organization(UpdateOrganization { organization: team.clone(), require_factor: true }, by.clone())
            .await
            .err(),
        store.update_user(UpdateUser { name: ann_name.clone(), email: Some(None), roles: None }, by.clone()).await.err(),
        store.delete_user(ann_name.clone(), by.clone()).await.err(),
        store.release_name(ann_name.clone(), by.clone()).await.err(),
        store.delete_organization(team.clone(), by.clone()).await.err(),
        store.link_identity(identity.clone(), by.clone()).await.err(),
        store.unlink_identity(identity, by.clone()).await.err(),
        store.end_session(session.grant.session(), by.clone()).await.err(),
        store.logout_user(ann_name.clone(), by.clone()).await.err(),
        store.issue_link(late.clone(), by.clone()).await.err(),
        store.revoke_link(issued.id(), by.clone()).await.err(),
        store.create_key(CreateKey { key: personal_key(ann.id(), world.now), most: 100 }, by.clone()).await.err(),
        store.revoke_key(RevokeKey { owner: ann.id(), id: key.id() }, by.clone()).await.err(),
        store.create_provider(CreateProvider { provider: crate::sso::provider("idp", None), most: 10 }, by.clone()).await.err(),
    ];
    for (number, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome, Some(StoreError::CallerRevoked), "number {number}");
    }
    world.settle().await;
    assert!(world.actions(&event).await.is_empty());
    assert_eq!(world.user(ann.id()).await, ann);
    assert_eq!(world.store.redeem(world.redemption(&late)).await.unwrap(), Redeemed::Dead);
    assert!(!world.revokes(&session));
    assert!(!matches!(world.store.log_in(world.login(ann.id()).await).await.unwrap(), Opened::Stale));
    let by = world.superuser().await;
    assert_eq!(
        world.store.remove_member(RemoveMember { organization: team_of(), user: folded("ann") }, by).await.unwrap().outcome,
        MemberRemoved::Done
    );
}

fn team_of() -> countersign::model::name::Folded {
    folded("team")
}
