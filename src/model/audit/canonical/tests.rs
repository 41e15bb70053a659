use sha2::{Digest, Sha256};

use crate::model::audit::{Action, Actor, AuditEvent, Origin};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::model::name::Folded;

const USER: UserId = UserId::from_bytes([0x11; 16]);
const SESSION: SessionId = SessionId::from_bytes([0x22; 16]);
const ATTEMPT: AttemptId = AttemptId::from_bytes([0x33; 16]);
const KEY: KeyId = KeyId::from_bytes([0x44; 16]);
const LINK: LinkId = LinkId::from_bytes([0x55; 16]);
const ORGANIZATION: OrganizationId = OrganizationId::from_bytes([0x66; 16]);
const PROVIDER: ProviderId = ProviderId::from_bytes([0x77; 16]);

fn event(action: Action) -> AuditEvent {
    AuditEvent {
        sequence: 0x0102,
        at: Timestamp::from_micros(0x0006_0504_0302_0100),
        origin: Origin { actor: Actor::System, source: None },
        action,
        previous: [0x99; 32],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Number, time and the event before, which every event begins with.
fn head() -> String {
    [&hex(b"countersign audit v1"), "0000000000000102", "0006050403020100", &"99".repeat(32)].concat()
}

#[test]
fn the_bytes_begin_with_where_the_event_stands_and_who_acts_from_where() {
    let mut of = event(Action::StoreCreated);
    let rest = format!("0000000d{}", hex(b"store_created"));
    assert_eq!(hex(&of.canonical()), [&head(), "00", "00000000", "00000000", &rest].concat());

    of.origin = Origin { actor: Actor::User(USER), source: Some([192, 0, 2, 1].into()) };
    assert_eq!(hex(&of.canonical()), [&head(), "01", "00000010", &"11".repeat(16), "00000004", "c0000201", &rest].concat());

    let source = Some("2001:db8::7".parse().unwrap());
    of.origin = Origin { actor: Actor::Guest(Folded::presented("gina")), source };
    let address = "20010db8000000000000000000000007";
    assert_eq!(hex(&of.canonical()), [&head(), "02", "00000004", "67696e61", "00000010", address, &rest].concat());

    of.origin = Origin { actor: Actor::Anonymous, source: None };
    assert_eq!(hex(&of.canonical()), [&head(), "03", "00000000", "00000000", &rest].concat());
}

/// Every action, the name it goes by, and the bytes of what it holds. An action that is missing here does not compile below.
#[test]
fn every_action_has_the_bytes_it_always_had() {
    let of = |byte: &str| format!("00000010{}", byte.repeat(16));
    let (user, session, attempt, key, link) = (of("11"), of("22"), of("33"), of("44"), of("55"));
    let (organization, provider) = (of("66"), of("77"));
    let actions = [
        (Action::StoreCreated, "store_created", String::new()),
        (Action::Login(USER, SESSION), "login", [&*user, &session].concat()),
        (Action::SsoCollected(USER, SESSION, ATTEMPT), "sso_collected", [&*user, &session, &attempt].concat()),
        (Action::SsoExchangeBegun(ATTEMPT), "sso_exchange_begun", attempt.clone()),
        (Action::SsoIdentified(ATTEMPT, USER, true), "sso_identified", [&*attempt, &user, "0000000101"].concat()),
        (Action::SsoIdentified(ATTEMPT, USER, false), "sso_identified", [&*attempt, &user, "0000000100"].concat()),
        (Action::SsoConfirmed(ATTEMPT), "sso_confirmed", attempt.clone()),
        (Action::SsoRefused(ATTEMPT), "sso_refused", attempt.clone()),
        (Action::Refreshed(SESSION, true), "refreshed", [&*session, "0000000101"].concat()),
        (Action::Refreshed(SESSION, false), "refreshed", [&*session, "0000000100"].concat()),
        (Action::RenewedByAccessToken(SESSION), "renewed_by_access_token", session.clone()),
        (Action::RefreshReused(SESSION, "late".to_owned()), "refresh_reused", [&*session, "000000046c617465"].concat()),
        (Action::SessionEnded(SESSION), "session_ended", session.clone()),
        (Action::SessionCrowdedOut(SESSION), "session_crowded_out", session.clone()),
        (Action::KeyUsed(KEY, 258), "key_used", [&*key, "0000000400000102"].concat()),
        (Action::LinkIssued(LINK), "link_issued", link.clone()),
        (Action::LinkRedeemed(LINK, SESSION), "link_redeemed", [&*link, &session].concat()),
        (Action::LinkRevoked(LINK), "link_revoked", link.clone()),
        (
            Action::LogoutUser(Folded::presented("gina"), 1, 2),
            "logout_user",
            "0000000467696e6100000004000000010000000400000002".to_owned(),
        ),
        (Action::UserCreated(USER), "user_created", user.clone()),
        (Action::UserDisabled(USER), "user_disabled", user.clone()),
        (Action::UserEnabled(USER), "user_enabled", user.clone()),
        (Action::PasswordChanged(USER), "password_changed", user.clone()),
        (Action::TotpEnrolled(USER), "totp_enrolled", user.clone()),
        (Action::TotpConfirmed(USER), "totp_confirmed", user.clone()),
        (Action::OrganizationCreated(ORGANIZATION), "organization_created", organization.clone()),
        (Action::MemberAdded(ORGANIZATION, USER), "member_added", [&*organization, &user].concat()),
        (Action::MemberRemoved(ORGANIZATION, USER), "member_removed", [&*organization, &user].concat()),
        (Action::ProviderCreated(PROVIDER), "provider_created", provider.clone()),
        (Action::KeyCreated(KEY, USER), "key_created", [&*key, &user].concat()),
        (Action::KeyRevoked(KEY), "key_revoked", key.clone()),
        (Action::SigningKey("kid".to_owned()), "signing_key", "000000036b6964".to_owned()),
        (Action::LoginRefused(USER, "X".to_owned()), "login_refused", [&*user, "0000000158"].concat()),
        (Action::SessionRetried(SESSION), "session_retried", session.clone()),
        (Action::Swept(3), "swept", "0000000400000003".to_owned()),
        (Action::SessionSwept(SESSION, 4), "session_swept", [&*session, "0000000400000004"].concat()),
        (
            Action::StoreUpgraded { from: 2, to: 3, last: 9, digest: [0xcc; 32] },
            "store_upgraded",
            format!("00000004000000020000000400000003000000080000000000000009{}{}", "00000020", "cc".repeat(32)),
        ),
        (Action::FoundationChanged("x y".to_owned()), "foundation_changed", "00000003782079".to_owned()),
        (Action::EmailFollowed(USER), "email_followed", user.clone()),
        (Action::EmailNotFree(USER), "email_not_free", user.clone()),
        (Action::ProviderUpdated(PROVIDER), "provider_updated", provider.clone()),
        (Action::ProviderDeleted(PROVIDER), "provider_deleted", provider.clone()),
        (Action::ClockRecovered(5), "clock_recovered", "0000000400000005".to_owned()),
        (Action::OrganizationUpdated(ORGANIZATION, true), "organization_updated", [&*organization, "0000000101"].concat()),
        (Action::EmailChanged(USER), "email_changed", user.clone()),
        (Action::RolesChanged(USER, "staff".to_owned()), "roles_changed", [&*user, "000000057374616666"].concat()),
        (Action::UserDeleted(USER, Folded::presented("gina")), "user_deleted", [&*user, "0000000467696e61"].concat()),
        (Action::NameReleased(Folded::presented("gina")), "name_released", "0000000467696e61".to_owned()),
        (
            Action::OrganizationDeleted(ORGANIZATION, Folded::presented("gina")),
            "organization_deleted",
            [&*organization, "0000000467696e61"].concat(),
        ),
        (Action::IdentityLinked(USER, "x y".to_owned()), "identity_linked", [&*user, "00000003782079"].concat()),
        (Action::IdentityUnlinked(USER, "x y".to_owned()), "identity_unlinked", [&*user, "00000003782079"].concat()),
        (
            Action::MemberRoleChanged(ORGANIZATION, USER, true),
            "member_role_changed",
            [&*organization, &user, "0000000101"].concat(),
        ),
    ];
    for (action, name, parts) in actions {
        let length = format!("{:08x}", name.len());
        let expected = [&head(), "000000000000000000", &length, &hex(name.as_bytes()), &parts].concat();
        assert_eq!(hex(&event(action).canonical()), expected, "{name}");
    }
}

#[test]
fn the_digest_of_an_event_is_what_it_always_was() {
    let mut of = event(Action::RefreshReused(SESSION, "reuse".to_owned()));
    of.origin = Origin { actor: Actor::User(USER), source: Some([192, 0, 2, 1].into()) };
    assert_eq!(hex(&Sha256::digest(of.canonical())), "e4944da8c69c47bbb1722070f42652fc81bed2bc8b69f467a84d191028711dbb");
}
